"""The network without torch: one character at a time, for generation.

Starting torch costs a second and 200 MB, and one `nn.LSTM` call on a CPU packs its weights anew
for every character; this needs neither.

Shapes: B batch, D input, H hidden, K blocks of rows a cell's weights have, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from chargen.model.cells import CELLS, Gates
from chargen.model.config import ModelConfig

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.integer]
States = list[tuple[Floats, ...]]


class Engine:
    """Weights prepared for stepping: ids [B] and states -> logits [B, V] and new states.

    States are never written to, so a caller may keep one and go on from it more than once.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.config = config
        self._cell = CELLS[config.cell]
        self._layers = [_layer_weights(weights, k) for k in range(config.num_layers)]
        # The first layer's product with a character is a row of a table: for the one-hot
        # encoder a column of its weights, for an embedding that column folded through it.
        first = self._layers[0]
        columns = first["weight_ih"].T
        encoded = columns if config.encoder == "one-hot" else weights["encoder.weight"] @ columns
        self._table: Floats = encoded + first["bias_ih"]
        self._decoder: Floats = np.ascontiguousarray(weights["decoder.weight"].T)
        self._decoder_bias: Floats = weights["decoder.bias"]
        self._lstm = (
            [FusedLSTM(layer, folded=k == 0) for k, layer in enumerate(self._layers)]
            if config.cell == "lstm"
            else []
        )
        if self._lstm:
            self._lstm_table: Floats = (self._table + first["bias_hh"]) * self._lstm[0].scale

    def empty_states(self, batch_size: int = 1) -> States:
        """The states of a text that has not begun: [B, H] of zeros."""
        zeros = np.zeros((batch_size, self.config.hidden_size), np.float32)
        return [tuple(zeros for _ in self._cell.state) for _ in self._layers]

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read one character a sample: logits [B, V] of the next one, and the states after it."""
        h, states = self._advance(ids, states)
        return h @ self._decoder + self._decoder_bias, states

    def read(self, ids: Ids, states: States) -> States:
        """Read a text, ids [T], for its states alone: the decoder is skipped."""
        for k in range(len(ids)):
            _, states = self._advance(ids[k : k + 1], states)
        return states

    def step_with_gates(self, ids: Ids, states: States) -> tuple[Floats, States, list[Gates]]:
        """`step` by the plain equations, with each layer's gates: the reference, and for seeing."""
        x: Floats = np.empty(0, np.float32)
        after: States = []
        gates: list[Gates] = []
        for k, (layer, state) in enumerate(zip(self._layers, states, strict=True)):
            projected = self._table[ids] if k == 0 else x @ layer["weight_ih"].T + layer["bias_ih"]
            x, new, opened = self._cell.step(np, projected, state, layer)
            after.append(new)
            gates.append(opened)
        return x @ self._decoder + self._decoder_bias, after, gates

    def _advance(self, ids: Ids, states: States) -> tuple[Floats, States]:
        x: Floats = np.empty(0, np.float32)
        after: States = []
        for k, (layer, state) in enumerate(zip(self._layers, states, strict=True)):
            if self._lstm:
                projected = self._lstm_table[ids] if k == 0 else None
                x, new = self._lstm[k].step(x, projected, state)
            else:
                plain = self._table[ids] if k == 0 else x @ layer["weight_ih"].T + layer["bias_ih"]
                x, new, _ = self._cell.step(np, plain, state, layer)
            after.append(new)
        return x, after


class FusedLSTM:
    """An LSTM layer's step as one product and one tanh; equal to `cells.lstm` but for rounding.

    The rows of i, f and o are halved, since sigmoid(x) = 0.5 + 0.5 tanh(x / 2). A layer that is
    not `folded` reads [x, h] against both matrices at once.
    """

    def __init__(self, layer: Mapping[str, Floats], *, folded: bool) -> None:
        hidden = layer["weight_hh"].shape[1]
        scale = np.full(4 * hidden, 0.5, np.float32)
        scale[2 * hidden : 3 * hidden] = 1.0
        parts = [layer["weight_hh"]] if folded else [layer["weight_ih"], layer["weight_hh"]]
        self.scale: Floats = scale
        self._matrix: Floats = np.ascontiguousarray(np.concatenate(parts, axis=1).T * scale)
        self._bias: Floats = (layer["bias_ih"] + layer["bias_hh"]) * scale
        self._hidden = hidden

    def step(
        self, x: Floats, projected: Floats | None, state: tuple[Floats, ...]
    ) -> tuple[Floats, tuple[Floats, ...]]:
        """x [B, D] or, where folded, projected [B, 4H] -> h [B, H] and (h, c)."""
        h, c = state
        if projected is None:
            z = np.concatenate([x, h], axis=1) @ self._matrix
            z += self._bias
        else:
            z = h @ self._matrix
            z += projected
        np.tanh(z, out=z)
        size = self._hidden
        i, f, g, o = (z[:, k * size : (k + 1) * size] for k in range(4))
        c = (1 + f) * c
        c += (1 + i) * g
        c *= 0.5
        h = np.tanh(c)
        h *= 0.5 + 0.5 * o
        return h, (h, c)


def log_softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Natural log-probabilities over the last axis, in float64."""
    x = logits.astype(np.float64)
    x -= x.max(axis=-1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return x


def _layer_weights(weights: Mapping[str, Floats], k: int) -> dict[str, Floats]:
    names: Sequence[str] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    prefix = f"layers.{k}."
    return {n: weights[f"{prefix}{n}_l0"] for n in names if f"{prefix}{n}_l0" in weights}
