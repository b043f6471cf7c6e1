"""Forged model folders: valid checksums over any content."""

import inspect
import json
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.numpy

from chargen.model import storage
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER

Header = dict[str, Any]


def siblings_of(folder: Path) -> dict[str, bytes]:
    """The current content of the files that the weights belong to."""
    return {name: (folder / name).read_bytes() for name in (CONFIG, TOKENIZER)}


def reseal(folder: Path) -> None:
    """Update the checksums for the current config.json and tokenizer.json."""
    weights = safetensors.numpy.load_file(folder / MODEL)
    (folder / MODEL).write_bytes(
        storage.seal(lambda m: safetensors.numpy.save(weights, m), {}, siblings_of(folder))
    )


def file_of(header: Mapping[str, Any], body: bytes, metadata: dict[str, str] | None) -> bytes:
    """A safetensors file with any header, valid or not."""
    fields = {**({} if metadata is None else {"__metadata__": metadata}), **header}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    content = text.encode("utf-8", "surrogatepass")
    content += b" " * (-len(content) % 8)
    return struct.pack("<Q", len(content)) + content + body


def forge(folder: Path, header: Mapping[str, Any], body: bytes) -> None:
    """Replace the weights with a file that has this header and body and a valid checksum."""
    (folder / MODEL).write_bytes(
        storage.seal(lambda m: file_of(header, body, m), {}, siblings_of(folder))
    )


def parts_of(folder: Path) -> tuple[Header, bytes]:
    """The header, without metadata, and the body of the weights."""
    content = (folder / MODEL).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header: Header = json.loads(content[8 : 8 + size])
    del header["__metadata__"]
    return header, content[8 + size :]


def depths() -> list[int]:
    """Nesting depths around the interpreter's recursion limit, and far beyond it."""
    left = sys.getrecursionlimit() - len(inspect.stack(0))
    return [*range(left - 30, left + 5), left // 2, *range(2_000, 20_000, 1_000), 100_000]
