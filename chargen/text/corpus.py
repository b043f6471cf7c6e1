"""Reading, checking and encoding a corpus, and splitting it into training and validation set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.decoding import AUTO, normalise
from chargen.text.display import list_characters, plural
from chargen.text.files import DEFAULT_PATTERNS
from chargen.text.kind import BLANK_LINE, STREAM, TextKind
from chargen.text.normal_form import UNCHANGED, form_of, in_form
from chargen.text.reading import FileText, Report, ignore, read_file, read_files
from chargen.text.source import TextSource
from chargen.text.table import TABLE_PATTERNS, looks_like_table, read_table
from chargen.text.vocabulary import Vocabulary

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]

# A tenth of a shorter text is too little to measure a loss and too much to remove from training.
MIN_CHARACTERS_FOR_VALIDATION = 10_000
DEFAULT_VALIDATION_FRACTION = 0.1

_PIECE = 1 << 20


@dataclass(frozen=True)
class UnreadTable:
    """A file that looks like a table. column: the one with the most text. names: all columns."""

    file: str
    column: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """One or more texts. Each is a separate sequence.

    kind: what a text is. normalize: the Unicode normal form that the texts were converted to,
    "nfc", "nfd" or "none". skipped_cells: the number of missing or blank cells of a column.
    table: a file that looks like a table but is read as a whole. source: the files that were read;
    None for texts in memory.
    """

    name: str
    texts: tuple[str, ...]
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
        report: Report = ignore,
    ) -> Corpus:
        """Read files, the files of folders that match a pattern, and "-" (standard input).

        See `read_files` for the arguments; a column is read from the tables of a folder. Raises its
        errors, CorpusError if a table is invalid or there are fewer than two distinct characters in
        total, and OptionConflictError if no line separates documents.
        """
        files = read_files(
            paths,
            encoding=encoding,
            pattern=pattern,
            default_patterns=default_patterns(kind),
            report=report,
        )
        corpus = _of_files(files, corpus_name(paths), kind, normalize)
        return replace(corpus, source=TextSource.of((file.path for file in files), encoding))

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
        whole = [normalise(text) for text in texts]
        if kind.separator is not None and not any(map(kind.has_separator, whole)):
            raise _no_documents(name, kind.separator)
        # Split first: a separator is matched as it is written in the files, here and by `read_as`.
        parts = tuple(in_form(part, normalize) for text in whole for part in kind.split(text))
        corpus = cls(name, parts, kind, normalize)
        for piece in corpus.pieces():
            try:
                piece.encode("utf-8")
            except UnicodeEncodeError as error:  # some codecs accept lone surrogates
                surrogate = f"U+{ord(piece[error.start]):04X}"
                raise CorpusError(
                    f"{name} contains a lone surrogate, {surrogate}"
                    " (decode the text with the correct encoding)"
                ) from None
        size = sum(map(len, corpus.texts))
        if size < 2:
            raise CorpusError(f"{name} has {plural(size, 'character')}; training needs at least 2")
        first = corpus.texts[0][0]
        if not kind.separate and all(text.count(first) == len(text) for text in corpus.texts):
            raise CorpusError(
                f"{name} has one distinct character, {list_characters(first)};"
                " training needs at least 2"
            )
        return corpus

    @property
    def characters(self) -> int:
        """The number of characters to predict, including the boundaries of separate texts."""
        return sum(map(len, self.texts)) + (len(self.texts) if self.kind.separate else 0)

    @property
    def sha256(self) -> str:
        """The digest of the texts in UTF-8, after `normalise`, separated by U+001E.

        For one file with Unix newlines and no byte order mark, it equals the output of `sha256sum`.
        """
        digest = hashlib.sha256()
        for k, text in enumerate(self._joined()):
            digest.update(b"\x1e" if k else b"")
            digest.update(text.encode("utf-8"))
        return digest.hexdigest()

    def pieces(self) -> Iterator[str]:
        """Yield all texts, each after a boundary, in pieces of at most a million characters.

        The last of separate texts is followed by a boundary too, so that each ends with one.
        """
        for text in self._joined():
            yield self.kind.boundary
            for at in range(0, len(text), _PIECE):
                yield text[at : at + _PIECE]

    def _joined(self) -> tuple[str, ...]:
        return (self.kind.joined(self.texts),) if self.kind.separate else self.texts

    def spans(self) -> Spans:
        """Return [n, 2]: start (the boundary before it) and stop of each text in `pieces`."""
        lengths = np.fromiter(map(len, self.texts), np.int64, len(self.texts)) + 1
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
        return np.stack([starts, starts + lengths + (1 if self.kind.separate else 0)], axis=1)


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
            len(corpus.texts),
            corpus.kind,
            held_out_characters,
            unknown_characters,
            longest_text=max(map(len, corpus.texts)),
            skipped_cells=corpus.skipped_cells,
            normalize=corpus.normalize,
            normal_form=form_of(corpus.texts),
            newlines=sum(text.count("\n") for text in corpus.texts),
        )


@dataclass(frozen=True)
class Split:
    """An encoded corpus with its training and validation set.

    ids: [N], every text after a boundary. train, validation: [n, 2] spans of ids; in each span,
    every id but the first is a target.
    """

    ids: Ids
    train: Spans
    validation: Spans

    @property
    def train_characters(self) -> int:
        """The number of targets in the training set."""
        return int((self.train[:, 1] - self.train[:, 0] - 1).sum())

    @property
    def validation_characters(self) -> int:
        """The number of targets in the validation set."""
        return int((self.validation[:, 1] - self.validation[:, 0] - 1).sum())


def split(
    corpus: Corpus, vocabulary: Vocabulary, *, validation_fraction: float | None, seed: int
) -> Split:
    """Encode a corpus and split it into a training and a validation set.

    The validation set of streams is the end of the corpus. For separate texts, distinct texts are
    drawn with the seed: the validation set has one copy of each, and the training set none.
    validation_fraction: None holds out a tenth of 10,000 characters or more, and nothing of a
    shorter corpus. Raises OptionConflictError if a set would have no character to predict.
    """
    ids = encode(corpus, vocabulary)
    spans = corpus.spans()
    if validation_fraction is None:
        enough = corpus.characters >= MIN_CHARACTERS_FOR_VALIDATION
        if corpus.kind.separate:  # copies of a single text cannot be split
            enough = enough and any(text != corpus.texts[0] for text in corpus.texts)
        validation_fraction = DEFAULT_VALIDATION_FRACTION if enough else 0.0
    if validation_fraction == 0:
        return Split(ids, spans, spans[:0])
    if corpus.kind.separate:
        parts = Split(ids, *_split_texts(corpus, spans, validation_fraction, seed))
    else:
        parts = Split(ids, *_split_tail(corpus, spans, validation_fraction))
    if parts.validation_characters < 1 or parts.train_characters < 2:
        if corpus.kind.separate and len(set(corpus.texts)) == 1:
            noun, option = corpus.kind.noun, corpus.kind.option
            count = f"one {noun}" if len(corpus.texts) == 1 else f"one distinct {noun}"
            raise OptionConflictError(
                f"{{validation_fraction}} {validation_fraction:g} needs two distinct {noun}s, but"
                f" {corpus.name} has {count} (0 trains on the whole text, and without {{{option}}}"
                " it is one text)",
                "validation_fraction",
                option,
            )
        raise OptionConflictError(
            f"{{validation_fraction}} {validation_fraction:g} leaves too few characters of"
            f" {corpus.name} ({corpus.characters:,}) to train or to validate"
            " (0 trains on the whole text)",
            "validation_fraction",
        )
    return parts


def encode(corpus: Corpus, vocabulary: Vocabulary) -> Ids:
    """Return the ids of all texts in one array, in the order of `Corpus.pieces`."""
    return np.concatenate([vocabulary.encode(piece) for piece in corpus.pieces()])


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
    return text_as(FileText(str(path), text), kind)


def text_as(file: FileText, kind: TextKind) -> str:
    """Return the text of a file as `read_as` does."""
    if not kind.separate:
        return file.text
    texts = [file.text]
    if kind.column is not None and (table := read_table(file.text, file.path, file.shown)):
        texts = [cell for cell in table.cells(kind.column) if cell is not None]
    if not (joined := kind.joined([part for text in texts for part in kind.split(text)])):
        raise CorpusError(f"{file.shown} has no text ({kind.description})")
    return joined


def _no_documents(name: str, separator: str) -> OptionConflictError:
    if separator == BLANK_LINE:
        reason = f"{name} has no blank line, so {{separator}} {BLANK_LINE} finds one document only"
        return OptionConflictError(f"{reason} (use another separator)", "separator")
    reason = f"{name} has no line that equals {{separator}} {separator!r}"
    return OptionConflictError(f"{reason} (check it, or use {BLANK_LINE})", "separator")


def _of_files(files: list[FileText], name: str, kind: TextKind, normalize: str) -> Corpus:
    if kind.column is None:
        texts = (file.text for file in files)
        corpus = Corpus.of(texts, name=name, kind=kind, normalize=normalize)
        for file in files:
            if found := looks_like_table(file.text, file.path):
                return replace(corpus, table=UnreadTable(file.shown, *found))
        return corpus
    cells: list[str | None] = []
    for file in files:
        table = read_table(file.text, file.path, file.shown)
        if table is None:
            raise CorpusError(
                f"{file.shown} is not a table, so it has no column {kind.column}"
                " (pass a CSV, TSV or JSON Lines file)"
            )
        cells += table.cells(kind.column)
    kept = [cell for cell in cells if cell is not None]
    if not kept:
        raise CorpusError(
            f"column {kind.column} of {name} has no text (choose another {{column}})", "column"
        )
    corpus = Corpus.of(kept, name=name, kind=kind, normalize=normalize)
    return replace(corpus, skipped_cells=len(cells) - len(kept))


def _split_tail(corpus: Corpus, spans: Spans, fraction: float) -> tuple[Spans, Spans]:
    keep = corpus.characters - max(1, round(corpus.characters * fraction))
    before = np.cumsum(spans[:, 1] - spans[:, 0] - 1)  # targets up to the end of each text
    whole = int(np.searchsorted(before, keep, side="right"))
    train, validation = spans[:whole], spans[whole:]
    inside = keep - (int(before[whole - 1]) if whole else 0)
    if inside and whole < len(spans):
        cut = int(spans[whole, 0]) + 1 + inside
        head = np.array([[spans[whole, 0], cut]], np.int64)
        train = np.concatenate([train, head])
        validation = validation.copy()
        validation[0, 0] = cut
    return train, validation


def _split_texts(corpus: Corpus, spans: Spans, fraction: float, seed: int) -> tuple[Spans, Spans]:
    number_of = {text: k for k, text in enumerate(dict.fromkeys(corpus.texts))}
    numbers = np.array([number_of[text] for text in corpus.texts])
    count = max(1, round(len(number_of) * fraction))
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(number_of))
    held_out = np.isin(numbers, order[:count])
    _, first = np.unique(numbers, return_index=True)
    return spans[~held_out], spans[first[held_out[first]]]
