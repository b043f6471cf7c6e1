"""From logits to one id a sample.

Shapes: B samples, T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.generation.filters import Filter, Temperature
from chargen.generation.repetition import Recent, Repetition
from chargen.model.engine import Floats, log_softmax
from chargen.text.vocabulary import UNKNOWN_ID

MOST_SEED = (1 << 63) - 1
_BLOCK = 256


class Sampler:
    """Draws a character for each sample: filters, then the inverse of the distribution function.

    The k-th draw of sample n is a pure function of (seed, n, k): a counter-based generator
    (Salmon et al. 2011, Philox), so sample n of a batch is what sample n is alone.
    first: the number of the first of the samples. Raises OptionError where the seed is not one.
    """

    def __init__(
        self,
        filters: Sequence[Filter] = (),
        *,
        seed: int,
        samples: int = 1,
        first: int = 0,
        repetition: Repetition | None = None,
    ) -> None:
        check_seed(seed)
        self.numbers = list(range(first, first + samples))
        self._filters = tuple(filters) or (Temperature(1.0),)
        only = self._filters[0] if len(self._filters) == 1 else None
        self._temperature = only if isinstance(only, Temperature) else None
        self._generators = [
            np.random.Generator(np.random.Philox(key=[seed, n])) for n in self.numbers
        ]
        self._block = np.empty((samples, 0))
        self._position = 0
        self._repetition = repetition
        self._recent: Recent | None = None

    def begin(self, ids: npt.NDArray[np.integer], vocab_size: int) -> None:
        """Take note of the text [T] that the samples go on from, for the repetition penalty."""
        if self._repetition is not None:
            self._recent = Recent(self._repetition, len(self.numbers), vocab_size, ids)

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Draw no more for the samples in other rows than these."""
        self.numbers = [self.numbers[row] for row in rows]
        self._generators = [self._generators[row] for row in rows]
        self._block = self._block[rows]
        if self._recent is not None:
            self._recent.keep(rows)

    def draw(self, logits: Floats) -> npt.NDArray[np.int64]:
        """[B, V] logits -> [B] ids. The unknown character is never drawn."""
        x = logits.astype(np.float64)
        x[:, UNKNOWN_ID] = -np.inf
        if self._repetition is not None and self._recent is None:
            self.begin(np.empty(0, np.int64), x.shape[-1])
        if self._recent is not None:
            x = self._recent(x)
        if self._temperature is not None:
            # A constant a row changes no draw, so nothing needs to sum to 1.
            x = self._temperature.weights(x)
        else:
            x = x if isinstance(self._filters[0], Temperature) else log_softmax(x)
            for apply in self._filters:
                x = apply(x)
        drawn = _invert(np.exp(x, x), self._uniforms())
        if self._recent is not None:
            self._recent.read(drawn)
        return drawn

    def _uniforms(self) -> npt.NDArray[np.float64]:
        k = self._position % _BLOCK
        if k == 0:
            self._block = np.stack([g.random(_BLOCK) for g in self._generators])
        self._position += 1
        uniforms: npt.NDArray[np.float64] = self._block[:, k]
        return uniforms


def check_seed(seed: int) -> None:
    """Raise OptionError where it is no seed."""
    if not isinstance(seed, Integral) or not 0 <= seed <= MOST_SEED:
        raise OptionError(f"--seed must be a whole number between 0 and 2**63 - 1, got {seed}")


def _invert(
    probabilities: npt.NDArray[np.float64], uniforms: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """The id at which the cumulated probability first exceeds the uniform, in float64."""
    cumulated = np.add.accumulate(probabilities, axis=-1)
    # Scaled by the sum, not by 1: rounding leaves the sum a hair off, and a uniform close to 1
    # would fall beyond the last character. A dropped character adds nothing and is never first.
    target = uniforms * cumulated[:, -1]
    chosen: npt.NDArray[np.int64]
    if len(cumulated) == 1:  # half the time of the general way
        chosen = cumulated[0].searchsorted(target, "right")
    else:
        chosen = (cumulated <= target[:, None]).sum(axis=-1)
    return chosen
