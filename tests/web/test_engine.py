"""Tests of the page's engine against the numpy engine and torch."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from chargen.evaluation.surprisal import read
from chargen.evaluation.trace import Tracer
from chargen.generation.context import Reader
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ENCODERS
from chargen.model.engine import Engine
from chargen.text.kind import LINE
from tests.web.checkpoints import TEXT, make_checkpoint
from tests.web.conftest import PageEngine

KINDS = list(product(CELLS, ENCODERS, (1, 2)))
CHECKPOINTS = [
    make_checkpoint(cell=cell, encoder=encoder, num_layers=layers, seed=k)
    for k, (cell, encoder, layers) in enumerate(KINDS)
]
DEEP = {
    checkpoint.config.cell: k
    for k, checkpoint in enumerate(CHECKPOINTS)
    if checkpoint.config.num_layers == 2 and checkpoint.config.encoder == "embedding"
}
LINES = make_checkpoint(kind=LINE)
STREAM = make_checkpoint(seed=1)
FEW_NEWLINES = replace(
    STREAM,
    description=replace(
        STREAM.description, corpus={"newlines": 0, "texts": 1, "characters": 9_000}
    ),
)
ROUNDING = 1e-5  # of float32 values around 1, over a few steps


@pytest.fixture(scope="module")
def engine(open_engine: Callable[..., PageEngine]) -> PageEngine:
    """A page with every cell, encoder and depth, a model of lines, and one of few newlines."""
    return open_engine(*CHECKPOINTS, LINES, FEW_NEWLINES)


def random_text(length: int) -> str:
    """Return random characters, some of which no model knows."""
    characters = np.random.default_rng(1).choice(list(dict.fromkeys(TEXT + "\n?")), length)
    return "".join(characters)


@pytest.mark.parametrize("k", range(len(KINDS)), ids=["-".join(map(str, kind)) for kind in KINDS])
def test_logits_equal_those_of_the_numpy_engine(engine: PageEngine, k: int) -> None:
    """For every cell, encoder and depth, the logits over 500 characters differ by at most 1e-4."""
    checkpoint, text = CHECKPOINTS[k], random_text(500)
    numpy_engine = Engine(checkpoint.config, checkpoint.weights)
    ids = checkpoint.vocabulary.encode("\n" + text)
    expected, _ = numpy_engine.logits(ids, numpy_engine.empty_states())
    found = engine.ask("trace", ["logits"], model=k, text=text, last=501)["logits"]
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=0, atol=1e-4)


def unroll(checkpoint: Checkpoint, text: str) -> tuple[torch.Tensor, list[Any], torch.Tensor]:
    """Return the last logits [V], the gates and states of each layer and step, and the inputs."""
    config, cell = checkpoint.config, CELLS[checkpoint.config.cell]
    weights = {name: torch.from_numpy(value).double() for name, value in checkpoint.weights.items()}
    layers = [
        {name.removesuffix("_l0"): weights[f"layers.{k}.{name}"] for name in cell.shapes(1, 1)}
        for k in range(config.num_layers)
    ]
    ids = torch.from_numpy(checkpoint.vocabulary.encode("\n" + text).astype(np.int64))
    x = inputs = weights["encoder.weight"][ids].requires_grad_()
    steps: list[Any] = []
    for layer in layers:
        zeros = torch.zeros(1, config.hidden_size, dtype=torch.float64)
        state = tuple(zeros for _ in cell.state)
        outputs, recorded = [], []
        for each in x:
            projected = each[None] @ layer["weight_ih"].T + layer["bias_ih"]
            h, state, gates = cell.step(torch, projected, state, layer)
            outputs.append(h[0])
            arrays = dict(zip(cell.state, state, strict=True)) if state else {"output": h}
            recorded.append((gates, arrays))
        x = torch.stack(outputs)
        steps.append(recorded)
    return x[-1] @ weights["decoder.weight"].T + weights["decoder.bias"], steps, inputs


@pytest.mark.parametrize("cell", CELLS)
def test_gates_and_states_are_those_of_the_cell(engine: PageEngine, cell: str) -> None:
    """A trace has the gates and states of both layers, by their letters."""
    k = DEEP[cell]
    _, steps, _ = unroll(CHECKPOINTS[k], TEXT)
    trace = engine.ask("trace", model=k, text=TEXT)
    assert (trace["steps"], trace["first"]) == (len(TEXT) + 1, 0)
    for recorded, layer in zip(steps, trace["layers"], strict=True):
        for letter in CELLS[cell].gates:
            expected = torch.cat([gates[letter] for gates, _ in recorded]).detach().flatten()
            np.testing.assert_allclose(layer["gates"][letter], expected, atol=ROUNDING)
        for name in recorded[0][1]:
            found = layer["states"].get(name) or layer["output"]
            expected = torch.cat([arrays[name] for _, arrays in recorded]).detach().flatten()
            np.testing.assert_allclose(found, expected, atol=ROUNDING)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if CELLS[cell].gates])
def test_memory_is_what_was_kept_and_written(engine: PageEngine, cell: str) -> None:
    """The two parts add up to the memory: c of the LSTM, else h."""
    for layer in engine.ask("trace", model=DEEP[cell], text=TEXT)["layers"]:
        memory = layer["states"][CELLS[cell].state[-1]]
        parts = np.add(layer["kept"], layer["written"])
        np.testing.assert_allclose(parts, memory, atol=ROUNDING)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_torch(engine: PageEngine, cell: str) -> None:
    """The norms of the gradients of the inputs equal autograd's within 0.1 %."""
    k = DEEP[cell]
    logits, _, inputs = unroll(CHECKPOINTS[k], TEXT)
    target = "b"
    known = logits.clone()
    known[0] = -torch.inf
    loss = known.log_softmax(0)[CHECKPOINTS[k].vocabulary.characters.index(target)]
    loss.backward()  # type: ignore[no-untyped-call]
    found = engine.ask("gradient", model=k, text=TEXT, target=target)
    assert found["target"] == target
    assert inputs.grad is not None
    np.testing.assert_allclose(found["norms"], inputs.grad.norm(dim=1), rtol=1e-3, atol=1e-9)
    assert found["norms"][-1] > 0


