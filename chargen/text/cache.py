"""Long encoded texts, kept in a hidden folder next to the models for the next start.

A file in this folder has the ids of a text in blocks, their checksums, where each text starts, a
JSON object with everything else, and a footer. It is found by what it was made from: the paths,
sizes and times of the files, and the options that change the ids. The folder can be deleted at any
time. Files are not flushed to the disk: one that a power failure damages is written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from chargen.text.encoder import Encoded
from chargen.text.files import Content
from chargen.text.ids import BLOCK, BlockFile, IdWriter, StoredIds, unwritable
from chargen.text.reading import Source

_FOLDER = ".chargen-cache"
_SUFFIX, _TEMPORARY = ".ids", ".tmp"
_FORMAT = 1
_FOOTER = struct.Struct("<8s32sQ")  # magic bytes, sha256 of what follows the ids, size of the JSON
_MAGIC = b"chargen\n"
# git ignores the folder, and programs that make backups skip it.
_OWN_FILES = {
    ".gitignore": "*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n",
}


@dataclass(frozen=True)
class TextCache:
    """The folder of encoded texts."""

    folder: Path

    def find(self, key: Mapping[str, Any]) -> tuple[Encoded, dict[str, Any]] | None:
        """Return the encoded text of a key, and the facts stored with it; None if there is none.

        A damaged file is removed.
        """
        path = self._path(key)
        try:
            file = open(path, "rb")  # noqa: SIM115 - it stays open
        except OSError:
            return None
        if (found := _read(file, path)) is not None:
            return found
        file.close()
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    def writer(self, key: Mapping[str, Any]) -> IdWriter:
        """Return the writer for the ids of a key. Raises CorpusError if it cannot write."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, text in _OWN_FILES.items():
                (self.folder / name).write_text(text, encoding="ascii")
        except OSError as error:
            raise unwritable(self.folder, error) from None
        name = f".{self._path(key).stem}.{os.getpid()}.{secrets.token_hex(4)}{_TEMPORARY}"
        return IdWriter(self.folder / name)

    def store(self, key: Mapping[str, Any], encoded: Encoded, facts: Mapping[str, Any]) -> Encoded:
        """Keep an encoded text for the next start, if its ids are in a file of `writer`.

        Raises CorpusError if the file cannot be written.
        """
        ids = encoded.ids
        if not isinstance(ids, StoredIds) or (temporary := ids.file.path) is None:
            return encoded
        fields = {
            "key": key,
            "length": len(ids),
            "dtype": ids.stored_dtype.name,
            "texts": len(encoded.edges) - 1,
            "counts": encoded.counts,
            "sha256": encoded.sha256,
            "normal_form": encoded.normal_form,
            **facts,
        }
        parts = [
            np.array(ids.file.checksums, np.uint32).tobytes(),
            encoded.edges.tobytes(),
            text := json.dumps(fields).encode(),
        ]
        digest = hashlib.sha256()
        path, file = self._path(key), ids.file.file
        try:
            file.seek(0, os.SEEK_END)
            for part in parts:
                digest.update(part)
                file.write(part)
            file.write(_FOOTER.pack(_MAGIC, digest.digest(), len(text)))
            file.flush()
            # Another process may have removed the file; this one can still read it.
            with contextlib.suppress(FileNotFoundError):
                os.replace(temporary, path)
        except OSError as error:
            raise unwritable(path, error) from None
        ids.file.path = path
        return encoded

    def clean(self, key: Mapping[str, Any]) -> None:
        """Remove the files of texts that changed, and those of processes that were killed."""
        for path in self.folder.glob(f"*{_SUFFIX}"):
            if path != self._path(key) and _is_stale(path):
                _remove(path)
        for path in self.folder.glob(f".*{_TEMPORARY}*"):
            if not _is_running(path.name.split(".")[2]):
                _remove(path)

    def _path(self, key: Mapping[str, Any]) -> Path:
        text = json.dumps([_FORMAT, key], sort_keys=True)
        return self.folder / (hashlib.sha256(text.encode()).hexdigest()[:32] + _SUFFIX)


def cache_folder(output: Path | None, root: str) -> Path:
    """Return the folder next to an output folder, which is in `root` by default."""
    return (Path(root) if output is None else output.parent) / _FOLDER


def cache_key(
    sources: Sequence[Source], **options: str | Mapping[str, str | None]
) -> tuple[dict[str, Any], int]:
    """Return what determines the ids of texts, and the size of all files in bytes.

    A file is known by its path, size and times. The time of its last status change cannot be
    set, so it shows a change even if another program restored the modification time.
    """
    files: list[list[Any]] = []
    for source in sources:
        if source.stream is not None:
            files.append(["", source.stream.size, _digest(source.stream)])
        else:
            files += [_identity(path) for path in source.paths]
    skipped = [dict(source.folder.skipped) for source in sources if source.folder is not None]
    return {"files": files, "skipped": skipped, **options}, sum(file[1] for file in files)


def _identity(path: str) -> list[Any]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # reading it raises the error
        return [path, 0]
    return [os.path.join(os.getcwd(), path), status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _digest(content: Content) -> str:
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _read(file: BinaryIO, path: Path) -> tuple[Encoded, dict[str, Any]] | None:
    """Return the content of a file that `TextCache.store` wrote; None if it is damaged."""
    try:
        fields, start, digest = _fields(file)
        dtype = np.dtype(fields["dtype"])
        size = fields["length"] * dtype.itemsize
        file.seek(size)
        checksums = array("I", checksum_bytes := file.read(4 * -(-size // BLOCK)))
        edges = np.frombuffer(file.read(8 * (fields["texts"] + 1)), np.int64)
        found = hashlib.sha256(checksum_bytes)
        found.update(edges.tobytes())
        if file.tell() != start:
            return None
        found.update(file.read()[: -_FOOTER.size])
        if found.digest() != digest:
            return None
        ids = StoredIds(BlockFile(file, path, size, checksums), dtype)
        form = fields["normal_form"]
        return Encoded(ids, fields["counts"], edges, fields["sha256"], form), fields
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _fields(file: BinaryIO) -> tuple[dict[str, Any], int, bytes]:
    """Return the JSON object in a file, its position, and the digest of all but the ids.

    Raises ValueError or OSError.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _FOOTER.size))
    try:
        magic, digest, length = _FOOTER.unpack(file.read())
    except struct.error:
        raise ValueError from None
    start = size - _FOOTER.size - length
    if magic != _MAGIC or start < 0:
        raise ValueError
    file.seek(start)
    return json.loads(file.read(length)), start, digest


def _is_stale(path: Path) -> bool:
    """Return whether a file of the cache is damaged, or the files it was made from changed."""
    try:
        with open(path, "rb") as file:
            sources = _fields(file)[0]["key"]["files"]
        return any(source != _identity(source[0]) for source in sources)
    except (OSError, ValueError, LookupError, TypeError):
        return True


def _is_running(process: str) -> bool:
    """Return whether a process of this number runs, or whether that cannot be determined."""
    try:
        if os.name != "nt":  # on Windows, this call would end the process
            os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # removed by another process, or in use on Windows
        path.unlink()
