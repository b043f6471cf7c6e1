"""The network without torch: one character at a time, for generation.

Starting torch costs a second and 200 MB, and one `nn.LSTM` call on a CPU packs its weights anew
for every character; this needs neither.

Shapes: B batch, T time, D input, H hidden, K blocks of rows a cell's weights have, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chargen.model.blas import threads_for
from chargen.model.cells import CELLS, Cell, Gates
from chargen.model.config import ModelConfig
from chargen.model.fused import FusedLSTM

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.integer]
State = tuple[Floats, ...]
States = list[State]

# Enough rows that a product over them runs at full speed; a chunk of a prompt, its projections
# and its hidden states stay in the cache, and a long prompt takes no memory of its own.
CHUNK = 128


class Layer(Protocol):
    """One layer, with the product with its input taken out or not."""

    def project(self, x: Floats) -> Floats:
        """[..., D] -> [..., K*H]: the input's share of the gates, for many characters at once."""

    def columns(self) -> Floats:
        """[D, K*H]: `project` of each one-hot input."""

    def read(self, projected: Floats, state: State) -> tuple[Floats, State]:
        """Projected [B, K*H] and state -> h [B, H] and the state after it."""

    def step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """`read` of `project(x)`, x [B, D]."""


class Engine:
    """Weights prepared for stepping: ids [B] and states -> logits [B, V] and new states.

    States are never written to, so a caller may keep one and go on from it more than once. An
    engine works in memory of its own: it belongs to one thread at a time.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.config = config
        self._cell = CELLS[config.cell]
        self._weights = [_layer_weights(weights, k) for k in range(config.num_layers)]
        make = FusedLSTM if config.cell == "lstm" else PlainLayer
        self._layers: list[Layer] = [make(self._cell, layer) for layer in self._weights]
        # The first layer's product with a character is a row of a table: for the one-hot
        # encoder a column of its weights, for an embedding that column folded through it.
        self._embedding = weights.get("encoder.weight")
        first = self._layers[0]
        self._table = first.columns() if self._embedding is None else first.project(self._embedding)
        self._decoder: Floats = np.ascontiguousarray(weights["decoder.weight"].T)
        self._decoder_bias: Floats = weights["decoder.bias"]
        self._largest = max(w.nbytes for layer in self._weights for w in layer.values())

    def threads(self, batch_size: int = 1) -> int:
        """The BLAS threads that steps of so many samples are worth."""
        return threads_for(self._largest, batch_size)

    def empty_states(self, batch_size: int = 1) -> States:
        """The states of a text that has not begun: [B, H] of zeros."""
        zeros = np.zeros((batch_size, self.config.hidden_size), np.float32)
        return [tuple(zeros for _ in self._cell.state) for _ in self._layers]

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read one character a sample: logits [B, V] of the next one, and the states after it."""
        h, state = self._layers[0].read(self._table.take(ids, 0), states[0])
        after = [state]
        for k in range(1, len(self._layers)):
            h, state = self._layers[k].step(h, states[k])
            after.append(state)
        return self._decode(h), after

    def read(self, ids: Ids, states: States) -> States:
        """Read a text, ids [T], for its states alone, of one sample: the decoder is skipped."""
        for at in range(0, len(ids), CHUNK):
            _, states = self._read_chunk(ids[at : at + CHUNK], states)
        return states

    def logits(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read a text, ids [T], of one sample: logits [T, V] after each character, and states."""
        pieces = []
        for at in range(0, len(ids), CHUNK):
            h, states = self._read_chunk(ids[at : at + CHUNK], states)
            pieces.append(self._decode(h))
        empty = np.empty((0, self.config.vocab_size), np.float32)
        return np.concatenate([empty, *pieces]), states

    def step_with_gates(self, ids: Ids, states: States) -> tuple[Floats, States, list[Gates]]:
        """`step` by the plain equations, with each layer's gates: the reference, and for seeing."""
        x: Floats
        if self._embedding is None:
            x = (ids[:, None] == np.arange(self.config.vocab_size)).astype(np.float32)
        else:
            x = self._embedding[ids]
        after: States = []
        gates: list[Gates] = []
        for weights, state in zip(self._weights, states, strict=True):
            projected = x @ weights["weight_ih"].T + weights["bias_ih"]
            x, new, opened = self._cell.step(np, projected, state, weights)
            after.append(new)
            gates.append(opened)
        return self._decode(x), after, gates

    def _read_chunk(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Layer by layer: one product for all inputs of a layer, then the recurrence alone."""
        after: States = []
        x: Floats = np.empty(0, np.float32)
        for k, (layer, state) in enumerate(zip(self._layers, states, strict=True)):
            projected = self._table.take(ids, 0) if k == 0 else layer.project(x)
            x = np.empty((len(ids), self.config.hidden_size), np.float32)
            for t in range(len(ids)):
                x[t : t + 1], state = layer.read(projected[t : t + 1], state)  # noqa: PLW2901
            after.append(state)
        return x, after

    def _decode(self, h: Floats) -> Floats:
        logits: Floats = np.dot(h, self._decoder)
        logits += self._decoder_bias
        return logits


class PlainLayer:
    """A layer by its equations as they stand in `cells.py`."""

    def __init__(self, cell: Cell, weights: Mapping[str, Floats]) -> None:
        self._equations = cell.step
        self._weights = weights

    def project(self, x: Floats) -> Floats:
        """[..., D] -> [..., K*H]."""
        projected: Floats = x @ self._weights["weight_ih"].T + self._weights["bias_ih"]
        return projected

    def columns(self) -> Floats:
        """[D, K*H]."""
        weight, bias = self._weights["weight_ih"], self._weights["bias_ih"]
        columns: Floats = np.add(weight.T, bias, order="C")  # rows are looked up
        return columns

    def read(self, projected: Floats, state: State) -> tuple[Floats, State]:
        """Projected [B, K*H] and state -> h [B, H] and the state after it."""
        h, state, _ = self._equations(np, projected, state, self._weights)
        return h, state

    def step(self, x: Floats, state: State) -> tuple[Floats, State]:
        """x [B, D] and state -> h [B, H] and the state after it."""
        return self.read(self.project(x), state)


def log_softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Natural log-probabilities over the last axis, in float64."""
    x = logits.astype(np.float64)
    x -= np.maximum.reduce(x, axis=-1, keepdims=True)
    x -= np.log(np.add.reduce(np.exp(x), axis=-1, keepdims=True))
    return x


def _layer_weights(weights: Mapping[str, Floats], k: int) -> dict[str, Floats]:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    prefix = f"layers.{k}."
    return {n: weights[f"{prefix}{n}_l0"] for n in names if f"{prefix}{n}_l0" in weights}
