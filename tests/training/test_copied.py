"""The share of sampled passages that occur in the training set."""

import random

import numpy as np
import pytest

from chargen.generation.context import Reader
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, STREAM
from chargen.text.split import Split, split
from chargen.text.vocabulary import Vocabulary
from chargen.training.copied import copied_passages

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def read(text: str, *, lines: bool = False, held_out: float = 0.0) -> tuple[Reader, Split]:
    """Return a text and a network that writes the alphabet again and again.

    Without lines, a newline and "z" are followed by "a"; with lines, "z" by a newline.
    """
    corpus = Corpus.of(text.splitlines() if lines else [text], kind=LINE if lines else STREAM)
    vocabulary = Vocabulary.build([ALPHABET])
    size = len(vocabulary)
    config = ModelConfig(size, "rnn", "one-hot", 1, size, 1)
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.shapes().items()}
    order = vocabulary.encode("\n" + ALPHABET + ("\n" if lines else "a"))
    np.fill_diagonal(weights["layers.0.weight_ih_l0"], 10)
    weights["decoder.weight"][order[1:], order[:-1]] = 100
    reader = Reader(Engine(config, weights), vocabulary, kind=LINE if lines else STREAM)
    return reader, split(corpus, vocabulary, validation_fraction=held_out, seed=1)


def noise(length: int) -> str:
    """Return random letters."""
    return "".join(random.Random(1).choices(ALPHABET, k=length))


@pytest.mark.parametrize("by_heart", [True, False])
def test_a_known_text_is_copied(by_heart: bool) -> None:
    """Every passage of the alphabet occurs in it."""
    reader, parts = read(ALPHABET * 20)
    assert copied_passages(reader, parts, 40, by_heart=by_heart, seed=1) == (1, 0)


def test_another_text_is_not_copied() -> None:
    """No passage of the alphabet occurs in random letters."""
    reader, parts = read(noise(1000), held_out=0.2)
    assert copied_passages(reader, parts, 40, by_heart=False, seed=1) == (0, 0)


def test_the_share_of_the_validation_set_is_measured() -> None:
    """In a text that repeats itself, most held-out passages occur in the training set."""
    reader, parts = read(ALPHABET * 40 + noise(100), held_out=0.5)
    copied, usual = copied_passages(reader, parts, 40, by_heart=False, seed=1) or (0, 0)
    assert copied == 1
    # Of the 531 passages of the last 570 characters, those without random letters.
    assert usual == pytest.approx(431 / 531, abs=0.01)


def test_a_passage_does_not_cross_lines() -> None:
    """In lines of 26 characters, there are no passages of 40 characters, but some of 20."""
    reader, parts = read(f"{ALPHABET}\n" * 40, lines=True)
    assert copied_passages(reader, parts, 40, by_heart=False, seed=1) is None
    assert copied_passages(reader, parts, 20, by_heart=False, seed=1) == (1, 0)


def test_a_very_short_text_has_too_few_passages() -> None:
    """There is no result for a text of two alphabets."""
    reader, parts = read(ALPHABET * 2)
    assert copied_passages(reader, parts, 40, by_heart=True, seed=1) is None
