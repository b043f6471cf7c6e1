"""The comparison of several cells on one memory task: its stages and its result."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import torch

from chargen.comparison.config import StudyConfig
from chargen.comparison.episodes import task_vocabulary
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.options import ComparisonOptions
from chargen.comparison.parameter_matching import describe_network
from chargen.comparison.result import TaskComparison, TaskEvaluation, TaskResult, TaskTraining
from chargen.comparison.stages import Stage, Study
from chargen.comparison.task_evaluation import (
    LIMIT,
    SWEEP_SEED,
    answer_nats,
    evaluate,
    task_gradient,
)
from chargen.comparison.task_model import write_task_model
from chargen.comparison.task_training import Trainee, train_on_episodes
from chargen.evaluation.intervals import CONFIDENCE, sidak, wilson
from chargen.evaluation.records import GradientFlow, Interval
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig
from chargen.tasks.episode import Task
from chargen.tasks.registry import episodes, example
from chargen.training.precision import torch_threads
from chargen.training.threads import Pass, race

_EVALUATION_SHARE = 0.15  # of the time of one training
_GRADIENT_COST = 2.0  # seconds
_TIMED, _MAX_PASSES = 1.5, 1_000  # seconds and updates
_SWEEP_LAGS = 12
# On 2 cores, an LSTM of 96 units trained 1.3 times as fast as with one thread, and a GRU of 112
# units 1.2 times as fast.
_MAX_THREADS = 2


class TaskStudy(Study):
    """The comparison on one task.

    The best rate of each cell is chosen with complete trainings, since shorter ones can select the
    wrong rate (an LSTM at 3e-3 was better than at 1e-2 after a quarter of the characters, and much
    worse at the end).
    """

    min_characters = 20_000

    def __init__(
        self,
        task: Task,
        options: ComparisonOptions,
        config: StudyConfig,
        folder: ComparisonFolder,
        seconds: float | None,
    ) -> None:
        self._task = task
        like = ModelConfig(
            len(task_vocabulary(task)),
            embedding_size=config.task_embedding_size,
            hidden_size=config.task_hidden_size,
            num_layers=1,
        )
        super().__init__(task.name, task.name, options, config, folder, seconds, like)
        self._lags = sorted(options.lags)
        ratio = self._lags[-1] / task.min_lag
        steps = [k / (_SWEEP_LAGS - 1) for k in range(_SWEEP_LAGS)]
        lags = [round(task.min_lag * ratio**step) for step in steps]
        self._validation = list(episodes(task, config.sweep_episodes, lags, SWEEP_SEED))
        characters = config.task_characters
        if characters is None and seconds is None:
            characters = task.training_characters
        self.prepare(characters)

    def stages(self) -> list[Stage[Any]]:
        """Return all stages in order. The trainings of the sweep use the first seed."""
        stages: list[Stage[Any]] = []
        for cell in self.options.cells:
            stages += self.sweep(cell)
            stages += [self._training(cell, seed) for seed in self.options.seeds]
            stages += [self._evaluation(cell, seed) for seed in self.options.seeds]
            stages.append(self._gradient(cell))
        return list({stage.key: stage for stage in stages}.values())

    def comparison(self) -> TaskComparison:
        """Compose the result. The intervals of all points of a figure are simultaneous."""
        seeds = self.options.seeds
        evaluations = {
            cell: [self.get(self._evaluation(cell, seed)) for seed in seeds]
            for cell in self.options.cells
        }
        first = [each[0] for each in evaluations.values()]
        by_lag = sidak(CONFIDENCE, sum(len(one.accuracy) for one in first))
        by_depth = sidak(CONFIDENCE, max(1, sum(len(one.by_depth) for one in first)))
        cells = {
            cell: TaskResult(
                network=describe_network(self.networks[cell]),
                sweep=self.get(self.choice(cell)),
                trainings=tuple(self.get(self._training(cell, seed)) for seed in seeds),
                evaluations=tuple(
                    replace(
                        one,
                        accuracy=_widen(one.accuracy, by_lag),
                        by_depth=_widen(one.by_depth, by_depth),
                    )
                    for one in each
                ),
                gradient=self.get(self._gradient(cell)),
            )
            for cell, each in evaluations.items()
        }
        shown = example(self._task)
        at, text = shown.answer.at, shown.answer.text
        return TaskComparison(
            name=self._task.name,
            summary=self._task.summary,
            example=shown.text,
            answer=(at, at + len(text)),
            choices=self._task.choices,
            chance=self._task.chance,
            limit=LIMIT,
            lags=tuple(sorted({lag for one in first for lag in one.accuracy})),
            cells=cells,
        )

    def thread_counts(self, cell: str) -> tuple[int, ...]:
        """Return one thread, and as many as the small networks keep busy."""
        return tuple(sorted({1, min(_MAX_THREADS, torch.get_num_threads())}))

    def measure_speeds(self, cell: str) -> dict[int, float]:
        """Time the training of a network with the longest lags."""
        passes = {count: self._timed_pass(cell, count) for count in self.thread_counts(cell)}
        passes[1]()  # the first update of all takes longer than the others
        return race(passes, _TIMED, most=_MAX_PASSES)

    def rates(self, cell: str) -> tuple[float, ...]:
        """Return the rates of the cell."""
        return self.config.task_learning_rates or CELLS[cell].task_learning_rates

    def trial(self, cell: str, rate: float) -> Stage[TaskTraining]:
        """Return the training of the first seed with a rate."""
        return self._training(cell, self.options.seed, rate)

    def _training(self, cell: str, seed: int, rate: float | None = None) -> Stage[TaskTraining]:
        """Train with a rate, or with the best one. The network is saved in the work folder."""
        chosen, characters = rate or self.rate(cell), self.plan.characters

        def run() -> Generator[float, None, TaskTraining]:
            began = time.monotonic()
            trainee = yield from self._train(cell, chosen, seed, characters)
            seconds, nats = time.monotonic() - began, None
            if not trainee.diverged:
                nats = answer_nats(trainee.network, self._validation, self._task)
            training = TaskTraining(
                seed, chosen, trainee.characters, round(trainee.lag), seconds, nats
            )
            path, final = self._work(cell, seed, chosen), self.model_path(self._model(cell), seed)
            write_task_model(path, final, trainee, training, task_vocabulary(self._task))
            return training

        label = f"{self.name}: training, {CELLS[cell].label}"
        label += f", seed {seed}" if rate is None else f", learning rate {rate:g}"
        name, cost = f"training-{cell}-{seed}-{chosen:g}", self.plan.training_cost(cell)
        return self.stage(name, label, cost, TaskTraining, run, equal=True, cell=cell)

    def _train(
        self, cell: str, rate: float, seed: int, characters: int, first_lag: float | None = None
    ) -> Generator[float, None, Trainee]:
        return train_on_episodes(
            self._task,
            self.networks[cell],
            rate=rate,
            longest=self._lags[-1],
            characters=characters,
            seed=seed,
            first_lag=first_lag,
        )

    def _timed_pass(self, cell: str, threads: int) -> Pass:
        """Return a function that runs an update with the longest lags."""
        endless = 1 << 40
        work = self._train(cell, self.rates(cell)[0], 0, endless, first_lag=self._lags[-1])
        done = 0.0

        def run() -> tuple[int, float]:
            nonlocal done
            before = done
            with torch_threads(threads):
                began = time.perf_counter()
                done = next(work)
                return round((done - before) * endless), time.perf_counter() - began

        return run

    def _evaluation(self, cell: str, seed: int) -> Stage[TaskEvaluation]:
        """Evaluate a network on new episodes, and copy it to the kept networks."""

        def run() -> Generator[float, None, TaskEvaluation]:
            path = self._work(cell, seed, self.rate(cell))
            evaluation = yield from evaluate(
                self.load(path), self._task, self._lags, self.config.task_episodes
            )
            copytree(path, self.model_path(self._model(cell), seed), dirs_exist_ok=True)
            return evaluation

        name, label = f"evaluation-{cell}-{seed}", f"{self.name}: evaluating, {CELLS[cell].label}"
        cost = _EVALUATION_SHARE * self.plan.training_cost(cell)
        return self.stage(name, label, cost, TaskEvaluation, run, equal=False)

    def _gradient(self, cell: str) -> Stage[GradientFlow | None]:
        """Differentiate the first seed's network at the longest lag; None if it diverged."""
        seed = self.options.seed

        def run() -> Generator[float, None, GradientFlow | None]:
            yield 0.0
            if self.get(self._training(cell, seed)).nats is None:
                return None
            network = self.load(self._work(cell, seed, self.rate(cell)))
            count = self.config.gradient_episodes
            return task_gradient(network, self._task, self._lags[-1], count)

        name, label = f"gradient-{cell}", f"{self.name}: differentiating, {CELLS[cell].label}"
        return self.stage(name, label, _GRADIENT_COST, GradientFlow | None, run, equal=False)

    def _model(self, cell: str) -> str:
        return f"{self.name}-{cell}"

    def _work(self, cell: str, seed: int, rate: float) -> Path:
        return self.folder.work(f"{self._model(cell)}-{seed}-{rate:g}")


def _widen(intervals: dict[int, Interval], confidence: float) -> dict[int, Interval]:
    """Return the intervals of the same counts at another confidence level."""
    return {
        key: wilson(round(one.value * one.count), one.count, confidence)
        for key, one in intervals.items()
    }
