"""A model, a vocabulary and a sampler become a stream of characters."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import numpy as np

from chargen.generation.sampler import Sampler, confidence
from chargen.model.engine import Engine
from chargen.text.vocabulary import Vocabulary

TEXT_START = "\n"


def generate(
    engine: Engine,
    vocabulary: Vocabulary,
    sampler: Sampler,
    prompt: str = "",
    *,
    length: int | None,
    lines: bool = False,
    least_confidence: float = 0.0,
) -> Iterator[str]:
    """Yield the characters that follow `prompt`, each as it is drawn.

    A prompt begins a text, so a newline is read before it, as in training.
    length: how many characters; None for no end. lines: whether each line is a text of its own,
    as the model was trained: then nothing is remembered beyond a newline. least_confidence: stop
    before the first character of which the network's best guess is less probable than this.
    """
    if lines:
        prompt = prompt.rpartition(TEXT_START)[2]
    ids = vocabulary.encode(TEXT_START + prompt).astype(np.int64)
    states = engine.read(ids[:-1], engine.empty_states())
    last = ids[-1:]
    drawn = 0
    while length is None or drawn < length:
        logits, states = engine.step(last, states)
        if least_confidence > 0 and confidence(logits)[0] < least_confidence:
            return
        last = sampler.draw(logits)
        drawn += 1
        character = vocabulary.characters[int(last[0])]
        if lines and character == TEXT_START:
            states = engine.empty_states()
        yield character


def random_seed() -> int:
    """A seed from the system's entropy, for whoever gave none."""
    return secrets.randbits(32)
