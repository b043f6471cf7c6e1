"""Filters of the distribution from which a character is sampled, each a frozen value.

A filter maps log-probabilities [B, V] to log-probabilities [B, V]. It sets those that it drops to
-inf and leaves the others unchanged, so later filters still see the network's probabilities. The
most likely character is always kept.

Shapes: B samples, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from chargen.generation.settings import GenerationSettings
from chargen.model.engine import log_softmax

LogProbabilities = npt.NDArray[np.float64]

# Dividing a logit can overflow only below this. The `errstate` of numpy takes as long as sampling.
_TINY = 1e-200


class Filter(Protocol):
    """One step from the network's distribution to the one that is sampled.

    option: the field of `GenerationSettings` that holds its value; at the default it is off.
    """

    option: ClassVar[str]

    def __init__(self, value: float) -> None: ...

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        """Map natural logs [B, V] to natural logs [B, V]."""


@dataclass(frozen=True)
class Temperature:
    """Divide the logits by the temperature; 0 keeps only the first of the most likely characters.

    Source: Ackley, Hinton and Sejnowski 1985.
    """

    option: ClassVar[str] = "temperature"
    value: float

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        return log_softmax(self.scale(log_probabilities))

    def scale(self, logits: LogProbabilities) -> LogProbabilities:
        """Return the result of `__call__` up to a constant per row; the maximum is 0."""
        # The maximum is also subtracted before the division, so that with a tiny temperature the
        # other logits underflow to -inf instead of overflowing.
        x = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
        if self.value == 0:
            first = x.argmax(axis=-1)
            x.fill(-np.inf)
            x[np.arange(len(x)), first] = 0.0
        elif self.value < _TINY:
            with np.errstate(over="ignore"):
                x /= self.value
        elif self.value != 1:
            x /= self.value
        return x


@dataclass(frozen=True)
class TopK:
    """Keep the `value` most likely characters and ties with the last of them; 0 keeps all.

    Source: Fan, Lewis and Dauphin 2018.
    """

    option: ClassVar[str] = "top_k"
    value: int

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        size = log_probabilities.shape[-1]
        if not 0 < self.value < size:
            return log_probabilities
        at = size - self.value
        least = np.partition(log_probabilities, at, axis=-1)[..., at, None]
        return np.where(log_probabilities >= least, log_probabilities, -np.inf)


@dataclass(frozen=True)
class TopP:
    """Keep the fewest characters with at least `value` of the remaining probability.

    Ties with the least likely of them are kept too.
    Source: Holtzman et al. 2020, nucleus sampling.
    """

    option: ClassVar[str] = "top_p"
    value: float

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        if self.value == 1:
            return log_probabilities
        falling = np.sort(log_probabilities, axis=-1)[..., ::-1]
        cumulative = np.exp(falling).cumsum(axis=-1)
        # The least likely kept character is the first one at which the sum reaches the share.
        short = (cumulative < self.value * cumulative[..., -1:]).sum(axis=-1, keepdims=True)
        least = np.take_along_axis(falling, short, axis=-1)
        return np.where(log_probabilities >= least, log_probabilities, -np.inf)


@dataclass(frozen=True)
class MinP:
    """Keep the characters that have at least `value` times the top probability.

    Source: Nguyen et al. 2024.
    """

    option: ClassVar[str] = "min_p"
    value: float

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        if self.value == 0:
            return log_probabilities
        least = log_probabilities.max(axis=-1, keepdims=True) + math.log(self.value)
        return np.where(log_probabilities >= least, log_probabilities, -np.inf)


@dataclass(frozen=True)
class Threshold:
    """Keep the characters with a probability of at least `value`; above 0.5 this is greedy.

    The probability is the one after the temperature, over all characters, including those that
    earlier filters dropped. The first of the most likely characters is always kept.
    """

    option: ClassVar[str] = "threshold"
    value: float

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        places = np.arange(log_probabilities.shape[-1])
        best = places == log_probabilities.argmax(axis=-1)[..., None]
        keep = best | (np.exp(log_probabilities) >= self.value)
        return np.where(keep, log_probabilities, -np.inf)


# In the order in which they are applied.
FILTERS: tuple[type[Filter], ...] = (Temperature, TopK, TopP, MinP, Threshold)


def make_filters(settings: GenerationSettings) -> list[Filter]:
    """Return the filters that the settings turn on; the temperature is always one of them."""
    defaults = GenerationSettings.__dataclass_fields__
    values = [(kind, getattr(settings, kind.option)) for kind in FILTERS]
    return [
        kind(value)
        for kind, value in values
        if kind is Temperature or value != defaults[kind.option].default
    ]
