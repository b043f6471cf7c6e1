"""Tests of the checks: each fails if its condition is violated."""

import re
from dataclasses import replace

import pytest

from chargen.comparison.checks import (
    FLAT,
    NEAR_BIGRAMS,
    check_chance,
    check_no_memory,
    check_parameters,
)
from chargen.comparison.result import CellResult, Network
from chargen.evaluation.records import GradientFlow, Interval
from tests.example_comparison import make_comparison


@pytest.fixture
def cell() -> CellResult:
    """A feed-forward network with a loss of one thousandth of a nat above a bigram model."""
    text = make_comparison().text
    assert text is not None
    return with_nats(text.cells["feedforward"], 2.301)


def with_nats(cell: CellResult, nats: float | None) -> CellResult:
    return replace(cell, runs=tuple(replace(run, validation_nats=nats) for run in cell.runs))


def failed(cell: CellResult) -> set[str]:
    return {check.name for check in check_no_memory(cell, 2.3) if not check.passed}


def test_a_network_without_memory_passes(cell: CellResult) -> None:
    assert not failed(cell)


@pytest.mark.parametrize(
    ("nats", "passes"),
    [
        (2.3 + 0.9 * NEAR_BIGRAMS, True),
        (2.3 - 0.9 * NEAR_BIGRAMS, True),
        (2.3 + 1.1 * NEAR_BIGRAMS, False),
        (2.3 - 1.1 * NEAR_BIGRAMS, False),
        (None, False),
    ],
)
def test_a_loss_far_from_the_bigram_model_fails(
    cell: CellResult, nats: float | None, passes: bool
) -> None:
    """A higher loss means poor training; a lower one means that it sees more than one character."""
    assert failed(with_nats(cell, nats)) == (set() if passes else {"loss of a bigram model"})


def test_use_of_context_fails(cell: CellResult) -> None:
    """The check fails for a change at any length of the context."""
    context = cell.diagnostics.context
    low = Interval(context.all.value - 2 * FLAT, 0.0, 9.0, 10)
    for changed in (
        replace(context, all=low),
        replace(context, by_length={**context.by_length, 512: low}),
    ):
        diagnostics = replace(cell.diagnostics, context=changed)
        assert failed(replace(cell, diagnostics=diagnostics)) == {"no use of context"}


@pytest.mark.parametrize("when", ["gradient_before", "gradient_after"])
def test_a_gradient_through_time_fails(cell: CellResult, when: str) -> None:
    """The check fails for a gradient of any size."""
    changes = {when: GradientFlow((1.0, 0.0, 1e-300))}
    diagnostics = replace(cell.diagnostics, **changes)  # type: ignore[arg-type]
    assert failed(replace(cell, diagnostics=diagnostics)) == {"no gradient through time"}


@pytest.mark.parametrize(("counts", "passed"), [((100, 101), [True]), ((100, 102), [False])])
def test_parameters_may_differ_by_one_percent(counts: tuple[int, ...], passed: list[bool]) -> None:
    networks = [Network("rnn", "RNN", "", 8, 1, count) for count in counts]
    assert [check.passed for check in check_parameters("parameters", networks)] == passed
    assert not list(check_parameters("parameters", networks[:1]))
    for check in check_parameters("parameters", networks):
        assert re.fullmatch(r".* apart; allowed: 1 %", check.details)
        assert re.search(r", \d+\.\d\d % apart", check.details)


@pytest.mark.parametrize(("accuracy", "passed"), [(0.17, True), (0.3, False)])
def test_an_answer_without_memory_fails(accuracy: float, passed: bool) -> None:
    """A network without memory that is better than chance at one lag has seen the fact."""
    task = make_comparison().tasks["recall"]
    result = task.cells["feedforward"]
    by_lag = dict.fromkeys(result.evaluation.accuracy, Interval(0.17, 0.14, 0.2, 1_000))
    by_lag[25] = Interval(accuracy, accuracy - 0.03, accuracy + 0.03, 1_000)
    evaluations = tuple(replace(one, accuracy=by_lag) for one in result.evaluations)
    cells = {**task.cells, "feedforward": replace(result, evaluations=evaluations)}
    (check,) = check_chance(replace(task, cells=cells))
    assert (check.name, check.passed) == ("chance level without memory (recall)", passed)
