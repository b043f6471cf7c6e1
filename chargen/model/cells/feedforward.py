"""The feed-forward layer, which has no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chargen.model.cells.cell import Array, Cell, Hold, State, Step, Weights, unchanged

if TYPE_CHECKING:
    from torch import Tensor


class FeedForward(Cell):
    """A layer without recurrence: it sees only the last character."""

    name = "feedforward"
    label = "Feed-forward"
    description = "Predicts the next character from the current one alone: it has no memory."
    num_gates = 1
    state = ()
    max_dropout = 0.1

    def step(
        self,
        xp: Any,
        projected_x: Array,
        state: State,
        weights: Weights,
        hold: Hold = unchanged,
    ) -> Step:
        return xp.tanh(projected_x), (), {}

    def shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ih_l0": (hidden_size, input_size), "bias_ih_l0": (hidden_size,)}

    def unroll(self, projected_x: Tensor, state: State, weights: Weights) -> tuple[Tensor, State]:
        """Compute all time steps at once, since none depends on another."""
        return projected_x.tanh(), ()


CELL = FeedForward()
