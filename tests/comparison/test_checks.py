"""Each check fails where what it is for is not so."""

from dataclasses import replace

import pytest

from chargen.comparison.checks import FLAT, NEAR_BIGRAMS, checks, of_no_memory, of_sizes
from chargen.records import CellResult, Comparison, Interval


@pytest.fixture
def cell(comparison: Comparison) -> CellResult:
    """A feed-forward network as it should be, one thousandth of a nat above a table of pairs."""
    return replace(comparison.cells["feedforward"], validation_nats=2.301)


def failed(cell: CellResult, bigram_nats: float = 2.3) -> set[str]:
    return {check.name for check in of_no_memory(cell, bigram_nats) if not check.passed}


def test_a_network_without_memory_passes(cell: CellResult) -> None:
    """All three checks of it."""
    assert not failed(cell)


@pytest.mark.parametrize("apart", [NEAR_BIGRAMS, -NEAR_BIGRAMS])
def test_a_loss_far_from_pairs_fails(cell: CellResult, apart: float) -> None:
    """Above them it was trained badly, below them it sees what it should not."""
    assert failed(replace(cell, validation_nats=2.3 + 0.9 * apart)) == set()
    assert failed(replace(cell, validation_nats=2.3 + 1.1 * apart)) == {"as good as pairs"}
    assert failed(replace(cell, validation_nats=float("nan"))) == {"as good as pairs"}


def test_a_use_of_context_fails(cell: CellResult) -> None:
    """Wherever in the curve it shows."""
    low = Interval(cell.all_context.value - 2 * FLAT, 0.0, 9.0, 10)
    assert failed(replace(cell, all_context=low)) == {"no use of context"}
    curve = {**cell.context_curve, 512: low}
    assert failed(replace(cell, context_curve=curve)) == {"no use of context"}


def test_a_gradient_through_time_fails(cell: CellResult) -> None:
    """However small, before training and after."""
    leaking = replace(cell.gradient_after, share=(1.0, 0.0, 1e-300))
    assert failed(replace(cell, gradient_after=leaking)) == {"no gradient through time"}
    assert failed(replace(cell, gradient_at_start=leaking)) == {"no gradient through time"}


def test_sizes_apart_fail() -> None:
    """One in a hundred is allowed."""
    assert all(check.passed for check in of_sizes("parameters", {"a": 100, "b": 101}))
    assert not any(check.passed for check in of_sizes("parameters", {"a": 100, "b": 102}))
    assert not list(of_sizes("parameters", {"a": 100}))


def test_an_answer_without_memory_fails(comparison: Comparison) -> None:
    """A feed-forward network that is better than chance at a single lag has seen the fact."""
    task = comparison.tasks["recall"]
    result = task.cells["feedforward"]
    fair = dict.fromkeys(result.accuracy, Interval(0.17, 0.14, 0.2, 1_000))
    knowing = {**fair, 25: Interval(0.3, 0.27, 0.33, 1_000)}
    for accuracy, passed in ((fair, True), (knowing, False)):
        cells = {**task.cells, "feedforward": replace(result, accuracy=accuracy)}
        found = checks(None, {"recall": replace(task, cells=cells)})
        assert [c.passed for c in found if c.name == "no memory, no answer (recall)"] == [passed]
