"""Each cell is what its paper says, by three checks that know nothing of each other.

A cell that is added to CELLS is checked too, and fails until its equations stand in PAPERS.
"""

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from chargen.model.cells import CELLS, Cell
from chargen.model.network import FeedForward

Doubles = npt.NDArray[np.float64]

BATCH, WIDTH, HIDDEN, STEPS = 2, 4, 3, 5

Vector = list[float]
# One unit of one step, from the sums that reach each of its blocks of rows: x's and h's part, and
# the unit's old state -> its new state (h first), and its gates.
Unit = Callable[[Vector, Vector, Vector], tuple[Vector, dict[str, float]]]


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def lstm_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    """Gers et al. 2000: input, forget and output gates around an additive cell state."""
    i, f, o = sigma(x[0] + h[0]), sigma(x[1] + h[1]), sigma(x[3] + h[3])
    g = math.tanh(x[2] + h[2])
    c = f * old[1] + i * g
    return [o * math.tanh(c), c], {"i": i, "f": f, "g": g, "o": o}


def gru_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    """Cho et al. 2014, the reset gate behind the recurrent product as in cuDNN."""
    r, z = sigma(x[0] + h[0]), sigma(x[1] + h[1])
    n = math.tanh(x[2] + r * h[2])
    return [(1 - z) * n + z * old[0]], {"r": r, "z": z, "n": n}


def rnn_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    """Elman 1990."""
    return [math.tanh(x[0] + h[0])], {}


def feedforward_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    """A layer of a perceptron: nothing comes from before."""
    return [math.tanh(x[0])], {}


PAPERS: Mapping[str, Unit] = {
    "lstm": lstm_unit,
    "gru": gru_unit,
    "rnn": rnn_unit,
    "feedforward": feedforward_unit,
}

every_cell = pytest.mark.parametrize("name", CELLS)


def assert_close(actual: Any, expected: Any) -> None:
    """Equal but for the order of the sums: some units in the last place of float64."""
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


def weights_of(cell: Cell, random: np.random.Generator, hidden: int = HIDDEN) -> dict[str, Doubles]:
    """A layer's weights in float64, large enough that the gates do not all stand half open."""
    rows = cell.blocks * hidden
    weights = {"weight_ih": random.standard_normal((rows, WIDTH))}
    weights["bias_ih"] = random.standard_normal(rows)
    if cell.recurrent:
        weights["weight_hh"] = random.standard_normal((rows, hidden))
        weights["bias_hh"] = random.standard_normal(rows)
    return weights


def states_of(cell: Cell, random: np.random.Generator) -> tuple[Doubles, ...]:
    """A state in the middle of a text: not empty."""
    return tuple(np.tanh(random.standard_normal((BATCH, HIDDEN))) for _ in cell.state)


def naive_step(
    name: str, x: Vector, state: list[Vector], weights: Mapping[str, Doubles]
) -> tuple[Vector, list[Vector], list[dict[str, float]]]:
    """One step of one sample, number by number."""
    cell = CELLS[name]
    new: list[Vector] = []
    gates: list[dict[str, float]] = []
    for unit in range(HIDDEN):
        from_x, from_h = [], []
        for block in range(cell.blocks):
            row = block * HIDDEN + unit
            total = float(weights["bias_ih"][row])
            for column in range(WIDTH):
                total += float(weights["weight_ih"][row, column]) * x[column]
            from_x.append(total)
            total = 0.0
            if cell.recurrent:
                total = float(weights["bias_hh"][row])
                for column in range(HIDDEN):
                    total += float(weights["weight_hh"][row, column]) * state[0][column]
            from_h.append(total)
        values, opened = PAPERS[name](from_x, from_h, [part[unit] for part in state])
        new.append(values)
        gates.append(opened)
    h = [values[0] for values in new]
    return h, [[values[k] for values in new] for k in range(len(cell.state))], gates


@every_cell
def test_a_cell_equals_its_paper_number_by_number(name: str) -> None:
    """Several steps of a batch give the output, state and gates of plain loops over floats."""
    cell = CELLS[name]
    random = np.random.default_rng(7)
    weights, state = weights_of(cell, random), states_of(cell, random)
    naive = [[part[b].tolist() for part in state] for b in range(BATCH)]
    for _ in range(STEPS):
        x = random.standard_normal((BATCH, WIDTH))
        h, state, gates = cell.step(
            np, x @ weights["weight_ih"].T + weights["bias_ih"], state, weights
        )
        for b in range(BATCH):
            by_hand, naive[b], opened = naive_step(name, x[b].tolist(), naive[b], weights)
            assert_close(h[b], by_hand)
            assert len(state) == len(cell.state)
            for part, expected in zip(state, naive[b], strict=True):
                assert_close(part[b], expected)
            assert gates.keys() == opened[0].keys()
            for gate, values in gates.items():
                assert_close(values[b], [unit[gate] for unit in opened])


def loss(xp: Any, name: str, arrays: Mapping[str, Any], mixing: Any) -> Any:
    """A scalar of all outputs of several steps, and of the state they leave."""
    cell = CELLS[name]
    state = tuple(arrays[part] for part in cell.state)
    total = 0.0
    for k in range(STEPS):
        projected = arrays["x"][k] @ arrays["weight_ih"].T + arrays["bias_ih"]
        h, state, _ = cell.step(xp, projected, state, arrays)
        total = total + (h * mixing[k]).sum()
    for part in state:
        total = total + (part * mixing[STEPS]).sum()
    return total


