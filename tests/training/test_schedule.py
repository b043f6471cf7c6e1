"""What changes with the share of the budget that is spent."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.training.schedule import WARM_UP, due, learning_rate, window_parts

FRACTIONS = st.floats(0, 1)


@given(FRACTIONS, st.floats(1e-9, 10))
def test_the_rate_lies_between_nothing_and_its_peak(fraction: float, peak: float) -> None:
    """At no time is the learning rate negative or above the peak."""
    # A rounding of the last bit may put the rate a hair above the peak.
    assert 0 <= learning_rate(peak, fraction) <= peak * (1 + 1e-12)


def test_the_first_update_moves_something() -> None:
    """The rate is more than 0 from the first update on."""
    assert learning_rate(1.0, 0.0) > 0


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    """It rises through the warm-up, is the peak there, and falls to 0 at the end."""
    rates = [learning_rate(2.0, k / 1000) for k in range(1001)]
    top = round(1000 * WARM_UP)
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a > b for a, b in pairwise(rates[top:]))
    assert rates[top] == pytest.approx(2.0)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)  # cos(pi) is -1 but for rounding


def test_the_rate_does_not_jump_where_the_warm_up_ends() -> None:
    """Just before the end of the warm-up the rate is just below the peak."""
    # A millionth of the budget before the end, a linear rise lacks 2e-5 of the peak.
    assert learning_rate(1.0, WARM_UP - 1e-6) == pytest.approx(1.0, rel=1e-4)


def test_a_run_that_overshoots_its_budget_stands_still() -> None:
    """Beyond the end the rate stays 0 instead of rising with the cosine."""
    assert learning_rate(1.0, 1.5) == pytest.approx(0.0, abs=1e-12)  # as above


@given(FRACTIONS, FRACTIONS)
def test_windows_are_divided_less_and_less(one: float, other: float) -> None:
    """The number of updates a window is divided into never grows."""
    early, late = sorted((one, other))
    assert window_parts(early) >= window_parts(late)


def test_windows_are_read_in_quarters_then_halves_then_whole() -> None:
    """A run begins with four updates a window and ends with one."""
    assert [window_parts(fraction) for fraction in (0.0, 0.2, 0.5, 1.0)] == [4, 2, 1, 1]


@given(FRACTIONS, st.integers(0, 1000))
def test_events_fall_due_evenly(fraction: float, times: int) -> None:
    """As many are due as whole shares of the budget have passed."""
    # At a share's very end rounding may go either way.
    assert fraction * times - 1 <= due(fraction, times) <= fraction * times + 1e-6


@pytest.mark.parametrize("times", [0, 1, 2, 20, 1000])
def test_the_last_event_falls_due_at_the_end(times: int) -> None:
    """None is due at the start, all are at the end, and not before the last share."""
    assert due(0.0, times) == 0
    assert due(1.0, times) == times
    assert due(2.0, times) == times
    assert due(1 - 1e-6, times) == max(0, times - 1)


def test_events_of_a_step_budget_fall_on_whole_steps() -> None:
    """Where the steps divide evenly, an event is due at the very step, not one later."""
    steps = 7 * 20
    assert [due(7 * k / steps, 20) for k in range(21)] == list(range(21))
