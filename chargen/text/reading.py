"""Reading texts from files, folders and standard input, and noting what was decided."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.decoding import AUTO, Decoded, UnusableFileError, check_encoding, decode
from chargen.text.display import plural
from chargen.text.files import (
    DEFAULT_PATTERNS,
    Content,
    Found,
    find_files,
    is_folder,
    is_stream,
    open_file,
    printable_path,
)

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
Progress = Callable[[float], None]  # is called with the share that was read, 0 to 1


@dataclass(frozen=True)
class FileText:
    """The normalised text of a file. path: of the file, or "-".

    pieces: of the text; they can be read several times.
    """

    path: str
    pieces: Iterable[str]

    @property
    def shown(self) -> str:
        """The name of the file for messages."""
        return printable_path(self.path)

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class Source:
    """A path to read. folder: its files, if it is a folder. patterns: that these match.

    stream: the bytes of standard input or a pipe, which can be read only once.
    """

    path: str
    patterns: Sequence[str] = ()
    folder: Found | None = None
    stream: Content | None = None

    @property
    def paths(self) -> list[str]:
        """The paths of all files."""
        return [self.path] if self.folder is None else self.folder.paths


def ignore(_: Note) -> None:
    """Report nothing."""


def show_nothing(_: float) -> None:
    """Show no progress."""


def find_sources(
    paths: Sequence[str | Path],
    *,
    pattern: str | None = None,
    default_patterns: Sequence[str] = DEFAULT_PATTERNS,
) -> list[Source]:
    """Find files, the matching files of folders, and "-" (standard input), which is read.

    pattern: of the files in folders; None stands for the default ones.
    Raises CorpusError if there is no path or a folder cannot be read; OptionConflictError for a
    pattern without a folder.
    """
    if not paths:
        raise CorpusError("no text given (pass a file, a folder or -)")
    folders = {path for path in map(str, paths) if is_folder(path)}
    if pattern is not None and not folders:
        raise OptionConflictError("{glob} has no effect without a folder", "glob")
    patterns = default_patterns if pattern is None else (pattern,)
    sources = []
    for path in map(str, paths):
        if path in folders:
            sources.append(Source(path, patterns, find_files(path, patterns)))
        else:
            stream = open_file(path, _KINDS) if is_stream(path) else None
            sources.append(Source(path, stream=stream))
    return sources


def read_sources(
    sources: Sequence[Source],
    *,
    encoding: str = AUTO,
    report: Report = ignore,
    progress: Progress = show_nothing,
    size: int = 0,
) -> Iterator[FileText]:
    """Yield the text of each file. Its encoding is checked before; its pieces are read later.

    encoding: a result of `check_encoding`. report: is called with each note. size: of all files.
    Raises CorpusError if a text cannot be read.
    """
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        # A long text is read twice, a table more often.
        progress(min(1.0, done / max(1, 2 * size)))

    for source in sources:
        if source.folder is not None:
            texts = _read_folder(source, source.folder, encoding, report, advance)
        else:
            content = source.stream or open_file(source.path, _KINDS)
            content.advance = advance
            texts = iter([(source.path, _read(content, encoding, report))])
        for path, decoded in texts:
            if decoded.content.data is not None:
                advance(2 * decoded.content.size)
            yield FileText(path, decoded)


def read_file(path: str | Path, *, encoding: str = AUTO, report: Report = ignore) -> str:
    """Return the normalised text of one file, or of standard input ("-").

    Raises CorpusError if it is missing, a folder, empty, binary or not in the encoding, and
    OptionError for an unknown encoding.
    """
    path = str(path)
    encoding = check_encoding(encoding)
    if os.path.isdir(path):
        raise CorpusError(f"{printable_path(path)} is a folder (pass a text file)")
    return "".join(_read(open_file(path), encoding, report))


def _read(content: Content, encoding: str, report: Report) -> Decoded:
    decoded = decode(content, encoding)
    if decoded.detected:
        report(Note(f"{content.shown}: decoded as {decoded.detected}", "encoding"))
    if decoded.warning:
        report(Note(decoded.warning, warning=True))
    return decoded


def _read_folder(
    source: Source, found: Found, encoding: str, report: Report, advance: Callable[[int], None]
) -> Iterator[tuple[str, Decoded]]:
    """Yield the texts of a folder with their paths.

    Files that are empty, binary or unreadable are skipped.
    """
    shown = printable_path(source.path)
    skipped, detected = found.skipped.copy(), Counter[str]()
    warnings: list[str] = []
    count = 0
    for path in found.paths:
        try:
            content = open_file(path)
            content.advance = advance
            decoded = decode(content, encoding)
        except UnusableFileError as error:
            skipped[error.kind] += 1
            continue
        except CorpusError:
            if os.access(path, os.R_OK):
                raise
            skipped["unreadable"] += 1
            continue
        count += 1
        if decoded.detected:
            detected[decoded.detected] += 1
        if decoded.warning:
            warnings.append(decoded.warning)
        yield path, decoded
    left_out = f", {skipped.total():,} skipped ({_counts(skipped)})" if skipped else ""
    if not count:
        raise CorpusError(
            f"{shown} is a folder without texts that match {' or '.join(source.patterns)}{left_out}"
            " (pass the files, or another pattern as {glob})",
            "glob",
        )
    encodings = f"; {_counts(detected, 'decoded as ')}" if detected else ""
    report(
        Note(
            f"{shown}: {plural(count, 'file')} read{left_out}{encodings}",
            "encoding" if detected else "",
        )
    )
    if warnings:
        more = f", and {plural(len(warnings) - 1, 'more file')} like it" if warnings[1:] else ""
        report(Note(warnings[0] + more, warning=True))


def _counts(counts: Counter[str], prefix: str = "") -> str:
    return ", ".join(f"{count:,} {prefix}{name}" for name, count in counts.most_common())
