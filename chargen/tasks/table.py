"""The memory tasks by name, and their episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from chargen.errors import OptionError
from chargen.tasks.agreement import AGREEMENT
from chargen.tasks.context import CONTEXT
from chargen.tasks.episode import Episode, Task
from chargen.tasks.nesting import NESTING
from chargen.tasks.recall import RECALL

TASKS: dict[str, Task] = {task.name: task for task in (RECALL, AGREEMENT, CONTEXT, NESTING)}
ALL = "all"
LONGEST_LAG = 3_200


def chosen(name: str) -> list[Task]:
    """The task of this name, or every one for "all". Raises OptionError where there is none."""
    if name == ALL:
        return list(TASKS.values())
    if name not in TASKS:
        raise OptionError(f"--task must be one of {', '.join(TASKS)} or {ALL}, got {name!r}")
    return [TASKS[name]]


def episodes(task: Task, count: int, lags: Sequence[int], seed: int) -> Iterator[Episode]:
    """Episodes with lags drawn from those given; the k-th depends on the seed and k alone.

    Raises OptionError, before the first episode is asked for, where the task cannot have a lag.
    """
    if not lags:
        raise OptionError("--lags must be one number or more, got none (25,50,100,200 is usual)")
    for lag in lags:
        if lag < task.least_lag:
            raise OptionError(
                f"--lags must be at least {task.least_lag} for {task.name}, got {lag} (the shortest"
                f" episode has {task.least_lag} characters between)"
            )
        if lag > LONGEST_LAG:
            raise OptionError(f"--lags must be at most {LONGEST_LAG}, got {lag}")
    return (_episode(task, lags, Random(f"{seed}:{k}")) for k in range(count))


def _episode(task: Task, lags: Sequence[int], random: Random) -> Episode:
    return task.episode(random, random.choice(lags))
