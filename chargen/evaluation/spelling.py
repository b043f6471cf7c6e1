"""How a model spells: its prediction of the next character after each prefix of a prompt."""

from __future__ import annotations

import numpy as np

from chargen.evaluation.records import SpelledPrefix
from chargen.generation.context import Reader, known_log_probabilities

PREDICTIONS = 5


def spelling(reader: Reader, prompt: str) -> tuple[SpelledPrefix, ...]:
    """Predict the next character after each proper prefix of the prompt, shortest first.

    The prompt starts a text. A character that is not in the vocabulary has probability 0.
    """
    found = []
    context = reader.read(prompt[:1])
    for k in range(1, len(prompt)):
        target = prompt[k]
        (known,) = np.exp(known_log_probabilities(context.logits))
        probability = float(known[reader.vocabulary.encode(target)[0]])
        predictions = tuple(reader.next_characters(context, PREDICTIONS))
        found.append(SpelledPrefix(prompt[:k], target, probability, predictions))
        context = reader.read(target, context)
    return tuple(found)
