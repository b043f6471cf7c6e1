"""Tests of the conversion of nats to other units."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.units import bits_per_character, perplexity


@pytest.mark.parametrize(
    ("nats", "bits", "expected"), [(0, 0, 1), (math.log(2), 1, 2), (1, 1.4427, math.e)]
)
def test_known_values(nats: float, bits: float, expected: float) -> None:
    """A certain character has 0 bits, a fair coin 1 bit; 1 nat is 1.4427 bits."""
    assert bits_per_character(nats) == pytest.approx(bits, abs=5e-5)
    assert perplexity(nats) == pytest.approx(expected, rel=1e-15)


@given(st.integers(1, 0x110000))
def test_uniform_distribution(choices: int) -> None:
    """For n equally likely characters the perplexity is n and the bits are log2 n."""
    nats = math.log(choices)
    # A float64 logarithm and its inverse, of numbers up to 14.
    assert perplexity(nats) == pytest.approx(choices, rel=1e-14)
    assert bits_per_character(nats) == pytest.approx(math.log2(choices), rel=1e-15, abs=1e-300)


@given(st.floats(0, 700, exclude_max=True))
def test_perplexity_is_2_to_the_power_of_the_bits(nats: float) -> None:
    """The perplexity is 2 to the power of the bits."""
    # The relative error of a power is the absolute error of its exponent: 1,010 times 1e-16.
    assert 2 ** bits_per_character(nats) == pytest.approx(perplexity(nats), rel=1e-12)


@pytest.mark.parametrize("nats", [700.0, 710.0, 1e300, math.inf])
def test_large_perplexity_is_infinite(nats: float) -> None:
    """A perplexity that overflows is infinite."""
    assert perplexity(nats) == math.inf


def test_nan_stays_nan() -> None:
    """NaN is converted to NaN."""
    assert math.isnan(bits_per_character(math.nan))
    assert math.isnan(perplexity(math.nan))
