"""Tests of the fused LSTM layer against the equations of the cell."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.model.cells.registry import CELLS
from chargen.model.fused_lstm import _MIN_COLUMN_MAJOR, FusedLSTM
from chargen.model.numpy_layer import NumpyLayer, State

Floats = npt.NDArray[np.float32]

LSTM = CELLS["lstm"]

# Float32 sums of up to 400 products of about 0.1, and two tanh.
CLOSE = 5e-6


def weights_of(width: int, hidden: int, seed: int = 1) -> dict[str, Floats]:
    """Weights of a layer, large enough to open and close gates."""
    random = np.random.default_rng(seed)
    scale = np.float32(2 / np.sqrt(width + hidden))
    shapes = {
        "weight_ih": (4 * hidden, width),
        "weight_hh": (4 * hidden, hidden),
        "bias_ih": (4 * hidden,),
        "bias_hh": (4 * hidden,),
    }
    return {k: scale * random.standard_normal(s, np.float32) for k, s in shapes.items()}


def layers_of(width: int, hidden: int) -> tuple[FusedLSTM, NumpyLayer]:
    """The fused layer and the layer that evaluates the equations."""
    weights = weights_of(width, hidden)
    return FusedLSTM(LSTM, weights), NumpyLayer(LSTM, weights)


def some(seed: int, *shape: int) -> Floats:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


# The matrix of the last is stored in the other memory order.
sizes = pytest.mark.parametrize(("width", "hidden"), [(1, 1), (3, 5), (16, 8), (130, 260)])


def test_sizes_cover_both_memory_orders() -> None:
    """A layer of 130 and 260 is stored in columns, one of 16 and 8 in rows."""
    small, large = (
        layers_of(width, hidden)[0]._recurrent for width, hidden in ((16, 8), (130, 260))
    )
    assert small.nbytes < _MIN_COLUMN_MAJOR <= large.nbytes
    assert small.flags.c_contiguous
    assert large.flags.f_contiguous


def test_batches_use_the_stored_matrix() -> None:
    """The rows of a large matrix for batches are the memory of the columns for one sample."""
    layer, _ = layers_of(130, 260)
    assert np.shares_memory(layer._recurrent, layer._recurrent_rows)
    assert np.shares_memory(layer._both, layer._both_rows)


def test_states_of_a_batch_stay_transposed() -> None:
    """States of any memory order are accepted; those of a batch are returned in F order."""
    layer, _ = layers_of(3, 5)
    x, h, c = some(1, 4, 3), some(2, 4, 5), some(3, 4, 5)
    for state in ((h, c), (np.asfortranarray(h), np.asfortranarray(c))):
        for part in (*layer.step(x, state)[1], *layer.read(layer.project(x), state)[1]):
            assert part.flags.f_contiguous


@sizes
@pytest.mark.parametrize("batch", [1, 2, 7, 16, 37])
def test_step_matches_equations(width: int, hidden: int, batch: int) -> None:
    """`step`, and `read` after `project`, give the h and c of the equations over twenty steps."""
    fused, plain = layers_of(width, hidden)
    h, c = some(2, batch, hidden), some(3, batch, hidden)
    state: State = (h, c)
    other, third = state, state
    for k in range(20):
        x = some(10 + k, batch, width)
        one, state = fused.step(x, state)
        two, other = plain.step(x, other)
        three, third = fused.read(fused.project(x), third)
        for made, end in ((one, state), (three, third)):
            assert made.shape == (batch, hidden)
            assert made.dtype == np.float32
            np.testing.assert_allclose(made, two, atol=CLOSE, rtol=0)
            np.testing.assert_allclose(end[0], other[0], atol=CLOSE, rtol=0)
            # c is a sum over many steps, with a magnitude of about 3.
            np.testing.assert_allclose(end[1], other[1], atol=4 * CLOSE, rtol=0)


@sizes
def test_project_accepts_many_characters(width: int, hidden: int) -> None:
    """Projecting many inputs together equals projecting each of them."""
    fused, _ = layers_of(width, hidden)
    x = some(4, 9, width)
    together = fused.project(x)
    assert together.shape == (9, 4 * hidden)
    for k in range(9):
        np.testing.assert_allclose(together[k : k + 1], fused.project(x[k : k + 1]), atol=CLOSE)


@sizes
def test_columns_project_one_hot_inputs(width: int, hidden: int) -> None:
    """`columns` equals `project` of the identity matrix."""
    for layer in layers_of(width, hidden):
        expected = layer.project(np.eye(width, dtype=np.float32))
        np.testing.assert_allclose(layer.columns(), expected, atol=CLOSE)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6))
def test_batch_size_can_change(batches: list[int]) -> None:
    """New buffers are used for another batch size; earlier results and inputs do not change."""
    fused, plain = layers_of(3, 4)
    kept: list[tuple[Floats, Floats]] = []
    for k, batch in enumerate(batches):
        x, h, c = some(k, batch, 3), some(k + 50, batch, 4), some(k + 99, batch, 4)
        for array in (x, h, c):
            array.setflags(write=False)
        made, (after_h, after_c) = fused.step(x, (h, c))
        expected, (_, expected_c) = plain.step(x, (h, c))
        np.testing.assert_allclose(made, expected, atol=CLOSE)
        np.testing.assert_allclose(after_c, expected_c, atol=CLOSE)
        kept += [(after_h, after_h.copy()), (after_c, after_c.copy())]
        for array, copy in kept:
            np.testing.assert_array_equal(array, copy)


def test_saturated_gates_do_not_overflow() -> None:
    """Inputs of about 1,000 give gates of 0 and 1 without a warning."""
    fused, plain = layers_of(3, 4)
    state = (np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32))
    x = 1000 * some(5, 2, 3)
    with np.errstate(all="raise", under="ignore"):
        made, _ = fused.step(x, state)
    np.testing.assert_allclose(made, plain.step(x, state)[0], atol=CLOSE)
