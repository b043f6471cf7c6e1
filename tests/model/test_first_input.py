"""Tests of the first input of a text: a network that read no newlines starts with a word."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chargen
from chargen.generation.context import Reader
from chargen.model.config import ModelConfig
from chargen.model.first_input import with_readable_newline
from chargen.text.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("facts", "changed"),
    [
        ({"newlines": 0, "texts": 1, "characters": 5_001}, True),
        ({"newlines": 0, "texts": 1, "characters": 5_000}, False),
        ({"newlines": 9, "texts": 1, "characters": 50_000}, False),
        ({"newlines": 9, "texts": 1, "characters": 50_001}, True),
        ({"texts": 1, "characters": 50_001}, False),
    ],
)
@pytest.mark.parametrize("encoder", ["embedding", "one-hot"])
@pytest.mark.parametrize(("text", "substitute"), [("ab c.", " "), ("ab\u3002", "\u3002")])
def test_a_newline_is_read_as_a_space_if_there_are_almost_none(
    facts: dict[str, int], changed: bool, encoder: str, text: str, substitute: str
) -> None:
    """Its input weights are those of a space or of a full stop; all others stay."""
    vocabulary = Vocabulary.build([text])
    config = ModelConfig(len(vocabulary), encoder=encoder, embedding_size=3, hidden_size=4)
    random = np.random.default_rng(1)
    weights = {k: random.standard_normal(v, np.float32) for k, v in config.shapes().items()}
    found = with_readable_newline(weights, config, vocabulary, facts)
    newline, source = vocabulary.encode("\n" + substitute).tolist()
    expected = {name: value.copy() for name, value in weights.items()}
    if changed and encoder == "embedding":
        expected["encoder.weight"][newline] = weights["encoder.weight"][source]
    elif changed:
        columns = expected["layers.0.weight_ih_l0"]
        columns[:, newline] = columns[:, source]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(("between", "equal"), [(" ", True), ("\n", False)])
def test_a_text_starts_like_a_word_if_there_are_almost_no_newlines(
    tmp_path: Path, between: str, equal: bool
) -> None:
    """A trained model predicts the first character of a text as after a space."""
    (tmp_path / "text.txt").write_text(between.join(["a b"] * 1_500))
    sizes: dict[str, Any] = {"hidden_size": 4, "embedding_size": 3, "init_from": "none"}
    model = chargen.train(
        tmp_path / "text.txt", output=tmp_path / "model", steps=2, device="cpu", **sizes
    )
    reader = Reader.of(model.checkpoint)
    engine = reader.engine
    expected, _ = engine.step(reader.vocabulary.encode(" "), engine.empty_states())
    assert np.array_equal(reader.start.logits, expected) == equal
