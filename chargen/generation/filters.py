"""What is done to the probabilities before a character is drawn, each filter a frozen value.

A filter maps log-probabilities [B, V] to log-probabilities [B, V]; what it drops becomes -inf.
The most likely character always stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.model.engine import log_softmax

LogProbabilities = npt.NDArray[np.float64]


class Filter(Protocol):
    """One step of the chain from the network's probabilities to those that are drawn from."""

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        """[B, V] natural logs in, [B, V] out."""


@dataclass(frozen=True)
class Temperature:
    """Divide the logits: below 1 the likely becomes likelier, above 1 all draw level; 0 is greedy.

    Source: Ackley, Hinton and Sejnowski 1985. Raises OptionError below 0 and where not finite.
    """

    value: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value >= 0):
            raise OptionError(
                f"--temperature must be 0 or more, got {self.value:g}"
                " (0 is greedy, 0.8 is a good start)"
            )

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        # The largest is 0 before the division, so that a tiny temperature underflows the others
        # to -inf and never overflows.
        shifted = log_probabilities - log_probabilities.max(axis=-1, keepdims=True)
        if self.value == 0:
            return np.where(_best(shifted), 0.0, -np.inf)
        with np.errstate(over="ignore"):
            return log_softmax(shifted / self.value)


@dataclass(frozen=True)
class Threshold:
    """Keep the characters whose probability is at least `value`; above 0.5 that is greedy.

    Raises OptionError outside 0 to 1.
    """

    value: float

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise OptionError(
                f"--threshold must lie between 0 and 1, got {self.value:g}"
                " (0 keeps every character, 0.9 only what is nearly certain)"
            )

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        best = (
            np.arange(log_probabilities.shape[-1]) == log_probabilities.argmax(axis=-1)[..., None]
        )
        keep = best | (np.exp(log_probabilities) >= self.value)
        return np.where(keep, log_probabilities, -np.inf)


# In the order in which they are applied.
FILTERS: dict[str, Callable[[float], Filter]] = {
    "temperature": Temperature,
    "threshold": Threshold,
}


def chain(**values: float) -> list[Filter]:
    """The filters of these names and values, in the order in which they apply.

    Raises OptionError where a value is not allowed.
    """
    assert values.keys() <= FILTERS.keys()
    return [make(values[name]) for name, make in FILTERS.items() if name in values]


def _best(log_probabilities: LogProbabilities) -> npt.NDArray[np.bool_]:
    """True at each row's most likely character, the first of equals."""
    places = np.arange(log_probabilities.shape[-1])
    best: npt.NDArray[np.bool_] = places == log_probabilities.argmax(axis=-1)[..., None]
    return best
