"""Timing several ways of doing the same thing in turn, in one process.

A machine's speed drifts by a factor of two; what is timed in turn drifts together, so a ratio
holds where single figures do not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Does a little and returns how much: characters, bytes or floating point operations.
Work = Callable[[], float]

_ROUNDS = 5


@dataclass(frozen=True)
class Turns:
    """The rates of each work, round by round."""

    rates: Sequence[Sequence[float]]

    def rate(self, k: int) -> float:
        """The median rate of the k-th work, per second."""
        return statistics.median(self.rates[k])

    def ratio(self, k: int, other: int) -> float:
        """The median over all rounds of the k-th rate over the other's of the same round."""
        pairs = zip(self.rates[k], self.rates[other], strict=True)
        return statistics.median(a / b for a, b in pairs)


def in_turn(
    works: Sequence[Work], seconds: float, *, turn: float = 0.15, warm: float = 0.05
) -> Turns:
    """Time each work in short turns until the seconds are over, 5 rounds at least.

    turn: seconds of a turn that count. warm: seconds before them that do not, in which the
    threads of the work before, which still spin, go to sleep and the caches fill.
    """
    turn, warm = min(turn, seconds), min(warm, seconds)
    rates: list[list[float]] = [[] for _ in works]
    order = list(range(len(works)))
    ends = time.perf_counter() + seconds
    while len(rates[0]) < _ROUNDS or time.perf_counter() < ends:
        for k in order:
            _run(works[k], warm)
            rates[k].append(_run(works[k], turn))
        order.reverse()
    return Turns(rates)


def fastest(works: Sequence[Work], seconds: float) -> int:
    """Which of these is the fastest."""
    turns = in_turn(works, seconds, turn=seconds / _ROUNDS / len(works), warm=0.02)
    return max(range(len(works)), key=turns.rate)


def _run(work: Work, seconds: float) -> float:
    done = 0.0
    began = now = time.perf_counter()
    while now - began < seconds or not done:
        done += work()
        now = time.perf_counter()
    return done / (now - began)
