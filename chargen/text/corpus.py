"""Reading, checking and encoding a corpus, and splitting it into training and validation set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chargen.errors import CorpusError, OptionConflictError
from chargen.text.decoding import AUTO, normalise
from chargen.text.display import list_characters, plural
from chargen.text.normal_form import UNCHANGED, form_of, in_form
from chargen.text.reading import Report, ignore, read_texts
from chargen.text.vocabulary import Vocabulary

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]

# A tenth of a shorter text is too little to measure a loss and too much to remove from training.
MIN_CHARACTERS_FOR_VALIDATION = 10_000
DEFAULT_VALIDATION_FRACTION = 0.1

_PIECE = 1 << 20


@dataclass(frozen=True)
class Corpus:
    """One or more texts. Each is a separate sequence.

    lines: whether every non-empty line is a separate text that ends with its newline.
    normalize: the Unicode normal form that the texts were converted to, "nfc", "nfd" or "none".
    """

    name: str
    texts: tuple[str, ...]
    lines: bool = False
    normalize: str = UNCHANGED

    @classmethod
    def read(
        cls,
        paths: Sequence[str | Path],
        *,
        encoding: str = AUTO,
        lines: bool = False,
        pattern: str | None = None,
        normalize: str = UNCHANGED,
        report: Report = ignore,
    ) -> Corpus:
        """Read files, the files of folders that match a pattern, and "-" (standard input).

        See `read_texts` for the arguments. Raises its errors, and CorpusError if there are fewer
        than two distinct characters in total.
        """
        texts = read_texts(paths, encoding=encoding, pattern=pattern, report=report)
        return cls.of(texts, name=corpus_name(paths), lines=lines, normalize=normalize)

    @classmethod
    def of(
        cls,
        texts: Iterable[str],
        *,
        name: str = "corpus",
        lines: bool = False,
        normalize: str = UNCHANGED,
    ) -> Corpus:
        """Make a corpus of texts in memory. Raises CorpusError as `read` does."""
        kept = tuple(in_form(normalise(text), normalize) for text in texts)
        if lines:
            kept = tuple(line for text in kept for line in text.split("\n") if line)
        corpus = cls(name, tuple(text for text in kept if text), lines, normalize)
        for piece in corpus.pieces():
            try:
                piece.encode("utf-8")
            except UnicodeEncodeError as error:  # some codecs accept lone surrogates
                surrogate = f"U+{ord(piece[error.start]):04X}"
                raise CorpusError(
                    f"{name} contains a lone surrogate, {surrogate}"
                    " (decode the text with the correct encoding)"
                ) from None
        size = corpus.characters - (len(corpus.texts) if lines else 0)
        if size < 2:
            raise CorpusError(f"{name} has {plural(size, 'character')}; training needs at least 2")
        first = corpus.texts[0][0]
        if not lines and all(text.count(first) == len(text) for text in corpus.texts):
            raise CorpusError(
                f"{name} has one distinct character, {list_characters(first)};"
                " training needs at least 2"
            )
        return corpus

    @property
    def characters(self) -> int:
        """The number of characters to predict, including the newlines of `lines`."""
        return sum(map(len, self.texts)) + (len(self.texts) if self.lines else 0)

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
        """Yield all texts, each after a newline, in pieces of at most a million characters.

        With `lines`, the last line is followed by a newline too, so that every line ends with one.
        """
        for text in self._joined():
            yield "\n"
            for at in range(0, len(text), _PIECE):
                yield text[at : at + _PIECE]

    def _joined(self) -> tuple[str, ...]:
        return ("\n".join(self.texts) + "\n",) if self.lines else self.texts

    def spans(self) -> Spans:
        """Return [n, 2]: start (the newline before it) and stop of each text in `pieces`."""
        lengths = np.fromiter(map(len, self.texts), np.int64, len(self.texts)) + 1
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
        return np.stack([starts, starts + lengths + (1 if self.lines else 0)], axis=1)


@dataclass(frozen=True)
class CorpusFacts:
    """The facts about a corpus that are stored with a model.

    texts: the number of texts. normalize: as in `Corpus`; normal_form: the form that the texts are
    in, "nfc", "nfd", "both" or "neither". Both are empty in older models.
    """

    name: str
    sha256: str
    characters: int
    texts: int
    lines: bool
    held_out_characters: int
    unknown_characters: int
    normalize: str = ""
    normal_form: str = ""

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
            corpus.lines,
            held_out_characters,
            unknown_characters,
            corpus.normalize,
            form_of(corpus.texts),
        )


@dataclass(frozen=True)
class Split:
    """An encoded corpus with its training and validation set.

    ids: [N], every text after a newline. train, validation: [n, 2] spans of ids; in each span,
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

    For texts, the validation set is the end of the corpus. For lines, it is drawn with the seed
    from the distinct lines: it has one copy of each drawn line, and the training set has none.
    validation_fraction: None holds out a tenth of 10,000 characters or more, and nothing of a
    shorter corpus. Raises OptionConflictError if a set would have no character to predict.
    """
    ids = encode(corpus, vocabulary)
    spans = corpus.spans()
    if validation_fraction is None:
        enough = corpus.characters >= MIN_CHARACTERS_FOR_VALIDATION
        if corpus.lines:  # copies of a single line cannot be split
            enough = enough and any(line != corpus.texts[0] for line in corpus.texts)
        validation_fraction = DEFAULT_VALIDATION_FRACTION if enough else 0.0
    if validation_fraction == 0:
        return Split(ids, spans, spans[:0])
    if corpus.lines:
        parts = Split(ids, *_split_lines(corpus, spans, validation_fraction, seed))
    else:
        parts = Split(ids, *_split_tail(corpus, spans, validation_fraction))
    if parts.validation_characters < 1 or parts.train_characters < 2:
        if corpus.lines and len(set(corpus.texts)) == 1:
            count = "one line" if len(corpus.texts) == 1 else "one distinct line"
            raise OptionConflictError(
                f"{{validation_fraction}} {validation_fraction:g} needs two distinct lines, but"
                f" {corpus.name} has {count} (0 trains on the whole text, and without {{lines}} it"
                " is one text)",
                "validation_fraction",
                "lines",
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


def _split_lines(corpus: Corpus, spans: Spans, fraction: float, seed: int) -> tuple[Spans, Spans]:
    number_of = {line: k for k, line in enumerate(dict.fromkeys(corpus.texts))}
    numbers = np.array([number_of[line] for line in corpus.texts])
    count = max(1, round(len(number_of) * fraction))
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(number_of))
    held_out = np.isin(numbers, order[:count])
    _, first = np.unique(numbers, return_index=True)
    return spans[~held_out], spans[first[held_out[first]]]
