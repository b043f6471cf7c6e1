"""The LSTM's step as one product and two tanh, with prepared weights and reused buffers.

Shapes: B batch, D input, H hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

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
    """

    def __init__(self, cell: Cell, weights: Mapping[str, Floats]) -> None:
        hidden = weights["weight_hh"].shape[1]
        i, f, g, o = np.arange(4 * hidden).reshape(4, hidden)
        rows = np.concatenate([i, f, o, g])
        scale = np.full((4 * hidden, 1), 0.5, np.float32)
        scale[3 * hidden :] = 1.0
        bias = ((weights["bias_ih"] + weights["bias_hh"])[rows] * scale[:, 0])[None]
        super().__init__(cell, {"weight_ih": weights["weight_ih"][rows] * scale, "bias_ih": bias})
        self._recurrent = _store((weights["weight_hh"][rows] * scale).T)  # [H, 4H]
        self._allocate(1)

    @cached_property
    def _both(self) -> Floats:
        """[D + H, 4H]; unused in the first layer, which looks its inputs up."""
        return _store(np.concatenate([self._input, self._recurrent]))

    def read(self, projected: Floats, state: State) -> tuple[Floats, State]:
        """Projected [B, 4H] and (h, c) -> h [B, H] and (h, c)."""
        h, c = state
        if len(h) != len(self._z):
            self._allocate(len(h))
        self._dot_recurrent(h, self._recurrent, self._z)
        return self._apply_gates(projected, c)

    def step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """x [B, D] and (h, c) -> h [B, H] and (h, c), with one product for x and h."""
        h, c = state
        if len(h) != len(self._z):
            self._allocate(len(h))
        self._x[...] = x
        self._h[...] = h
        self._dot_both(self._xh, self._both, self._z)
        return self._apply_gates(self._bias, c)

    def _allocate(self, batch_size: int) -> None:
        width, hidden = len(self._input), len(self._recurrent)
        self._xh: Floats = np.empty((batch_size, width + hidden), np.float32)
        self._x, self._h = self._xh[:, :width], self._xh[:, width:]
        self._z: Floats = np.empty((batch_size, 4 * hidden), np.float32)
        self._i, self._f, self._o, self._g = np.split(self._z, 4, axis=1)
        self._ifo = self._z[:, : 3 * hidden]
        # A product of one sample has the same bits with any number of threads. That of a batch
        # does not, and the same seed must generate the same text on a busy machine too.
        watch = batch_size == 1 and self._recurrent.nbytes >= _MIN_COLUMN_MAJOR // 2
        self._dot_recurrent = Product().dot if watch else np.dot
        self._dot_both = Product().dot if watch else np.dot

    def _apply_gates(self, rest: Floats, c: Floats) -> tuple[Floats, State]:
        z, ifo, g = self._z, self._ifo, self._g
        np.add(z, rest, z)
        np.tanh(z, z)
        np.multiply(ifo, _HALF, ifo)
        np.add(ifo, _HALF, ifo)
        c = np.multiply(self._f, c)
        np.multiply(self._i, g, g)
        np.add(c, g, c)
        h = np.tanh(c)
        np.multiply(h, self._o, h)
        return h, (h, c)


def _store(matrix: Floats) -> Floats:
    """Copy a matrix into the memory order that is fastest for its size.

    `np.matmul` takes twice the time for a part of another matrix, and `np.dot` makes a copy.
    """
    return np.asarray(matrix, order="C" if matrix.nbytes < _MIN_COLUMN_MAJOR else "F")
