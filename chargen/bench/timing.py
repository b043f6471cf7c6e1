"""Timing of several implementations that alternate in one process.

The speed of a machine drifts by a factor of two. Implementations that alternate drift together,
so that their ratio is reliable even though the single values are not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from chargen.bench.records import Measurement, format_value

# A function to time, and its amount of work: characters, bytes or floating-point operations.
Work = tuple[Callable[[], object], float]
# The rate per second of each function in each round.
Rates = Sequence[Sequence[float]]

_ROUNDS = 5


def compare(
    name: str, shape: str, unit: str, works: Mapping[str, Work], seconds: float
) -> list[Measurement]:
    """Time implementations alternately and compare the first one with each of the others."""
    scale = 1e9 if unit.startswith("G") else 1
    labels, rates = list(works), time_alternately(list(works.values()), seconds)
    values = [statistics.median(one) / scale for one in rates]
    return [
        Measurement(
            name,
            shape,
            values[0],
            unit,
            f"{labels[k]}: {format_value(values[k])}",
            ratio(rates[0], rates[k]),
        )
        for k in range(1, len(works))
    ]


def ratio(rates: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios of two rates in the same round."""
    return statistics.median(a / b for a, b in zip(rates, others, strict=True))


def time_alternately(
    works: Sequence[Work], seconds: float, *, turn: float = 0.15, warm: float = 0.05
) -> Rates:
    """Time the implementations alternately for the given seconds, for at least 5 rounds.

    turn: measured seconds per turn. warm: seconds before them that are not measured, in which the
    spinning threads of the previous work go to sleep and the caches fill.
    """
    turn, warm = min(turn, seconds), min(warm, seconds)
    rates: list[list[float]] = [[] for _ in works]
    order = list(range(len(works)))
    end = time.perf_counter() + seconds
    while len(rates[0]) < _ROUNDS or time.perf_counter() < end:
        for k in order:
            _run(works[k], warm)
            rates[k].append(_run(works[k], turn))
        order.reverse()
    return rates


def fastest(works: Mapping[str, Work], seconds: float) -> str:
    """Return the name of the fastest implementation."""
    turn = seconds / _ROUNDS / len(works)
    rates = time_alternately(list(works.values()), seconds, turn=turn, warm=0.02)
    return max(zip(map(statistics.median, rates), works, strict=True))[1]


def _run(work: Work, seconds: float) -> float:
    run, amount = work
    calls = 0
    start = now = time.perf_counter()
    while now - start < seconds or not calls:
        run()
        calls += 1
        now = time.perf_counter()
    return calls * amount / (now - start)
