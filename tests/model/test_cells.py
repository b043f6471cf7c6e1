"""Tests of each cell against independent references: plain loops, numeric gradients, torch.

A cell that is added to CELLS is tested too, and needs its equations for one unit in UNITS.
"""

import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from chargen.model.cells.cell import Cell
from chargen.model.cells.mingru import scan
from chargen.model.cells.registry import CELLS

Doubles = npt.NDArray[np.float64]

BATCH, WIDTH, HIDDEN, STEPS = 2, 4, 3, 5

Vector = list[float]
# One unit of one step, from the sums of its gates (the input's part and the state's part) and its
# old state -> its new state (h first), and its gates.
Unit = Callable[[Vector, Vector, Vector], tuple[Vector, dict[str, float]]]


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def lstm_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    i, f, o = sigma(x[0] + h[0]), sigma(x[1] + h[1]), sigma(x[3] + h[3])
    g = math.tanh(x[2] + h[2])
    c = f * old[1] + i * g
    return [o * math.tanh(c), c], {"i": i, "f": f, "g": g, "o": o}


def gru_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    r, z = sigma(x[0] + h[0]), sigma(x[1] + h[1])
    n = math.tanh(x[2] + r * h[2])
    return [(1 - z) * n + z * old[0]], {"r": r, "z": z, "n": n}


def mingru_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    z = sigma(x[0])
    n = x[1] + 0.5 if x[1] >= 0 else sigma(x[1])
    return [(1 - z) * old[0] + z * n], {"z": z, "n": n}


def rnn_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    return [math.tanh(x[0] + h[0])], {}


def feedforward_unit(x: Vector, h: Vector, old: Vector) -> tuple[Vector, dict[str, float]]:
    return [math.tanh(x[0])], {}


UNITS: Mapping[str, Unit] = {
    "lstm": lstm_unit,
    "gru": gru_unit,
    "mingru": mingru_unit,
    "rnn": rnn_unit,
    "feedforward": feedforward_unit,
}

every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=list(CELLS))


def assert_close(actual: Any, expected: Any) -> None:
    """Equal up to the order of float64 sums."""
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


def weights_of(cell: Cell, random: np.random.Generator) -> dict[str, Doubles]:
    """A layer's weights in float64, large enough to move the gates away from a half."""
    return {
        name.removesuffix("_l0"): random.standard_normal(shape)
        for name, shape in cell.shapes(WIDTH, HIDDEN).items()
    }


def states_of(cell: Cell, random: np.random.Generator) -> tuple[Doubles, ...]:
    """A state from the middle of a text."""
    return tuple(np.tanh(random.standard_normal((BATCH, HIDDEN))) for _ in cell.state)


def naive_step(
    cell: Cell, x: Vector, state: list[Vector], weights: Mapping[str, Doubles]
) -> tuple[Vector, list[Vector], list[dict[str, float]]]:
    """One step of one sample, with Python floats."""

    def sums(kind: str, row: int, values: Vector) -> float:
        if f"weight_{kind}" not in weights:
            return 0.0
        total = float(weights[f"bias_{kind}"][row])
        return total + sum(
            float(weight) * value
            for weight, value in zip(weights[f"weight_{kind}"][row], values, strict=True)
        )

    units = []
    for unit in range(HIDDEN):
        rows = [gate * HIDDEN + unit for gate in range(cell.num_gates)]
        from_x = [sums("ih", row, x) for row in rows]
        from_h = [sums("hh", row, state[0] if state else []) for row in rows]
        units.append(UNITS[cell.name](from_x, from_h, [part[unit] for part in state]))
    new = [[values[k] for values, _ in units] for k in range(len(cell.state))]
    return [values[0] for values, _ in units], new, [gates for _, gates in units]


def step_through(
    cell: Cell, x: Doubles, state: tuple[Doubles, ...], weights: Mapping[str, Doubles]
) -> tuple[Doubles, tuple[Doubles, ...]]:
    """The outputs [T, B, H] and the last state, from the equations in numpy."""
    outputs = []
    for part in x @ weights["weight_ih"].T + weights["bias_ih"]:
        h, state, _ = cell.step(np, part, state, weights)
        outputs.append(h)
    return np.stack(outputs), state


