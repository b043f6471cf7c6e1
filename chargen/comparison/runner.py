"""Run the unfinished stages of a comparison within its time limit.

The speed of the machine is measured before the first stage, and it can change when another program
starts. Therefore the number of threads is chosen again when the speed of a training drops, and
before a training if the last choice is older than a minute. The time of the stages is also
compared with their cost while they run. If a study will exceed its time by more than a tenth, its
plan is shortened: first the measurements, then also the training. All networks must read the same
number of characters, so with fewer characters even finished trainings are repeated. If that would
leave too few characters, the limit is exceeded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.stages import PLANNED_SHARE, Plan, Stage, Study
from chargen.training.precision import torch_threads

Clock = Callable[[], float]

_CHECK_EVERY = 1.0  # seconds
_MIN_MEASURED = 0.08  # of the time of a study: the first updates are slower than the others
_TOLERANCE = 0.1
_CHOOSE_EVERY = 60.0  # seconds between two choices of the number of threads
_MAX_DROP = 2 / 3  # of the speed within a training, relative to the two seconds before
# The smallest share of the characters that a plan for the slower machine would have had.
_MIN_KEPT = 0.2


@dataclass(frozen=True)
class Progress:
    """The current activity of a comparison, and the finished fraction of all its work."""

    doing: str
    fraction: float


def run_studies(studies: Sequence[Study], clock: Clock = time.monotonic) -> Iterator[Progress]:
    """Run every unfinished stage, and yield the progress."""
    fraction = 0.0
    for study in studies:
        pace = _Pace(study, clock)
        while pending := study.pending():
            stage = pending[0]
            total = sum(each.cost for other in studies for each in other.stages())
            done = total - sum(each.cost for other in studies for each in other.pending())
            pace.start(stage)
            threads = torch_threads(study.plan.threads_of(stage))
            with threads, closing(_run_stage(stage, study.folder, clock)) as shares:
                for share in shares:
                    fraction = max(fraction, min(1.0, (done + share * stage.cost) / total))
                    yield Progress(stage.label, fraction)
                    if pace.must_stop(share):
                        break


def _run_stage(
    stage: Stage[Any], folder: ComparisonFolder, clock: Clock
) -> Generator[float, None, None]:
    began = clock()
    folder.start(stage.key)
    try:
        result = yield from stage.run()
    finally:
        folder.add_seconds(stage.key, clock() - began)
    folder.put(stage.key, result)


class _Pace:
    """The time that a study takes, relative to the cost of its stages."""

    def __init__(self, study: Study, clock: Clock) -> None:
        self._study, self._clock = study, clock
        self._cost = self._spent = 0.0  # of what was measured with the current plan
        self._last: tuple[float, float] | None = None  # share and time
        self._seen: tuple[float, float] | None = None  # about a second ago
        self._speeds: list[float] = []  # in the last two seconds
        self._checked = clock()
        self._chosen = dict.fromkeys(study.networks, self._checked)  # when, by cell

    def start(self, stage: Stage[Any]) -> None:
        """Start the measurement of a stage."""
        self._stage = stage
        if stage.cell and self._clock() - self._chosen[stage.cell] >= _CHOOSE_EVERY:
            self._choose_threads()
        self._began = self._clock()
        self._restart()

    def must_stop(self, share: float) -> bool:
        """Change the threads or shorten the plan if necessary. Return whether the stage must stop.

        The stage then continues with other threads, or the plan no longer has it.
        """
        now, study, seconds = self._clock(), self._study, self._study.seconds
        if self._last is not None:  # the first share may be that of an interrupted run
            self._cost += (share - self._last[0]) * self._stage.cost
            self._spent += now - self._last[1]
        self._last = (share, now)
        if self._drops(share, now) and self._choose_threads():
            return True
        if seconds is None or now - self._checked < _CHECK_EVERY or self._cost <= 0:
            return False
        self._checked = now
        if self._spent < _MIN_MEASURED * seconds:
            return False
        left = seconds - study.folder.seconds(f"{study.name}/") - (now - self._began)
        pace = self._spent / self._cost
        if self._remaining(study.plan, share) * pace - left <= _TOLERANCE * seconds:
            return False
        if self._choose_threads():
            return True
        self._cost = self._spent = 0.0
        plan = replace(study.plan, slowdown=study.plan.slowdown * max(1.0, pace))
        rest = self._remaining(plan, share)
        least = _MIN_KEPT * plan.characters * seconds / (seconds - left + rest)
        plans = [plan, *(each for each in study.shorter_plans() if each.characters >= least)]
        fitting = (each for each in plans if self._remaining(each, share) <= PLANNED_SHARE * left)
        study.change_plan(next(fitting, plan.with_measurements(0.0)))
        current = [each for each in study.stages() if each.key == self._stage.key]
        self._stage = current[0] if current else self._stage  # with its new cost
        return not current

    def _drops(self, share: float, now: float) -> bool:
        """Return whether the speed of the last second is much lower than before."""
        if self._seen is None:
            self._seen = (share, now)
        if now - self._seen[1] < _CHECK_EVERY:
            return False
        speed = (share - self._seen[0]) / (now - self._seen[1])
        drops = speed < _MAX_DROP * max(self._speeds, default=0.0)
        self._seen, self._speeds = (share, now), [*self._speeds[-1:], speed]
        return drops

    def _choose_threads(self) -> bool:
        """Choose the threads of a training again. Return whether their number changed."""
        cell = self._stage.cell
        if cell is None:
            return False
        began = self._clock()
        changed = self._study.choose_threads(cell)
        now = self._clock()
        self._study.folder.add_seconds(f"{self._study.name}/threads", now - began)
        if changed:  # the choice for the other networks is out of date too
            self._chosen = dict.fromkeys(self._chosen, -math.inf)
            self._cost = self._spent = 0.0
        self._chosen[cell] = now
        self._restart()
        return changed

    def _restart(self) -> None:
        """Discard the speeds measured so far."""
        self._last = self._seen = None
        self._speeds = []

    def _remaining(self, plan: Plan, share: float) -> float:
        """Switch to a plan, and return the cost of the remaining work after a share of a stage."""
        self._study.plan = plan
        costs = {stage.key: stage.cost for stage in self._study.pending()}
        return sum(costs.values()) - share * costs.get(self._stage.key, 0.0)
