"""Tests of the size of a compressed text."""

import math
import random

from chargen.evaluation.compression import compressed_nats
from chargen.text.corpus import Corpus

_DRAW = random.Random(7)
LETTERS = "".join(_DRAW.choice("acgt") for _ in range(20_000))


def test_random_letters_cannot_be_compressed() -> None:
    """One of four letters has two bits; bzip2 adds less than a fifth."""
    assert 2 <= compressed_nats(Corpus.of([LETTERS])) / math.log(2) < 2.4


def test_repetitions_are_compressed() -> None:
    """Twenty copies of a text need less than a fifth of the space per character of one copy."""
    once, often = (compressed_nats(Corpus.of([LETTERS * count])) for count in (1, 20))
    assert often < once / 5


def test_only_the_start_of_a_long_text_is_compressed() -> None:
    """The first million characters of this text are all equal."""
    assert compressed_nats(Corpus.of(["a" * (2 << 20), LETTERS])) < 1e-3
