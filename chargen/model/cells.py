"""The recurrent cells, each written once, in the notation of its paper.

A cell computes one character's step over an array namespace `xp` (numpy or torch), with the
input's product taken out: `projected_x` is W_ih x + b_ih, which a caller can look up in a table
or compute for many characters at once.

Shapes: B batch, H hidden, K blocks of rows in the weights (4 for the LSTM: i f g o).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Array = Any
State = tuple[Array, ...]
Gates = dict[str, Array]
Weights = Mapping[str, Array]
Equations = Callable[[Any, Array, State, Weights], tuple[Array, State, Gates]]


@dataclass(frozen=True)
class Cell:
    """One kind of layer.

    step: (xp, projected_x [B, K*H], state of [B, H] each, weights) -> (h [B, H], state, gates).
    blocks: K, the number of H-row blocks in its weights.
    state: the names of what it carries from one character to the next.
    torch_name: the fused layer of torch that trains it.
    """

    step: Equations
    blocks: int
    state: tuple[str, ...]
    torch_name: str

    @property
    def recurrent(self) -> bool:
        """Whether it carries anything at all."""
        return bool(self.state)


def lstm(xp: Any, projected_x: Array, state: State, weights: Weights) -> tuple[Array, State, Gates]:
    """Long short-term memory: what c holds stays until a gate decides otherwise.

    Teaching texts call the gates learn (i), forget (f) and use (o), the cell state c remember
    or long-term memory, and h short-term memory.
    Source: Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000.
    """
    h, c = state
    i, f, g, o = _blocks(projected_x + h @ weights["weight_hh"].T + weights["bias_hh"], 4)
    i, f, g, o = _sigmoid(xp, i), _sigmoid(xp, f), xp.tanh(g), _sigmoid(xp, o)
    c = f * c + i * g
    h = o * xp.tanh(c)
    return h, (h, c), {"i": i, "f": f, "g": g, "o": o}


def gru(xp: Any, projected_x: Array, state: State, weights: Weights) -> tuple[Array, State, Gates]:
    """Gated recurrent unit: one gate z both keeps the old and lets in the new.

    As in torch and cuDNN, the reset gate r multiplies the candidate's recurrent product.
    Source: Cho et al. 2014.
    """
    (h,) = state
    x_r, x_z, x_n = _blocks(projected_x, 3)
    h_r, h_z, h_n = _blocks(h @ weights["weight_hh"].T + weights["bias_hh"], 3)
    r, z = _sigmoid(xp, x_r + h_r), _sigmoid(xp, x_z + h_z)
    n = xp.tanh(x_n + r * h_n)
    h = n + z * (h - n)
    return h, (h,), {"r": r, "z": z, "n": n}


def rnn(xp: Any, projected_x: Array, state: State, weights: Weights) -> tuple[Array, State, Gates]:
    """The vanilla recurrent network: all memory passes through one tanh a character.

    Source: Elman 1990.
    """
    (h,) = state
    h = xp.tanh(projected_x + h @ weights["weight_hh"].T + weights["bias_hh"])
    return h, (h,), {}


def feedforward(
    xp: Any, projected_x: Array, state: State, weights: Weights
) -> tuple[Array, State, Gates]:
    """The same stack with no recurrence: it has forgotten every character but the last."""
    return xp.tanh(projected_x), (), {}


CELLS: dict[str, Cell] = {
    "lstm": Cell(lstm, 4, ("h", "c"), "LSTM"),
    "gru": Cell(gru, 3, ("h",), "GRU"),
    "rnn": Cell(rnn, 1, ("h",), "RNN"),
    "feedforward": Cell(feedforward, 1, (), "Linear"),
}


def _blocks(rows: Array, count: int) -> list[Array]:
    """[B, count*H] cut into `count` arrays [B, H]."""
    hidden = rows.shape[-1] // count
    return [rows[..., k * hidden : (k + 1) * hidden] for k in range(count)]


def _sigmoid(xp: Any, x: Array) -> Array:
    """1 / (1 + exp(-x)), written so that it cannot overflow."""
    return 0.5 + 0.5 * xp.tanh(0.5 * x)
