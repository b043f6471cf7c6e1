"""Tests of alternating timing: rounds, and ratios within a round."""

from functools import partial

import pytest

from chargen.bench.timing import compare, fastest, ratio, time_alternately


def test_every_work_runs_in_every_round() -> None:
    """There are at least five rounds, each after a warm-up."""
    runs = [0, 0, 0]

    def work(k: int) -> None:
        runs[k] += 1

    rates = time_alternately([(partial(work, k), 1.0) for k in range(3)], 1e-9)
    assert [len(each) for each in rates] == [5, 5, 5]
    assert min(runs) >= 10


def test_the_ratio_is_the_median_of_ratios() -> None:
    """A change of the machine's speed between rounds changes the rates but not the ratio."""
    assert ratio([10.0, 5.0, 20.0], [5.0, 2.5, 10.0]) == pytest.approx(2.0)


def test_each_reference_has_a_row() -> None:
    """The first work is the value of every row; rates in GB/s are in billions."""
    rows = compare("a", "1x8", "GB/s", dict.fromkeys("abc", (int, 1e9)), 1e-9)
    assert [str(row.baseline).partition(":")[0] for row in rows] == ["b", "c"]
    assert len({row.value for row in rows}) == 1


def test_the_fastest_does_the_most_work() -> None:
    """Works that take the same time are compared by the amount that they return."""
    assert fastest({"a": (int, 1.0), "b": (int, 1e3)}, 1e-3) == "b"
