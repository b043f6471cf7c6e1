"""A model, a context and a sampler become a stream of characters.

Shapes: B samples, V vocabulary.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from chargen.generation.context import Context, Reader, confidence
from chargen.generation.sampler import Sampler
from chargen.generation.stopping import Held, Stopping
from chargen.model.blas import threads
from chargen.model.engine import Floats, States, log_softmax
from chargen.records import Drawn, Stopped


def generate(
    reader: Reader,
    sampler: Sampler,
    context: Context,
    stopping: Stopping,
    *,
    scored: bool = False,
) -> Iterator[Drawn | Stopped]:
    """Yield the characters that follow a context, each as it is drawn, for every sample.

    A sample ends with its `Stopped`. A character that may begin a stop text comes when it is
    known that it does not. scored: fill in each character's log-probability, that of the network
    before any filter.
    """
    samples = len(sampler.numbers)
    with threads(reader.engine.threads(samples)):
        if stopping.texts or stopping.confidence > 0 or scored:
            yield from _generate(reader, sampler, context, stopping, scored)
        else:
            yield from _write(reader, sampler, context, stopping.length)


def _write(
    reader: Reader, sampler: Sampler, context: Context, length: int | None
) -> Iterator[Drawn | Stopped]:
    """`_generate` where nothing but the length ends a text: a tenth faster with a small model."""
    characters, numbers = reader.vocabulary.characters, sampler.numbers
    logits, states = _repeated(context, len(numbers))
    left = math.inf if length is None else length
    while left:
        ids = sampler.draw(logits)
        for number, k in zip(numbers, ids.tolist(), strict=True):
            yield Drawn(number, characters[k], None)
        left -= 1
        if left:
            logits, states = reader.step(ids, states)
    for number in numbers:
        yield Stopped(number, "length")


def _generate(
    reader: Reader, sampler: Sampler, context: Context, stopping: Stopping, scored: bool
) -> Iterator[Drawn | Stopped]:
    characters = reader.vocabulary.characters
    texts = stopping.texts
    held = [Held(texts) for _ in sampler.numbers]
    logits, states = _repeated(context, len(held))
    drawn = 0
    log_probability: float | None = None
    while True:
        ended: dict[int, str] = {}
        if drawn == stopping.length:
            ended = dict.fromkeys(range(len(held)), "length")
        elif stopping.confidence > 0:
            unsure = np.flatnonzero(confidence(logits) < stopping.confidence)
            ended = dict.fromkeys(unsure.tolist(), "confidence")
        for row, reason in ended.items():
            yield from held[row].rest()
            yield Stopped(sampler.numbers[row], reason)
        if not ended:
            ids = sampler.draw(logits)
            drawn += 1
            for row, (number, k) in enumerate(zip(sampler.numbers, ids.tolist(), strict=True)):
                if scored:
                    log_probability = float(log_softmax(logits[row])[k])
                one = Drawn(number, characters[k], log_probability)
                if not texts:
                    yield one
                    continue
                sure, stop = held[row].push(one)
                yield from sure
                if stop is not None:
                    newline = stop == "\n" and stopping.until_newline
                    ended[row] = "newline" if newline else "stop"
                    yield Stopped(number, ended[row])
            if drawn != stopping.length and len(ended) < len(held):
                logits, states = reader.step(ids, states)
        if ended:
            rows = np.array([row for row in range(len(held)) if row not in ended], np.intp)
            if not len(rows):
                return
            logits, states = logits[rows], _rows(states, rows)
            held = [held[row] for row in rows]
            sampler.keep(rows)


def _repeated(context: Context, samples: int) -> tuple[Floats, States]:
    rows = np.zeros(samples, np.intp)
    return context.logits[rows], _rows(context.states, rows)


def _rows(states: States, rows: npt.NDArray[np.intp]) -> States:
    return [tuple(part[rows] for part in state) for state in states]


def characters(
    reader: Reader, sampler: Sampler, prompt: str, *, length: int | None
) -> Iterator[str]:
    """The characters that follow a prompt, for whoever wants one sample and nothing else."""
    for record in generate(reader, sampler, reader.read(prompt), Stopping(length)):
        if isinstance(record, Drawn):
            yield record.character


def random_seed() -> int:
    """A seed from the system's entropy, for whoever gave none."""
    return secrets.randbits(32)
