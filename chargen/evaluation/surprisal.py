"""How surprised a model is by each character of a text.

Shapes: T characters, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.generation.context import TEXT_START, Context, Reader
from chargen.model.blas import threads
from chargen.model.engine import log_softmax
from chargen.text.vocabulary import UNKNOWN_ID

Nats = npt.NDArray[np.float64]

_LOGITS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Reading:
    """A model's expectations along a text, each [T].

    nats: minus the natural log of each character's probability, given all before it.
    best: the id that was most likely in its place; best_probability: how likely.
    """

    nats: Nats
    best: npt.NDArray[np.integer]
    best_probability: npt.NDArray[np.float64]


def read(reader: Reader, text: str, context: Context | None = None) -> Reading:
    """Follow a model through a text, from where texts begin or on from a context.

    A character that the model does not know has the probability of the unknown character.
    Source: Shannon 1948.
    """
    first = reader.start if context is None else context
    with threads(reader.engine.threads()):
        parts = [
            part
            for k, piece in enumerate(_pieces(text, lines=reader.lines))
            for part in _read(reader, piece, reader.start if k else first)
        ]
    nothing = Reading(np.empty(0), np.empty(0, np.int64), np.empty(0))
    parts = parts or [nothing]
    return Reading(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Reading)
        )
    )


def surprisals(reader: Reader, text: str, context: Context | None = None) -> Nats:
    """[len(text)]: the nats of `read`."""
    return read(reader, text, context).nats


def check_choices(choices: Sequence[str]) -> None:
    """Raise OptionError where there are fewer than two, an empty one, or two that are the same."""
    if not all(choices) or len(set(choices)) < max(2, len(choices)):
        given = ",".join(choices)
        raise OptionError(
            f"--choices must be two texts or more, all different, none empty, got {given!r:.80}"
        )


def shares(reader: Reader, context: Context, choices: Sequence[str]) -> tuple[Nats, Nats]:
    """The probability that the text goes on with each of the choices, and its share of them all.

    Both are [len(choices)]; the shares sum to 1.
    """
    logs = np.array([-surprisals(reader, choice, context).sum() for choice in choices])
    return np.exp(logs), np.exp(log_softmax(logs))


def _pieces(text: str, *, lines: bool) -> list[str]:
    """The stretches through which the state is carried."""
    if not lines:
        return [text] if text else []
    pieces = [line + TEXT_START for line in text.split(TEXT_START)]
    pieces[-1] = pieces[-1][:-1]
    return [piece for piece in pieces if piece]


def _read(reader: Reader, text: str, context: Context) -> Iterator[Reading]:
    ids = reader.vocabulary.encode(text)
    last, states = context.logits, context.states
    room = max(1, _LOGITS_AT_ONCE // last.shape[-1])
    for at in range(0, len(ids), room):
        targets = ids[at : at + room]
        following, states = reader.engine.logits(targets, states)
        before = log_softmax(np.concatenate([last, following[:-1]]))
        last = following[-1:]
        rows = np.arange(len(targets))
        nats = -before[rows, targets]
        before[:, UNKNOWN_ID] = -np.inf
        best = before.argmax(axis=-1)
        yield Reading(nats, best, np.exp(before[rows, best]))
