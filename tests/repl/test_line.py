"""Tests of the prediction after the line that is being typed."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.repl.line import MAX_SUGGESTION, Line, Prediction

if TYPE_CHECKING:
    from tests.repl.conftest import CountingEngine


def predict(line: Line, text: str, confidence: float = 1.0) -> Prediction:
    """Return the complete prediction after a text."""
    *_, last = line.predict(text, confidence)
    return last


def test_a_typed_character_costs_one_step(engine: "CountingEngine", reader: Reader) -> None:
    """The contexts after all prefixes are cached, so deleting characters costs nothing."""
    line = Line(reader, reader.start)
    text = "to be or not"
    for k in range(1, len(text) + 1):
        before = engine.count
        predict(line, text[:k])
        assert engine.count - before == 1
    before = engine.count
    for k in [*range(len(text), -1, -1), 3, 8]:
        predict(line, text[:k])
    assert engine.count == before
    predict(line, "to bo")
    assert engine.count == before + 1
    predict(line, "to bo or")
    assert engine.count == before + 4


def test_accepting_a_suggestion_costs_nothing(engine: "CountingEngine", reader: Reader) -> None:
    """The contexts along the suggestion are cached."""
    line = Line(reader, reader.start)
    suggestion = predict(line, "to", 0.0).suggestion
    assert len(suggestion) > 2
    before = engine.count
    assert predict(line, "to" + suggestion[:2], 1.0).suggestion == ""
    line.context_after("to" + suggestion)
    assert engine.count == before


@pytest.mark.parametrize("confidence", [0.0, 0.2, 0.5, 0.9])
def test_the_suggestion_is_the_greedy_continuation(reader: Reader, confidence: float) -> None:
    """The suggestion equals `generate` at temperature 0 with the same confidence."""
    settings = GenerationSettings(
        temperature=0, length=MAX_SUGGESTION, until_newline=True, confidence=confidence
    )
    for text in ["", "t", "to be", "not to\nbe", "xyz"]:
        suggestion = predict(Line(reader, reader.start), text, confidence).suggestion
        assert [suggestion] == generate_texts(reader, settings, text)


def test_the_suggestion_ends_before_a_newline(known: Reader) -> None:
    """Characters that are not printable are not suggested."""
    assert predict(Line(known, known.start), "ab", 0.5).suggestion == "c de"


def test_a_line_continues_its_context(reader: Reader) -> None:
    """The context after a line is the context after the text before it and the line."""
    line = Line(reader, reader.read("not to "))
    predict(line, "bo")
    expected = reader.read("not to be or")
    # One step at a time and a product over many inputs differ by float32's rounding.
    np.testing.assert_allclose(line.context_after("be or").logits, expected.logits, atol=1e-4)


def test_a_long_paste_is_read_in_small_steps(engine: "CountingEngine", reader: Reader) -> None:
    """A step reads at most 16 characters, and at most 512 contexts are cached."""
    line = Line(reader, reader.start)
    text = "to be or not " * 2_000
    before = engine.count
    for _ in line.predict(text, 1.0):
        assert engine.count - before <= 16
        before = engine.count
    assert len(line._contexts) <= 512
    count = engine.count
    predict(line, text[:-1])
    assert engine.count - count < 16
    expected = reader.read(text)
    np.testing.assert_allclose(line.context_after(text).logits, expected.logits, atol=1e-4)
