"""What happens inside a network while it reads a text: gates, memory and predictions, with numpy.

Shapes: T characters, D input, H hidden, G gates, V vocabulary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.evaluation.inspection import InspectionSettings
from chargen.generation.context import known_log_probabilities
from chargen.model.blas import best_thread_count, thread_count
from chargen.model.cells.cell import Cell, Hold, unchanged
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ModelConfig
from chargen.model.engine import CHUNK, States, input_table, layer_weights
from chargen.model.numpy_layer import NumpyLayer
from chargen.text.kind import STREAM, TextKind
from chargen.text.vocabulary import Vocabulary

Floats = npt.NDArray[np.floating[Any]]
Arrays = Mapping[str, Floats]

NO_SETTINGS = InspectionSettings()


@dataclass(frozen=True)
class Trace:
    """The arrays of a network at each character of a text.

    text: the characters that were read; the first input of every text came before it.
    characters: the vocabulary, in the order of the last axis of `logits` [T, V], the prediction
    after each character. cell: its name.
    layers: the arrays of each layer, each [T, H]:

    - each gate, by its letter: i (learn), f (forget), g (candidate) and o (use) of an LSTM; r, z
      and n of a GRU; z and n of a minGRU.
    - each part of the state after the character: h, and c of an LSTM. A feed-forward network has
      none.
    - of a gated cell, kept and written: the two parts that add up to its new memory, which is c of
      an LSTM and otherwise h. For an LSTM, f * (c before) and i * g.
    - used: the output, which the next layer or the decoder reads.

    states_before: the parts of each layer's state before the first character, each [H].
    layer, unit: what `shown` has the numbers of; unit: None for means over all units.
    """

    text: str
    cell: str
    characters: str
    layers: tuple[Arrays, ...]
    states_before: tuple[Arrays, ...]
    logits: Floats
    layer: int
    unit: int | None

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """[T, V]: the probability of each next character; 0 for the unknown character."""
        return np.exp(known_log_probabilities(self.logits))

    @property
    def memory(self) -> str:
        """The name of the array that carries the memory; "used", the output, if there is none."""
        return CELLS[self.cell].memory

    @property
    def shown(self) -> dict[str, Floats]:
        """The columns of `chargen inspect`, each [T], by the names of the arrays.

        They are the values of `unit`, or means of absolute values over all units of `layer`.
        """
        arrays, unit = self.layers[self.layer], self.unit
        return {
            name: abs(arrays[name]).mean(1) if unit is None else arrays[name][:, unit]
            for name in shown_arrays(CELLS[self.cell])
        }

    def next_characters(self, place: int, count: int = 5) -> list[tuple[str, float]]:
        """Return the most likely next characters after position `place`, in descending order."""
        row = self.probabilities[place]
        best = np.argsort(-row, kind="stable")[: min(count, len(row) - 1)]
        return [(self.characters[k], float(row[k])) for k in best]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays by name.

        `text`: code points [T]. `vocabulary`: code points [V]. `logits`, `probabilities`: [T, V].
        `layer0/f` and so on: the arrays of each layer [T, H], and `layer0/before/c` and so on, the
        state before the text [H]. The attributes say what they are.
        """
        found: dict[str, npt.NDArray[Any]] = {
            "text": np.array([ord(character) for character in self.text], np.uint32),
            "vocabulary": np.array([ord(character) for character in self.characters], np.uint32),
            "logits": self.logits,
            "probabilities": self.probabilities,
        }
        for k, (layer, before) in enumerate(zip(self.layers, self.states_before, strict=True)):
            found |= {f"layer{k}/{name}": values for name, values in layer.items()}
            found |= {f"layer{k}/before/{name}": values for name, values in before.items()}
        return found


