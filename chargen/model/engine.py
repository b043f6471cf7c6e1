"""The network in numpy, for generation one character at a time.

Importing torch takes a second and 200 MB, and each call of `nn.LSTM` on a CPU repacks its weights.
The engine avoids both.

Shapes: B batch, T time, D input, H hidden, G gates, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from chargen.model.batch import compute_blocks, split
from chargen.model.blas import best_thread_count
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig
from chargen.model.numpy_layer import NumpyLayer, State

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.integer]
States = list[State]

# Enough rows for products at full speed; small enough that the projections and outputs of a chunk
# stay in the cache and a long prompt needs no additional memory.
CHUNK = 128

_CACHE_LINE = 16  # float32 numbers


class Engine:
    """Weights prepared for generation: ids [B] and states -> logits [B, V] and new states.

    States are never modified, so a caller can keep one and continue from it several times. An
    engine reuses its buffers and must not be used by several threads at the same time.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, Floats]) -> None:
        self.config = config
        self._cell = CELLS[config.cell]
        layers = layer_weights(config, weights)
        self._layers = [self._cell.numpy_layer(layer) for layer in layers]
        table = input_table(self._layers[0], weights)
        self._table = pad_rows(table)
        self._columns = self._table[:, : table.shape[1]]
        self._decoder: Floats = np.ascontiguousarray(weights["decoder.weight"].T)
        self._decoder_bias: Floats = weights["decoder.bias"]
        self._largest = max(w.nbytes for layer in layers for w in layer.values())

    def threads(self, batch_size: int = 1) -> int:
        """Return the best number of BLAS threads for steps of `batch_size` samples."""
        if len(self._blocks(batch_size)) > 1:
            return 1
        return best_thread_count(self._largest, batch_size)

    def empty_states(self, batch_size: int = 1) -> States:
        """Return the states at the start of a text: zeros [B, H]."""
        zeros = np.zeros((batch_size, self.config.hidden_size), np.float32)
        return [tuple(zeros for _ in self._cell.state) for _ in self._layers]

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read one character of each sample; return the logits [B, V] of the next, and states."""
        if len(ids) > 1 and len(blocks := self._blocks(len(ids))) > 1:
            return self._step_blocks(ids, states, blocks)
        return self._step_block(ids, states)

    def _blocks(self, batch_size: int) -> list[slice]:
        if not self._layers[0].parallel:
            return [slice(batch_size)]
        return split(batch_size, self._largest)

    def _step_blocks(self, ids: Ids, states: States, blocks: list[slice]) -> tuple[Floats, States]:
        logits = np.empty((len(ids), self.config.vocab_size), np.float32)
        after: States = [tuple(np.empty_like(part, order="F") for part in each) for each in states]

        def compute(rows: slice) -> None:
            before = [tuple(part[rows] for part in state) for state in states]
            logits[rows], block = self._step_block(ids[rows], before)
            for state, parts in zip(after, block, strict=True):
                for whole, part in zip(state, parts, strict=True):
                    whole[rows] = part

        compute_blocks(compute, blocks)
        return logits, after

    def _step_block(self, ids: Ids, states: States) -> tuple[Floats, States]:
        h, state = self._layers[0].read(self._project(ids), states[0])
        after = [state]
        for k in range(1, len(self._layers)):
            h, state = self._layers[k].step(h, states[k])
            after.append(state)
        return self._decode(h), after

    def read(self, ids: Ids, states: States) -> States:
        """Read a text, ids [T], of one sample without the decoder; return the states."""
        for start in range(0, len(ids), CHUNK):
            _, states = self._read_chunk(ids[start : start + CHUNK], states)
        return states

    def logits(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read a text, ids [T], of one sample; return logits [T, V] after each id, and states."""
        pieces = [np.empty((0, self.config.vocab_size), np.float32)]
        for start in range(0, len(ids), CHUNK):
            h, states = self._read_chunk(ids[start : start + CHUNK], states)
            pieces.append(self._decode(h))
        return np.concatenate(pieces), states

    def _read_chunk(self, ids: Ids, states: States) -> tuple[Floats, States]:
        after: States = []
        x: Floats = np.empty(0, np.float32)
        for k, (layer, state) in enumerate(zip(self._layers, states, strict=True)):
            projected = self._project(ids) if k == 0 else layer.project(x)
            x = np.empty((len(ids), self.config.hidden_size), np.float32)
            for t in range(len(ids)):
                x[t : t + 1], state = layer.read(projected[t : t + 1], state)  # noqa: PLW2901
            after.append(state)
        return x, after

    def _project(self, ids: Ids) -> Floats:
        """Return the first layer's projection of the characters, [B, G*H]."""
        if len(ids) == 1:
            k = int(ids[0])
            return self._columns[k : k + 1]
        return self._table.take(ids, 0)[:, : self._columns.shape[1]]

    def _decode(self, h: Floats) -> Floats:
        logits: Floats = np.dot(h, self._decoder)
        logits += self._decoder_bias
        return logits


def layer_weights(config: ModelConfig, weights: Mapping[str, Floats]) -> list[dict[str, Floats]]:
    """Return the weights of each layer, by the names that its cell uses."""
    names = CELLS[config.cell].shapes(1, 1)
    return [
        {name.removesuffix("_l0"): weights[f"layers.{k}.{name}"] for name in names}
        for k in range(config.num_layers)
    ]


def input_table(first: NumpyLayer, weights: Mapping[str, Floats]) -> Floats:
    """Return the first layer's projection of every character, [V, G*H].

    For the one-hot encoder, a row is a column of the layer's weights; for an embedding, it is the
    projection of the character's vector.
    """
    embedding = weights.get("encoder.weight")
    return first.columns() if embedding is None else first.project(embedding)


def pad_rows(table: Floats) -> Floats:
    """Copy a table, with unused numbers at the end of each row: an odd number of cache lines.

    Reading a column of rows with a power of two in bytes would use few sets of the cache. Adding
    the transposed projections of 64 samples to 2,048 gates took 380 us, and takes 68 us.
    """
    lines = -(-table.shape[1] // _CACHE_LINE) | 1
    padded = np.zeros((len(table), lines * _CACHE_LINE), np.float32)
    padded[:, : table.shape[1]] = table
    return padded


def log_softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the natural log-probabilities over the last axis, in float64."""
    x = logits.astype(np.float64)
    x -= np.maximum.reduce(x, axis=-1, keepdims=True)
    x -= np.log(np.add.reduce(np.exp(x), axis=-1, keepdims=True))
    return x
