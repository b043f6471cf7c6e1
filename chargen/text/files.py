"""Finding and reading files: single files, standard input, and the texts of a folder."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from chargen.errors import CorpusError, OptionError

DEFAULT_PATTERNS = ("**/*.txt",)

HEAD = 1 << 16  # bytes that distinguish a text from a binary file
SMALL = 1 << 22  # bytes of a file that is read at once
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Found:
    """The files of a folder that match a pattern, sorted, and the numbers of the others.

    skipped: by the reason, such as "hidden".
    """

    paths: list[str]
    skipped: Counter[str] = field(default_factory=Counter)


def find_files(folder: str, patterns: Sequence[str] = DEFAULT_PATTERNS) -> Found:
    """Find the files below a folder whose relative path matches one of the patterns in any case.

    `*` matches any part of a name, `**/` any number of folders. Hidden files and folders are
    skipped. Links to folders are followed, but no folder is visited twice.
    Raises OptionError for an empty pattern, CorpusError if the folder cannot be read.
    """
    split = [pattern.lower().replace(os.sep, "/").split("/") for pattern in patterns]
    for pattern, parts in zip(patterns, split, strict=True):
        if not all(parts):
            raise OptionError("glob", pattern, "a relative pattern", "try '**/*.md'")
    paths, skipped = [], Counter[str]()
    for relative, entry in _walk(folder, skipped):
        names = relative.lower().split("/")
        if not any(_matches(names, parts) for parts in split):
            skipped["not matching"] += 1
        elif not entry.is_file():
            skipped["not regular files"] += 1
        else:
            paths.append(relative)
    return Found([os.path.join(folder, *path.split("/")) for path in sorted(paths)], skipped)


class Content:
    """The bytes of a file, which can be read several times.

    shown: the name of the file in messages. data: all bytes if there are few; otherwise they stay
    in the file. head: the first ones. size: their number. advance: is called with the number of
    bytes of each chunk.
    """

    def __init__(self, shown: str, data: bytes, file: BinaryIO | None = None) -> None:
        self.shown = shown
        self.head = data[:HEAD]
        self.data = data if file is None else None
        self.size = len(data) if file is None else file.seek(0, os.SEEK_END)
        self.advance: Callable[[int], None] | None = None
        self._file = file

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes, in chunks of a megabyte if they are in a file."""
        if self.data is not None:
            yield self.data
            return
        at = 0
        while chunk := self.read(at, _CHUNK):
            at += len(chunk)
            if self.advance is not None:
                self.advance(len(chunk))
            yield chunk

    def read(self, start: int, count: int) -> bytes:
        """Return the bytes of a large file from a position on, fewer at the end."""
        assert self._file is not None
        try:
            self._file.seek(start)
            return self._file.read(count)
        except OSError as error:
            raise unreadable(self.shown, error) from None


def open_file(path: str, kinds: str = "a text file") -> Content:
    """Open a file, or standard input ("-"), to read its bytes.

    A stream, such as a pipe, is copied to a temporary file unless it is short.
    kinds: what can be passed instead of a missing file. Raises CorpusError.
    """
    shown = printable_path(path)
    if path == "-":
        try:
            return _copied(shown, sys.stdin.buffer)
        except (AttributeError, OSError, ValueError):  # sys.stdin can be None
            raise CorpusError("standard input is closed (pass a file)") from None
    try:
        status = os.stat(path)
        if stat.S_ISCHR(status.st_mode) and path != os.devnull and not _is_terminal(path):
            raise CorpusError(f"{shown} is a device, not a text file")
        if not stat.S_ISREG(status.st_mode):
            with open(path, "rb") as stream:
                return _copied(shown, stream)
        if status.st_size > SMALL:
            file = open(path, "rb", buffering=0)  # noqa: SIM115 - it stays open
            return Content(shown, file.read(HEAD), file)
        with open(path, "rb", buffering=0) as small:
            return Content(shown, small.read())
    except FileNotFoundError:
        raise CorpusError(f"{shown} does not exist (pass {kinds})") from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def is_stream(path: str) -> bool:
    """Return whether a path is standard input or a pipe, which can be read only once."""
    try:
        return path == "-" or not stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: str) -> bool:
    """Return whether a path names a folder. Raises CorpusError if that cannot be determined."""
    try:
        return path != "-" and Path(path).is_dir()
    except OSError as error:
        raise unreadable(path, error) from None


def printable_path(path: str) -> str:
    """Return the name of a file for messages."""
    if path == "-":
        return "standard input"
    return path.encode("utf-8", "replace").decode("utf-8") or repr("")


def unreadable(path: str, error: OSError | ValueError) -> CorpusError:
    """Return the error for a path that cannot be read."""
    reason = getattr(error, "strerror", None) or error
    return CorpusError(f"{printable_path(path)} cannot be read: {reason}")


def _copied(shown: str, stream: BinaryIO) -> Content:
    if len(data := stream.read(SMALL + 1)) <= SMALL:
        return Content(shown, data)
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it is removed when it is closed
    copy.write(data)
    shutil.copyfileobj(stream, copy, _CHUNK)
    return Content(shown, data, copy)


def _walk(folder: str, skipped: Counter[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the relative path and the entry of each file that is not hidden."""
    seen: set[tuple[int, int]] = set()
    waiting = [("", folder)]
    while waiting:
        prefix, path = waiting.pop()
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        skipped["hidden"] += 1
                    elif entry.is_dir():
                        waiting.append((f"{prefix}{entry.name}/", entry.path))
                    else:
                        yield prefix + entry.name, entry
        except OSError as error:
            if not prefix:
                raise unreadable(folder, error) from None
            skipped["unreadable"] += 1


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        rest = pattern[1:] or ["*"]
        return any(_matches(parts[k:], rest) for k in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _is_terminal(path: str) -> bool:
    with open(path, "rb", buffering=0) as file:
        return file.isatty()
