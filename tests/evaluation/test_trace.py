"""Tests of traces against the engine and the equations, and of held gates."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chargen.errors import OptionError
from chargen.evaluation.inspection import InspectionSettings
from chargen.evaluation.trace import NO_SETTINGS, Tracer
from chargen.generation.context import Reader
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ENCODERS
from chargen.model.engine import CHUNK
from chargen.text.kind import LINE, STREAM

TEXT = "to be, or not\nto\ufffdbe " * 8  # more than one chunk
assert len(TEXT) > CHUNK

# Float32 sums of some twenty terms of about 1, carried through a text.
CLOSE = 5e-5

every_cell = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture
def load(tmp_path: Path, make_model: Callable[..., Path]) -> Callable[..., Checkpoint]:
    """Return a function that makes a small model with random weights and loads it."""

    def make(**sizes: Any) -> Checkpoint:
        folder = tmp_path / "-".join(["model", *map(str, sizes.values())])
        return Checkpoint.load(make_model(folder, **{"hidden_size": 6, "num_layers": 2, **sizes}))

    return make


@every_cell
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("lines", [False, True])
def test_predictions_and_states_are_those_of_the_engine(
    load: Callable[..., Checkpoint], cell: str, encoder: str, depth: int, lines: bool
) -> None:
    """Logits, probabilities and states match the engine, and so do the states before the text."""
    loaded = load(cell=cell, encoder=encoder, num_layers=depth)
    reader, tracer = Reader.of(loaded), Tracer.of(loaded)
    reader.kind = tracer.kind = LINE if lines else STREAM
    trace = tracer.trace(TEXT)
    ids, states = reader.vocabulary.encode(TEXT), reader.start.states
    for layer, state in zip(trace.states_before, states, strict=True):
        assert list(layer) == list(CELLS[cell].state)
        for found, part in zip(layer.values(), state, strict=True):
            np.testing.assert_allclose(found, part[0], atol=CLOSE)
    steps = []
    for t in range(len(TEXT)):
        logits, states = reader.step(ids[t : t + 1], states)
        steps.append([logits[0], *(part[0] for state in states for part in state)])
    parts = [layer[name] for layer in trace.layers for name in CELLS[cell].state]
    for values, expected in zip([trace.logits, *parts], zip(*steps, strict=True), strict=True):
        np.testing.assert_allclose(values, expected, rtol=CLOSE, atol=CLOSE)
    # Sums of at most twenty float64 numbers.
    np.testing.assert_allclose(trace.probabilities.sum(1), 1, atol=1e-14)
    assert (trace.probabilities[:, 0] == 0).all()
    context = reader.read(TEXT)
    likely, wanted = trace.next_characters(-1), reader.next_characters(context, 5)
    assert [character for character, _ in likely] == [character for character, _ in wanted]
    assert [p for _, p in likely] == pytest.approx([p for _, p in wanted], abs=CLOSE)


@every_cell
def test_the_memory_is_what_was_kept_and_what_was_written(
    load: Callable[..., Checkpoint], cell: str
) -> None:
    """The two parts add up to the memory; a network without gates has no such parts."""
    trace = Tracer.of(load(cell=cell)).trace(TEXT)
    for layer in trace.layers:
        if CELLS[cell].gates:
            both = layer["kept"] + layer["written"]
            # Float32 rounding of numbers of about 1.
            np.testing.assert_allclose(both, layer[trace.memory], atol=1e-6)
        else:
            assert not {"kept", "written"} & set(layer)


def test_the_arrays_of_an_lstm_satisfy_its_equations(load: Callable[..., Checkpoint]) -> None:
    """c = f * (c before) + i * g, and h = o * tanh(c) is what is used."""
    trace = Tracer.of(load()).trace(TEXT)
    for layer, before in zip(trace.layers, trace.states_before, strict=True):
        earlier = np.concatenate([before["c"][None], layer["c"][:-1]])
        np.testing.assert_array_equal(layer["kept"], layer["f"] * earlier)
        np.testing.assert_array_equal(layer["written"], layer["i"] * layer["g"])
        # Float32 rounding of numbers of about 1.
        np.testing.assert_allclose(layer["c"], layer["kept"] + layer["written"], atol=1e-6)
        np.testing.assert_array_equal(layer["h"], layer["o"] * np.tanh(layer["c"]))
        np.testing.assert_array_equal(layer["used"], layer["h"])


def test_a_feed_forward_network_has_no_state(load: Callable[..., Checkpoint]) -> None:
    """Its only array is the output, and what it predicts depends on the last character alone."""
    trace = Tracer.of(load(cell="feedforward")).trace("tobot")
    assert [set(layer) for layer in trace.layers] == [{"used"}, {"used"}]
    assert trace.states_before == ({}, {})
    assert trace.memory == "used"
    # The same product of other numbers of rows can be rounded differently.
    np.testing.assert_allclose(trace.logits[0], trace.logits[4], atol=CLOSE)


@every_cell
def test_names_and_shapes_of_arrays(load: Callable[..., Checkpoint], cell: str) -> None:
    """The names are those that the documentation lists."""
    loaded = load(cell=cell)
    arrays = Tracer.of(loaded).trace("to be").arrays()
    parts = [*CELLS[cell].gates, *CELLS[cell].state, "used"]
    parts += ["kept", "written"] if CELLS[cell].gates else []
    size, vocabulary = loaded.config.hidden_size, len(loaded.vocabulary)
    expected: dict[str, tuple[int, ...]] = {"text": (5,), "vocabulary": (vocabulary,)}
    expected |= {"logits": (5, vocabulary), "probabilities": (5, vocabulary)}
    for k in (0, 1):
        expected |= {f"layer{k}/{name}": (5, size) for name in parts}
        expected |= {f"layer{k}/before/{name}": (size,) for name in CELLS[cell].state}
    assert {name: value.shape for name, value in arrays.items()} == expected
    assert "".join(map(chr, arrays["text"])) == "to be"
    assert "".join(map(chr, arrays["vocabulary"])) == loaded.vocabulary.characters


GATES = [(cell, gate) for cell, each in CELLS.items() for gate in each.gates]


@pytest.mark.parametrize(("cell", "gate"), GATES)
@pytest.mark.parametrize(("field", "value"), [("close", 0), ("open", 1)])
def test_a_held_gate_changes_predictions(
    load: Callable[..., Checkpoint], cell: str, gate: str, field: str, value: int
) -> None:
    """From the chosen character on, only this gate of this unit and layer has the value."""
    tracer = Tracer.of(load(cell=cell))
    plain = tracer.trace(TEXT)
    everywhere = InspectionSettings(**{field: (gate,)})  # type: ignore[arg-type]
    held = tracer.trace(TEXT, replace(everywhere, start=CHUNK + 3, unit=2, layer=1))
    np.testing.assert_array_equal(held.logits[: CHUNK + 3], plain.logits[: CHUNK + 3])
    assert (held.layers[1][gate][CHUNK + 3 :, 2] == value).all()
    assert not np.isin(held.layers[1][gate][CHUNK + 3 :, [0, 1, 3, 4, 5]], [0, 1]).any()
    np.testing.assert_array_equal(held.layers[0][gate], plain.layers[0][gate])
    # Rounding changes probabilities by less than 1e-6.
    assert np.abs(held.probabilities - plain.probabilities).max() > 1e-3
    layers = tracer.trace(TEXT, everywhere).layers
    assert all((layer[gate] == value).all() for layer in layers)


def test_a_closed_forget_gate_erases_the_memory(load: Callable[..., Checkpoint]) -> None:
    """The new cell state contains only what the step writes."""
    trace = Tracer.of(load(num_layers=1)).trace(TEXT, InspectionSettings(close=("forget",)))
    assert (trace.layers[0]["kept"] == 0).all()
    np.testing.assert_array_equal(trace.layers[0]["c"], trace.layers[0]["written"])


def test_a_closed_output_gate_hides_the_memory(load: Callable[..., Checkpoint]) -> None:
    """The prediction is the same after every character."""
    trace = Tracer.of(load(num_layers=1)).trace(TEXT, InspectionSettings(close=("use",)))
    assert (trace.logits == trace.logits[0]).all()


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("lstm", {"i": "i learn input Learn", "f": "f forget", "g": "g candidate", "o": "o use"}),
        ("gru", {"r": "r reset", "z": "z keep update", "n": "candidate"}),
        ("mingru", {"z": "z update", "n": "n candidate"}),
    ],
)
def test_gates_have_names(cell: str, names: dict[str, str]) -> None:
    """A gate is found by its letter and by its names in words."""
    for letter, words in names.items():
        assert {CELLS[cell].find_gate(word) for word in words.split()} == {letter}
    assert CELLS[cell].find_gate("") is None
    assert CELLS[cell].find_gate("nothing") is None


@pytest.mark.parametrize(
    ("cell", "settings", "message"),
    [
        (
            "gru",
            {"close": ("forget",)},
            r"got 'forget' \(a GRU has the gates reset r, keep \(update\) z, candidate n\)",
        ),
        ("rnn", {"open": ("use",)}, "open cannot be used with this model: an RNN has no gates"),
        ("lstm", {"close": ("i",), "open": ("learn",)}, "close and open hold the same gate, learn"),
        ("lstm", {"layer": 2}, "layer must be a whole number between 0 and 1 with this model"),
        ("lstm", {"unit": 6}, "unit must be a whole number between 0 and 5 with this model"),
    ],
)
def test_what_the_model_does_not_have_is_refused(
    load: Callable[..., Checkpoint], cell: str, settings: dict[str, Any], message: str
) -> None:
    """The message names the available gates, layers or units."""
    tracer = Tracer.of(load(cell=cell))
    with pytest.raises(OptionError, match=message):
        tracer.trace("to", InspectionSettings(**settings))


def test_an_empty_text_is_refused(load: Callable[..., Checkpoint]) -> None:
    """There is nothing to look at."""
    with pytest.raises(OptionError, match="prompt must be a text of at least one character"):
        Tracer.of(load()).trace("")


def test_chunks_are_parts_of_the_trace(load: Callable[..., Checkpoint]) -> None:
    """A long text is read in parts of bounded size."""
    tracer = Tracer.of(load())
    chunks = list(tracer.chunks(TEXT, NO_SETTINGS))
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert max(len(chunk.text) for chunk in chunks) == CHUNK
    np.testing.assert_array_equal(
        np.concatenate([chunk.logits for chunk in chunks]), tracer.trace(TEXT).logits
    )
