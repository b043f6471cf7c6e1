"""Tests of the bigram loss against the formula with dictionaries."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from chargen.evaluation.bigram import bigram_nats
from chargen.text.corpus import Corpus
from chargen.text.split import split
from chargen.text.vocabulary import Vocabulary

Ids = npt.NDArray[np.unsignedinteger]
Pair = tuple[int, int]


def pairs(ids: Ids, spans: list[list[int]]) -> list[Pair]:
    """Each character of the spans except the first, and the one before it."""
    return [(int(ids[k - 1]), int(ids[k])) for a, b in spans for k in range(a + 1, b)]


def probability(seen: list[Pair], vocab_size: int, before: int, after: int) -> float:
    """The Kneser-Ney probability, from its formula."""
    counts = Counter(seen)
    once = sum(n == 1 for n in counts.values())
    twice = sum(n == 2 for n in counts.values())
    discount = (once + 1) / (once + 2 * twice + 2)
    ends = Counter(last for _, last in counts)
    kinds = ends[after] + len(ends) / vocab_size
    fallback = kinds / (len(counts) + len(ends))
    total = sum(n for (first, _), n in counts.items() if first == before)
    if not total:
        return fallback
    follows = sum(first == before for first, _ in counts)
    kept = max(counts[before, after] - discount, 0)
    return (kept + discount * follows * fallback) / total


@pytest.mark.parametrize(("length", "vocab_size"), [(3, 2), (40, 4), (300, 9), (60, 3_000)])
def test_loss_matches_formula(length: int, vocab_size: int) -> None:
    """The loss equals the formula for several sizes of text and vocabulary, with unseen pairs."""
    ids = np.random.default_rng(length).integers(1, vocab_size, 2 * length).astype(np.uint16)
    train, held = [[0, length]], [[length, 2 * length]]
    seen, wanted = pairs(ids, train), pairs(ids, held)
    expected = np.mean([-math.log(probability(seen, vocab_size, a, b)) for a, b in wanted])
    assert bigram_nats(ids, np.array(train), np.array(held), vocab_size) == pytest.approx(
        float(expected), rel=1e-12
    )


def test_probabilities_sum_to_one() -> None:
    """The probabilities after any character sum to 1, also after one that does not occur."""
    ids = np.array([1, 2, 1, 3, 1, 2, 2, 4], np.uint8)
    for before in range(6):
        chances = []
        for after in range(6):
            held = np.concatenate([ids, np.array([before, after], np.uint8)])
            nats = bigram_nats(held, np.array([[0, 8]]), np.array([[8, 10]]), 6)
            chances.append(math.exp(-nats))
        assert min(chances) > 0
        assert math.fsum(chances) == pytest.approx(1, rel=1e-12)


def test_pairs_do_not_cross_spans() -> None:
    """Pairs are counted within lines, which share their newlines, in any order."""
    ids = np.random.default_rng(1).integers(0, 5, 30).astype(np.uint8)
    train, held = [[0, 5], [9, 16], [4, 10]], [[22, 30], [16, 18], [20, 21]]
    seen, wanted = pairs(ids, train), pairs(ids, held)
    expected = np.mean([-math.log(probability(seen, 5, a, b)) for a, b in wanted])
    assert bigram_nats(ids, np.array(train), np.array(held), 5) == pytest.approx(
        float(expected), rel=1e-12
    )


def test_loss_of_alternating_text() -> None:
    """A text that alternates between two characters has almost no loss."""
    ids = np.tile([1, 2], 5_000).astype(np.uint8)
    nats = bigram_nats(ids, np.array([[0, 9_000]]), np.array([[9_000, 10_000]]), 3)
    # A discount of 1/2 is subtracted from counts of 4,500, and half of it is added back.
    assert 0 < nats < 2 * 0.5 / 4_500


@pytest.mark.parametrize("empty", [np.empty((0, 2), np.int64), np.array([[3, 4]])])
def test_loss_without_pairs_is_nan(empty: npt.NDArray[np.int64]) -> None:
    """The loss is NaN if a part is empty or has no pair."""
    ids = np.array([1, 2, 1, 2], np.uint8)
    assert math.isnan(bigram_nats(ids, empty, np.array([[0, 3]]), 3))
    assert math.isnan(bigram_nats(ids, np.array([[0, 3]]), empty, 3))


def test_loss_of_rhymes(repository: Path) -> None:
    """The loss on the last tenth of rhymes.txt equals the value in the docstring."""
    corpus = Corpus.read([repository / "corpora" / "rhymes.txt"])
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=0.1, seed=1)
    nats = bigram_nats(parts.ids, parts.train, parts.validation, len(vocabulary))
    assert nats == pytest.approx(2.320, abs=5e-4)
