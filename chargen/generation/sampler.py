"""Sampling of ids from logits.

Shapes: B samples, T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chargen.generation.filters import Filter, Temperature
from chargen.generation.repetition import RepetitionPenalty
from chargen.model.engine import Floats
from chargen.text.vocabulary import UNKNOWN_ID

_BLOCK = 256


class Sampler:
    """Draws one character for each sample by inverting the cumulative distribution.

    Draw k of sample n is a pure function of (seed, n, k), from a counter-based generator (Salmon
    et al. 2011, Philox), so a sample of a batch is the same as that sample alone.
    filters: the first is the temperature. first: the number of the first sample.
    """

    def __init__(
        self,
        filters: Sequence[Filter],
        *,
        seed: int,
        samples: int = 1,
        first: int = 0,
        repetition: RepetitionPenalty | None = None,
    ) -> None:
        self.numbers = list(range(first, first + samples))
        self._filters = tuple(filters)
        only = filters[0] if len(filters) == 1 else None
        self._temperature = only if isinstance(only, Temperature) else None
        self._generators = [
            np.random.Generator(np.random.Philox(key=[seed, n])) for n in self.numbers
        ]
        self._block = np.empty((samples, 0))
        self._position = 0
        self._repetition = repetition

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Stop drawing for all samples but these."""
        self.numbers = [self.numbers[row] for row in rows]
        self._generators = [self._generators[row] for row in rows]
        self._block = self._block[rows]
        if self._repetition is not None:
            self._repetition.keep(rows)

    def draw(self, logits: Floats) -> npt.NDArray[np.int64]:
        """Draw ids [B] from logits [B, V]. The unknown character is never drawn."""
        x = logits.astype(np.float64)
        x[:, UNKNOWN_ID] = -np.inf
        if self._repetition is not None:
            x = self._repetition(x)
        if self._temperature is not None:
            # A constant per row changes no draw, so nothing needs to be normalised.
            x = self._temperature.scale(x)
        else:
            for apply in self._filters:
                x = apply(x)
        drawn = _invert(np.exp(x, x), self._uniforms())
        if self._repetition is not None:
            self._repetition.append(drawn)
        return drawn

    def _uniforms(self) -> npt.NDArray[np.float64]:
        k = self._position % _BLOCK
        if k == 0:
            self._block = np.stack([g.random(_BLOCK) for g in self._generators])
        self._position += 1
        uniforms: npt.NDArray[np.float64] = self._block[:, k]
        return uniforms


def _invert(
    probabilities: npt.NDArray[np.float64], uniforms: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Return the first id at which the cumulative probability exceeds the uniform."""
    cumulative = np.add.accumulate(probabilities, axis=-1)
    # Scaled by the sum, not by 1: rounding leaves the sum slightly off, and a uniform close to 1
    # would fall beyond the last character. A dropped character adds nothing and is never first.
    target = uniforms * cumulative[:, -1]
    chosen: npt.NDArray[np.int64]
    if len(cumulative) == 1:  # takes half the time of the general case
        chosen = cumulative[0].searchsorted(target, "right")
    else:
        chosen = (cumulative <= target[:, None]).sum(axis=-1)
    return chosen