def test_a_gradient_is_that_of_the_chosen_prediction(engine: PageEngine) -> None:
    """The gradient at a step is that of a text which ends there; the target is the next one."""
    k = DEEP["lstm"]
    inside = engine.ask("gradient", model=k, text=TEXT, at=6)
    end = engine.ask("gradient", model=k, text=TEXT[:6], target=TEXT[6])
    assert inside["target"] == TEXT[6]
    assert inside["norms"] == end["norms"]


@pytest.mark.parametrize("cell", ["lstm", "gru", "mingru"])
def test_a_gate_can_be_held(engine: PageEngine, cell: str) -> None:
    """From the given step on, the gate has the given value, and the predictions change."""
    k, letter = DEEP[cell], {"lstm": "f", "gru": "r", "mingru": "z"}[cell]
    held = [{"layer": 1, "gate": letter, "unit": None, "from": 4, "value": 0}]
    free = engine.ask("trace", model=k, text=TEXT)
    shut = engine.ask("trace", model=k, text=TEXT, interventions=held)
    gates = np.reshape([each["layers"][1]["gates"][letter] for each in (free, shut)], (2, -1, 11))
    assert (gates[1, 4:] == 0).all()
    assert (gates[0, :4] == gates[1, :4]).all()
    logits = np.reshape([free["logits"], shut["logits"]], (2, len(TEXT) + 1, -1))
    assert (logits[0, :4] == logits[1, :4]).all()
    assert (logits[0, 4:] != logits[1, 4:]).any(axis=1).all()


def test_a_gate_can_be_held_in_one_unit(engine: PageEngine) -> None:
    """The other units of the layer change only through the state."""
    k = DEEP["lstm"]
    held = [{"layer": 0, "gate": "o", "unit": 3, "from": 0, "value": 1}]
    free = engine.ask("trace", model=k, text="")["layers"][0]["gates"]["o"]
    one = engine.ask("trace", model=k, text="", interventions=held)["layers"][0]["gates"]["o"]
    assert [n for n in range(11) if free[n] != one[n]] == [3]
    assert one[3] == 1


