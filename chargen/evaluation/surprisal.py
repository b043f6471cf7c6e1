"""The surprisal of each character of a text.

Shapes: T characters, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.generation.context import Context, Reader
from chargen.model.blas import thread_count
from chargen.model.engine import log_softmax
from chargen.text.vocabulary import UNKNOWN_ID

Nats = npt.NDArray[np.float64]

_LOGITS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Reading:
    """A model's predictions for each character of a text, each an array [T].

    nats: the negative natural log of the character's probability, given all characters before it.
    best: the most likely id at this position; best_probability: the probability of that id.
    """

    nats: Nats
    best: npt.NDArray[np.integer]
    best_probability: npt.NDArray[np.float64]


def read(reader: Reader, text: str, context: Context | None = None) -> Reading:
    """Predict each character of a text, from the start of a text or from a context.

    A character that is not in the vocabulary has the probability of the unknown character.
    Source: Shannon 1948.
    """
    context = reader.start if context is None else context
    parts: list[tuple[npt.NDArray[Any], ...]] = [
        (np.empty(0), np.empty(0, np.int64), np.empty(0)),
    ]
    with thread_count(reader.engine.threads()):
        for part in reader.kind.parts(text):
            parts += _read(reader, part, context)
            context = reader.start  # the next part is a separate text
    return Reading(*map(np.concatenate, zip(*parts, strict=True)))


def check_choices(choices: Sequence[str]) -> None:
    """Raise OptionError if there are fewer than two choices, or an empty or repeated one."""
    if not all(choices) or len(set(choices)) < max(2, len(choices)):
        raise OptionError("choices", ",".join(choices), "two or more different, non-empty texts")


def shares(reader: Reader, context: Context, choices: Sequence[str]) -> tuple[Nats, Nats]:
    """Return the probability that each choice comes next, and its share among the choices.

    Both are arrays [len(choices)]; the shares sum to 1.
    """
    logs = np.array([-read(reader, choice, context).nats.sum() for choice in choices])
    return np.exp(logs), np.exp(log_softmax(logs))


def _read(reader: Reader, text: str, context: Context) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    """Yield the arrays of `Reading` for a text in parts, which limits the memory for the logits."""
    ids = reader.vocabulary.encode(text)
    last, states = context.logits, context.states
    size = max(1, _LOGITS_AT_ONCE // last.shape[-1])
    for at in range(0, len(ids), size):
        targets = ids[at : at + size]
        following, states = reader.engine.logits(targets, states)
        before = log_softmax(np.concatenate([last, following[:-1]]))
        last = following[-1:]
        rows = np.arange(len(targets))
        nats = -before[rows, targets]
        before[:, UNKNOWN_ID] = -np.inf
        best = before.argmax(axis=-1)
        yield nats, best, np.exp(before[rows, best])
