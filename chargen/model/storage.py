"""Atomic file writes, and safetensors files with a checksum.

safetensors has no checksum of its own. The metadata of each file has one key, `chargen`: a JSON
object with the writer's values, the sha256 of the related files, and a sha256 over these and the
tensors. It is one key because safetensors writes several keys in random order.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors
from safetensors import SafetensorError

from chargen.errors import CheckpointError

Tensors = list[tuple[str, Mapping[str, Any]]]

TEMPORARY = ".tmp"
_KEY = "chargen"


def write_file(path: Path, data: bytes) -> None:
    """Replace a file atomically: after a crash, either the old or the new file is complete.

    The data is written to a temporary file in the same folder; file and folder are flushed to the
    disk. Raises CheckpointError if the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with open(temporary, "xb") as file:
            if os.path.exists(path):  # keep the permissions
                os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, so that a rename survives a power failure."""
    if os.name == "nt":  # Windows cannot open folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path) -> bytes:
    """Read a file as bytes; a memory map would crash the process if the file was truncated."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None


def seal(
    serialise: Callable[[dict[str, str] | None], bytes],
    values: Mapping[str, Any],
    siblings: Mapping[str, bytes],
) -> bytes:
    """Return a safetensors file with `values` and a checksum in its metadata.

    serialise: saves the tensors with the given metadata.
    siblings: the content of the files that belong to this one, by name.
    """
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in siblings.items()}
    fields = {**values, "siblings": digests}
    text = json.dumps({**fields, "sha256": ""}, sort_keys=True)
    digest = _digest(text, _tensors(serialise(None)))
    return serialise({_KEY: json.dumps({**fields, "sha256": digest}, sort_keys=True)})


def unseal(data: bytes, siblings: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """Return the values that `seal` stored.

    Raises CheckpointError, naming `path`, if the file is damaged, was not written by `seal` or
    belongs to other siblings. The spacing and the order of the header do not matter.
    """
    try:
        tensors = _tensors(data)
    except SafetensorError:
        raise CheckpointError(f"{path} is damaged: it is not a complete safetensors file") from None
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        text = header["__metadata__"][_KEY]
        values: dict[str, Any] = json.loads(text)
        digest = values.pop("sha256")
        digests = dict(values.pop("siblings"))
        expected = _digest(text.replace(digest, "", 1), tensors)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise CheckpointError(f"{path} was not written by chargen") from None
    if digest != expected:
        raise CheckpointError(f"{path} is damaged: its checksum does not match its content")
    for name, content in siblings.items():
        if digests.get(name) != hashlib.sha256(content).hexdigest():
            raise CheckpointError(f"{path} does not belong to the {name} next to it")
    return values


def _tensors(data: bytes) -> Tensors:
    # The library rejects a file with wrong bounds, overlaps or holes.
    tensors: Tensors = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    return tensors


def _digest(text: str, tensors: Tensors) -> str:
    """Hash the text, and each tensor's name, dtype, shape and bytes in order of the names."""
    tensors = sorted(tensors, key=lambda tensor: tensor[0])
    names = [(name, tensor["dtype"], tensor["shape"]) for name, tensor in tensors]
    digest = hashlib.sha256(json.dumps([text, names]).encode())
    for _, tensor in tensors:
        digest.update(tensor["data"])
    return digest.hexdigest()
