"""A penalty for recent characters.

Shapes: B samples, V vocabulary, N remembered characters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class RepetitionPenalty:
    """Divides positive logits of recent characters by `penalty`; multiplies negative ones by it.

    A penalty of 1 has no effect; above 1, recent characters become less likely. last: the number
    of recent characters, including the end of the prompt. before: ids [T] of the text that every
    sample continues.
    Source: Keskar et al. 2019; most programs treat negative logits in this way.
    """

    def __init__(
        self,
        penalty: float,
        last: int,
        samples: int,
        vocab_size: int,
        before: npt.NDArray[np.integer],
    ) -> None:
        self._penalty = penalty
        before = before[-last:]
        self._position = len(before)
        self._recent = np.full((samples, last), -1, np.int32)
        self._recent[:, : self._position] = before
        self._counts = np.tile(np.bincount(before, minlength=vocab_size), (samples, 1))

    def append(self, ids: npt.NDArray[np.integer]) -> None:
        """Remember ids [B], the next character of each sample."""
        rows = np.arange(len(ids))
        place = self._position % self._recent.shape[1]
        oldest = self._recent[:, place]
        full = oldest >= 0
        self._counts[rows[full], oldest[full]] -= 1
        self._counts[rows, ids] += 1
        self._recent[:, place] = ids
        self._position += 1

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Drop all samples but these."""
        self._recent, self._counts = self._recent[rows], self._counts[rows]

    def __call__(self, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return logits [B, V], lowered for recent characters."""
        lowered = np.where(logits > 0, logits / self._penalty, logits * self._penalty)
        return np.where(self._counts > 0, lowered, logits)
