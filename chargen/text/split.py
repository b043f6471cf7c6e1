"""Splitting an encoded corpus into a training and a validation set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from chargen.errors import OptionConflictError
from chargen.text.corpus import Corpus
from chargen.text.ids import Array, Ids, Longs, Spans, StoredIds
from chargen.text.vocabulary import Vocabulary

# A tenth of a shorter text is too little to measure a loss and too much to remove from training.
MIN_CHARACTERS_FOR_VALIDATION = 10_000
DEFAULT_VALIDATION_FRACTION = 0.1

_BLOCK = 1 << 20  # ids that are counted or hashed at once


@dataclass(frozen=True)
class Split:
    """An encoded corpus with its training and validation set.

    ids: [N], every text after a boundary. counts: [V], the number of occurrences of each id.
    train, validation: [n, 2] spans of ids; in each span, every id but the first is a target.
    """

    ids: Ids
    counts: Longs
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

    def train_counts(self) -> Longs:
        """[V]: the number of occurrences of each id among the targets of the training set.

        All other ids are read, which are fewer: usually the validation set.
        """
        counts = self.counts.copy()
        starts = np.concatenate([[0], self.train[:, 1]])
        stops = np.concatenate([self.train[:, 0] + 1, [len(self.ids)]])
        gaps = np.stack([starts, stops], axis=1)[starts < stops]
        for start, stop in _blocks(gaps):
            counts -= np.bincount(self.ids[start:stop], minlength=len(counts))
        return counts


def split(
    corpus: Corpus, vocabulary: Vocabulary, *, validation_fraction: float | None, seed: int
) -> Split:
    """Encode a corpus and split it into a training and a validation set.

    The validation set of streams is the end of the corpus. For separate texts, distinct texts are
    drawn with the seed: the validation set has one copy of each, and the training set none. A text
    that has more than half of all characters is not drawn.
    validation_fraction: None holds out a tenth of 10,000 characters or more, and nothing of a
    shorter corpus. Raises OptionConflictError if a set would have no character to predict.
    """
    ids, spans = encode(corpus, vocabulary), corpus.spans()
    counts = np.zeros(len(vocabulary), np.int64)
    np.add.at(counts, _table(corpus, vocabulary), list(corpus.encoded.counts.values()))
    numbers = None
    if validation_fraction is None:
        enough = corpus.characters >= MIN_CHARACTERS_FOR_VALIDATION
        if enough and corpus.kind.separate:  # copies of a single text cannot be split
            numbers = text_numbers(corpus)
            enough = bool(numbers.any())
        validation_fraction = DEFAULT_VALIDATION_FRACTION if enough else 0.0
    if validation_fraction == 0:
        return Split(ids, counts, spans, spans[:0])
    if corpus.kind.separate:
        numbers = text_numbers(corpus) if numbers is None else numbers
        parts = Split(ids, counts, *_split_texts(numbers, spans, validation_fraction, seed))
    else:
        parts = Split(ids, counts, *_split_tail(corpus, spans, validation_fraction))
    if parts.validation_characters < 1 or parts.train_characters < 2:
        if numbers is not None and not numbers.any():
            noun, option = corpus.kind.noun, corpus.kind.option
            count = f"one {noun}" if corpus.num_texts == 1 else f"one distinct {noun}"
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
    """Return the ids of all texts, in the order of `Corpus.pieces`."""
    ids, table = corpus.encoded.ids, _table(corpus, vocabulary)
    return ids.mapped(table) if isinstance(ids, StoredIds) else table[ids]


def text_numbers(corpus: Corpus) -> Longs:
    """[n]: a number for each text, in the order of first appearance; equal texts have the same.

    Texts are compared by hashes of 64 bits.
    """
    ids, edges = corpus.encoded.ids, corpus.encoded.edges
    hashes = np.empty(corpus.num_texts, np.uint64)
    first = 0
    while first < len(hashes):
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + _BLOCK, "right")) - 1)
        block = ids[int(edges[first]) : int(edges[last])]
        data, width = block.tobytes(), block.itemsize
        places = ((edges[first : last + 1] - edges[first]) * width).tolist()
        digests = [
            hashlib.blake2b(data[start:stop], digest_size=8).digest()
            for start, stop in pairwise(places)
        ]
        hashes[first:last] = np.frombuffer(b"".join(digests), np.uint64)
        first = last
    _, appeared, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    rank = np.empty(len(appeared), np.int64)
    rank[np.argsort(appeared)] = np.arange(len(appeared))
    return rank[numbers]


def _table(corpus: Corpus, vocabulary: Vocabulary) -> Array:
    """Return the id in a vocabulary of each id of the corpus."""
    return vocabulary.encode("".join(corpus.encoded.counts))


def _blocks(spans: Spans) -> Iterator[tuple[int, int]]:
    """Yield spans again, cut into blocks."""
    for start, stop in spans.tolist():
        for at in range(start, stop, _BLOCK):
            yield at, min(stop, at + _BLOCK)


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


def _split_texts(numbers: Longs, spans: Spans, fraction: float, seed: int) -> tuple[Spans, Spans]:
    _, first = np.unique(numbers, return_index=True)
    count = max(1, round(len(first) * fraction))
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(first))
    # A text that is longer than all others together is needed for training.
    lengths = (spans[:, 1] - spans[:, 0])[first]
    if len(first) > 1:
        order = order[lengths[order] <= lengths.sum() / 2]
    is_held_out = np.zeros(len(first), bool)
    is_held_out[order[:count]] = True
    return spans[~is_held_out[numbers]], spans[first[is_held_out]]
