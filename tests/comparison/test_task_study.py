"""Tests of the comparison on a task: answers are counted at the right lags, for every task."""

from collections.abc import Sequence

import numpy as np
import pytest

from chargen.comparison import task_evaluation
from chargen.comparison.config import StudyConfig
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.options import ComparisonOptions
from chargen.comparison.result import Comparison, TaskComparison
from chargen.comparison.runner import run_studies
from chargen.comparison.task_study import TaskStudy
from chargen.errors import OptionError
from chargen.evaluation.intervals import sidak, wilson
from chargen.tasks.episode import MAX_LAG, Episode
from chargen.tasks.registry import TASKS
from tests.comparison.conftest import SMALL


def compare_on(
    folder: ComparisonFolder, name: str, cells: tuple[str, ...] = ("feedforward", "gru")
) -> TaskComparison:
    options = ComparisonOptions(cells=cells, tasks=(name,), lags=(50, 25))
    study = TaskStudy(TASKS[name], options, SMALL, folder, None)
    list(run_studies([study]))
    return study.comparison()


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_compared(folder: ComparisonFolder, name: str) -> None:
    found, task = compare_on(folder, name), TASKS[name]
    assert found.example[slice(*found.answer)] in task.choices
    assert found.chance == task.chance
    for result in found.cells.values():
        evaluation = result.evaluation
        assert {25, 50} <= set(evaluation.accuracy)
        assert all(one.count == 20 for one in evaluation.accuracy.values())
        assert bool(evaluation.by_depth) == (name == "nesting")
        assert set(evaluation.calibration) == set(task.settings)
        for shares in evaluation.calibration.values():
            assert set(shares) == set(task.choices)
            assert sum(true for true, _ in shares.values()) == pytest.approx(1)
            assert sum(share for _, share in shares.values()) == pytest.approx(1)


def test_intervals_are_simultaneous(whole: tuple[object, Comparison]) -> None:
    """Each interval is widened so that all points of the figure are covered together."""
    cells = whole[1].tasks["recall"].cells.values()
    points = [one for cell in cells for one in cell.evaluation.accuracy.values()]
    confidence = sidak(0.95, len(points))
    for one in points:
        assert one == wilson(round(one.value * one.count), one.count, confidence)


@pytest.mark.parametrize(
    ("wrong", "accuracy", "span"),
    [
        ((), dict.fromkeys((25, 50, 100, 200, 400, 800, 1_600, MAX_LAG), 1), (MAX_LAG, True)),
        ((25,), {25: 0, 50: 1}, (0, False)),
        ((100,), {25: 1, 50: 1, 100: 0}, (50, False)),
    ],
)
def test_lags_double_while_the_answers_are_right(
    folder: ComparisonFolder,
    monkeypatch: pytest.MonkeyPatch,
    wrong: tuple[int, ...],
    accuracy: dict[int, float],
    span: tuple[int, bool],
) -> None:
    """The span ends before the first failure. Right answers at longer lags do not count."""

    def answer(_: object, drawn: Sequence[Episode], *__: object) -> np.ndarray:
        known = np.array([one.answer.probabilities for one in drawn])
        return -known if drawn[0].answer.lag in wrong else known

    monkeypatch.setattr(task_evaluation, "answer_probabilities", answer)
    evaluation = compare_on(folder, "recall", ("gru",)).cells["gru"].evaluation
    assert {lag: one.value for lag, one in evaluation.accuracy.items()} == accuracy
    assert (evaluation.span, evaluation.span_is_lower_bound) == span


def test_minutes_become_characters(folder: ComparisonFolder) -> None:
    """The plan is kept when the comparison is resumed; too little time is refused."""
    options = ComparisonOptions(cells=("rnn",), tasks=("recall",), lags=(25,), minutes=1.0)
    with pytest.raises(OptionError, match=r"minutes must be at least"):
        TaskStudy(TASKS["recall"], options, StudyConfig(), folder, 1e-3)
    study = TaskStudy(TASKS["recall"], options, StudyConfig(), folder, 600.0)
    assert study.plan.characters > 20_000
    again = TaskStudy(TASKS["recall"], options, StudyConfig(), folder, 60.0)
    assert again.plan == study.plan
