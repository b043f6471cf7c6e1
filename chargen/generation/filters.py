"""What is done to the probabilities before a character is drawn, each filter a frozen value.

A filter maps log-probabilities [B, V] to log-probabilities [B, V]; what it drops becomes -inf,
what it keeps stays as it was, so that a later filter still sees the probabilities of the network.
The most likely character always stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.model.engine import log_softmax

LogProbabilities = npt.NDArray[np.float64]

# Only below it can a logit that is divided overflow; numpy's guard costs as much as a draw.
_TINY = 1e-200


class Filter(Protocol):
    """One step of the chain from the network's probabilities to those that are drawn from."""

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        """[B, V] natural logs in, [B, V] out."""


@dataclass(frozen=True)
class Temperature:
    """Divide the logits: below 1 the likely becomes likelier, above 1 all draw level; 0 is greedy.

    Of equally likely characters greedy takes the first.
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
        return log_softmax(self.weights(log_probabilities))

    def weights(self, logits: LogProbabilities) -> LogProbabilities:
        """What `__call__` gives but for a constant a row: the largest is 0."""
        # It is 0 before the division too, so that a tiny temperature underflows the others to
        # -inf and never overflows.
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
    """Keep the `value` most likely characters, and what equals the last of them; 0 keeps all.

    Raises OptionError below 0 and where it is not whole. Source: Fan, Lewis and Dauphin 2018.
    """

    value: int

    def __post_init__(self) -> None:
        whole = isinstance(self.value, Integral) and not isinstance(self.value, bool)
        if not whole or self.value < 0:
            raise OptionError(
                f"--top-k must be a whole number, 0 or more, got {self.value} (0 keeps all)"
            )

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        size = log_probabilities.shape[-1]
        if not 0 < self.value < size:
            return log_probabilities
        at = size - self.value
        least = np.partition(log_probabilities, at, axis=-1)[..., at, None]
        return np.where(log_probabilities >= least, log_probabilities, -np.inf)


@dataclass(frozen=True)
class TopP:
    """Keep the fewest most likely characters that hold the share `value` of what is left.

    What equals the last of them stays too.
    Raises OptionError outside 0 to 1. Source: Holtzman et al. 2020, nucleus sampling.
    """

    value: float

    def __post_init__(self) -> None:
        _check_share("--top-p", self.value, "1 keeps all, 0.9 is a good start")

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        if self.value == 1:
            return log_probabilities
        falling = np.sort(log_probabilities, axis=-1)[..., ::-1]
        held = np.exp(falling).cumsum(axis=-1)
        # The least likely of those kept is the first at which the sum reaches the share.
        short = (held < self.value * held[..., -1:]).sum(axis=-1, keepdims=True)
        least = np.take_along_axis(falling, short, axis=-1)
        return np.where(log_probabilities >= least, log_probabilities, -np.inf)


@dataclass(frozen=True)
class MinP:
    """Keep the characters at least `value` times as probable as the likeliest one.

    Raises OptionError outside 0 to 1. Source: Nguyen et al. 2024.
    """

    value: float

    def __post_init__(self) -> None:
        _check_share("--min-p", self.value, "0 keeps all, 0.05 is a good start")

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        if self.value == 0:
            return log_probabilities
        least = log_probabilities.max(axis=-1, keepdims=True) + math.log(self.value)
        return np.where(log_probabilities >= least, log_probabilities, -np.inf)


@dataclass(frozen=True)
class Threshold:
    """Keep the characters whose probability is at least `value`; above 0.5 that is greedy.

    Where none is, the first of the most likely stays. The probability is the one after the
    temperature, over all characters, whatever the filters before have dropped. Raises OptionError
    outside 0 to 1.
    """

    value: float

    def __post_init__(self) -> None:
        _check_share("--threshold", self.value, "0 keeps all, 0.9 only what is nearly certain")

    def __call__(self, log_probabilities: LogProbabilities) -> LogProbabilities:
        places = np.arange(log_probabilities.shape[-1])
        best = places == log_probabilities.argmax(axis=-1)[..., None]
        keep = best | (np.exp(log_probabilities) >= self.value)
        return np.where(keep, log_probabilities, -np.inf)


# In the order in which they are applied.
FILTERS: dict[str, Callable[[Any], Filter]] = {
    "temperature": Temperature,
    "top_k": TopK,
    "top_p": TopP,
    "min_p": MinP,
    "threshold": Threshold,
}


def chain(**values: float) -> list[Filter]:
    """The filters of these names and values, in the order in which they apply.

    Raises OptionError where a value is not allowed.
    """
    assert values.keys() <= FILTERS.keys()
    return [make(values[name]) for name, make in FILTERS.items() if name in values]


def _check_share(option: str, value: float, advice: str) -> None:
    if not 0 <= value <= 1:
        raise OptionError(f"{option} must lie between 0 and 1, got {value:g} ({advice})")
