"""Making what was written lately less likely.

Shapes: B samples, V vocabulary, N characters that are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError

DEFAULT_LAST = 64
_MOST_LAST = 1 << 16
# Far beyond any use, and no logit of float32 overflows in float64.
_MOST_PENALTY = 1000


@dataclass(frozen=True)
class Repetition:
    """Divide the positive logits of the `last` characters before by `penalty`; multiply others.

    1 changes nothing, above it what was written lately grows less likely. Of the prompt the last
    characters count too. Raises OptionError where a value is out of range.
    Source: Keskar et al. 2019; the rule for negative logits is that of most programs.
    """

    penalty: float
    last: int = DEFAULT_LAST

    def __post_init__(self) -> None:
        if not 1 / _MOST_PENALTY <= self.penalty <= _MOST_PENALTY:
            raise OptionError(
                f"--repetition-penalty must lie between {1 / _MOST_PENALTY:g} and"
                f" {_MOST_PENALTY:g}, got {self.penalty:g} (1 is none, 1.2 a good start)"
            )
        if not (isinstance(self.last, Integral) and 1 <= self.last <= _MOST_LAST):
            raise OptionError(
                f"--repetition-last must be a whole number between 1 and {_MOST_LAST:,},"
                f" got {self.last}"
            )


class Recent:
    """Which characters stand among the last N of each sample.

    before: ids [T] of the text that all of them go on from.
    """

    def __init__(
        self, rule: Repetition, samples: int, vocab_size: int, before: npt.NDArray[np.integer]
    ) -> None:
        self._penalty = rule.penalty
        before = before[-rule.last :]
        self._at = len(before)
        self._ring = np.full((samples, rule.last), -1, np.int32)
        self._ring[:, : self._at] = before
        self._counts = np.tile(np.bincount(before, minlength=vocab_size), (samples, 1))

    def read(self, ids: npt.NDArray[np.integer]) -> None:
        """Remember ids [B], one more character of each sample."""
        rows = np.arange(len(ids))
        place = self._at % self._ring.shape[1]
        gone = self._ring[:, place]
        old = gone >= 0
        self._counts[rows[old], gone[old]] -= 1
        self._counts[rows, ids] += 1
        self._ring[:, place] = ids
        self._at += 1

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Forget all samples but these."""
        self._ring, self._counts = self._ring[rows], self._counts[rows]

    def __call__(self, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """[B, V] logits -> [B, V], lowered where the character was read lately."""
        lowered = np.where(logits > 0, logits / self._penalty, logits * self._penalty)
        return np.where(self._counts > 0, lowered, logits)