@every_cell
def test_cell_matches_naive_loop(cell: Cell) -> None:
    """Outputs, states and gates of several steps equal those of loops over Python floats."""
    random = np.random.default_rng(7)
    weights, state = weights_of(cell, random), states_of(cell, random)
    naive = [[part[b].tolist() for part in state] for b in range(BATCH)]
    for _ in range(STEPS):
        x = random.standard_normal((BATCH, WIDTH))
        projected = x @ weights["weight_ih"].T + weights["bias_ih"]
        h, state, gates = cell.step(np, projected, state, weights)
        assert gates.keys() == cell.gates.keys()
        for b in range(BATCH):
            expected, naive[b], expected_gates = naive_step(cell, x[b].tolist(), naive[b], weights)
            assert_close(h[b], expected)
            assert len(state) == len(cell.state)
            for part, other in zip(state, naive[b], strict=True):
                assert_close(part[b], other)
            for gate, values in gates.items():
                assert_close(values[b], [unit[gate] for unit in expected_gates])


def loss(xp: Any, cell: Cell, arrays: Mapping[str, Any], mixing: Any) -> Any:
    """A scalar that depends on the outputs of all steps and on the last state."""
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
def test_gradient_matches_central_differences(cell: Cell) -> None:
    """Autograd through the equations equals numeric gradients for every input and weight."""
    random = np.random.default_rng(11)
    arrays: dict[str, Doubles] = weights_of(cell, random)
    arrays["x"] = random.standard_normal((STEPS, BATCH, WIDTH))
    arrays |= dict(zip(cell.state, states_of(cell, random), strict=True))
    mixing = random.standard_normal((STEPS + 1, BATCH, HIDDEN))
    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in arrays.items()}
    loss(torch, cell, tensors, torch.tensor(mixing)).backward()
    step = 1e-5
    for key, value in arrays.items():
        numeric = np.empty_like(value)
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + step
            above = loss(np, cell, arrays, mixing)
            value[place] = kept - step
            below = loss(np, cell, arrays, mixing)
            value[place] = kept
            numeric[place] = (above - below) / (2 * step)
        gradient = tensors[key].grad
        assert gradient is not None
        # A central difference has an error of step**2 times a third derivative (1e-10 times some
        # tens) and a rounding error of about 1e-15 / step.
        np.testing.assert_allclose(gradient.numpy(), numeric, rtol=1e-6, atol=1e-8)
        assert np.abs(numeric).max() > 1e-3


def layer_of(cell: Cell, weights: Mapping[str, Doubles]) -> nn.Module:
    """The torch layer of the cell, in float64, with these weights and no others."""
    layer = cell.torch_layer(WIDTH, HIDDEN).double()
    layer.load_state_dict({f"{key}_l0": torch.tensor(value) for key, value in weights.items()})
    return layer


@every_cell
def test_torch_layer_matches_steps(cell: Cell) -> None:
    """The layer for training equals the equations, step by step."""
    random = np.random.default_rng(13)
    weights, state = weights_of(cell, random), states_of(cell, random)
    x = random.standard_normal((STEPS, BATCH, WIDTH))
    starts = tuple(torch.tensor(part)[None] for part in state)
    with torch.no_grad():
        outputs, last = layer_of(cell, weights)(
            torch.tensor(x), starts[0] if len(starts) == 1 else starts
        )
    expected, state = step_through(cell, x, state, weights)
    assert_close(outputs.numpy(), expected)
    parts = (last,) if isinstance(last, Tensor) else last
    for part, other in zip(state, parts, strict=True):
        assert_close(part, other[0].numpy())


@every_cell
def test_numpy_layer_matches_steps(cell: Cell) -> None:
    """The layer for generation equals the equations, in float32."""
    random = np.random.default_rng(13)
    weights, state = weights_of(cell, random), states_of(cell, random)
    layer = cell.numpy_layer({key: value.astype(np.float32) for key, value in weights.items()})
    x = random.standard_normal((STEPS, BATCH, WIDTH))
    expected, last = step_through(cell, x, state, weights)
    new = tuple(part.astype(np.float32) for part in state)
    for k in range(STEPS):
        h, new = layer.step(x[k].astype(np.float32), new)
        np.testing.assert_allclose(h, expected[k], rtol=1e-4, atol=1e-5)
    for part, other in zip(new, last, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-4, atol=1e-5)


