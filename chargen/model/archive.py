"""A model in one zip archive, for sharing.

The files of the model are in a folder with its name. An archive may come from anyone: it is read
into memory, nothing is extracted, and sizes are limited before anything is decompressed.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from chargen.errors import CheckpointError
from chargen.text.display import printable

SUFFIX = ".zip"

_DATE = (1980, 1, 1, 0, 0, 0)  # the first one that the format can store
_UNIX = 3
_START = b"PK\3\4"  # of an entry
_END, _LONG_END = b"PK\5\6", b"PK\6\7"  # the records after the directory of the entries
_END_SIZE, _MAX_COMMENT = 22, 0xFFFF
_MAX_SIZE = 0xFFFFFFFF
_MAX_DIRECTORY = 1 << 16  # bytes: hundreds of entries; a model has four
_MAX_FIRST = 1 << 20  # bytes of the file that is read first
_MAX_RATIO = 100  # of the sizes of a file and its compressed form; weights reach less than 2


def pack(name: str, files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files in a folder `name`. The same files always give the same bytes.

    Nothing is compressed: weights do not get smaller, and the bytes do not depend on a library.
    Raises CheckpointError if the files have 4 GB or more.
    """
    if sum(map(len, files.values())) > _MAX_SIZE - _MAX_DIRECTORY:
        raise CheckpointError(f"{name} is too large for a zip archive (share its folder instead)")
    folder = re.sub(r"[^\w .()+-]", "_", name).strip(". ") or "model"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for each, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{each}", _DATE)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return data.getvalue()


def unpack(
    path: Path, first: str, limits: Callable[[bytes], Mapping[str, int]]
) -> dict[str, bytes]:
    """Return the files of the model in an archive, by name. A file that is missing is left out.

    first: the file that is read first. limits: returns the names of the other files and their
    largest sizes in bytes, given its content. Other entries are ignored.
    Raises CheckpointError, naming `path`, if the archive is damaged or unsafe, or does not have
    exactly one folder with a file `first`.
    """
    try:
        with open(path, "rb") as file:
            size = _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                entries = _entries_of_model(archive.infolist(), first)
                files = {first: _read(archive, entries[first], _MAX_FIRST, size)}
                for name, limit in limits(files[first]).items():
                    if name in entries:
                        files[name] = _read(archive, entries[name], limit, size)
    except _RefusedError as error:
        raise CheckpointError(f"{printable(str(path))} {error}") from None
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"{printable(str(path))} cannot be read: {reason}") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        LookupError,
        OverflowError,
        RuntimeError,  # includes NotImplementedError: a newer version of the format
        ValueError,
    ):
        raise CheckpointError(
            f"{printable(str(path))} is damaged: it is not a complete zip archive (copy it again)"
        ) from None
    return files


class _RefusedError(Exception):
    """The archive is not accepted; the message follows its path."""


def _check_directory(file: BinaryIO) -> int:
    """Return the size of the archive. zipfile reads its directory whole, however large it is."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_SIZE - _MAX_COMMENT))
    tail = file.read()
    at = tail.rfind(_END)
    file.seek(0)
    if at < 0 and file.read(len(_START)) == _START:
        raise EOFError
    if at < 0:
        raise _RefusedError("is not a chargen model: it is neither a folder nor a zip archive")
    (directory,) = struct.unpack_from("<12xI6x", tail, at)
    if directory > _MAX_DIRECTORY or tail[max(0, at - 20) : at].startswith(_LONG_END):
        raise _RefusedError("has too many entries for a model (see chargen export zip)")
    return size


def _entries_of_model(entries: Iterable[zipfile.ZipInfo], first: str) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of the folder that has a file `first`, by the names of the files."""
    by_folder: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for entry in entries:
        name = entry.orig_filename
        folder, _, file = name.rpartition("/")
        parts = name.removesuffix("/").split("/")
        if {"", ".", ".."} & set(parts) or re.search(r"[\\:\0]", name):
            raise _RefusedError(f"has an entry with an unsafe name: {printable(name):.60}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _RefusedError(f"has a symbolic link: {printable(name):.60}")
        members = by_folder.setdefault(folder, {})
        if file in members:
            raise _RefusedError(f"has two entries of the same name: {printable(name):.60}")
        members[file] = entry
    found = [members for folder, members in by_folder.items() if first in members]
    if not found:
        raise _RefusedError(f"is not a chargen model: it has no {first}")
    if len(found) > 1:
        raise _RefusedError(f"has {len(found)} models (share each one in its own archive)")
    return found[0]


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, archive_size: int) -> bytes:
    name = entry.orig_filename.rpartition("/")[2]
    if entry.flag_bits & 1:
        raise _RefusedError("is encrypted (share the model without a password)")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _RefusedError("uses an unsupported compression (see chargen export zip)")
    if entry.file_size > min(limit, _MAX_RATIO * entry.compress_size):
        raise _RefusedError(
            f"is damaged: {name} cannot have {entry.file_size:,} bytes in this model"
        )
    if entry.header_offset + entry.compress_size > archive_size:
        raise EOFError
    data = archive.read(entry)
    if len(data) != entry.file_size:
        raise EOFError
    return data
