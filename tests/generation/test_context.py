"""Reading a text is stepping through it after a newline, and what comes next is told rightly."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargen.generation.context import Context, Reader, confidence
from chargen.model.cells import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import CHUNK

MakeReader = Callable[..., Reader]

every_cell = pytest.mark.parametrize("cell", CELLS)

# Float32 sums of some twenty terms of about 1, carried on through a text.
CLOSE = 5e-5


def by_hand(reader: Reader, text: str) -> Context:
    """A newline and then the text, one character at a time; of lines the last alone."""
    if reader.lines:
        text = text.rpartition("\n")[2]
    states = reader.engine.empty_states()
    for k in reader.vocabulary.encode("\n" + text).tolist():
        logits, states = reader.engine.step(np.array([k]), states)
    return Context(states, logits)


def assert_same(one: Context, other: Context) -> None:
    """Equal but for rounding."""
    np.testing.assert_allclose(one.logits, other.logits, atol=CLOSE)
    for state, expected in zip(one.states, other.states, strict=True):
        for part, same in zip(state, expected, strict=True):
            np.testing.assert_allclose(part, same, atol=CLOSE)


TEXTS = ["", "t", "to be", "\n", "\n\n", "to\nbe", "to be\n", "\nto", "\u660e\ud800 never seen"]


@every_cell
@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("text", [*TEXTS, "to be, or not " * 20, "b" * (CHUNK + 1)])
def test_reading_is_stepping(make_reader: MakeReader, cell: str, lines: bool, text: str) -> None:
    """A text is read after a newline; of a model of lines nothing before the last newline stays."""
    reader = make_reader(cell=cell, lines=lines)
    assert_same(reader.read(text), by_hand(reader, text))


@every_cell
@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("first", ["", "to be", "or\n", "or\nnot"])
@pytest.mark.parametrize("second", ["", "b", "to be", "be\n", "be\nor", "\n"])
def test_reading_on_is_reading_the_whole(
    make_reader: MakeReader, cell: str, lines: bool, first: str, second: str
) -> None:
    """From a context, text goes on as if it had been one."""
    reader = make_reader(cell=cell, lines=lines)
    assert_same(reader.read(second, reader.read(first)), reader.read(first + second))


def test_a_context_may_be_gone_on_from_twice(make_reader: MakeReader) -> None:
    """Reading on from a context leaves it as it was, the start of all texts too."""
    for lines in (False, True):
        reader = make_reader(lines=lines)
        for context in (reader.start, reader.read("to be")):
            for array in (context.logits, *(part for state in context.states for part in state)):
                array.setflags(write=False)
            once = reader.read("or not", context)
            assert_same(reader.read("or not", context), once)
            newline = reader.vocabulary.encode("\n")
            reader.step(newline, context.states)


@every_cell
def test_a_step_of_a_batch_is_the_step_of_each(make_reader: MakeReader, cell: str) -> None:
    """Side by side as alone, where some begin a new line and others do not."""
    for lines in (False, True):
        reader = make_reader(cell=cell, lines=lines)
        texts = ["to\n", "be, \n", "\n\n", "or", "not\nt"]
        before = [reader.read(text[:-1]) for text in texts]
        states = [
            tuple(np.concatenate(parts) for parts in zip(*layer, strict=True))
            for layer in zip(*(context.states for context in before), strict=True)
        ]
        ids = reader.vocabulary.encode("".join(text[-1] for text in texts))
        logits, after = reader.step(ids, states)
        for k, text in enumerate(texts):
            own = [tuple(part[k : k + 1] for part in state) for state in after]
            assert_same(Context(own, logits[k : k + 1]), by_hand(reader, text))


def test_only_a_model_of_lines_forgets_at_a_newline(make_reader: MakeReader) -> None:
    """After a newline it stands at the start of all texts, to the bit; another remembers."""
    for lines in (True, False):
        reader = make_reader(lines=lines)
        newline = reader.vocabulary.encode("\n")
        for logits in (
            reader.step(newline, reader.read("to be").states)[0],
            reader.read("to be\n").logits,
        ):
            assert np.array_equal(logits, reader.start.logits) == lines


def test_a_checkpoint_says_whether_it_learned_lines(
    tmp_path: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of a model of lines reads lines."""
    checkpoint = Checkpoint.load(make_model(tmp_path / "model"))
    assert not Reader.of(checkpoint).lines
    monkeypatch.setattr(Checkpoint, "lines", True)
    assert Reader.of(checkpoint).lines


# What comes next


def chances(row: npt.NDArray[np.float32]) -> list[float]:
    """The softmax of all but the unknown character, by hand."""
    best = float(row[1:].max())
    powers = [math.exp(float(x) - best) for x in row[1:]]
    return [0.0, *(power / math.fsum(powers) for power in powers)]


@pytest.mark.parametrize("count", [1, 3, 10, 1000])
@pytest.mark.parametrize("text", ["", "to be", "not\n"])
def test_the_likeliest_are_the_best_of_the_softmax(reader: Reader, text: str, count: int) -> None:
    """The best come first, with their probabilities; of all of them these sum to 1."""
    context = reader.read(text)
    expected = chances(context.logits[0])
    order = sorted(range(1, len(expected)), key=lambda k: -expected[k])[:count]
    found = reader.likeliest(context, count)
    assert [c for c, _ in found] == [reader.vocabulary.characters[k] for k in order]
    # A softmax of ten numbers in float64.
    assert [p for _, p in found] == pytest.approx([expected[k] for k in order], rel=1e-12)
    if count >= len(expected) - 1:
        assert len(found) == len(expected) - 1
        assert math.fsum(p for _, p in found) == pytest.approx(1, rel=1e-12)


def test_of_equally_likely_characters_the_first_comes_first(reader: Reader) -> None:
    """In the order of the vocabulary, and the unknown one never."""
    logits = np.zeros((1, len(reader.vocabulary)), np.float32)
    found = reader.likeliest(Context([], logits), 5)
    assert [c for c, _ in found] == list(reader.vocabulary.characters[1:6])


rows = st.lists(st.floats(-200, 200, width=32), min_size=2, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=4), st.floats(-200, 200, width=32))
def test_confidence_is_the_probability_of_the_best_character(
    values: list[list[float]], unknown: float
) -> None:
    """It is the network's own, among all characters but the unknown, however likely that is."""
    width = min(map(len, values))
    logits = np.array([[unknown, *row[1:width]] for row in values], np.float32)
    logits.setflags(write=False)
    expected = [max(chances(row)) for row in logits]
    # A softmax of twelve numbers, in float64.
    assert confidence(logits).tolist() == pytest.approx(expected, rel=1e-12)
