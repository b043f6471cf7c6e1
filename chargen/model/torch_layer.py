"""A torch layer for any cell.

Shapes: T time, B batch, D input, H hidden, G gates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chargen.model.cells.cell import Cell


class TorchLayer(nn.Module):
    """A layer with the interface and the weight names of torch's own recurrent layers."""

    def __init__(self, cell: Cell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = cell
        for name, shape in cell.shapes(input_size, hidden_size).items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))

    def forward(
        self, x: Tensor, state: Tensor | tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        """x [T, B, D] and state [1, B, H] -> h [T, B, H] and state, a tuple unless it is one."""
        weights = {name.removesuffix("_l0"): value for name, value in self.named_parameters()}
        projected = functional.linear(x, weights["weight_ih"], weights["bias_ih"])
        parts = (state,) if isinstance(state, Tensor) else state
        h, after = self.cell.unroll(projected, tuple(part[0] for part in parts), weights)
        after = tuple(part[None] for part in after)
        return h, after[0] if len(after) == 1 else after