@every_cell
def test_the_gradient_equals_central_differences(name: str) -> None:
    """Autograd through the equations agrees with differences of them, in every number read."""
    cell = CELLS[name]
    random = np.random.default_rng(11)
    arrays: dict[str, Doubles] = weights_of(cell, random)
    arrays["x"] = random.standard_normal((STEPS, BATCH, WIDTH))
    arrays |= dict(zip(cell.state, states_of(cell, random), strict=True))
    mixing = random.standard_normal((STEPS + 1, BATCH, HIDDEN))
    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in arrays.items()}
    loss(torch, name, tensors, torch.tensor(mixing)).backward()
    step = 1e-5
    for key, value in arrays.items():
        numeric = np.empty_like(value)
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + step
            above = loss(np, name, arrays, mixing)
            value[place] = kept - step
            below = loss(np, name, arrays, mixing)
            value[place] = kept
            numeric[place] = (above - below) / (2 * step)
        gradient = tensors[key].grad
        assert gradient is not None
        # A central difference errs by step**2 times a third derivative (1e-10 times some tens)
        # and by rounding of about 1e-15 / step.
        np.testing.assert_allclose(gradient.numpy(), numeric, rtol=1e-6, atol=1e-8)
        assert np.abs(numeric).max() > 1e-3


def fused(name: str, weights: Mapping[str, Doubles]) -> nn.Module:
    """The layer that trains the cell, in float64, with these weights."""
    cell = CELLS[name]
    layer: nn.Module = (
        getattr(nn, cell.torch_name)(WIDTH, HIDDEN)
        if cell.recurrent
        else FeedForward(WIDTH, HIDDEN)
    )
    layer = layer.double()
    named = {f"{key}_l0": torch.tensor(value) for key, value in weights.items()}
    layer.load_state_dict(named)  # strict: no weight more or less
    return layer


@every_cell
def test_a_cell_equals_the_fused_layer_of_torch(name: str) -> None:
    """Stepping by the equations gives what torch's own layer gives for the whole sequence."""
    cell = CELLS[name]
    random = np.random.default_rng(13)
    weights, state = weights_of(cell, random), states_of(cell, random)
    x = random.standard_normal((STEPS, BATCH, WIDTH))
    starts = tuple(torch.tensor(part)[None] for part in state)
    with torch.no_grad():
        outputs, last = fused(name, weights)(
            torch.tensor(x), starts[0] if len(starts) == 1 else starts
        )
    for k in range(STEPS):
        projected = x[k] @ weights["weight_ih"].T + weights["bias_ih"]
        h, state, _ = cell.step(np, projected, state, weights)
        assert_close(h, outputs[k].numpy())
    parts: tuple[Tensor, ...] = () if last is None else last if isinstance(last, tuple) else (last,)
    for part, expected in zip(state, parts, strict=True):
        assert_close(part, expected[0].numpy())


@every_cell
def test_a_cell_steps_alike_in_numpy_and_torch(name: str) -> None:
    """The array namespace has no say in the result."""
    cell = CELLS[name]
    random = np.random.default_rng(17)
    weights, state = weights_of(cell, random), states_of(cell, random)
    projected = random.standard_normal((BATCH, cell.blocks * HIDDEN))
    h, new, gates = cell.step(np, projected, state, weights)
    tensors = {key: torch.tensor(value) for key, value in weights.items()}
    starts = tuple(torch.tensor(part) for part in state)
    other_h, other_new, other_gates = cell.step(torch, torch.tensor(projected), starts, tensors)
    assert_close(h, other_h.numpy())
    for part, other in zip(new, other_new, strict=True):
        assert_close(part, other.numpy())
    assert list(gates) == list(other_gates)
    for gate in gates:
        assert_close(gates[gate], other_gates[gate].numpy())


@every_cell
def test_output_comes_first_in_the_state(name: str) -> None:
    """What a recurrent cell puts out is the h that it carries on."""
    cell = CELLS[name]
    random = np.random.default_rng(19)
    weights, state = weights_of(cell, random), states_of(cell, random)
    projected = random.standard_normal((BATCH, cell.blocks * HIDDEN))
    h, new, _ = cell.step(np, projected, state, weights)
    assert cell.state[:1] in ((), ("h",))
    assert all(np.array_equal(part, h) for part in new[:1])


@every_cell
def test_large_sums_saturate_without_overflow(name: str) -> None:
    """Sums that overflow exp leave gates at their limits, and raise no warning."""
    cell = CELLS[name]
    random = np.random.default_rng(23)
    weights = {k: v.astype(np.float32) for k, v in weights_of(cell, random).items()}
    for signs in product((-1e30, 1e30), repeat=cell.blocks):
        state = tuple(np.zeros((1, HIDDEN), np.float32) for _ in cell.state)
        projected = np.repeat(np.array(signs, np.float32), HIDDEN)[None]
        with np.errstate(all="raise"):
            h, new, gates = cell.step(np, projected, state, weights)
        for part in (h, *new, *gates.values()):
            assert np.isfinite(part).all()
            assert np.abs(part).max() <= 1
        assert all(np.isin(gate, (-1, 0, 1)).all() for gate in gates.values())
