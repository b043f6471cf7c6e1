"""Reading texts from files, folders and standard input, and noting what was decided."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.decoding import (
    AUTO,
    Decoded,
    UnusableFileError,
    check_encoding,
    decode,
    normalise,
)
from chargen.text.display import plural
from chargen.text.files import DEFAULT_PATTERNS, find_files, is_folder, printable_path, read_bytes

_KINDS = "a text file, a folder or -"


@dataclass(frozen=True)
class Note:
    """What a user should know about a text that was read.

    reason: a sentence that can contain {encoding}. option: the name of the option that changes it.
    warning: whether something is likely wrong.
    """

    reason: str
    option: str = ""
    warning: bool = False

    def message(self, name: Callable[[str], str]) -> str:
        """Return the sentence, with options named by `name`."""
        reason = self.reason.replace("{encoding}", name("encoding"))
        return f"{reason} ({name(self.option)} overrides it)" if self.option else reason


Report = Callable[[Note], None]


@dataclass(frozen=True)
class FileText:
    """The normalised text of a file. path: of the file, or "-"."""

    path: str
    text: str

    @property
    def shown(self) -> str:
        """The name of the file for messages."""
        return printable_path(self.path)


def ignore(_: Note) -> None:
    """Report nothing."""


def read_files(
    paths: Sequence[str | Path],
    *,
    encoding: str = AUTO,
    pattern: str | None = None,
    default_patterns: Sequence[str] = DEFAULT_PATTERNS,
    report: Report = ignore,
) -> list[FileText]:
    """Return the texts of files, of the matching files of folders, and of "-".

    pattern: of the files in folders; None stands for the default ones. report: is called with each
    note.
    Raises CorpusError if there is no path, or a text cannot be read; OptionError for an unknown
    encoding; OptionConflictError for a pattern without a folder.
    """
    if not paths:
        raise CorpusError("no text given (pass a file, a folder or -)")
    encoding = check_encoding(encoding)
    folders = {path for path in map(str, paths) if is_folder(path)}
    if pattern is not None and not folders:
        raise OptionConflictError("{glob} has no effect without a folder", "glob")
    patterns = default_patterns if pattern is None else (pattern,)
    texts: list[FileText] = []
    for path in map(str, paths):
        if path in folders:
            texts += _read_folder(path, patterns, encoding, report)
        else:
            texts.append(FileText(path, _read(path, _KINDS, encoding, report)))
    return texts


def read_file(path: str | Path, *, encoding: str = AUTO, report: Report = ignore) -> str:
    """Return the normalised text of one file, or of standard input ("-").

    Raises CorpusError if it is missing, a folder, empty, binary or not in the encoding, and
    OptionError for an unknown encoding.
    """
    path = str(path)
    encoding = check_encoding(encoding)
    if os.path.isdir(path):
        raise CorpusError(f"{printable_path(path)} is a folder (pass a text file)")
    return _read(path, "a text file", encoding, report)


def _read(path: str, kinds: str, encoding: str, report: Report) -> str:
    shown = printable_path(path)
    decoded = decode(read_bytes(path, kinds), shown, encoding)
    if decoded.detected:
        report(Note(f"{shown}: decoded as {decoded.detected}", "encoding"))
    if decoded.warning:
        report(Note(decoded.warning, warning=True))
    return normalise(decoded.text)


def _read_folder(
    folder: str, patterns: Sequence[str], encoding: str, report: Report
) -> list[FileText]:
    """Return the texts of a folder. Files that are empty, binary or unreadable are skipped."""
    shown = printable_path(folder)
    found = find_files(folder, patterns)
    read: dict[str, Decoded] = {}
    skipped = found.skipped
    for path in found.paths:
        try:
            read[path] = decode(read_bytes(path), printable_path(path), encoding)
        except UnusableFileError as error:
            skipped[error.kind] += 1
        except CorpusError:
            if os.access(path, os.R_OK):
                raise
            skipped["unreadable"] += 1
    left_out = f", {skipped.total():,} skipped ({_counts(skipped)})" if skipped else ""
    if not read:
        raise CorpusError(
            f"{shown} is a folder without texts that match {' or '.join(patterns)}{left_out}"
            " (pass the files, or another pattern as {glob})",
            "glob",
        )
    detected = Counter(each.detected for each in read.values() if each.detected)
    decoded = f"; {_counts(detected, 'decoded as ')}" if detected else ""
    report(
        Note(
            f"{shown}: {plural(len(read), 'file')} read{left_out}{decoded}",
            "encoding" if detected else "",
        )
    )
    warnings = [each.warning for each in read.values() if each.warning]
    if warnings:
        more = f", and {plural(len(warnings) - 1, 'more file')} like it" if warnings[1:] else ""
        report(Note(warnings[0] + more, warning=True))
    return [FileText(path, normalise(each.text)) for path, each in read.items()]


def _counts(counts: Counter[str], prefix: str = "") -> str:
    return ", ".join(f"{count:,} {prefix}{name}" for name, count in counts.most_common())
