"""Out-of-memory errors as one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from chargen.errors import ChargenError

# numpy: "Unable to allocate 1.2 GiB"; torch: "you tried to allocate 1234 bytes" on the CPU, "Tried
# to allocate 20.00 MiB" on a GPU.
_SIZE = re.compile(r"allocate ([\d.]+) ([KMGTPE]?)i?(?:B\b|bytes)", re.IGNORECASE)


@contextmanager
def memory_errors(hint: str) -> Iterator[None]:
    """Raise ChargenError, which states the size, if memory cannot be allocated in a block.

    hint: what to do next.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch raises RuntimeError from its allocator, or for a size beyond 64 bits.
        if isinstance(error, RuntimeError) and not re.search("alloc|overflow", str(error)):
            raise
        raise ChargenError(f"out of memory{_failed(str(error))} ({hint})") from None


def _failed(message: str) -> str:
    found = _SIZE.search(message)
    if found is None:
        return ""
    size = float(found[1]) * 1024 ** " KMGTPE".index(found[2].upper() or " ")
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f": {size:,.{0 if unit == 'bytes' else 1}f} {unit} could not be allocated"
