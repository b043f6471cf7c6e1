"""The LSTM's step as one product and two tanh, with prepared weights and reused buffers.

Shapes: B batch, D input, H hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from chargen.model.batch import empty_inputs, multiply
from chargen.model.blas import Product
from chargen.model.cells.cell import Cell
from chargen.model.numpy_layer import Floats, NumpyLayer, State

# Bytes above which a matrix is stored column by column. Microseconds of a matrix-vector product
# with rows (C order) and columns (F order) in one piece, one thread: 128x512 7.7 and 8.4;
# 256x1024 24 and 24. At sizes that use two threads, F order is faster: characters/s at 2x256 5,700
# and 8,800, at 1x512 6,100 and 7,100, at 2x512 2,700 and 3,200.
_MIN_COLUMN_MAJOR = 1 << 20

_HALF = np.array(0.5, np.float32)  # numpy would convert a Python float in every call


class FusedLSTM(NumpyLayer):
    """An LSTM layer that computes the equations of `LSTM`, up to rounding.

    One tanh computes all gates: sigmoid(x) = 0.5 + 0.5 tanh(x / 2), so the rows of i, f and o are
    halved. They come first; the order is i f o g.

    A batch is computed transposed, as weights [4H, D] times x^T [D, B]: OpenBLAS is faster with
    these shapes, and each gate is in one piece of memory. So the states of a batch are in F order.
    """

    parallel = True

    def __init__(self, cell: Cell, weights: Mapping[str, Floats]) -> None:
        hidden = weights["weight_hh"].shape[1]
        i, f, g, o = np.arange(4 * hidden).reshape(4, hidden)
        rows = np.concatenate([i, f, o, g])
        scale = np.full((4 * hidden, 1), 0.5, np.float32)
        scale[3 * hidden :] = 1.0
        bias = ((weights["bias_ih"] + weights["bias_hh"])[rows] * scale[:, 0])[None]
        super().__init__(cell, {"weight_ih": weights["weight_ih"][rows] * scale, "bias_ih": bias})
        self._recurrent = _store((weights["weight_hh"][rows] * scale).T)  # [H, 4H]
        width = len(self._input)
        self._xh: Floats = np.empty((1, width + hidden), np.float32)
        self._x, self._h = self._xh[:, :width], self._xh[:, width:]
        self._gates = _Gates(np.empty((1, 4 * hidden), np.float32), axis=1)
        # A product of one sample has the same bits with any number of threads. That of a batch
        # does not, and the same seed must generate the same text on a busy machine too.
        watch = self._recurrent.nbytes >= _MIN_COLUMN_MAJOR // 2
        self._dot_recurrent = Product().dot if watch else np.dot
        self._dot_both = Product().dot if watch else np.dot

    @cached_property
    def _both(self) -> Floats:
        """[D + H, 4H]; unused in the first layer, which looks its inputs up."""
        return _store(np.concatenate([self._input, self._recurrent]))

    @cached_property
    def _recurrent_rows(self) -> Floats:
        """[4H, H] in C order: the same memory as `_recurrent`, unless that is small."""
        return np.ascontiguousarray(self._recurrent.T)

    @cached_property
    def _both_rows(self) -> Floats:
        """[4H, D + H] in C order: the same memory as `_both`, unless that is small."""
        return np.ascontiguousarray(self._both.T)

    def read(self, projected: Floats, state: State) -> tuple[Floats, State]:
        """Projected [B, 4H] and (h, c) -> h [B, H] and (h, c)."""
        h, c = state
        if len(h) == 1:
            self._dot_recurrent(h, self._recurrent, self._gates.z)
            h, c = self._gates.apply(projected, c)
            return h, (h, c)
        inputs = empty_inputs(len(self._recurrent), len(h))
        inputs[...] = h.T
        return self._read_batch(self._recurrent_rows, inputs, projected, c)

    def step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """x [B, D] and (h, c) -> h [B, H] and (h, c), with one product for x and h."""
        h, c = state
        if len(h) == 1:
            self._x[...] = x
            self._h[...] = h
            self._dot_both(self._xh, self._both, self._gates.z)
            h, c = self._gates.apply(self._bias, c)
            return h, (h, c)
        width = len(self._input)
        inputs = empty_inputs(self._xh.shape[1], len(h))
        inputs[:width] = x.T
        inputs[width:] = h.T
        return self._read_batch(self._both_rows, inputs, self._bias, c)

    def _read_batch(
        self, weights: Floats, inputs: Floats, rest: Floats, c: Floats
    ) -> tuple[Floats, State]:
        gates = _Gates(multiply(weights, inputs), axis=0)
        h, c = gates.apply(rest.T, np.ascontiguousarray(c.T))
        return h.T, (h.T, c.T)


class _Gates:
    """The sums z of the gates, [1, 4H] or, for a batch, [4H, B], and a view of each gate."""

    def __init__(self, z: Floats, axis: int) -> None:
        self.z = z
        self._i, self._f, self._o, self._g = np.split(z, 4, axis)
        self._ifo = np.split(z, [z.shape[axis] // 4 * 3], axis)[0]

    def apply(self, rest: Floats, c: Floats) -> tuple[Floats, Floats]:
        """Add the rest of the sums and compute the gates; return h and c."""
        z, ifo, g = self.z, self._ifo, self._g
        np.add(z, rest, z)
        np.tanh(z, z)
        np.multiply(ifo, _HALF, ifo)
        np.add(ifo, _HALF, ifo)
        c = np.multiply(self._f, c)
        np.multiply(self._i, g, g)
        np.add(c, g, c)
        h = np.tanh(c)
        np.multiply(h, self._o, h)
        return h, c


def _store(matrix: Floats) -> Floats:
    """Copy a matrix into the memory order that is fastest for its size.

    `np.matmul` takes twice the time for a part of another matrix, and `np.dot` makes a copy.
    """
    return np.asarray(matrix, order="C" if matrix.nbytes < _MIN_COLUMN_MAJOR else "F")
