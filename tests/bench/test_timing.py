"""What is timed in turn: every work runs in every round, and the medians are taken by pairs."""

import pytest

from chargen.bench.timing import Turns, fastest, in_turn


def test_every_work_has_its_turn_in_every_round() -> None:
    """However short the time, there are five rounds of each, before which it was warmed."""
    runs = [0, 0, 0]

    def work(k: int) -> float:
        runs[k] += 1
        return 1.0

    turns = in_turn([lambda k=k: work(k) for k in range(3)], 1e-9)  # type: ignore[misc]
    assert [len(rates) for rates in turns.rates] == [5, 5, 5]
    assert min(runs) >= 10


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    """A machine that halves its speed between rounds changes the rates and not the ratio."""
    turns = Turns([[10.0, 5.0, 20.0], [5.0, 2.5, 10.0]])
    assert (turns.rate(0), turns.rate(1)) == (10.0, 5.0)
    assert turns.ratio(0, 1) == pytest.approx(2.0)


def test_the_one_that_does_more_is_the_fastest() -> None:
    """Of two works that take as long, the one that says it did a thousand times as much."""
    assert fastest([lambda: 1.0, lambda: 1e3, lambda: 1.0], 1e-3) == 1
