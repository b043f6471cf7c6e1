"""Several cells on one memory task: the jobs, and what comes of them."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from safetensors import SafetensorError

from chargen.comparison.episodes import answers, right, vocabulary_of
from chargen.comparison.folder import WORK, ComparisonFolder
from chargen.comparison.practice import (
    BATCH_CHARACTERS,
    ENOUGH,
    GROWTH,
    MEMORY,
    WEIGHT_DECAY,
    Practised,
    practise,
)
from chargen.comparison.request import Request
from chargen.comparison.sizes import matched
from chargen.comparison.stages import Job
from chargen.errors import TooShortError
from chargen.evaluation.intervals import CONFIDENCE, sidak, wilson
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.records import Interval, TaskComparison, TaskResult
from chargen.tasks.episode import Episode, Task
from chargen.tasks.table import LONGEST_LAG, episodes
from chargen.training.precision import torch_threads

HIDDEN, EMBEDDING = 96, 24
# Each is tried with all of the characters: which rate learns to remember shows only where it has
# had the time (an LSTM at 3e-3 was ahead of 1e-2 after a quarter of them, and far behind at the
# end). Those of the gated cells lie around what pilots with `recall` found to be best for them.
RATES = (3e-4, 1e-3, 3e-3)
RATES_OF_CELL = {"gru": (3e-3, 1e-2, 3e-2), "lstm": (3e-3, 1e-2, 3e-2)}
EPISODES = 1_000
LEAST_ACCURACY = 0.9

# What each cell reads of a task in training, and at about how many characters a second, where no
# --minutes says otherwise.
CHARACTERS = {
    "recall": 2_250_000,
    "agreement": 4_500_000,  # with half of it an LSTM came to a span of 50, with all to 400
    "context": 2_250_000,
    "nesting": 2_250_000,
}
_SPEED = 50_000

_ASKING_SHARE = 0.15  # of the time of one training
_JUDGED = 400
_LEAST_CHARACTERS = 20_000
_PROBED = 1.5  # seconds
_SPARE = 0.9
# On 2 cores an LSTM of 96 trained 1.3 times as fast as with one thread, a GRU of 112 1.2 times.
_THREADS = 2
# Far from the seeds that people choose for training.
_ASKED_SEED, _JUDGING_SEED = 1 << 40, 1 << 41

Counts = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Trained:
    """One run of training. nats: mean surprise at the answers of the judging episodes."""

    nats: float
    trained_to: int
    seconds: float


@dataclass(frozen=True)
class Pupil:
    """What one trained network answered.

    accuracy, depths: by lag and by depth of nesting, how many of how many answers were right.
    calibration: by setting and answer, the true and the mean probability.
    """

    accuracy: dict[int, tuple[int, int]]
    depths: dict[int, tuple[int, int]]
    calibration: dict[str, dict[str, tuple[float, float]]]

    @property
    def span(self) -> tuple[int, bool]:
        """The memory span, and whether the accuracy held at every lag up to the longest."""
        span = 0
        for lag in sorted(self.accuracy):
            correct, count = self.accuracy[lag]
            if correct < LEAST_ACCURACY * count:
                return span, False
            span = lag
        return span, True


class TaskStudy:
    """The comparison on one task. seconds: None for the task's own number of characters."""

    def __init__(
        self, task: Task, request: Request, folder: ComparisonFolder, seconds: float | None
    ) -> None:
        self._task, self._request, self._folder = task, request, folder
        self._vocabulary = vocabulary_of(task)
        like = ModelConfig(
            len(self._vocabulary), embedding_size=EMBEDDING, hidden_size=HIDDEN, num_layers=1
        )
        self.configs = matched(request.cells, like)
        self._lags = sorted(set(request.lags))
        self.characters = self._effort(seconds)
        longest, least = self._lags[-1], task.least_lag
        lags = [round(least * (longest / least) ** (k / 11)) for k in range(12)]
        self._judging = list(episodes(task, _JUDGED, lags, _JUDGING_SEED))

    def jobs(self) -> list[Job]:
        """Everything to do, in order."""
        cost, name, first = self.characters / _SPEED, self._task.name, self._request.seed
        jobs = []
        for cell in self._request.cells:
            for rate in _rates(cell):
                said = f"{name}: training the {cell} at a rate of {rate:g}"
                jobs.append(Job(said, cost, partial(self._train, cell, first, rate)))
            for seed in self._seeds[1:]:
                said = f"{name}: training the {cell}, seed {seed}"
                jobs.append(Job(said, cost, partial(self._train, cell, seed)))
            for seed in self._seeds:
                seconds = _ASKING_SHARE * cost
                jobs.append(
                    Job(f"{name}: asking the {cell}", seconds, partial(self._ask, cell, seed))
                )
        return jobs

    def comparison(self) -> TaskComparison:
        """What was measured, the intervals such that they hold for all points of a figure."""
        pupils = {cell: self._pupils(cell) for cell in self._request.cells}
        shown = [found[0] for found in pupils.values()]
        lags = sidak(CONFIDENCE, sum(len(pupil.accuracy) for pupil in shown))
        depths = sidak(CONFIDENCE, max(1, sum(len(pupil.depths) for pupil in shown)))
        example = self._task.episode(Random(f"example:{self._task.name}"), 60)
        at, text = example.answer.at, example.answer.text
        return TaskComparison(
            name=self._task.name,
            summary=self._task.summary,
            example=example.text,
            answer=(at, at + len(text)),
            chance=self._task.chance,
            least_accuracy=LEAST_ACCURACY,
            lags=tuple(sorted({lag for pupil in shown for lag in pupil.accuracy})),
            cells={cell: self._result(cell, found, lags, depths) for cell, found in pupils.items()},
        )

    def settings(self) -> dict[str, Any]:
        """What the numbers hang on, for the report."""
        return {
            "characters": self.characters,
            "batch_characters": BATCH_CHARACTERS,
            "hidden_size": {cell: config.hidden_size for cell, config in self.configs.items()},
            "embedding_size": EMBEDDING,
            "episodes_a_lag": EPISODES,
            "lags_grow": f"by {GROWTH - 1:.0%} where {ENOUGH:.0%} are right",
            "time_scales_up_to": MEMORY * self._lags[-1],
            "weight_decay": WEIGHT_DECAY,
        }

    @property
    def _seeds(self) -> list[int]:
        return [self._request.seed + k for k in range(self._request.repeats)]

    def _key(self, name: str) -> str:
        return f"task/{self._task.name}/{name}"

    def _effort(self, seconds: float | None) -> int:
        """The characters that each cell reads; once, so that a resumed comparison agrees."""
        key = self._key("characters")
        if key in self._folder:
            return self._folder.get(key, int)
        if seconds is None:
            characters = CHARACTERS[self._task.name]
        else:
            again = self._request.repeats - 1 + self._request.repeats * _ASKING_SHARE
            each = sum((len(_rates(c)) + again) / self._speed(c) for c in self._request.cells)
            characters = int(seconds * _SPARE / each)
            if characters < _LEAST_CHARACTERS:
                raise TooShortError(_LEAST_CHARACTERS * each / _SPARE)
        self._folder.put(key, characters)
        return characters

    def _speed(self, cell: str) -> float:
        """Characters a second of training with the longest lags."""
        endless = 1 << 40
        work = self._practise(cell, _rates(cell)[0], 0, endless, first_lag=max(self._lags))
        with closing(work):
            first = share = next(work)  # it takes longer than those that follow
            began = time.perf_counter()
            while time.perf_counter() - began < _PROBED:
                share = next(work)
            seconds = time.perf_counter() - began
        return (share - first) * endless / seconds

    def _tried(self, cell: str) -> list[tuple[float, float]]:
        """Each rate and its surprise at the judging episodes."""
        first = self._request.seed
        return [(rate, self._trained(cell, first, rate).nats) for rate in _rates(cell)]

    def _best(self, cell: str) -> float:
        """The rate whose network answers best; the smallest where all diverged."""
        finite = [(nats, rate) for rate, nats in self._tried(cell) if math.isfinite(nats)]
        return min(finite)[1] if finite else _rates(cell)[0]

    def _run(self, cell: str, seed: int, rate: float) -> str:
        return self._key(f"{cell}/{seed}/{rate:g}")

    def _trained(self, cell: str, seed: int, rate: float) -> Trained:
        return self._folder.get(self._run(cell, seed, rate), Trained)

    def _weights(self, cell: str, seed: int, rate: float) -> str:
        return f"{WORK}/{self._task.name}-{cell}-{seed}-{rate:g}.safetensors"

    def _train(self, cell: str, seed: int, rate: float | None = None) -> Iterator[float]:
        """Train once; without a rate with the best that was found."""
        rate = self._best(cell) if rate is None else rate
        key = self._run(cell, seed, rate)
        if key in self._folder:
            return
        began = time.monotonic()
        done = yield from self._practise(cell, rate, seed, self.characters)
        seconds = time.monotonic() - began
        nats = math.nan
        if not done.diverged:
            given = answers(done.network, self._judging, self._task, self._vocabulary)
            came = [e.answer.choices.index(e.answer.text) for e in self._judging]
            chances = np.maximum(given[np.arange(len(came)), came], 1e-30)
            nats = float(-np.log(chances).mean())
        weights = safetensors.numpy.save(done.network.weights())
        self._folder.write(self._weights(cell, seed, rate), weights)
        self._folder.put(key, Trained(nats, round(done.lag), seconds))

    def _practise(
        self, cell: str, rate: float, seed: int, characters: int, first_lag: float | None = None
    ) -> Generator[float, None, Practised]:
        with torch_threads(min(_THREADS, torch.get_num_threads())):
            return (
                yield from practise(
                    self._task,
                    self._vocabulary,
                    self.configs[cell],
                    rate=rate,
                    longest=max(self._lags),
                    characters=characters,
                    seed=seed,
                    first_lag=first_lag,
                )
            )

    def _ask(self, cell: str, seed: int) -> Iterator[float]:
        """Ask at every lag that was asked for, and on by doubling as long as the answers hold."""
        key = self._key(f"{cell}/{seed}")
        if key in self._folder:
            return
        network = Network(self.configs[cell])
        name = self._weights(cell, seed, self._best(cell))
        try:
            network.begin_with(safetensors.numpy.load(self._folder.read(name)))
        except (SafetensorError, KeyError, RuntimeError):
            raise self._folder.damaged(name) from None
        counts: Counts = {}
        asked: list[Episode] = []
        given = []
        lags = [*self._lags]
        while lags:
            lag = lags.pop(0)
            # Fresh episodes, the same for every network.
            made = list(episodes(self._task, EPISODES, [lag], _ASKED_SEED + lag))
            probabilities = answers(network, made, self._task, self._vocabulary)
            counts[lag] = _counted(right(probabilities, made))
            if lag in self._lags:
                asked += made
                given.append(probabilities)
            held = all(n >= LEAST_ACCURACY * count for n, count in counts.values())
            if not lags and held and lag < LONGEST_LAG:
                lags = [min(2 * lag, LONGEST_LAG)]
            yield len(counts) / (len(counts) + len(lags) + 1)
        everything = np.concatenate(given)
        depths = _by_depth(asked, right(everything, asked))
        self._folder.put(key, Pupil(counts, depths, _calibration(self._task, asked, everything)))

    def _pupils(self, cell: str) -> list[Pupil]:
        return [self._folder.get(self._key(f"{cell}/{seed}"), Pupil) for seed in self._seeds]

    def _result(self, cell: str, pupils: list[Pupil], lags: float, depths: float) -> TaskResult:
        first, rate = pupils[0], self._best(cell)
        run = self._trained(cell, self._request.seed, rate)
        span, is_least = first.span
        return TaskResult(
            cell=cell,
            hidden_size=self.configs[cell].hidden_size,
            parameters=self.configs[cell].parameters,
            learning_rate=rate,
            sweep=tuple(self._tried(cell)),
            accuracy=_intervals(first.accuracy, lags),
            trained_to=run.trained_to,
            span=span,
            span_is_least=is_least,
            seconds=run.seconds,
            calibration=first.calibration,
            by_depth=_intervals(first.depths, depths),
            spans=tuple(pupil.span[0] for pupil in pupils) if len(pupils) > 1 else (),
        )


