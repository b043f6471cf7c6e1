"""What a line costs while it is being typed, and what it suggests."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from chargen.generation.context import Reader
from chargen.generation.filters import Temperature
from chargen.generation.generate import generate
from chargen.generation.sampler import Sampler
from chargen.generation.stopping import Stopping
from chargen.records import Drawn
from chargen.repl.line import LONGEST_GHOST, Line, Thought

if TYPE_CHECKING:
    from tests.repl.conftest import CountingEngine


def think(line: Line, text: str, confidence: float = 1.0) -> Thought:
    """All that is to be known of the text."""
    *_, last = line.think(text, confidence)
    return last


def test_a_key_costs_one_step_and_a_deletion_none(engine: "CountingEngine", reader: Reader) -> None:
    """Each typed character is one step; what was typed before is looked up, in any order."""
    line = Line(reader, reader.start)
    text = "to be or not"
    for k in range(1, len(text) + 1):
        before = engine.count
        think(line, text[:k])
        assert engine.count - before == 1
    before = engine.count
    for k in [*range(len(text), -1, -1), 3, 8]:
        think(line, text[:k])
    assert engine.count == before
    think(line, "to bo")
    assert engine.count == before + 1
    think(line, "to bo or")
    assert engine.count == before + 4


def test_a_ghost_that_is_taken_costs_nothing(engine: "CountingEngine", reader: Reader) -> None:
    """The ghost's own characters are known when they are typed, and its end is where it was."""
    line = Line(reader, reader.start)
    ghost = think(line, "to", 0.0).ghost
    assert len(ghost) > 2
    before = engine.count
    assert think(line, "to" + ghost[:2], 1.0).ghost == ""
    assert engine.count == before
    line.whole("to" + ghost)
    assert engine.count == before


@pytest.mark.parametrize("confidence", [0.0, 0.2, 0.5, 0.9])
def test_the_ghost_is_what_greedy_writing_adds(reader: Reader, confidence: float) -> None:
    """It equals `generate` at temperature 0 with the same confidence, to the end of the line."""
    for text in ["", "t", "to be", "not to\nbe", "xyz"]:
        greedy = generate(
            reader,
            Sampler([Temperature(0)], seed=0),
            reader.read(text),
            Stopping(LONGEST_GHOST, until_newline=True, confidence=confidence),
        )
        expected = "".join(record.character for record in greedy if isinstance(record, Drawn))
        assert think(Line(reader, reader.start), text, confidence).ghost == expected


def test_the_ghost_ends_before_what_cannot_be_seen(known: Reader) -> None:
    """A newline ends it, though the model goes on."""
    assert think(Line(known, known.start), "ab", 0.5).ghost == "c de"


def test_a_line_goes_on_from_where_it_began(reader: Reader) -> None:
    """The context after a line is that of reading all that came before it and the line."""
    line = Line(reader, reader.read("not to "))
    think(line, "bo")
    expected = reader.read("not to be or")
    # One step at a time and a product over many inputs differ by float32's rounding.
    np.testing.assert_allclose(line.whole("be or").logits, expected.logits, atol=1e-4)


def test_a_long_paste_is_read_piece_by_piece(engine: "CountingEngine", reader: Reader) -> None:
    """Between two looks at the keyboard few characters are read, and not every context is kept."""
    line = Line(reader, reader.start)
    text = "to be or not " * 2_000
    before = engine.count
    for _ in line.think(text, 1.0):
        assert engine.count - before <= 16
        before = engine.count
    assert len(line._contexts) <= 512
    count = engine.count
    think(line, text[:-1])
    assert engine.count - count < 16
    expected = reader.read(text)
    np.testing.assert_allclose(line.whole(text).logits, expected.logits, atol=1e-4)
