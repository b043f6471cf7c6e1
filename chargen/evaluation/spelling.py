"""How a model spells: what it expects after every beginning of a prompt."""

from __future__ import annotations

import numpy as np

from chargen.generation.context import Reader, known_log_probabilities
from chargen.records import Prefix

GUESSES = 5


def spelling(reader: Reader, prompt: str) -> tuple[Prefix, ...]:
    """What follows each proper beginning of the prompt, the shortest of one character.

    The prompt begins a text. The unknown character has no probability, so neither has a
    character of the prompt that the model does not know.
    """
    found = []
    context = reader.read(prompt[:1])
    for k in range(1, len(prompt)):
        right = prompt[k]
        (known,) = np.exp(known_log_probabilities(context.logits))
        probability = float(known[reader.vocabulary.encode(right)[0]])
        guesses = tuple(reader.likeliest(context, GUESSES))
        found.append(Prefix(prompt[:k], right, probability, guesses))
        context = reader.read(right, context)
    return tuple(found)
