"""The LSTM with prepared weights is the LSTM of the equations, whatever is done with its memory."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.model.cells import CELLS
from chargen.model.engine import PlainLayer
from chargen.model.fused import _SMALL, FusedLSTM

Floats = npt.NDArray[np.float32]

# Float32 sums of up to 400 products of about 0.1, and two tanh.
CLOSE = 5e-6


def weights_of(width: int, hidden: int, seed: int = 1) -> dict[str, Floats]:
    """Weights of a layer, large enough that gates open and close."""
    random = np.random.default_rng(seed)
    scale = np.float32(2 / np.sqrt(width + hidden))
    shapes = {
        "weight_ih": (4 * hidden, width),
        "weight_hh": (4 * hidden, hidden),
        "bias_ih": (4 * hidden,),
        "bias_hh": (4 * hidden,),
    }
    return {k: scale * random.standard_normal(s, np.float32) for k, s in shapes.items()}


def layers_of(width: int, hidden: int) -> tuple[FusedLSTM, PlainLayer]:
    """The same layer twice: prepared, and by its equations."""
    weights = weights_of(width, hidden)
    return FusedLSTM(CELLS["lstm"], weights), PlainLayer(CELLS["lstm"], weights)


def some(seed: int, *shape: int) -> Floats:
    """Numbers of about 1."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


# The last is above the size from which the matrix lies in memory the other way round.
sizes = pytest.mark.parametrize(("width", "hidden"), [(1, 1), (3, 5), (16, 8), (130, 260)])


def test_the_sizes_stand_on_both_sides_of_the_border() -> None:
    """A layer of 130 and 260 is stored by outputs, one of 16 and 8 by inputs."""
    small, large = (
        FusedLSTM(CELLS["lstm"], weights_of(width, hidden))._recurrent
        for width, hidden in ((16, 8), (130, 260))
    )
    assert small.nbytes < _SMALL <= large.nbytes
    assert small.flags.c_contiguous
    assert large.flags.f_contiguous


@sizes
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_step_is_that_of_the_equations(width: int, hidden: int, batch: int) -> None:
    """`step`, and `read` of `project`, give h and c of the equations over twenty steps."""
    fused, plain = layers_of(width, hidden)
    h, c = some(2, batch, hidden), some(3, batch, hidden)
    state, other, third = (h, c), (h, c), (h, c)
    for k in range(20):
        x = some(10 + k, batch, width)
        one, state = fused.step(x, state)  # type: ignore[assignment]
        two, other = plain.step(x, other)  # type: ignore[assignment]
        three, third = fused.read(fused.project(x), third)  # type: ignore[assignment]
        for made, end in ((one, state), (three, third)):
            assert made.shape == (batch, hidden)
            assert made.dtype == np.float32
            np.testing.assert_allclose(made, two, atol=CLOSE, rtol=0)
            np.testing.assert_allclose(end[0], other[0], atol=CLOSE, rtol=0)
            # c holds sums of many steps, of a size of about 3.
            np.testing.assert_allclose(end[1], other[1], atol=4 * CLOSE, rtol=0)


@sizes
def test_the_input_s_share_of_many_characters_is_that_of_each(width: int, hidden: int) -> None:
    """`project` takes any number of characters at once."""
    fused, _ = layers_of(width, hidden)
    x = some(4, 9, width)
    together = fused.project(x)
    assert together.shape == (9, 4 * hidden)
    for k in range(9):
        np.testing.assert_allclose(together[k : k + 1], fused.project(x[k : k + 1]), atol=CLOSE)


@sizes
def test_the_share_of_a_one_hot_input_is_a_column_of_the_weights(width: int, hidden: int) -> None:
    """`columns` is `project` of every one-hot input, without a product of so many by so many."""
    for layer in layers_of(width, hidden):
        expected = layer.project(np.eye(width, dtype=np.float32))
        np.testing.assert_allclose(layer.columns(), expected, atol=CLOSE)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6))
def test_batches_of_any_sizes_in_any_order_do_not_disturb_each_other(batches: list[int]) -> None:
    """The memory is made anew for another batch size, and what came before stays as it was."""
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


def test_gates_that_are_wide_open_or_shut_overflow_nothing() -> None:
    """Inputs of a thousand drive the gates to 0 and 1 and raise no warning."""
    fused, plain = layers_of(3, 4)
    state = (np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32))
    x = 1000 * some(5, 2, 3)
    with np.errstate(all="raise", under="ignore"):
        made, _ = fused.step(x, state)
    np.testing.assert_allclose(made, plain.step(x, state)[0], atol=CLOSE)
