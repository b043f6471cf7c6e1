"""The LSTM's step as one product and two tanh, with weights prepared and memory reused.

Shapes: B batch, D input, H hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chargen.model.blas import Pace, product
from chargen.model.cells import Cell

Floats = npt.NDArray[np.float32]
State = tuple[Floats, ...]

# Microseconds of a matrix-vector product by rows of inputs (C) and of outputs (F). With one
# thread 128x512: 7.7 and 8.4; 256x1024: 24 and 24. With two, where they are worth it, F wins:
# at 2x256 5,700 characters/s and 8,800, at 1x512 6,100 and 7,100, at 2x512 2,700 and 3,200.
_SMALL = 1 << 20


class FusedLSTM:
    """An LSTM layer, equal to `cells.lstm` but for rounding.

    The rows of i, f and o are halved, since sigmoid(x) = 0.5 + 0.5 tanh(x / 2), and stand
    together, i f o g, so that one tanh serves all gates.
    """

    def __init__(self, _: Cell, weights: Mapping[str, Floats]) -> None:
        hidden = self._hidden = weights["weight_hh"].shape[1]
        rows = np.arange(4 * hidden)
        rows = np.concatenate([rows[: 2 * hidden], rows[3 * hidden :], rows[2 * hidden :][:hidden]])
        scale = np.full((4 * hidden, 1), 0.5, np.float32)
        scale[3 * hidden :] = 1.0
        self._input: Floats = (weights["weight_ih"][rows] * scale).T  # [D, 4H]
        self._recurrent: Floats = _laid_out((weights["weight_hh"][rows] * scale).T)  # [H, 4H]
        self._width = len(self._input)
        self._bias: Floats = ((weights["bias_ih"] + weights["bias_hh"])[rows] * scale[:, 0])[None]
        self._memory = _Memory(0, self._width, hidden, alone=True)

    @cached_property
    def _both(self) -> Floats:
        """[D + H, 4H]; the first layer, whose inputs are looked up, never needs it."""
        return _laid_out(np.concatenate([self._input, self._recurrent]))

    def project(self, x: Floats) -> Floats:
        """[..., D] -> [..., 4H], both biases in it."""
        projected: Floats = x @ self._input
        projected += self._bias
        return projected

    def columns(self) -> Floats:
        """[D, 4H]: `project` of each one-hot input."""
        columns: Floats = np.add(self._input, self._bias, order="C")  # rows are looked up
        return columns

    def read(self, projected: Floats, state: State) -> tuple[Floats, State]:
        """Projected [B, 4H] and (h, c) -> h [B, H] and (h, c)."""
        h, c = state
        memory = self._room(len(h))
        if memory.alone:
            np.dot(h, self._recurrent, memory.z)
        else:
            product(np.dot, h, self._recurrent, memory.z, memory.reads)
        return self._gates(memory, projected, c)

    def step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """x [B, D] and (h, c) -> h [B, H] and (h, c): one product for both."""
        h, c = state
        memory = self._room(len(h))
        memory.x[...] = x
        memory.h[...] = h
        if memory.alone:
            np.dot(memory.xh, self._both, memory.z)
        else:
            product(np.dot, memory.xh, self._both, memory.z, memory.steps)
        return self._gates(memory, self._bias, c)

    def _room(self, batch_size: int) -> _Memory:
        if len(self._memory.z) != batch_size:
            # The products of one sample have the same bits with any number of threads, those of
            # many have not, and the same seed is to write the same text however busy the machine.
            alone = batch_size > 1 or self._recurrent.nbytes < _SMALL // 2
            self._memory = _Memory(batch_size, self._width, self._hidden, alone=alone)
        return self._memory

    @staticmethod
    def _gates(memory: _Memory, rest: Floats, c: Floats) -> tuple[Floats, State]:
        z, ifo = memory.z, memory.ifo
        np.add(z, rest, z)
        np.tanh(z, z)
        np.multiply(ifo, _HALF, ifo)
        np.add(ifo, _HALF, ifo)
        c = np.multiply(memory.f, c)
        np.multiply(memory.i, memory.g, memory.g)
        np.add(c, memory.g, c)
        h = np.tanh(c)
        np.multiply(h, memory.o, h)
        return h, (h, c)


def _laid_out(matrix: Floats) -> Floats:
    """The matrix in the order in which its size is read fastest, and in one piece.

    Of a part of another matrix `np.matmul` takes twice the time, and `np.dot` makes a copy.
    """
    return np.asarray(matrix, order="C" if matrix.nbytes < _SMALL else "F")


_HALF = np.array(0.5, np.float32)  # a scalar is made an array anew in every call


class _Memory:
    """What a step writes before its result: made once for a batch size.

    alone: nobody watches how many threads are worth while; they are as many as asked for.
    """

    def __init__(self, batch_size: int, width: int, hidden: int, *, alone: bool) -> None:
        self.xh: Floats = np.empty((batch_size, width + hidden), np.float32)
        self.x, self.h = self.xh[:, :width], self.xh[:, width:]
        self.z: Floats = np.empty((batch_size, 4 * hidden), np.float32)
        self.i, self.f, self.o, self.g = (
            self.z[:, k * hidden : (k + 1) * hidden] for k in range(4)
        )
        self.ifo = self.z[:, : 3 * hidden]
        self.alone = alone
        self.reads, self.steps = Pace(), Pace()
