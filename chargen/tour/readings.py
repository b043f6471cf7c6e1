"""What the models of the lecture predict, and how their gradients flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chargen.evaluation.input_gradient import input_gradient
from chargen.evaluation.inspection import InspectionSettings
from chargen.evaluation.trace import NO_SETTINGS, Trace, Tracer
from chargen.model.checkpoint import Checkpoint
from chargen.model.find import PRETRAINED

Doubles = npt.NDArray[np.float64]


@cache
def load(model: str) -> Tracer:
    """Load a model of the lecture, in float64, in which small gradients are exact."""
    return Tracer.of(Checkpoint.load(PRETRAINED / model), np.float64)


def read(model: str, text: str, settings: InspectionSettings = NO_SETTINGS) -> Trace:
    """Read a text from its start."""
    return load(model).trace(text, settings)


def chances(trace: Trace, words: Sequence[str], place: int = -1) -> list[float]:
    """Return the probability of each word's first character after the character at `place`."""
    row = trace.probabilities[place]
    return [float(row[trace.characters.index(word[0])]) for word in words]


def next_chances(model: str, word: str) -> list[float]:
    """Return the probability of each character of a word after the characters before it."""
    trace = read(model, word)
    return [chances(trace, word[t + 1], t)[0] for t in range(len(word) - 1)]


def gradient_by_lag(model: str, following: Mapping[str, str], lags: Sequence[int]) -> Doubles:
    """Return the norm of the gradient of a prediction with respect to the input at each lag.

    following: the character that follows each text. Lag 0 is the last input. The norms are relative
    to it, and means over the texts.
    Source: Pascanu, Mikolov and Bengio 2013.
    """
    tracer = load(model)
    total: Any = 0.0
    for text, character in following.items():
        (target,) = tracer.vocabulary.encode(character)
        norms = input_gradient(tracer, tracer.trace(text), int(target))
        total = total + norms[::-1][list(lags)]
    by_lag: Doubles = total / total[list(lags).index(0)]
    return by_lag
