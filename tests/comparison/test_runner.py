"""Tests of the runner: it runs each stage once, and shortens the plan on a slow machine."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from chargen.comparison.config import StudyConfig
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.options import ComparisonOptions
from chargen.comparison.runner import run_studies
from chargen.comparison.stages import Stage, Study
from chargen.errors import OptionError
from chargen.model.config import ModelConfig

CELLS = ("rnn", "gru", "lstm")
SPEED = 1_000.0  # characters/s


@dataclass
class Machine:
    """A clock that advances when a stage works.

    slowdown: relative to the costs, by time. two_threads: the same with two threads.
    """

    slowdown: Callable[[float], float] = lambda _: 1.0
    two_threads: Callable[[float], float] = lambda _: 1.0
    now: float = 0.0

    def speed(self, threads: int) -> float:
        """The current characters/s."""
        return SPEED / (self.two_threads if threads > 1 else self.slowdown)(self.now)

    def work(self, seconds: float, threads: int = 1) -> None:
        """Do work that takes these seconds at the speed of one thread on a quiet machine."""
        self.now += seconds * SPEED / self.speed(threads)


class FakeStudy(Study):
    """A training and a measurement for each cell, which do nothing but take time."""

    min_characters = 1_000

    def __init__(
        self,
        folder: ComparisonFolder,
        machine: Machine,
        seconds: float | None = 100.0,
        counts: tuple[int, ...] = (1,),
    ) -> None:
        options = ComparisonOptions(cells=CELLS, minutes=None if seconds is None else seconds / 60)
        like = ModelConfig(30, hidden_size=16)
        super().__init__("fake", "nothing", options, StudyConfig(), folder, seconds, like)
        self.machine, self.counts = machine, counts
        self.done: list[str] = []
        self.steps: dict[str, int] = {}
        self.prepare(10_000 if seconds is None else None)

    def thread_counts(self, cell: str) -> tuple[int, ...]:
        return self.counts

    def measure_speeds(self, cell: str) -> dict[int, float]:
        return {count: self.machine.speed(count) if count > 1 else SPEED for count in self.counts}

    def rates(self, cell: str) -> tuple[float, ...]:
        return ()

    def trial(self, cell: str, rate: float) -> Stage[Any]:
        raise AssertionError("the study has no learning rates to try")

    def stages(self) -> list[Stage[Any]]:
        plan, stages = self.plan, []
        for cell in CELLS:
            key, cost = f"fake/train/{cell}/{plan.characters}", plan.training_cost(cell)
            stages.append(self._stage(key, cost, plan.characters, equal=True, cell=cell))
        for cell in CELLS:
            stages.append(
                self._stage(f"fake/measure/{cell}", 3 * plan.measurements, 0, equal=False)
            )
        return stages

    def _stage(
        self, key: str, cost: float, amount: int, *, equal: bool, cell: str | None = None
    ) -> Stage[int]:
        """A stage that continues where it was stopped, like a training."""

        def run() -> Generator[float, None, int]:
            threads = self.plan.threads[cell] if cell else 1
            seconds = amount / SPEED if cell else cost
            for k in range(self.steps.get(key, 0), 100):
                self.machine.work(seconds / 100, threads)
                self.steps[key] = k + 1
                yield (k + 1) / 100
            self.done.append(key)
            return amount

        return Stage(key, key, self.plan.slowdown * cost, int, run, equal, cell)


@pytest.fixture
def study(folder: ComparisonFolder) -> Callable[..., FakeStudy]:
    return partial(FakeStudy, folder)


def run(study: FakeStudy) -> list[float]:
    return [progress.fraction for progress in run_studies([study], lambda: study.machine.now)]


def test_the_plan_fits_into_the_time(study: Callable[..., FakeStudy]) -> None:
    """The plan uses nine tenths of the time; the rest is a reserve."""
    made = study(Machine())
    fractions = run(made)
    assert made.machine.now == pytest.approx(90, rel=0.01)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert made.notes() == []


@pytest.mark.parametrize("slowdown", [1.5, 3.0, 18.0])
def test_a_slow_machine_shortens_the_plan(study: Callable[..., FakeStudy], slowdown: float) -> None:
    """The time limit is met, and all networks read the same number of characters."""
    made = study(Machine(lambda _: slowdown))
    fractions = run(made)
    assert made.machine.now < 110
    assert fractions == sorted(fractions)
    assert len({made.get(stage) for stage in made.stages()[:3]}) == 1
    assert made.plan.characters < made.plan.planned_characters
    assert made.plan.characters > 0.4 * made.plan.planned_characters / slowdown
    assert made.notes()[0].startswith("The training of all networks on nothing was shortened")


def test_finished_trainings_are_repeated(study: Callable[..., FakeStudy]) -> None:
    """If the machine becomes slow after the first training, that training is repeated."""
    made = study(Machine(lambda now: 1.0 if now < 35 else 4.0))
    run(made)
    trained = [key.split("/")[2] for key in made.done if "train" in key]
    assert trained == ["rnn", "rnn", "gru", "lstm"]
    assert made.machine.now < 110


def test_measurements_are_shortened_first(study: Callable[..., FakeStudy]) -> None:
    """If fewer measurements save enough time, all trainings are kept."""
    made = study(Machine(lambda now: 1.0 if now < 75 else 4.0))
    run(made)
    assert made.plan.measurements < 1
    assert made.plan.characters == made.plan.planned_characters
    assert len(made.done) == 6


def test_nearly_finished_trainings_are_not_repeated(study: Callable[..., FakeStudy]) -> None:
    """If the machine becomes slow near the end, the time is exceeded instead."""
    made = study(Machine(lambda now: 1.0 if now < 70 else 20.0))
    run(made)
    assert made.plan.characters == made.plan.planned_characters
    assert made.machine.now > 110


def test_a_study_without_a_limit_is_not_shortened(study: Callable[..., FakeStudy]) -> None:
    made = study(Machine(lambda _: 50.0), seconds=None)
    run(made)
    assert made.notes() == []


def test_a_stopped_study_continues(folder: ComparisonFolder) -> None:
    """Finished stages are not run again, and the plan does not change."""
    first = FakeStudy(folder, Machine(lambda _: 3.0))
    work: Iterator[Any] = run_studies([first], lambda: first.machine.now)
    while len(first.done) < 2:
        next(work)
    work.close()  # type: ignore[attr-defined]
    again = FakeStudy(folder, Machine(lambda _: 3.0))
    assert again.plan == first.plan
    run(again)
    assert not set(first.done[1:]) & set(again.done)
    assert folder.interruptions(again.stages()[1].key) <= 1
    assert folder.seconds("fake/") == pytest.approx(first.machine.now + again.machine.now)


@pytest.mark.parametrize(("start", "seconds"), [(10, 100), (35, 100), (45, 100), (12, None)])
def test_two_threads_are_used_until_the_machine_is_busy(
    study: Callable[..., FakeStudy], start: int, seconds: float | None
) -> None:
    """Then one thread is used, and most of the plan is kept. The folder has the choice."""
    machine = Machine(two_threads=lambda now: 0.8 if now < start else 17.0)
    made = study(machine, seconds, (1, 2))
    before = made.plan
    assert set(before.threads.values()) == {2}
    fractions = run(made)
    assert fractions == sorted(fractions)
    assert made.plan.characters > before.characters / 2  # one thread needs 1.25 times as long
    assert 1 in made.plan.threads.values()
    assert machine.now < 110
    assert study(machine, seconds, (1, 2)).plan.threads == made.plan.threads


def test_the_threads_are_chosen_again_before_a_training(study: Callable[..., FakeStudy]) -> None:
    """If the machine is no longer busy, later trainings use two threads."""
    machine = Machine(two_threads=lambda now: 17.0 if now < 100 else 0.5)
    made = study(machine, 600.0, (1, 2))
    assert set(made.plan.threads.values()) == {1}
    run(made)
    assert made.plan.threads == {"rnn": 1, "gru": 2, "lstm": 2}


def test_work_without_a_training_uses_the_most_threads(study: Callable[..., FakeStudy]) -> None:
    made = study(Machine(), None, (1,))
    plan = replace(made.plan, threads={"rnn": 1, "gru": 3, "lstm": 2})
    training, measuring = made.stages()[2], made.stages()[3]
    assert plan.threads_of(training) == 2
    assert plan.threads_of(measuring) == 3


def test_too_little_time_is_refused(
    study: Callable[..., FakeStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the minimum, rounded up: 16.9 of 5.4 seconds are 0.313 minutes."""
    monkeypatch.setattr(FakeStudy, "min_characters", 5_000)
    with pytest.raises(OptionError, match=r"minutes must be at least 0\.4 for this comparison"):
        study(Machine(), seconds=6.0)
