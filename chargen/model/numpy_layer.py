"""A numpy layer for any cell.

Shapes: B batch, D input, H hidden, G gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from chargen.model.cells.cell import Cell

Floats = npt.NDArray[np.float32]
State = tuple[Floats, ...]


class NumpyLayer:
    """A layer that evaluates the equations of its cell.

    parallel: whether several threads at once, each with a part of a batch, are faster than BLAS
    with several threads.
    """

    parallel: ClassVar[bool] = False

    def __init__(self, cell: Cell, weights: Mapping[str, Floats]) -> None:
        self._cell = cell
        self._weights = weights
        self._input: Floats = weights["weight_ih"].T  # [D, G*H]
        self._bias: Floats = weights["bias_ih"]

    def project(self, x: Floats) -> Floats:
        """[..., D] -> [..., G*H]: the input's part of the gates, for many characters at once."""
        projected: Floats = x @ self._input
        projected += self._bias
        return projected

    def columns(self) -> Floats:
        """[D, G*H]: `project` of each one-hot input."""
        columns: Floats = np.add(self._input, self._bias, order="C")  # rows are looked up
        return columns

    def read(self, projected: Floats, state: State) -> tuple[Floats, State]:
        """Projected [B, G*H] and state -> h [B, H] and the new state."""
        h, state, _ = self._cell.step(np, projected, state, self._weights)
        return h, state

    def step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """`read` of `project(x)`, x [B, D]."""
        return self.read(self.project(x), state)
