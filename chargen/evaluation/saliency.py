"""Which earlier characters a prediction depends on, with numpy.

Shapes: T characters, B texts in parallel, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.evaluation.input_gradient import input_gradient
from chargen.evaluation.trace import Tracer
from chargen.generation.context import Reader, known_log_probabilities
from chargen.model.blas import thread_count
from chargen.model.checkpoint import Checkpoint
from chargen.options import index_below

MAX_CHARACTERS = 100
NUM_REPLACEMENTS = 5

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Saliency:
    """How a prediction depends on each of the characters before it.

    text: the last characters before the prediction, at most 100; first: the place of the first.
    target: the most likely next character; probability: its probability.
    change: [T], the log-probability of the target minus its mean when the character is replaced, in
    nats; positive if the character makes the target more likely.
    gradient: [T], the norm of the gradient of the log-probability with respect to the input.
    """

    text: str
    first: int
    target: str
    probability: float
    change: Doubles
    gradient: Doubles


def saliency(checkpoint: Checkpoint, text: str, at: int | None = None) -> Saliency:
    """Explain the prediction after the character `at` of a text, by default after the last.

    Each character is replaced in turn by the five that the model considers most likely in its
    place, other than itself. Raises OptionError if there is no character `at`.
    """
    last = len(text) - 1
    at = last if at is None else at
    if not 0 <= at <= last:
        raise OptionError("at", at, f"{index_below(len(text))} with this text")
    first = max(0, at + 1 - MAX_CHARACTERS)
    before, text = text[:first], text[first : at + 1]
    reader, tracer = Reader.of(checkpoint), Tracer.of(checkpoint, np.float64)
    context = reader.read(before)
    states = [tuple(part.astype(np.float64) for part in state) for state in context.states]
    trace = tracer.trace(text, states=states)  # type: ignore[arg-type]
    target, probability = trace.next_characters(-1, 1)[0]
    (wanted,) = reader.vocabulary.encode(target)
    return Saliency(
        text,
        first,
        target,
        probability,
        _changes(reader, before, text, int(wanted)),
        input_gradient(tracer, trace, int(wanted)),
    )


def _changes(reader: Reader, before: str, text: str, target: int) -> Doubles:
    """Return [T]: how much the log-probability of the target drops when a character is replaced.

    Row 0 of the batch reads the text itself; each character adds one row for each replacement.
    """
    context = reader.read(before)
    logits, states = context.logits, context.states
    owners: list[int] = []  # the place that was replaced in each row after the first
    with thread_count(reader.engine.threads(len(text))):
        for t, own in enumerate(reader.vocabulary.encode(text).tolist()):
            likely = np.argsort(-known_log_probabilities(logits[:1])[0], kind="stable")[:-1]
            new = likely[likely != own][:NUM_REPLACEMENTS]
            rows = np.concatenate([np.arange(len(logits)), np.zeros(len(new), np.intp)])
            ids = np.concatenate([np.full(len(logits), own), new])
            states = [tuple(part[rows] for part in state) for state in states]
            logits, states = reader.step(ids, states)
            owners += [t] * len(new)
    values = known_log_probabilities(logits)[:, target]
    places = np.array(owners, np.intp)
    sums = np.bincount(places, values[1:], len(text))
    counts = np.bincount(places, minlength=len(text))
    changes: Doubles = values[0] - sums / np.maximum(counts, 1)
    return changes
