"""What a model has read, and what it expects next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chargen.model.blas import threads
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import Engine, Floats, Ids, States, log_softmax
from chargen.text.vocabulary import UNKNOWN_ID, Vocabulary

TEXT_START = "\n"


def known_log_probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """[B, V] -> [B, V]: the network's own, of all characters but the unknown, which has none."""
    x = logits.astype(np.float64)
    x[:, UNKNOWN_ID] = -np.inf
    return log_softmax(x)


def confidence(logits: Floats) -> npt.NDArray[np.float64]:
    """[B, V] -> [B]: the network's own probability of its best character, before any filter.

    After the temperature it would say nothing: at temperature 0 it is always 1.
    """
    best: npt.NDArray[np.float64] = np.exp(known_log_probabilities(logits).max(axis=-1))
    return best


@dataclass(frozen=True)
class Context:
    """The end of a text that was read: states after it, and logits [1, V] of what follows."""

    states: States
    logits: Floats


class Reader:
    """An engine and its vocabulary, reading text into contexts.

    lines: whether each line is a text of its own, as the model was trained: then nothing is
    remembered beyond a newline.
    """

    def __init__(self, engine: Engine, vocabulary: Vocabulary, *, lines: bool = False) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.lines = lines

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Reader:
        """The reader of a model that was loaded."""
        engine = Engine(checkpoint.config, checkpoint.weights)
        return cls(engine, checkpoint.vocabulary, lines=checkpoint.lines)

    @cached_property
    def start(self) -> Context:
        """Where every text begins: after a newline, as in training."""
        ids = self.vocabulary.encode(TEXT_START)
        logits, states = self.engine.step(ids, self.engine.empty_states())
        return Context(states, logits)

    def read(self, text: str, context: Context | None = None) -> Context:
        """Read a text from its beginning, or on from a context."""
        if self.lines and TEXT_START in text:
            text, context = text.rpartition(TEXT_START)[2], None
        context = self.start if context is None else context
        if not text:
            return context
        ids = self.vocabulary.encode(text)
        with threads(self.engine.threads()):
            states = self.engine.read(ids[:-1], context.states)
            logits, states = self.engine.step(ids[-1:], states)
        return Context(states, logits)

    def likeliest(self, context: Context, count: int) -> list[tuple[str, float]]:
        """The most likely next characters and the probability of each, the best first."""
        log_probabilities = known_log_probabilities(context.logits)[0]
        best = np.argsort(-log_probabilities, kind="stable")[: min(count, len(self.vocabulary) - 1)]
        characters = self.vocabulary.characters
        return [(characters[k], float(np.exp(log_probabilities[k]))) for k in best.tolist()]

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read one character a sample, ids [B]: logits [B, V] and the states after it."""
        logits, states = self.engine.step(ids, states)
        if self.lines:
            begins = ids == self.vocabulary.encode(TEXT_START)[0]
            if begins.any():
                logits[begins] = self.start.logits
                states = [
                    tuple(
                        np.where(begins[:, None], first, part)
                        for part, first in zip(state, start, strict=True)
                    )
                    for state, start in zip(states, self.start.states, strict=True)
                ]
        return logits, states
