"""A model that reads text, and its state after the text.

Shapes: B samples, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chargen.model.blas import thread_count
from chargen.model.checkpoint import DEFAULT_LENGTH, Checkpoint
from chargen.model.engine import Engine, Floats, Ids, States, log_softmax
from chargen.text.kind import STREAM, TextKind
from chargen.text.vocabulary import UNKNOWN_ID, Vocabulary


def known_log_probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """Return natural log-probabilities [B, V] without the unknown character, which has none."""
    x = logits.astype(np.float64)
    x[:, UNKNOWN_ID] = -np.inf
    return log_softmax(x)


@dataclass(frozen=True)
class Context:
    """The states after a text, and the logits [1, V] of the next character."""

    states: States
    logits: Floats


class Reader:
    """Reads text into contexts with an engine and its vocabulary.

    kind: what a text is; the boundary of separate texts resets the state.
    first_input: the character that is read before a text; None: the boundary.
    default_length: the limit of a generated text where the user sets none.
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        *,
        kind: TextKind = STREAM,
        first_input: str | None = None,
        default_length: int = DEFAULT_LENGTH,
    ) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.kind = kind
        self._first_input = kind.boundary if first_input is None else first_input
        self.default_length = default_length

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Reader:
        """Return the reader of a loaded model."""
        engine = Engine(checkpoint.config, checkpoint.weights)
        return cls(
            engine,
            checkpoint.vocabulary,
            kind=checkpoint.kind,
            first_input=checkpoint.first_input,
            default_length=checkpoint.default_length,
        )

    @cached_property
    def start(self) -> Context:
        """The context at the start of every text: after its first input."""
        ids = self.vocabulary.encode(self._first_input)
        logits, states = self.engine.step(ids, self.engine.empty_states())
        return Context(states, logits)

    def read(self, text: str, context: Context | None = None) -> Context:
        """Read a text from its beginning, or from a context."""
        if self.kind.separate and self.kind.boundary in text:
            text, context = text.rpartition(self.kind.boundary)[2], None
        context = self.start if context is None else context
        if not text:
            return context
        ids = self.vocabulary.encode(text)
        with thread_count(self.engine.threads()):
            states = self.engine.read(ids[:-1], context.states)
            logits, states = self.engine.step(ids[-1:], states)
        return Context(states, logits)

    def next_characters(self, context: Context, count: int) -> list[tuple[str, float]]:
        """Return the most likely next characters and their probabilities, in descending order."""
        log_probabilities = known_log_probabilities(context.logits)[0]
        best = np.argsort(-log_probabilities, kind="stable")[: min(count, len(self.vocabulary) - 1)]
        characters = self.vocabulary.characters
        return [(characters[k], float(np.exp(log_probabilities[k]))) for k in best.tolist()]

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read ids [B], one character per sample; return logits [B, V] and the new states."""
        logits, states = self.engine.step(ids, states)
        if self.kind.separate:
            resets = ids == self.vocabulary.encode(self.kind.boundary)[0]
            if resets.any():
                logits[resets] = self.start.logits
                states = [
                    tuple(
                        np.where(resets[:, None], first, part)
                        for part, first in zip(state, start, strict=True)
                    )
                    for state, start in zip(states, self.start.states, strict=True)
                ]
        return logits, states
