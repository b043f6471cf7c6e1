"""Confidence intervals of measured values."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from chargen.evaluation.records import Interval

CONFIDENCE = 0.95
RESAMPLES = 1_000


def wilson(successes: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the share of successes among `count` trials with its Wilson score interval.

    The interval stays within 0 and 1 and is meaningful for shares of 0 and 1 too. Without trials
    the share is NaN, in the interval from 0 to 1.
    Source: Wilson 1927.
    """
    if count == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) * z
    half /= 1 + z * z / count
    # The bounds are exact at shares of 0 and 1; rounding must not move them.
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == count else min(1.0, middle + half)
    return Interval(share, low, high, count)


def sidak(confidence: float, comparisons: int) -> float:
    """Return the level of each of several independent intervals for a joint confidence level.

    Source: Sidak 1967.
    """
    return float(confidence ** (1 / comparisons))


def bootstrap(values: npt.ArrayLike, *, seed: int) -> Interval:
    """Return the mean of values [N], N > 0, with its bootstrap percentile interval.

    Source: Efron 1979.
    """
    (interval,) = paired_bootstrap(np.asarray(values)[None], seed=seed)
    return interval


def paired_bootstrap(values: npt.ArrayLike, *, seed: int) -> list[Interval]:
    """Return the mean of each row of values [K, N] with its bootstrap percentile interval.

    All rows use the same 1,000 resamples of the N observations, so that rows can be compared.
    """
    rows = np.asarray(values, np.float64)
    count = rows.shape[1]
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    means = np.empty((RESAMPLES, len(rows)))
    for k in range(RESAMPLES):  # one array of all resamples would take 8,000 N bytes
        means[k] = rows[:, generator.integers(count, size=count)].mean(axis=1)
    outside = (1 - CONFIDENCE) / 2
    lows, highs = np.quantile(means, [outside, 1 - outside], axis=0)
    return [
        Interval(float(row.mean()), float(low), float(high), count)
        for row, low, high in zip(rows, lows, highs, strict=True)
    ]
