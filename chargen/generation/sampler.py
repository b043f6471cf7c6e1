"""From logits to one id a sample.

Shapes: B samples, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chargen.generation.filters import Filter
from chargen.model.engine import Floats, log_softmax
from chargen.text.vocabulary import UNKNOWN_ID

_BLOCK = 256


class Sampler:
    """Draws a character for each sample: filters, then the inverse of the distribution function.

    The k-th draw of sample n is a pure function of (seed, n, k): a counter-based generator
    (Salmon et al. 2011, Philox), so sample n of a batch is what sample n is alone.
    """

    def __init__(self, filters: Sequence[Filter], *, seed: int, samples: int = 1) -> None:
        self._filters = tuple(filters)
        self._generators = [
            np.random.Generator(np.random.Philox(key=[seed, n])) for n in range(samples)
        ]
        self._block = np.empty((samples, 0))
        self._position = 0

    def draw(self, logits: Floats) -> npt.NDArray[np.int64]:
        """[B, V] logits -> [B] ids. The unknown character is never drawn."""
        logits = logits.copy()
        logits[:, UNKNOWN_ID] = -np.inf
        chosen = log_softmax(logits)
        for apply in self._filters:
            chosen = apply(chosen)
        return _invert(np.exp(chosen), self._uniforms())

    def _uniforms(self) -> npt.NDArray[np.float64]:
        k = self._position % _BLOCK
        if k == 0:
            self._block = np.stack([g.random(_BLOCK) for g in self._generators])
        self._position += 1
        uniforms: npt.NDArray[np.float64] = self._block[:, k]
        return uniforms


def confidence(logits: Floats) -> npt.NDArray[np.float64]:
    """[B, V] -> [B]: the network's own probability of its best character, before any filter.

    After the temperature it would say nothing: at temperature 0 it is always 1.
    """
    logits = logits.copy()
    logits[:, UNKNOWN_ID] = -np.inf
    best: npt.NDArray[np.float64] = np.exp(log_softmax(logits).max(axis=-1))
    return best


def _invert(
    probabilities: npt.NDArray[np.float64], uniforms: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """The id at which the cumulated probability first exceeds the uniform, in float64."""
    cumulated = probabilities.cumsum(axis=-1)
    # Scaled by the sum, not by 1: rounding leaves the sum a hair off, and a uniform close to 1
    # would fall beyond the last character. A dropped character adds nothing and is never first.
    target = uniforms * cumulated[:, -1]
    chosen: npt.NDArray[np.int64] = (cumulated <= target[:, None]).sum(axis=-1)
    return chosen
