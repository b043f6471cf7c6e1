"""All memory tasks by name, found by listing this package, and their episodes."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Sequence
from importlib import import_module
from random import Random

from chargen import tasks
from chargen.tasks.episode import Episode, Task


def _find_tasks() -> dict[str, Task]:
    """Collect `TASK` of every module, in ascending order of the accuracy of a guess."""
    modules = [
        import_module(f"{tasks.__name__}.{module.name}")
        for module in pkgutil.iter_modules(tasks.__path__)
        if module.name != "registry"
    ]
    found: list[Task] = [module.TASK for module in modules if hasattr(module, "TASK")]
    found.sort(key=lambda task: (task.chance, task.name))
    return {task.name: task for task in found}


TASKS = _find_tasks()


def episodes(task: Task, count: int, lags: Sequence[int], seed: int) -> Iterator[Episode]:
    """Draw episodes, each with one of the lags. The k-th one depends only on the seed and k.

    Raises OptionError before the first episode if the task cannot have a lag.
    """
    task.check_lags(lags)
    return (_draw(task, lags, Random(f"{seed}:{k}")) for k in range(count))


def example(task: Task) -> Episode:
    """Return the example of the task for readers, always the same episode."""
    random = Random(f"example:{task.name}")
    while True:
        episode = task.episode(random, task.example_lag)
        if task.is_good_example(episode):
            return episode


def _draw(task: Task, lags: Sequence[int], random: Random) -> Episode:
    return task.episode(random, random.choice(lags))