class Tracer:
    """Reads text with the equations of the cell and records what it computes.

    The weights may be of any floating-point type. kind: what a text is. first_input: the character
    that is read before a text; None: the boundary.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Arrays,
        vocabulary: Vocabulary,
        *,
        kind: TextKind = STREAM,
        first_input: str | None = None,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.kind = kind
        self._first_input = kind.boundary if first_input is None else first_input
        self.cell = CELLS[config.cell]
        self.layer_weights: list[Any] = layer_weights(config, weights)
        self._layers = [NumpyLayer(self.cell, layer) for layer in self.layer_weights]
        self._table: Any = input_table(self._layers[0], weights)
        self.decoder = weights["decoder.weight"]
        self._decoder_bias = weights["decoder.bias"]
        largest = max(value.nbytes for layer in self.layer_weights for value in layer.values())
        self._threads = best_thread_count(largest)

    @classmethod
    def of(cls, checkpoint: Checkpoint, dtype: npt.DTypeLike = np.float32) -> Tracer:
        """Return the tracer of a loaded model, with its weights converted to a type."""
        weights = {name: value.astype(dtype) for name, value in checkpoint.weights.items()}
        return cls(
            checkpoint.config,
            weights,
            checkpoint.vocabulary,
            kind=checkpoint.kind,
            first_input=checkpoint.first_input,
        )

    @cached_property
    def start(self) -> States:
        """The states at the start of every text: after its first input."""
        _, states = self._read(self._first_input, self.empty_states(), NO_SETTINGS, 0)
        return states

    def empty_states(self) -> States:
        """Return zeros [1, H] for each part of each layer's state."""
        zeros: Any = np.zeros((1, self.config.hidden_size), self.decoder.dtype)
        return [tuple(zeros for _ in self.cell.state) for _ in self._layers]

    def trace(
        self, text: str, settings: InspectionSettings = NO_SETTINGS, states: States | None = None
    ) -> Trace:
        """Read a whole text, from the start of a text or from the states after another one."""
        parts = list(self.chunks(text, settings, states))
        layers = tuple(
            {name: np.concatenate([part.layers[k][name] for part in parts]) for name in layer}
            for k, layer in enumerate(parts[0].layers)
        )
        logits = np.concatenate([part.logits for part in parts])
        return replace(parts[0], text=text, layers=layers, logits=logits)

    def chunks(
        self, text: str, settings: InspectionSettings = NO_SETTINGS, states: States | None = None
    ) -> Iterator[Trace]:
        """Yield the trace of a text in parts, which limits the memory for a long one.

        settings: the gates that are held, from `settings.start` on. Raises OptionError if the text
        is empty, or if the model has no such gate, layer or unit.
        """
        if not text:
            raise OptionError("prompt", text, "a text of at least one character")
        settings.check(self.config)
        states = self.start if states is None else states
        for at in range(0, len(text), CHUNK):
            with thread_count(self._threads):
                part, states = self._read(text[at : at + CHUNK], states, settings, at)
            yield part

    def inputs(self, trace: Trace) -> list[Floats]:
        """Return the input's part of the gates of each layer, each [T, G*H]."""
        first = self._table[self.vocabulary.encode(trace.text)]
        outputs: Sequence[Any] = [layer["used"] for layer in trace.layers[:-1]]
        return [first, *map(NumpyLayer.project, self._layers[1:], outputs)]

    def resets(self, text: str) -> list[bool]:
        """Return for each character whether it starts a text, so that it is read without memory."""
        return [self.kind.separate and character == self.kind.boundary for character in text]

    def _read(
        self, text: str, states: States, settings: InspectionSettings, at: int
    ) -> tuple[Trace, States]:
        """Read a part of a text that starts at the character `at` of the text."""
        ids, resets, empty = self.vocabulary.encode(text), self.resets(text), self.empty_states()
        held = settings.held_gates(self.config)
        after: States = []
        layers: list[Arrays] = []
        x: Any = None
        for k, (layer, weights, state) in enumerate(
            zip(self._layers, self.layer_weights, states, strict=True)
        ):
            projected = self._table.take(ids, 0) if k == 0 else layer.project(x)
            hold = _hold(held, settings.unit) if settings.layer in (None, k) else unchanged
            rows: dict[str, list[Any]] = defaultdict(list)
            for t, reset in enumerate(resets):
                before = empty[k] if reset else state
                active = hold if at + t >= settings.start else unchanged
                output, state, gates = self.cell.step(  # noqa: PLW2901
                    np, projected[t : t + 1], before, weights, active
                )
                parts = dict(zip(self.cell.state, state, strict=True))
                memory = self.cell.memory_parts(gates, before)
                for name, value in {**gates, **parts, **memory, "used": output}.items():
                    rows[name].append(value)
            layers.append({name: np.concatenate(values) for name, values in rows.items()})
            after.append(state)
            x = layers[-1]["used"]
        earlier = tuple(
            {name: part[0] for name, part in zip(self.cell.state, state, strict=True)}
            for state in states
        )
        logits = x @ self.decoder.T + self._decoder_bias
        trace = Trace(
            text,
            self.cell.name,
            self.vocabulary.characters,
            tuple(layers),
            earlier,
            logits,
            settings.shown_layer(self.config),
            settings.unit,
        )
        return trace, after


def shown_arrays(cell: Cell) -> list[str]:
    """Return the arrays that are shown: the gates, c, kept and written, and the output."""
    memory = ["kept", "written"] if cell.gates else []
    return [*cell.gates, *cell.state[1:], *memory, *(cell.state[:1] or ["used"])]


def _hold(held: Mapping[str, float], unit: int | None) -> Hold:
    """Return a function that sets the gates `held` of one unit, or of all, to their values."""
    if not held:
        return unchanged

    def hold(gate: str, values: Any) -> Any:
        if gate in held:
            values = values.copy()
            values[..., slice(None) if unit is None else unit] = held[gate]
        return values

    return hold
