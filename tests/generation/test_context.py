"""Tests of reading: a text is read step by step after a newline."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargen.generation.context import Context, Reader, known_log_probabilities
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import CHUNK
from chargen.text.kind import LINE, STREAM

MakeReader = Callable[..., Reader]

every_cell = pytest.mark.parametrize("cell", CELLS)
lines_or_not = pytest.mark.parametrize("lines", [False, True])

# Float32 sums of about twenty terms of about 1, accumulated over a text.
TOLERANCE = 5e-5


def read_stepwise(reader: Reader, text: str) -> Context:
    """Read a newline and then the text, one character at a time."""
    if reader.kind == LINE:
        text = text.rpartition("\n")[2]
    states = reader.engine.empty_states()
    for k in reader.vocabulary.encode("\n" + text).tolist():
        logits, states = reader.engine.step(np.array([k]), states)
    return Context(states, logits)


def parts(context: Context) -> list[npt.NDArray[np.float32]]:
    """Return all arrays of a context."""
    return [context.logits, *(part for state in context.states for part in state)]


def assert_close(context: Context, expected: Context) -> None:
    """Assert that two contexts are equal within rounding."""
    for part, other in zip(parts(context), parts(expected), strict=True):
        np.testing.assert_allclose(part, other, atol=TOLERANCE)


TEXTS = ["", "t", "to be", "\n", "\n\n", "to\nbe", "to be\n", "\nto", "\u660e\ud800 never seen"]


@every_cell
@lines_or_not
@pytest.mark.parametrize("text", [*TEXTS, "to be, or not " * 20, "b" * (CHUNK + 1)])
def test_read_equals_steps(make_reader: MakeReader, cell: str, lines: bool, text: str) -> None:
    """A text read in chunks gives the states and logits of reading it step by step."""
    reader = make_reader(cell=cell, lines=lines)
    assert_close(reader.read(text), read_stepwise(reader, text))


@every_cell
@lines_or_not
@pytest.mark.parametrize("first", ["", "to be", "or\n", "or\nnot"])
@pytest.mark.parametrize("second", ["", "b", "to be", "be\n", "be\nor", "\n"])
def test_read_from_a_context_equals_reading_both_texts(
    make_reader: MakeReader, cell: str, lines: bool, first: str, second: str
) -> None:
    """Reading a second text from the context of a first one equals reading their concatenation."""
    reader = make_reader(cell=cell, lines=lines)
    assert_close(reader.read(second, reader.read(first)), reader.read(first + second))


@lines_or_not
def test_a_context_is_not_modified(make_reader: MakeReader, lines: bool) -> None:
    """Reading from a context leaves its arrays unchanged."""
    reader = make_reader(lines=lines)
    for context in (reader.start, reader.read("to be")):
        for array in parts(context):
            array.setflags(write=False)
        once = reader.read("or not", context)
        assert_close(reader.read("or not", context), once)
        reader.step(reader.vocabulary.encode("\n"), context.states)


@every_cell
@lines_or_not
def test_a_step_of_a_batch_equals_single_steps(
    make_reader: MakeReader, cell: str, lines: bool
) -> None:
    """Each row of a batched step equals the step of that sample alone."""
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
        assert_close(Context(own, logits[k : k + 1]), read_stepwise(reader, text))


@lines_or_not
def test_a_newline_resets_only_models_of_lines(make_reader: MakeReader, lines: bool) -> None:
    """A newline leads to exactly the start context if the model was trained on lines."""
    reader = make_reader(lines=lines)
    newline = reader.vocabulary.encode("\n")
    for logits in (
        reader.step(newline, reader.read("to be").states)[0],
        reader.read("to be\n").logits,
    ):
        assert np.array_equal(logits, reader.start.logits) == lines


def test_lines_comes_from_the_checkpoint(
    tmp_path: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Reader.of` takes the mode from the checkpoint."""
    checkpoint = Checkpoint.load(make_model(tmp_path / "model"))
    assert Reader.of(checkpoint).kind == STREAM
    monkeypatch.setattr(Checkpoint, "kind", LINE)
    assert Reader.of(checkpoint).kind == LINE


def softmax(row: npt.NDArray[np.float32]) -> list[float]:
    """Return the softmax over all characters except the unknown one."""
    best = float(row[1:].max())
    powers = [math.exp(float(x) - best) for x in row[1:]]
    return [0.0, *(power / math.fsum(powers) for power in powers)]


@pytest.mark.parametrize("count", [1, 3, 10, 1000])
@pytest.mark.parametrize("text", ["", "to be", "not\n"])
def test_next_characters_are_the_best_of_the_softmax(reader: Reader, text: str, count: int) -> None:
    """The most likely characters come first, with their probabilities."""
    context = reader.read(text)
    expected = softmax(context.logits[0])
    order = sorted(range(1, len(expected)), key=lambda k: -expected[k])[:count]
    found = reader.next_characters(context, count)
    assert [c for c, _ in found] == [reader.vocabulary.characters[k] for k in order]
    # A softmax of ten numbers in float64.
    assert [p for _, p in found] == pytest.approx([expected[k] for k in order], rel=1e-12)
    assert len(found) == min(count, len(expected) - 1)


def test_equally_likely_characters_come_in_the_order_of_the_vocabulary(reader: Reader) -> None:
    """Ties are in the order of the vocabulary, without the unknown character."""
    logits = np.zeros((1, len(reader.vocabulary)), np.float32)
    found = reader.next_characters(Context([], logits), 5)
    assert [c for c, _ in found] == list(reader.vocabulary.characters[1:6])


rows = st.lists(st.floats(-200, 200, width=32), min_size=2, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=4), st.floats(-200, 200, width=32))
def test_known_probabilities_are_a_softmax(values: list[list[float]], unknown: float) -> None:
    """The probabilities are a softmax over all characters except the unknown one."""
    width = min(map(len, values))
    logits = np.array([[unknown, *row[1:width]] for row in values], np.float32)
    logits.setflags(write=False)
    found = np.exp(known_log_probabilities(logits))
    # A softmax of twelve numbers in float64.
    np.testing.assert_allclose(found, [softmax(row) for row in logits], rtol=1e-12)
