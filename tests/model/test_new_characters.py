"""Tests of the initial weights of new characters."""

from collections import Counter
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.engine import Engine, log_softmax
from chargen.model.new_characters import extend_weights, related
from chargen.text.vocabulary import Vocabulary

KNOWN = Vocabulary.build(["Aaebonstu \"'-.1\n"])
NEW = "éÉ\u201c\u201dΩш"


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("é", "e"),
        ("Å", "A"),
        ("ø", "o"),  # has no decomposition
        ("E", "e"),
        ("É", "e"),
        ("\u201d", '"'),
        ("«", '"'),
        ("\u2019", "'"),
        ("\u2014", "-"),
        ("…", "."),
        ("\uff41", "a"),  # full-width
        ("¹", "1"),
        ("\u00a0", " "),
        ("\t", " "),
        ("\x1e", "\n"),  # the boundary of a document
        ("ш", None),
        ("語", None),
        ("#", None),
        ("\x00", None),
    ],
)
def test_a_new_character_has_a_related_one(character: str, expected: str | None) -> None:
    """Accents, case, typography, width and spaces are differences of form."""
    assert related(character, KNOWN.characters) == expected


def test_relations_work_in_both_directions() -> None:
    """A straight quotation mark is related to a typographic one, and small letters to capitals."""
    assert related('"', {"\u201d"}) == "\u201d"
    assert related("-", {"\u2014"}) == "\u2014"
    assert related("a", {"A"}) == "A"


@pytest.fixture(params=ENCODERS)
def config(request: pytest.FixtureRequest) -> ModelConfig:
    """The sizes of a small network with each encoder."""
    return ModelConfig(len(KNOWN), encoder=request.param, embedding_size=5, hidden_size=6)


@pytest.fixture
def weights(config: ModelConfig) -> dict[str, npt.NDArray[np.float32]]:
    """Random weights."""
    random = np.random.default_rng(1)
    return {k: random.standard_normal(s, np.float32) for k, s in config.shapes().items()}


def counts_of(text: str, vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
    """The occurrences of each character."""
    return np.bincount(vocabulary.encode(text), minlength=len(vocabulary))


def probabilities(
    config: ModelConfig, weights: dict[str, npt.NDArray[np.float32]], ids: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """The probability of each character after a text."""
    engine = Engine(config, weights)
    logits, _ = engine.logits(ids, engine.empty_states())
    found: npt.NDArray[np.float64] = np.exp(log_softmax(logits[-1]))
    return found


def test_related_characters_share_a_probability(
    config: ModelConfig, weights: dict[str, npt.NDArray[np.float32]]
) -> None:
    """After a known text, they have the probability that the known one had, in proportion."""
    vocabulary = KNOWN.extended(Counter("\u201c\u201d"))
    counts = counts_of('"' * 9 + "\u201c" * 19 + "\u201d" * 69, vocabulary)
    extended = dict(extend_weights(config, weights, vocabulary, counts))
    before = probabilities(config, weights, vocabulary.encode("sunset"))
    larger = replace(config, vocab_size=len(vocabulary))
    after = probabilities(larger, extended, vocabulary.encode("sunset"))
    straight, left, right = (vocabulary.characters.index(c) for c in '"\u201c\u201d')
    shared = after[[straight, left, right]]
    # One occurrence is added to each. Sums of float32 are exact to about 1e-6.
    assert shared == pytest.approx(before[straight] * np.array([0.1, 0.2, 0.7]), rel=1e-5)
    others = np.arange(len(KNOWN)) != straight
    assert after[: len(KNOWN)][others] == pytest.approx(before[others], rel=1e-5)


def test_a_related_character_is_read_as_the_known_one(
    config: ModelConfig, weights: dict[str, npt.NDArray[np.float32]]
) -> None:
    """The text "éus" continues as "eus" does."""
    vocabulary = KNOWN.extended(Counter("é"))
    extended = dict(extend_weights(config, weights, vocabulary, counts_of("e", vocabulary)))
    larger = replace(config, vocab_size=len(vocabulary))
    one, other = (
        probabilities(larger, extended, vocabulary.encode(text)) for text in ("eus", "éus")
    )
    assert one == pytest.approx(other, rel=1e-5)


def test_only_the_biases_of_known_characters_change(
    config: ModelConfig, weights: dict[str, npt.NDArray[np.float32]]
) -> None:
    """All shapes are those of the larger network, and the old values come first."""
    vocabulary = KNOWN.extended(Counter(NEW))
    extended = extend_weights(config, weights, vocabulary, counts_of("e é Ω", vocabulary))
    larger = replace(config, vocab_size=len(vocabulary))
    assert {name: value.shape for name, value in extended.items()} == larger.shapes()
    assert {value.dtype for value in extended.values()} == {np.dtype(np.float32)}
    for name, value in weights.items():
        kept = extended[name][tuple(slice(size) for size in value.shape)]
        changed = np.flatnonzero((kept != value).reshape(len(value), -1).any(axis=1))
        names = "".join(vocabulary.characters[k] for k in changed)
        assert names == ('"e' if name == "decoder.bias" else "")


def test_unrelated_characters_differ_and_have_a_probability(
    config: ModelConfig, weights: dict[str, npt.NDArray[np.float32]]
) -> None:
    """They have different inputs, and the more frequent one is the more likely."""
    vocabulary = KNOWN.extended(Counter("шΩ"))
    counts = counts_of("Ωшшшшe" * 10, vocabulary)
    extended = extend_weights(config, weights, vocabulary, counts)
    name = "encoder.weight" if config.encoder == "embedding" else "layers.0.weight_ih_l0"
    inputs = extended[name] if config.encoder == "embedding" else extended[name].T
    assert not np.allclose(inputs[-1], inputs[-2])
    larger = replace(config, vocab_size=len(vocabulary))
    found = probabilities(larger, dict(extended), vocabulary.encode("sun"))
    omega, sha = found[[vocabulary.characters.index(c) for c in "Ωш"]]
    assert sha / omega == pytest.approx(41 / 11)  # one occurrence is added to each
    assert 0.001 < sha < 0.9


def test_without_new_characters_nothing_changes(
    config: ModelConfig, weights: dict[str, npt.NDArray[np.float32]]
) -> None:
    """The weights are those of the model."""
    extended = extend_weights(config, weights, KNOWN, counts_of("sun", KNOWN))
    assert all(extended[name] is value for name, value in weights.items())
