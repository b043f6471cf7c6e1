"""The stages of a comparison: objects with a key, a result and a generator that does the work."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta

from chargen.comparison.config import StudyConfig
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.options import DEFAULT_MINUTES, ComparisonOptions
from chargen.comparison.parameter_matching import match_parameters
from chargen.comparison.result import Sweep, Trial
from chargen.comparison.training_run import load_network
from chargen.errors import CheckpointError, OptionError
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.training.threads import best_count

Result = TypeVar("Result")
Run = Callable[[], Generator[float, None, Result]]
Count = Annotated[int, Meta(gt=0)]
Positive = Annotated[float, Meta(gt=0)]

PLANNED_SHARE = 0.9  # the share of the time that is planned
_NOMINAL_SPEED = 1e5  # characters/s, if nothing is timed
_SHARES = tuple(0.85**k for k in range(1, 30))
_MIN_MEASUREMENTS = 0.1
_RATE_STEP = math.sqrt(10)


@dataclass(frozen=True)
class Stage(Generic[Result]):
    """One piece of work with one result.

    key: of the result in the folder. label: for progress displays. cost: the estimated seconds.
    run: does the work, yields the finished share, and returns the result.
    equal: whether all networks must do it with the same number of characters.
    cell: that of the network that the stage trains, if it trains one.
    """

    key: str
    label: str
    cost: float
    result_type: Any
    run: Run[Result]
    equal: bool = False
    cell: str | None = None


@dataclass(frozen=True)
class Plan:
    """The amount of work of a study.

    characters: read by each network in training; planned_characters: before the plan was
    shortened. speeds: of training, in characters/s by cell. threads: of training, by cell; losses
    depend on them only by rounding. measurements: relative to the numbers in `StudyConfig`.
    slowdown: factor by which the machine became slower after the measurement.
    """

    characters: Count
    planned_characters: Count
    speeds: dict[str, Positive]
    threads: dict[str, Count]
    measurements: Positive = 1.0
    slowdown: Positive = 1.0

    def training_cost(self, cell: str) -> float:
        """Return the seconds of one training run before the machine became slower."""
        return self.characters / self.speeds[cell]

    def threads_of(self, stage: Stage[Any]) -> int:
        """Return the number of threads of a stage: that of its cell, else the largest of all cells.

        Even the largest is small on a busy machine.
        """
        return self.threads[stage.cell] if stage.cell else max(self.threads.values())

    def with_measurements(self, share: float) -> Plan:
        """Return a plan with a share of the measurements, within the limits."""
        return replace(self, measurements=min(1.0, max(_MIN_MEASUREMENTS, share)))


class Study(ABC):
    """The part of a comparison on one text or one memory task.

    name: the prefix of its keys. subject: the text or the task in words. networks: the sizes of
    each cell. seconds: the time limit; None for no limit.
    """

    extend_sweep = False  # whether one more rate is tried if the best is the first or the last
    min_characters: int
    plan: Plan

    def __init__(
        self,
        name: str,
        subject: str,
        options: ComparisonOptions,
        config: StudyConfig,
        folder: ComparisonFolder,
        seconds: float | None,
        like: ModelConfig,
    ) -> None:
        self.name, self.subject = name, subject
        self.options, self.config, self.folder, self.seconds = options, config, folder, seconds
        self.networks = match_parameters(options.cells, like)

    @abstractmethod
    def stages(self) -> list[Stage[Any]]:
        """Return the stages of the current plan in order. Later ones may depend on results."""

    @abstractmethod
    def rates(self, cell: str) -> tuple[float, ...]:
        """Return the learning rates to try."""

    @abstractmethod
    def trial(self, cell: str, rate: float) -> Stage[Any]:
        """Return the stage that tests a rate; its result has a `learning_rate` and its `nats`."""

    @abstractmethod
    def thread_counts(self, cell: str) -> tuple[int, ...]:
        """Return the numbers of threads to choose from in training a cell."""

    @abstractmethod
    def measure_speeds(self, cell: str) -> dict[int, float]:
        """Return the characters/s of training a cell, by the number of threads."""

    def prepare(self, characters: int | None) -> None:
        """Make the plan, or restore it, so that a resumed comparison has the same one.

        characters: read by each network in training; None: the number that fits into the time.
        """
        key = f"{self.name}/plan"
        if key in self.folder:
            self.plan = self.folder.get(key, Plan)
        elif characters is not None:
            speeds = dict.fromkeys(self.networks, _NOMINAL_SPEED)
            threads = {cell: self._best_count(cell) for cell in self.networks}
            self.change_plan(Plan(characters, characters, speeds, threads))
        else:
            self.change_plan(self._fit_plan())

    def change_plan(self, plan: Plan) -> None:
        """Use another plan from now on, also when the comparison is resumed."""
        self.plan = plan
        self.folder.put(f"{self.name}/plan", plan)

    def choose_threads(self, cell: str) -> bool:
        """Measure again which number of threads trains a cell fastest; return whether it changed.

        The plan keeps the number, so that a resumed comparison has the same one.
        """
        before, count = self.plan.threads[cell], self._best_count(cell)
        if count != before:
            self.change_plan(replace(self.plan, threads={**self.plan.threads, cell: count}))
        return count != before

    def shorter_plans(self) -> Iterator[Plan]:
        """Yield plans in order of decreasing work: fewer measurements, then fewer characters."""
        plan = self.plan
        for share in _SHARES:
            yield plan.with_measurements(share * plan.measurements)
        # When all networks are trained, only the measurements can be fewer.
        for share in _SHARES if any(stage.equal for stage in self.pending()) else ():
            characters = max(int(share * plan.characters), self.min_characters)
            if characters < plan.characters:
                fewer = plan.with_measurements(share * plan.measurements)
                yield replace(fewer, characters=characters)

    def get(self, stage: Stage[Result]) -> Result:
        """Return the result of a finished stage."""
        result: Result = self.folder.get(stage.key, stage.result_type)
        return result

    def pending(self) -> list[Stage[Any]]:
        """Return the unfinished stages."""
        return [stage for stage in self.stages() if stage.key not in self.folder]

    def sweep(self, cell: str) -> list[Stage[Any]]:
        """Return the stages of the trials and the choice; once chosen, only that of the choice."""
        choice = self.choice(cell)
        return [choice] if choice.key in self.folder else [*self._trials(cell), choice]

    def choice(self, cell: str) -> Stage[Sweep]:
        """Return the stage that chooses the rate with the lowest loss."""

        def run() -> Generator[float, None, Sweep]:
            tried = sorted(map(self.get, self._trials(cell)), key=lambda one: one.learning_rate)
            yield 1.0
            return Sweep(tuple(Trial(one.learning_rate, one.nats) for one in tried), _best(tried))

        return Stage(f"{self.name}/sweep/{cell}", "choosing a learning rate", 0.0, Sweep, run)

    def rate(self, cell: str) -> float:
        """Return the chosen rate; before the choice, the first one as a placeholder."""
        choice = self.choice(cell)
        return self.get(choice).best if choice.key in self.folder else self.rates(cell)[0]

    def model_path(self, name: str, seed: int) -> Path:
        """Return the folder of a kept network; its name omits the first seed."""
        return self.folder.model(name if seed == self.options.seed else f"{name}-seed-{seed}")

    def load(self, path: Path) -> Network:
        """Return a network that an earlier stage trained."""
        try:
            return load_network(path)
        except CheckpointError as error:
            raise self.folder.damaged(str(error).split(" (")[0]) from None

    def notes(self) -> list[str]:
        """Return the irregularities of the study, one sentence each."""
        before, after = self.plan.planned_characters, self.plan.characters
        note = (
            f"The training of all networks on {self.subject} was shortened from {before:,} to"
            f" {after:,} characters, because the machine became slower."
        )
        return [note] if after < before else []

    def stage(
        self,
        name: str,
        label: str,
        cost: float,
        result_type: Any,
        run: Run[Any],
        *,
        equal: bool,
        cell: str | None = None,
    ) -> Stage[Any]:
        """Return a stage that depends on the number of characters in training."""
        key = f"{self.name}/{name}/{self.plan.characters}"
        return Stage(key, label, self.plan.slowdown * cost, result_type, run, equal, cell)

    def _trials(self, cell: str) -> list[Stage[Any]]:
        rates = self.rates(cell)
        trials = [self.trial(cell, rate) for rate in rates]
        if self.extend_sweep:
            # Until all rates are tried, the plan has room for one more.
            done = all(trial.key in self.folder for trial in trials)
            best = _best(map(self.get, trials)) if done else rates[-1]
            if best in (rates[0], rates[-1]):
                beyond = best / _RATE_STEP if best == rates[0] else best * _RATE_STEP
                trials.append(self.trial(cell, float(f"{beyond:.1g}")))
        return trials

    def _fit_plan(self) -> Plan:
        """Return the plan with the largest number of characters that fits into the time.

        Raises OptionError if the number is below the minimum.
        """
        assert self.seconds is not None
        time = PLANNED_SHARE * self.seconds
        speeds = {cell: self.measure_speeds(cell) for cell in self.networks}
        threads = {cell: best_count(each) for cell, each in speeds.items()}
        chosen = {cell: each[threads[cell]] for cell, each in speeds.items()}
        self.plan = Plan(0, 0, chosen, threads)
        # Without any training, the cost is that of the measurements.
        share = self.config.diagnostics_share * time / self._cost()
        plan = self.plan = self.plan.with_measurements(share)
        fixed = self._cost()
        self.plan = replace(plan, characters=1_000_000)
        slope = (self._cost() - fixed) / 1_000_000  # the cost is linear in the characters
        characters = int((time - fixed) / slope)
        if characters < self.min_characters:
            minutes = self.options.minutes or DEFAULT_MINUTES
            needed = minutes * (fixed + slope * self.min_characters) / time
            allowed = f"at least {math.ceil(10 * needed) / 10} for this comparison on this machine"
            raise OptionError("minutes", minutes, allowed, "fewer cells take less time")
        return replace(plan, characters=characters, planned_characters=characters)

    def _best_count(self, cell: str) -> int:
        counts = self.thread_counts(cell)
        return counts[0] if len(counts) == 1 else best_count(self.measure_speeds(cell))

    def _cost(self) -> float:
        return sum(stage.cost for stage in self.stages())


def _best(trials: Iterable[Any]) -> float:
    """Return the rate with the lowest loss; the smallest rate if all runs diverged."""
    tried = [(one.nats, one.learning_rate) for one in trials]
    finite = [(nats, rate) for nats, rate in tried if nats is not None]
    best: float = min(finite)[1] if finite else min(rate for _, rate in tried)
    return best