def _rates(cell: str) -> tuple[float, ...]:
    return RATES_OF_CELL.get(cell, RATES)


def _counted(correct: np.ndarray) -> tuple[int, int]:
    return int(correct.sum()), len(correct)


def _intervals(counts: Counts, confidence: float) -> dict[int, Interval]:
    return {key: wilson(*counted, confidence) for key, counted in counts.items()}


def _by_depth(asked: Sequence[Episode], correct: np.ndarray) -> Counts:
    """Over the lags that have room for every depth, or depth would stand for lag.

    Empty where no episode has a depth.
    """
    depths = np.array([episode.depth for episode in asked])
    lags = np.array([episode.answer.lag for episode in asked])
    kinds = np.unique(depths)
    roomy = [lag for lag in np.unique(lags) if len(np.unique(depths[lags == lag])) == len(kinds)]
    among = np.isin(lags, roomy)
    if not depths.any() or not among.any():
        return {}
    return {int(depth): _counted(correct[among & (depths == depth)]) for depth in kinds}


def _calibration(
    task: Task, asked: Sequence[Episode], given: np.ndarray
) -> dict[str, dict[str, tuple[float, float]]]:
    """By setting and answer, its true probability and the mean share of it among the answers."""
    found = {}
    shares = given / given.sum(axis=1, keepdims=True)
    for name, true in task.settings.items():
        rows = [k for k, episode in enumerate(asked) if episode.answer.probabilities == true]
        means = shares[rows].mean(axis=0).tolist()
        found[name] = {
            choice: (p, mean) for choice, p, mean in zip(task.choices, true, means, strict=True)
        }
    return found
