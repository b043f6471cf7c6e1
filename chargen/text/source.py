"""Where a corpus was read from: its files and their encoding."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from chargen.text.files import printable_path

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class TextSource:
    """The files of a corpus, in the order of its texts, as stored in text.json.

    files: absolute paths, or "-" for standard input. encoding: as it was given to `Corpus.read`.
    """

    files: tuple[str, ...]
    encoding: str

    @classmethod
    def of(cls, paths: Iterable[str], encoding: str) -> TextSource:
        """Return the source of files that were read from the current folder."""
        files = (path if path == STANDARD_INPUT else os.path.abspath(path) for path in paths)
        return cls(tuple(files), encoding)

    @property
    def shown(self) -> str:
        """The first file for messages, and the number of the others."""
        more = f" and {len(self.files) - 1:,} more" if self.files[1:] else ""
        return printable_path(self.files[0]) + more

    def to_json(self) -> bytes:
        """Return the bytes of text.json. ASCII escapes also keep names that are not UTF-8."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> TextSource:
        """Parse text.json. Raises ValueError if it does not name files and an encoding."""
        try:
            fields = json.loads(data)
            files, encoding = fields["files"], fields["encoding"]
        except (LookupError, TypeError, ValueError, RecursionError):
            files, encoding = None, None
        names = [*files, encoding] if isinstance(files, list) and files else [None]
        if not all(isinstance(name, str) for name in names):
            raise ValueError("no list of files and an encoding")
        return cls(tuple(files), encoding)
