"""Files that are written whole or not at all, and tensors that cannot be damaged unnoticed.

safetensors has no checksum of its own. Each file carries one metadata key, `chargen`: sorted JSON
with whatever the writer says and a sha256 over that, the tensors (names, dtypes, shapes, bytes)
and the digests of the files it belongs with.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chargen.errors import CheckpointError

TEMPORARY = ".tmp"
_KEY = "chargen"


def write_file(path: Path, data: bytes) -> None:
    """Replace a file so that after a crash either the old or the new one stands there, whole.

    The temporary file lies in the same folder; both file and folder are flushed to the disk.
    Raises CheckpointError where the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        try:
            with open(temporary, "xb") as file:
                if os.path.exists(path):  # what was private stays so
                    os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}") from None


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename in it survives a power cut."""
    if os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path) -> bytes:
    """A whole file's bytes: never a map, since a truncated map kills the process."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None


def seal(
    serialise: Callable[[dict[str, str] | None], bytes],
    said: Mapping[str, Any],
    siblings: Mapping[str, bytes],
) -> bytes:
    """The bytes of a safetensors file with `said` and the digest of everything in its header.

    serialise: a writer of the tensors, given the metadata.
    siblings: the content of the files it belongs with, by name.
    """
    fields = dict(said) | {"siblings": {name: _sha256(data) for name, data in siblings.items()}}
    fields["sha256"] = _digest(serialise(None), fields)
    return serialise({_KEY: json.dumps(fields, sort_keys=True)})


def unseal(data: bytes, siblings: Mapping[str, bytes], shown: str) -> dict[str, Any]:
    """What `seal` was told. Raises CheckpointError, naming `shown`, where anything differs."""
    header = _header(data)
    if header is None:
        raise CheckpointError(f"{shown} is damaged: it is no whole safetensors file")
    try:
        fields = json.loads(header.get("__metadata__", {})[_KEY])
        digest = fields.pop("sha256")
        expected = fields["siblings"]
        if not isinstance(expected, dict):
            raise TypeError
        canonical = json.dumps({**fields, "sha256": digest}, sort_keys=True)
        found = _digest(data, fields)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise CheckpointError(f"{shown} was not written by chargen") from None
    if canonical != header["__metadata__"][_KEY] or digest != found:
        raise CheckpointError(f"{shown} is damaged: its checksum does not fit its content")
    for name, content in siblings.items():
        if expected.get(name) != _sha256(content):
            raise CheckpointError(f"{shown} does not belong with the {name} beside it")
    del fields["siblings"]
    result: dict[str, Any] = fields
    return result


def _header(data: bytes) -> dict[str, Any] | None:
    """The header of a safetensors file: 8 bytes of length, JSON, then the tensors' bytes."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 + size or size > 100_000_000:
        return None
    raw = data[8 : 8 + size]
    try:
        header = json.loads(raw)
        compact = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        if raw != compact + b" " * (-len(compact) % 8):  # as the library writes it, to the byte
            return None
        ends = [entry["data_offsets"][1] for n, entry in header.items() if n != "__metadata__"]
        return header if 8 + size + max(ends, default=0) == len(data) else None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _digest(data: bytes, fields: Mapping[str, Any]) -> str:
    """Over `fields`, the header's entries of the tensors as they stand, and the tensors' bytes."""
    header = _header(data)
    assert header is not None
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    digest.update(json.dumps(tensors).encode())
    digest.update(memoryview(data)[8 + int.from_bytes(data[:8], "little") :])
    return digest.hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