@every_cell
def test_numpy_and_torch_steps_are_equal(cell: Cell) -> None:
    """The equations do not depend on the array namespace."""
    random = np.random.default_rng(17)
    weights, state = weights_of(cell, random), states_of(cell, random)
    projected = random.standard_normal((BATCH, cell.num_gates * HIDDEN))
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
    assert cell.state[:1] in ((), ("h",))
    assert all(np.array_equal(part, h) for part in new[:1])


@every_cell
def test_large_sums_saturate_without_overflow(cell: Cell) -> None:
    """Sums that overflow exp give finite values and no warning; all but minGRU's n stay within 1.

    The candidate of minGRU grows linearly with its sum, and so does its state.
    """
    random = np.random.default_rng(23)
    weights = {k: v.astype(np.float32) for k, v in weights_of(cell, random).items()}
    for signs in product((-1e30, 1e30), repeat=cell.num_gates):
        state = tuple(np.zeros((1, HIDDEN), np.float32) for _ in cell.state)
        projected = np.repeat(np.array(signs, np.float32), HIDDEN)[None]
        with np.errstate(all="raise"):
            h, new, gates = cell.step(np, projected, state, weights)
        assert all(np.isfinite(part).all() for part in (h, *new, *gates.values()))
        if cell.name == "mingru":
            gates = {"z": gates["z"]}
        else:
            assert all(np.abs(part).max() <= 1 for part in (h, *new))
        assert all(np.isin(gate, (-1, 0, 1)).all() for gate in gates.values())


# The parallel scan of minGRU


@pytest.mark.parametrize("steps", [1, 2, 7, 64])
@pytest.mark.parametrize("scale", [1, 30])  # 30 saturates the gates
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 3e-5), (torch.float64, 1e-12)], ids=str
)
def test_mingru_scan_matches_steps(
    steps: int, scale: float, empty: bool, dtype: torch.dtype, tolerance: float
) -> None:
    """Values and gradients equal those of the equations, also from a state of zeros."""
    random = torch.Generator().manual_seed(3)
    projected = scale * torch.randn(steps, BATCH, 2 * HIDDEN, generator=random, dtype=dtype)
    h = torch.rand(BATCH, HIDDEN, generator=random, dtype=dtype) * (not empty)
    mixing = torch.randn(steps, BATCH, HIDDEN, generator=random, dtype=dtype)
    cell = CELLS["mingru"]
    results = []
    for compute in (
        scan,
        lambda p, s: cell.unroll(p, (s,), {})[0],
        lambda p, s: Cell.unroll(cell, p, (s,), {})[0],
    ):
        inputs = projected.clone().requires_grad_(), h.clone().requires_grad_()
        outputs = compute(*inputs)
        results.append([outputs, *torch.autograd.grad((outputs * mixing).sum(), inputs)])
    *found, expected = results
    for result in found:
        for one, other in zip(result, expected, strict=True):
            assert torch.isfinite(one).all()
            torch.testing.assert_close(one, other, rtol=tolerance, atol=scale * tolerance)


def test_mingru_accumulates_in_float32_under_autocast() -> None:
    """In bfloat16 the outputs are rounded once, and the carried state keeps its precision."""
    layer = CELLS["mingru"].torch_layer(WIDTH, HIDDEN)
    x, state = torch.ones(400, BATCH, WIDTH), torch.zeros(1, BATCH, HIDDEN)
    with torch.no_grad():
        CELLS["mingru"].initialise(layer, torch.Generator().manual_seed(1), chrono_max=1_000)
        expected, _ = layer(x, state)
        with torch.autocast("cpu", torch.bfloat16):
            h, last = layer(x, state)
    assert (h.dtype, last.dtype) == (torch.bfloat16, torch.float32)
    # The inputs' products are rounded to 8 bits; adding 400 steps in bfloat16 would stop growing.
    torch.testing.assert_close(last[0], expected[-1], rtol=0.03, atol=0)


# The registry


def test_cells_are_ordered_by_their_number_of_gates() -> None:
    """The most gates come first, and the cell without memory last."""
    assert list(CELLS) == ["lstm", "gru", "mingru", "rnn", "feedforward"]
    assert all(cell.name == name for name, cell in CELLS.items())
    assert all(cell.description.endswith(".") and cell.label for cell in CELLS.values())


def test_registry_loads_neither_numpy_nor_torch() -> None:
    """The command line lists the cells before it imports large libraries."""
    program = (
        "import sys, chargen.model.cells.registry, chargen.model.config\n"
        "assert not {'numpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
