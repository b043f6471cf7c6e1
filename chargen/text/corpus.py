"""Reading, checking and encoding a corpus."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.cache import TextCache, cache_key
from chargen.text.decoding import AUTO, check_encoding, normalise
from chargen.text.display import list_characters, plural
from chargen.text.encoder import Encoded, Encoder
from chargen.text.files import DEFAULT_PATTERNS
from chargen.text.ids import IN_MEMORY, IdWriter, Spans
from chargen.text.kind import BLANK_LINE, STREAM, TextKind
from chargen.text.normal_form import UNCHANGED
from chargen.text.reading import (
    FileText,
    Note,
    Progress,
    Report,
    find_sources,
    ignore,
    read_file,
    read_sources,
    show_nothing,
)
from chargen.text.source import TextSource
from chargen.text.table import TABLE_PATTERNS, looks_like_table, read_table

_PIECE = 1 << 20


@dataclass(frozen=True)
class UnreadTable:
    """A file that looks like a table. column: the one with the most text. names: all columns."""

    file: str
    column: str
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Corpus:
    """One or more encoded texts. Each is a separate sequence.

    kind: what a text is. normalize: the Unicode normal form that the texts were converted to,
    "nfc", "nfd" or "none". skipped_cells: the number of missing or blank cells of a column.
    table: a file that looks like a table but is read as a whole. source: the files that were read;
    None for texts in memory.
    """

    name: str
    encoded: Encoded
    kind: TextKind = STREAM
    normalize: str = UNCHANGED
    skipped_cells: int = 0
    table: UnreadTable | None = None
    source: TextSource | None = field(default=None, compare=False)

    @classmethod
    def read(
        cls,
        paths: Sequence[str | Path],
        *,
        encoding: str = AUTO,
        kind: TextKind = STREAM,
        pattern: str | None = None,
        normalize: str = UNCHANGED,
        cache: Path | None = None,
        report: Report = ignore,
        progress: Progress = show_nothing,
    ) -> Corpus:
        """Read files, the files of folders that match a pattern, and "-" (standard input).

        See `find_sources` and `read_sources` for the arguments. A column is read from the tables
        of a folder. cache: the folder that keeps a long encoded text for the next start; None for
        a temporary file. Raises their errors, OptionError for an unknown encoding or normal form,
        CorpusError if a table is invalid, if there are fewer than two distinct characters in total
        or if the encoded text cannot be written, and OptionConflictError if no line separates
        documents.
        """
        encoding = check_encoding(encoding) if paths else encoding
        sources = find_sources(paths, pattern=pattern, default_patterns=default_patterns(kind))
        name = corpus_name(paths)
        version = "" if normalize == UNCHANGED else unicodedata.unidata_version
        key, size = cache_key(
            sources, encoding=encoding, kind=asdict(kind), normalize=normalize, version=version
        )
        kept = None if cache is None or size <= IN_MEMORY else TextCache(cache)
        if kept is not None:
            kept.clean(key)
            if (found := kept.find(key)) is not None:
                return _restored(*found, name, kind, normalize, encoding, report)
        notes: list[Note] = []

        def note(each: Note) -> None:
            notes.append(each)
            report(each)

        with IdWriter() if kept is None else kept.writer(key) as writer:
            files = read_sources(
                sources, encoding=encoding, report=note, progress=progress, size=size
            )
            reader = _TextReader(name, kind, Encoder(kind, normalize, writer))
            read: list[str] = []
            for file in files:
                reader.add_file(file)
                read.append(file.path)
            source = TextSource.of(read, encoding)
            corpus = replace(reader.finish(normalize), source=source)
            if kept is not None:
                facts = {
                    "files": source.files,
                    "notes": [asdict(each) for each in notes],
                    "skipped_cells": corpus.skipped_cells,
                    "table": None if corpus.table is None else asdict(corpus.table),
                }
                kept.store(key, corpus.encoded, facts)
        return corpus

    @classmethod
    def of(
        cls,
        texts: Iterable[str],
        *,
        name: str = "corpus",
        kind: TextKind = STREAM,
        normalize: str = UNCHANGED,
    ) -> Corpus:
        """Make a corpus of texts in memory: files to split, or cells. Raises errors as `read`."""
        with IdWriter() as writer:
            reader = _TextReader(name, kind, Encoder(kind, normalize, writer))
            for text in texts:
                reader.add([normalise(text)])
            return reader.finish(normalize)

    @property
    def num_texts(self) -> int:
        """The number of texts."""
        return len(self.encoded.edges) - 1

    @property
    def characters(self) -> int:
        """The number of characters to predict, including the boundaries of separate texts."""
        return len(self.encoded.ids) - (1 if self.kind.separate else self.num_texts)

    @property
    def longest_text(self) -> int:
        """The number of characters of the longest text."""
        return int(np.diff(self.encoded.edges).max()) - 1

    @property
    def newlines(self) -> int:
        """The number of newlines in the texts, without boundaries."""
        found = self.encoded.counts.get("\n", 0)
        return found - (self.kind.boundary == "\n") * (self.num_texts + self.kind.separate)

    @property
    def sha256(self) -> str:
        """The digest of the texts in UTF-8, after `normalise`, separated by U+001E.

        For one file with Unix newlines and no byte order mark, it equals the output of `sha256sum`.
        """
        return self.encoded.sha256

    def texts(self) -> Iterator[str]:
        """Yield each text."""
        if not self.kind.separate:
            for start, stop in self.spans().tolist():
                yield "".join(self.pieces(start + 1, stop))
            return
        pending: list[str] = []  # the parts of a text that continues in the next piece
        for piece in self.pieces(1):
            last, *others = piece.split(self.kind.boundary)
            pending.append(last)
            for text in others:
                yield "".join(pending)
                pending = [text]

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """Yield the characters of a span, by default of all texts, each after a boundary.

        A piece has at most a million characters. The last of separate texts is followed by a
        boundary too, so that each ends with one.
        """
        ids = self.encoded.ids
        codes = np.array([ord(character) for character in self.encoded.counts], np.uint32)
        stop = len(ids) if stop is None else stop
        for at in range(start, stop, _PIECE):
            piece = codes[ids[at : min(stop, at + _PIECE)]]
            yield piece.tobytes().decode("utf-32-le")

    def spans(self) -> Spans:
        """Return [n, 2]: start (the boundary before it) and stop of each text in `pieces`."""
        edges = self.encoded.edges
        return np.stack([edges[:-1], edges[1:] + (1 if self.kind.separate else 0)], axis=1)


class _TextReader:
    """Passes the texts of files to an encoder, and checks them."""

    def __init__(self, name: str, kind: TextKind, encoder: Encoder) -> None:
        self._name, self._kind, self._encoder = name, kind, encoder
        self._is_separated = kind.separator is None
        self._cells = self._skipped_cells = 0
        self._table: UnreadTable | None = None

    def add_file(self, file: FileText) -> None:
        """Add the text of a file, or the cells of a column of it."""
        if (column := self._kind.column) is not None:
            table = read_table(file.pieces, file.path, file.shown)
            if table is None:
                raise CorpusError(
                    f"{file.shown} is not a table, so it has no column {column}"
                    " (pass a CSV, TSV or JSON Lines file)"
                )
            for cell in table.cells(column):
                self._cells += 1
                if cell is None:
                    self._skipped_cells += 1
                else:
                    self.add([normalise(cell)])
            return
        if self._table is None and (found := looks_like_table(file.pieces, file.path)):
            self._table = UnreadTable(file.shown, *found)
        self.add(file.pieces)

    def add(self, pieces: Iterable[str]) -> None:
        """Add the pieces of a normalised text: a file to split, or a cell."""
        if self._kind.separator is not None:
            pieces = self._checked(self._kind.sections(pieces))
        elif self._kind.separate and self._kind.column is None:
            pieces = self._kind.sections(pieces)
        try:
            self._encoder.add(pieces)
        except UnicodeEncodeError as error:  # some codecs accept lone surrogates
            surrogate = f"U+{ord(error.object[error.start]):04X}"
            raise CorpusError(
                f"{self._name} contains a lone surrogate, {surrogate}"
                " (decode the text with the correct encoding)"
            ) from None

    def finish(self, normalize: str) -> Corpus:
        """Return the corpus of all texts. Raises CorpusError or OptionConflictError."""
        name, kind = self._name, self._kind
        if not self._is_separated:
            raise _no_documents(name, kind.separator or "")
        if kind.column is not None and self._cells and self._cells == self._skipped_cells:
            raise CorpusError(
                f"column {kind.column} of {name} has no text (choose another {{column}})", "column"
            )
        encoded = self._encoder.finish()
        corpus = Corpus(name, encoded, kind, normalize, self._skipped_cells, self._table)
        counts = encoded.counts.copy()
        counts[kind.boundary] = counts.get(kind.boundary, 0) - corpus.num_texts - kind.separate
        size = max(0, sum(counts.values()))
        if size < 2:
            raise CorpusError(f"{name} has {plural(size, 'character')}; training needs at least 2")
        distinct = [character for character, count in counts.items() if count]
        if not kind.separate and len(distinct) < 2:
            raise CorpusError(
                f"{name} has one distinct character, {list_characters(distinct[0])};"
                " training needs at least 2"
            )
        return corpus

    def _checked(self, sections: Iterable[str]) -> Iterator[str]:
        """Yield the sections of a text, and note whether a line separates documents."""
        for number, section in enumerate(sections):
            self._is_separated |= number > 0 or (
                not self._is_separated and self._kind.has_separator(section)
            )
            yield section


@dataclass(frozen=True)
class CorpusFacts:
    """The facts about a corpus that are stored with a model.

    texts: the number of texts; longest_text: the number of characters of the longest one.
    normalize: as in `Corpus`; normal_form: the form that the texts are in, "nfc", "nfd", "both" or
    "neither". newlines: their number in the texts. Older models lack the facts with a default.
    """

    name: str
    sha256: str
    characters: int
    texts: int
    kind: TextKind
    held_out_characters: int
    unknown_characters: int
    longest_text: int = 0
    skipped_cells: int = 0
    normalize: str = ""
    normal_form: str = ""
    newlines: int | None = None

    @classmethod
    def of(
        cls, corpus: Corpus, *, held_out_characters: int, unknown_characters: int
    ) -> CorpusFacts:
        """Collect the facts about a corpus."""
        return cls(
            corpus.name,
            corpus.sha256,
            corpus.characters,
            corpus.num_texts,
            corpus.kind,
            held_out_characters,
            unknown_characters,
            longest_text=corpus.longest_text,
            skipped_cells=corpus.skipped_cells,
            normalize=corpus.normalize,
            normal_form=corpus.encoded.normal_form,
            newlines=corpus.newlines,
        )


def corpus_name(paths: Sequence[str | Path]) -> str:
    """Return the name of a corpus of these files, which is also the name of its model folder."""
    first = str(paths[0])
    stem = "stdin" if first == "-" else Path(os.path.abspath(first)).stem
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem).strip("-.")
    return (kept[:80] or "corpus") + (f"-and-{len(paths) - 1}-more" if len(paths) > 1 else "")


def default_patterns(kind: TextKind) -> tuple[str, ...]:
    """Return the patterns of the files that are read in a folder: texts, or tables of a column."""
    return DEFAULT_PATTERNS if kind.column is None else TABLE_PATTERNS


def read_as(
    path: str | Path, kind: TextKind, *, encoding: str = AUTO, report: Report = ignore
) -> str:
    """Return the content of a file as a model with texts of this kind reads it.

    The file is split like the training text, and each text is followed by its boundary. A file
    that is not a table is one cell. Raises CorpusError as `read_file` does, or if it has no text.
    """
    text = read_file(path, encoding=encoding, report=report)
    return text_as(FileText(str(path), [text]), kind)


def text_as(file: FileText, kind: TextKind) -> str:
    """Return the text of a file as `read_as` does."""
    if not kind.separate:
        return file.text
    if not (joined := kind.joined(texts_of(file, kind))):
        raise CorpusError(f"{file.shown} has no text ({kind.description})")
    return joined


def texts_of(file: FileText, kind: TextKind) -> list[str]:
    """Return the texts of this kind in a file. A file that is not a table is one cell."""
    texts = [file.text]
    if kind.column is not None and (table := read_table(texts, file.path, file.shown)):
        texts = [cell for cell in table.cells(kind.column) if cell is not None]
    return [part for text in texts for part in kind.split(text)]


def _no_documents(name: str, separator: str) -> OptionConflictError:
    if separator == BLANK_LINE:
        reason = f"{name} has no blank line, so {{separator}} {BLANK_LINE} finds one document only"
        return OptionConflictError(f"{reason} (use another separator)", "separator")
    reason = f"{name} has no line that equals {{separator}} {separator!r}"
    return OptionConflictError(f"{reason} (check it, or use {BLANK_LINE})", "separator")


def _restored(
    encoded: Encoded,
    facts: Mapping[str, Any],
    name: str,
    kind: TextKind,
    normalize: str,
    encoding: str,
    report: Report,
) -> Corpus:
    """Return a corpus from the cache, and repeat the notes from the time it was read."""
    for fields in facts["notes"]:
        report(Note(**fields))
    table = facts["table"]
    if table is not None:
        table = UnreadTable(**{**table, "names": tuple(table["names"])})
    source = TextSource(tuple(facts["files"]), encoding)
    return Corpus(name, encoded, kind, normalize, facts["skipped_cells"], table, source)
