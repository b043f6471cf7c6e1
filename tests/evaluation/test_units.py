"""Nats become other units by their definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.units import bits_per_character, perplexity


def test_one_bit_is_the_logarithm_of_2() -> None:
    """A fair coin a character is one bit and a perplexity of two."""
    assert bits_per_character(math.log(2)) == 1
    assert perplexity(math.log(2)) == pytest.approx(2, rel=1e-15)


def test_the_published_conversion_holds() -> None:
    """1 nat is 1.4427 bits."""
    assert bits_per_character(1) == pytest.approx(1.4427, abs=5e-5)


def test_nothing_to_guess_is_0_bits_and_a_perplexity_of_1() -> None:
    """A loss of 0 is certainty."""
    assert bits_per_character(0) == 0
    assert perplexity(0) == 1


@given(st.integers(1, 0x110000))
def test_a_uniform_guess_has_the_perplexity_of_its_choices(choices: int) -> None:
    """Over n equally likely characters the perplexity is n and the bits are log2 n."""
    nats = math.log(choices)
    # A logarithm and its inverse in float64, of numbers up to 14.
    assert perplexity(nats) == pytest.approx(choices, rel=1e-14)
    assert bits_per_character(nats) == pytest.approx(math.log2(choices), rel=1e-15, abs=1e-300)


@given(st.floats(0, 700, exclude_max=True))
def test_perplexity_is_2_to_the_power_of_the_bits(nats: float) -> None:
    """Both units say the same."""
    # The relative error of a power is the absolute one of its exponent: 1,010 times 1e-16.
    assert 2 ** bits_per_character(nats) == pytest.approx(perplexity(nats), rel=1e-12)


@pytest.mark.parametrize("nats", [700.0, 710.0, 1e300, math.inf])
def test_a_perplexity_beyond_all_numbers_is_infinite(nats: float) -> None:
    """A model that diverged has an infinite perplexity and raises nothing."""
    assert perplexity(nats) == math.inf


def test_no_number_stays_no_number() -> None:
    """NaN is not made to look like a result."""
    assert math.isnan(bits_per_character(math.nan))
    assert math.isnan(perplexity(math.nan))
