"""Tests of confidence intervals against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.intervals import bootstrap, paired_bootstrap, sidak, wilson

Z = 1.959963984540054  # for 95 %

confidences = st.floats(0.5, 0.999)


@given(st.integers(1, 10_000), st.data(), confidences)
def test_wilson_bounds(count: int, data: st.DataObject, confidence: float) -> None:
    """The sample lies z standard errors of the bound away from each bound."""
    successes = data.draw(st.integers(0, count))
    found = wilson(successes, count, confidence)
    assert found.value == successes / count
    assert found.count == count
    assert 0 <= found.low <= found.value <= found.high <= 1
    ends = [end for end in (found.low, found.high) if 0 < end < 1]
    zs = [abs(end - found.value) / math.sqrt(end * (1 - end) / count) for end in ends]
    assert zs == pytest.approx([zs[0]] * len(zs), rel=1e-6)
    # The probability of a normal variable within z standard deviations.
    inside = [math.erf(z / math.sqrt(2)) for z in zs]
    assert inside == pytest.approx([confidence] * len(zs), rel=1e-6)


def test_wilson_textbook_values() -> None:
    """5 of 10 give 0.2366 to 0.7634, 0 of 10 give 0 to z^2 / (n + z^2)."""
    half = wilson(5, 10)
    assert (half.low, half.high) == pytest.approx((0.2366, 0.7634), abs=5e-5)
    none, every = wilson(0, 10), wilson(10, 10)
    assert none.low == 0
    assert every.high == 1
    assert none.high == pytest.approx(Z**2 / (10 + Z**2), rel=1e-12)
    assert every.low == pytest.approx(1 - none.high, rel=1e-12)


def test_wilson_without_trials() -> None:
    """Without trials the share is NaN, and no share is excluded."""
    nothing = wilson(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high, nothing.count) == (0, 1, 0)


@given(confidences, st.integers(1, 1_000))
def test_sidak_confidence(confidence: float, comparisons: int) -> None:
    """The product of the confidence levels is the requested one."""
    assert sidak(confidence, comparisons) ** comparisons == pytest.approx(confidence, rel=1e-9)
    assert sidak(confidence, 1) == confidence


def test_bootstrap_of_large_sample_is_normal_interval() -> None:
    """The bounds for 5,000 values are the mean plus and minus 1.96 standard errors.

    A bound is a quantile of 1,000 resamples; it is off by 5 % of the half width with one seed in a
    hundred, and the seed is fixed.
    """
    values = np.random.default_rng(1).exponential(size=5_000)
    found = bootstrap(values, seed=3)
    half = Z * values.std() / math.sqrt(5_000)
    assert found.value == pytest.approx(values.mean(), rel=1e-12)
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert found.count == 5_000


def test_bootstrap_of_constant_values() -> None:
    """Equal values, and a single value, have an interval of width 0."""
    for values in ([0.25] * 30, [0.25]):
        found = bootstrap(values, seed=1)
        assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


def test_rows_are_resampled_together() -> None:
    """A shifted row has a shifted interval; each row has the same interval as alone."""
    values = np.random.default_rng(2).standard_normal(50)
    first, second, third = paired_bootstrap([values, values + 1, -values], seed=4)
    # Float64 means of fifty values of about 1.
    assert second.low == pytest.approx(first.low + 1, abs=1e-13)
    assert second.high == pytest.approx(first.high + 1, abs=1e-13)
    assert third.high == pytest.approx(-first.low, abs=1e-13)
    alone = bootstrap(values, seed=4)
    assert (alone.low, alone.high) == pytest.approx((first.low, first.high), abs=1e-13)


def test_seed_determines_interval() -> None:
    """The same seed gives the same interval, another seed another interval."""
    values = np.random.default_rng(2).standard_normal(50)
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)


def test_nan_stays_nan() -> None:
    """The mean of values with a NaN is NaN."""
    found = bootstrap([1.0, math.nan], seed=1)
    assert math.isnan(found.value)
