"""The choice of a learning rate: each is tried on less, and that with the least loss is taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from functools import partial

from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.stages import Job

Tried = tuple[tuple[float, float], ...]
_STEP = math.sqrt(10)


class Sweep:
    """The rates of one cell.

    Where the best of them is the smallest or the largest, one beyond it is tried too.

    key: of its results. who: whose rates they are, for people. loss: trains at a rate, yields the
    share done, and returns the loss, not a number where the run diverged.
    """

    def __init__(
        self,
        key: str,
        who: str,
        rates: tuple[float, ...],
        loss: Callable[[float], Generator[float, None, float]],
        folder: ComparisonFolder,
    ) -> None:
        self._key, self._who, self._rates = key, who, rates
        self._loss, self._folder = loss, folder

    def jobs(self, seconds: float) -> list[Job]:
        """A job a rate, each of so many seconds, and one more for a rate beyond."""
        doing = f"trying learning rates for {self._who}"
        return [
            *(Job(doing, seconds, partial(self._try, rate)) for rate in self._rates),
            Job(doing, seconds, self._beyond),
        ]

    @property
    def tried(self) -> Tried:
        """Each rate with its loss, the smallest first. Empty before the first."""
        rates = [*self._rates]
        if self._beyond_key in self._folder:
            rates.append(self._folder.get(self._beyond_key, float))
        return tuple(
            (rate, self._folder.get(self._at(rate), float))
            for rate in sorted(rates)
            if self._at(rate) in self._folder
        )

    @property
    def best(self) -> float:
        """The rate with the least loss; the smallest where every run diverged."""
        finite = [(loss, rate) for rate, loss in self.tried if math.isfinite(loss)]
        return min(finite)[1] if finite else self.tried[0][0]

    @property
    def _beyond_key(self) -> str:
        return f"{self._key}/beyond"

    def _at(self, rate: float) -> str:
        return f"{self._key}/{rate:g}"

    def _try(self, rate: float) -> Iterator[float]:
        if self._at(rate) not in self._folder:
            self._folder.put(self._at(rate), (yield from self._loss(rate)))

    def _beyond(self) -> Iterator[float]:
        best = self.best
        if self._beyond_key not in self._folder:
            if best not in (self._rates[0], self._rates[-1]):
                return
            further = best / _STEP if best == self._rates[0] else best * _STEP
            self._folder.put(self._beyond_key, float(f"{further:.1g}"))
        yield from self._try(self._folder.get(self._beyond_key, float))
