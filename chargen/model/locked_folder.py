"""A folder that one process writes to at a time, and default names for new folders.

The lock file has the id of the process that holds it. It is removed before it is unlocked, since it
can be the file of another process afterwards. A file that was removed in the meantime is no lock.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import filelock

from chargen.errors import CheckpointError
from chargen.model import storage

LOCK = ".lock"
_PADDING = b" "  # Windows does not let another process read the first byte, which is locked


class FolderInUseError(CheckpointError):
    """Another process has locked the folder."""


class LockedFolder:
    """A folder that is locked until `close`. It is created, with its parents, if it is missing.

    shown: the folder that an error names if another process uses it; None: this one.
    Raises FolderInUseError if another process has locked it, and CheckpointError if it cannot be
    created.
    """

    def __init__(self, path: Path, *, shown: Path | None = None) -> None:
        self.path = path
        self._made = [each for each in (path, *path.parents) if not os.path.exists(each)]
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CheckpointError(f"{path} cannot be created: {reason}") from None
        lock = path / LOCK
        self._lock = filelock.FileLock(lock, on_acquired=partial(_write_process, lock))
        try:
            self._lock.acquire(timeout=0)
            for stray in path.glob(f".*{storage.TEMPORARY}"):  # left by a process that was killed
                stray.unlink()
        except filelock.Timeout:
            raise FolderInUseError(
                f"{shown or path} is in use by {_holder(lock)} (stop it, or choose another folder)"
            ) from None
        except OSError as error:
            self.close()
            raise CheckpointError(f"{path} cannot be written: {error.strerror}") from None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of the folder atomically."""
        storage.write_file(self.path / name, data)

    def close(self) -> None:
        """Unlock the folder. Remove it if it was created and nothing was written."""
        if self._lock.is_locked:
            _remove(self.path / LOCK)
            self._lock.release()
        self._remove_made()

    def _remove_made(self) -> None:
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()


def numbered_paths(root: str, name: str) -> Iterator[Path]:
    """Yield root/name, root/name-2, root/name-3 and so on."""
    yield Path(root, name)
    yield from (Path(root, f"{name}-{number}") for number in itertools.count(2))


def is_lock(path: Path) -> bool:
    """Return whether a file is a lock: it has at most the id of a process."""
    content = path.read_bytes().strip()
    return not content or content.isdigit()


def _write_process(path: Path, file: int) -> None:
    """Write the id of this process to a lock file that it has locked."""
    try:
        os.ftruncate(file, 0)
        os.write(file, _PADDING + b"%d\n" % os.getpid())
    except OSError:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    """Remove a lock file that this process has locked. On Windows, the release removes it."""
    with contextlib.suppress(OSError):
        path.unlink()


def _holder(path: Path) -> str:
    """Return a name for the process that holds a lock."""
    with contextlib.suppress(OSError, ValueError), open(path, "rb", buffering=0) as file:
        file.seek(len(_PADDING))
        return f"process {int(file.read(32))}"
    return "another process"