@pytest.mark.parametrize(
    ("cell", "change", "message"),
    [
        ("lstm", {"gate": "z"}, "LSTM has the gates i, f, o, not z"),
        ("rnn", {"gate": "f"}, "RNN has no gates, not f"),
        ("lstm", {"layer": 2}, "layer must be between 0 and 1, got 2"),
        ("lstm", {"unit": 11}, "unit must be between 0 and 10, got 11"),
    ],
)
def test_an_impossible_intervention_is_refused(
    engine: PageEngine, cell: str, change: dict[str, Any], message: str
) -> None:
    """The reply says what is wrong, and what is possible."""
    held = {"layer": 0, "gate": "f", "unit": None, "from": 0, "value": 0, **change}
    reply = engine.ask("trace", model=DEEP[cell], text=TEXT, interventions=[held])
    assert (reply["type"], reply["message"]) == ("error", message)


def test_the_end_of_a_long_text_is_recorded(engine: PageEngine) -> None:
    """With `last`, a trace has the last rows of the trace of the whole text."""
    k, fields = DEEP["gru"], ["steps", "first", "logits"]
    whole = engine.ask("trace", fields, model=k, text=TEXT)
    end = engine.ask("trace", fields, model=k, text=TEXT, last=3)
    assert (end["steps"], end["first"]) == (len(TEXT) + 1, len(TEXT) - 2)
    assert end["logits"] == whole["logits"][-len(end["logits"]) :]


@pytest.mark.parametrize(
    "k",
    [DEEP["lstm"], len(CHECKPOINTS), len(CHECKPOINTS) + 1],
    ids=["text", "lines", "few-newlines"],
)
def test_surprisal_and_predictions_are_those_of_chargen(engine: PageEngine, k: int) -> None:
    """They are equal after typing, deleting and changing the middle of a long text."""
    checkpoint = [*CHECKPOINTS, LINES, FEW_NEWLINES][k]
    reader = Reader.of(checkpoint)
    text = random_text(200)
    for typed in (text, text + "b", text[:-9], text[:50] + "o" + text[50:], text[:100], "", "t"):
        found = engine.ask("next", model=k, text=typed)
        np.testing.assert_allclose(found["nats"], read(reader, typed).nats, atol=ROUNDING)
        expected = reader.next_characters(reader.read(typed), 3)
        for character, probability in expected:
            place = checkpoint.vocabulary.characters.index(character)
            assert found["probabilities"][place] == pytest.approx(probability, abs=ROUNDING)
        assert found["probabilities"][0] == 0


@pytest.mark.parametrize("k", [DEEP["lstm"], len(CHECKPOINTS)], ids=["lstm", "lines"])
def test_a_trace_continues_what_was_read(engine: PageEngine, k: int) -> None:
    """After another request for the text, a trace of its end and a held gate are the same."""
    text = random_text(200)
    held = [{"layer": 0, "gate": "f", "unit": None, "from": 150, "value": 0}]
    ends: list[dict[str, Any]] = [
        {"last": last, "interventions": interventions}
        for last in (1, 20, 199, 201)
        for interventions in ([], held)
    ]

    def traces() -> list[Any]:
        found = []
        for end in ends:
            engine.ask("trace", model=k, text="")  # the last trace is kept
            trace = engine.ask("trace", model=k, text=text, **end)
            found.append({name: trace[name] for name in ("first", "starts", "layers", "logits")})
        return found

    engine.ask("next", model=k, text="")
    from_start = traces()
    engine.ask("next", model=k, text=text[:150] + "a")
    engine.ask("next", model=k, text=text)
    assert traces() == from_start


def test_a_trace_starts_with_the_first_input(engine: PageEngine) -> None:
    """Without newlines in its text, a model reads a space first, and then the text as it is."""
    found = engine.ask("trace", model=len(CHECKPOINTS) + 1, text="a\nb")
    expected = Tracer.of(FEW_NEWLINES).trace("a\nb").logits
    np.testing.assert_allclose(np.reshape(found["logits"], (4, -1))[1:], expected, atol=ROUNDING)


def test_lines_start_from_an_empty_state(engine: PageEngine) -> None:
    """In a model of lines, a newline resets the state, and no gradient flows across it."""
    k = len(CHECKPOINTS)
    trace = engine.ask("trace", model=k, text="to\nbe")
    assert trace["starts"] == [0, 3]
    norms = engine.ask("gradient", model=k, text="to\nbe")["norms"]
    assert norms[:3] == [0, 0, 0]
    assert min(norms[3:]) > 0
