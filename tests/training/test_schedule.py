"""The schedules over the fraction of the budget."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.training.schedule import WARM_UP, due, learning_rate, window_parts

FRACTIONS = st.floats(0, 1)


@given(FRACTIONS, st.floats(1e-9, 10))
def test_the_learning_rate_is_at_most_the_peak(fraction: float, peak: float) -> None:
    """The learning rate is never negative or above the peak."""
    # Rounding of the last bit may put the rate slightly above the peak.
    assert 0 <= learning_rate(peak, fraction) <= peak * (1 + 1e-12)


def test_the_learning_rate_warms_up_and_anneals() -> None:
    """The rate starts above 0, rises to the peak during the warm-up, and falls to 0 at the end."""
    rates = [learning_rate(2.0, k / 1000) for k in range(1001)]
    top = round(1000 * WARM_UP)
    assert rates[0] > 0
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a > b for a, b in pairwise(rates[top:]))
    assert rates[top] == pytest.approx(2.0)
    # A millionth of the budget before the end, a linear rise is 2e-5 below the peak.
    assert learning_rate(2.0, WARM_UP - 1e-6) == pytest.approx(2.0, rel=1e-4)
    # cos(pi) is -1 up to rounding; the rate does not rise again in a run that exceeds its budget.
    assert rates[-1] == learning_rate(2.0, 1.5) == pytest.approx(0.0, abs=1e-12)


def test_windows_are_split_into_4_then_2_then_1() -> None:
    """The number of updates per window falls during a run."""
    parts = [window_parts(k / 1000) for k in range(1001)]
    assert parts == sorted(parts, reverse=True)
    assert [parts[k] for k in (0, 200, 500, 1000)] == [4, 2, 1, 1]


@given(FRACTIONS, st.integers(0, 1000))
def test_events_are_evenly_spaced(fraction: float, times: int) -> None:
    """The number of due events is proportional to the fraction, rounded down."""
    # Rounding may go either way at the boundary between two events.
    assert fraction * times - 1 <= due(fraction, times) <= fraction * times + 1e-6


@pytest.mark.parametrize("times", [0, 1, 2, 20, 1000])
def test_the_last_event_is_due_at_the_end(times: int) -> None:
    """No event is due at the start, and all are due at the end."""
    assert due(0.0, times) == 0
    assert due(1.0, times) == times
    assert due(2.0, times) == times
    assert due(1 - 1e-6, times) == max(0, times - 1)


def test_events_of_a_step_budget_are_due_at_whole_steps() -> None:
    """If the events divide the steps evenly, each is due at its step and not one later."""
    steps = 7 * 20
    assert [due(7 * k / steps, 20) for k in range(21)] == list(range(21))
