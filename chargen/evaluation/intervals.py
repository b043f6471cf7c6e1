"""How sure a measured value is."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from chargen.records import Interval

CONFIDENCE = 0.95
RESAMPLES = 1_000


def wilson(successes: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """The share of successes among `count` trials, with its score interval.

    It keeps inside 0 to 1 and says something at shares of 0 and 1 too. Nothing at all was
    measured by no trials: not a number, from 0 to 1.
    Source: Wilson 1927.
    """
    if count == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) * z
    half /= 1 + z * z / count
    # At the ends the interval begins and stops there exactly; rounding must not move that.
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == count else min(1.0, middle + half)
    return Interval(share, low, high, count)


def sidak(confidence: float, comparisons: int) -> float:
    """The confidence that each of so many independent intervals needs for all to hold together.

    Source: Sidak 1967.
    """
    return float(confidence ** (1 / comparisons))


def bootstrap(values: npt.ArrayLike, *, seed: int, confidence: float = CONFIDENCE) -> Interval:
    """The mean of values [N] with its percentile interval. N must be 1 or more.

    Source: Efron 1979.
    """
    (interval,) = paired_bootstrap(np.asarray(values)[None], seed=seed, confidence=confidence)
    return interval


def paired_bootstrap(
    values: npt.ArrayLike, *, seed: int, confidence: float = CONFIDENCE
) -> list[Interval]:
    """The mean of each row of values [K, N], over the same 1,000 resamples of the N for all rows.

    So what made one row lucky made the others lucky too, and rows can be compared.
    """
    rows = np.asarray(values, np.float64)
    count = rows.shape[1]
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    means = np.empty((RESAMPLES, len(rows)))
    for k in range(RESAMPLES):  # one at a time: all of them at once would take 8,000 N bytes
        means[k] = rows[:, generator.integers(count, size=count)].mean(axis=1)
    outside = (1 - confidence) / 2
    lows, highs = np.quantile(means, [outside, 1 - outside], axis=0)
    return [
        Interval(float(row.mean()), float(low), float(high), count)
        for row, low, high in zip(rows, lows, highs, strict=True)
    ]
