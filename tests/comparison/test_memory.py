"""The comparison on a task: what is asked, counted and told."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chargen.comparison import memory
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.memory import LEAST_ACCURACY, Pupil, TaskStudy
from chargen.comparison.request import Request
from chargen.errors import OptionError
from chargen.evaluation.intervals import sidak, wilson
from chargen.records import TaskComparison
from chargen.tasks.episode import Episode
from chargen.tasks.table import LONGEST_LAG, TASKS

CELLS = ("feedforward", "gru")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything real, and little of it."""
    monkeypatch.setattr(memory, "CHARACTERS", dict.fromkeys(TASKS, 3_000))
    monkeypatch.setattr(memory, "EPISODES", 40)
    monkeypatch.setattr(memory, "HIDDEN", 12)
    monkeypatch.setattr(memory, "RATES", (1e-3, 1e-2))
    monkeypatch.setattr(memory, "RATES_OF_CELL", {})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ComparisonFolder]:
    made = ComparisonFolder.open(tmp_path / "a", "x", {})
    yield made
    made.close()


def study(folder: ComparisonFolder, name: str, **asked: object) -> TaskStudy:
    fields = {"cells": CELLS, "tasks": (name,), "lags": (25, 50)} | asked
    return TaskStudy(TASKS[name], Request(**fields), folder, None)  # type: ignore[arg-type]


def done(work: TaskStudy) -> TaskComparison:
    for job in work.jobs():
        shares = list(job.work())
        assert all(0 <= share <= 1 for share in shares)
    return work.comparison()


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_compared(folder: ComparisonFolder, name: str) -> None:
    """Each cell answers at each lag, and the example shows its answer."""
    found = done(study(folder, name))
    assert set(found.cells) == set(CELLS)
    start, stop = found.answer
    task = TASKS[name]
    assert found.example[start:stop] in task.choices
    assert found.chance == task.chance
    for cell in found.cells.values():
        assert {25, 50} <= set(cell.accuracy)
        assert all(one.count == 40 for one in cell.accuracy.values())
        assert len(cell.sweep) == 2
        assert cell.learning_rate == min(cell.sweep, key=lambda tried: tried[1])[0]
        assert bool(cell.by_depth) == (name == "nesting")
        assert set(cell.calibration) == set(task.settings)
        for answers in cell.calibration.values():
            assert set(answers) == set(task.choices)
            assert sum(true for true, _ in answers.values()) == pytest.approx(1)
            assert sum(given for _, given in answers.values()) <= 1 + 1e-6


def test_intervals_hold_all_at_once(folder: ComparisonFolder) -> None:
    """Each is as wide as it takes for all points that are shown."""
    found = done(study(folder, "recall"))
    points = [one for cell in found.cells.values() for one in cell.accuracy.values()]
    confidence = sidak(0.95, len(points))
    for one in points:
        assert one == wilson(round(one.value * one.count), one.count, confidence)


def test_repeats_tell_every_span(folder: ComparisonFolder) -> None:
    """The first seed is the one that is shown."""
    found = done(study(folder, "recall", repeats=2))
    assert all(len(cell.spans) == 2 for cell in found.cells.values())
    assert all(cell.spans[0] == cell.span for cell in found.cells.values())


def test_what_is_done_is_not_done_again(folder: ComparisonFolder) -> None:
    """And the result is the same."""
    first = done(study(folder, "context"))
    again = study(folder, "context")
    assert all(not list(job.work()) for job in again.jobs())
    assert again.comparison() == first


def test_lags_double_as_long_as_the_answers_hold(
    folder: ComparisonFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that is always right is asked up to the longest lag, one that is not is left."""

    def knowing(_: object, made: list[Episode], *__: object) -> np.ndarray:
        return np.array([one.answer.probabilities for one in made])

    monkeypatch.setattr(memory, "answers", knowing)
    found = done(study(folder, "recall", cells=("gru",))).cells["gru"]
    assert list(found.accuracy) == [25, 50, 100, 200, 400, 800, 1_600, LONGEST_LAG]
    assert (found.span, found.span_is_least) == (LONGEST_LAG, True)


def test_the_span_ends_before_the_first_failure() -> None:
    """What comes right again further out does not count."""
    right = {25: (39, 40), 50: (36, 40), 100: (35, 40), 200: (40, 40)}
    assert right[50][0] / 40 == LEAST_ACCURACY
    assert Pupil(right, {}, {}).span == (50, False)
    assert Pupil({25: (3, 40)}, {}, {}).span == (0, False)
    assert Pupil({25: (40, 40), 3_200: (40, 40)}, {}, {}).span == (3_200, True)


def test_too_few_minutes_are_refused(folder: ComparisonFolder) -> None:
    """With how many it takes."""
    request = Request(cells=CELLS, tasks=("recall",), lags=(25,))
    with pytest.raises(OptionError, match="too short"):
        TaskStudy(TASKS["recall"], request, folder, 1e-3)


def test_minutes_become_characters(folder: ComparisonFolder) -> None:
    """Ten times the time, about ten times the characters; and what was found is kept."""
    request = Request(cells=CELLS, tasks=("recall",), lags=(25,))
    study = TaskStudy(TASKS["recall"], request, folder, 600.0)
    assert study.characters > 20_000
    again = TaskStudy(TASKS["recall"], request, folder, 60.0)
    assert again.characters == study.characters
