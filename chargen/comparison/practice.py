"""Train one network on the episodes of a memory task, lags growing as it learns.

Shapes: T time, B episodes side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import torch
from torch.nn import functional

from chargen.comparison.episodes import answer_probabilities, batch_of, is_right, vocabulary_of
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.tasks.episode import Task
from chargen.training.batches import NO_TARGET

_FIRST_LAG = 1.5  # times the least
_GROWTH = 1.1
_PASSED = 0.85
_RUNNING = 0.1
_WARM_UP = 0.05
_CLIP = 1.0


@dataclass
class Practice:
    """How far a network has come. lag: the longest it is trained on at present."""

    characters: int = 0
    fraction: float = 0.0
    lag: float = 0.0
    accuracy: float = 0.0
    loss: float = math.inf
    clipped: int = 0
    steps: int = 0


class Pupil:
    """A network, its optimiser, and where it stands in the curriculum.

    Every character of every episode is in the loss, nothing is cut off within an episode, and
    the lags of a batch are drawn evenly over their logarithm up to the longest so far, which
    grows by a tenth whenever the answers of the longest half are right often enough.
    """

    def __init__(
        self,
        task: Task,
        model: ModelConfig,
        *,
        rate: float,
        longest: int,
        characters: int,
        seed: int,
        batch_characters: int = 4_096,
    ) -> None:
        self.task = task
        self.network = Network(model)
        self.network.initialise(seed, memory=2 * longest)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self._rate = rate
        self._longest = longest
        self._budget = characters
        self._batch_characters = batch_characters
        self._seed = seed
        self.practice = Practice(lag=_FIRST_LAG * task.least_lag)

    def run(self) -> Iterator[Practice]:
        """Train until the characters are read; yield after every update."""
        practice, vocabulary = self.practice, vocabulary_of(self.task.name)
        while practice.characters < self._budget:
            random = Random(f"practice:{self._seed}:{practice.steps}")
            low, high = math.log(self.task.least_lag), math.log(practice.lag)
            lag = round(math.exp(random.uniform(low, high)))
            lag = max(self.task.least_lag, lag)
            lanes = max(8, min(64, self._batch_characters // (lag + 20)))
            batch = batch_of([self.task.episode(random, lag) for _ in range(lanes)], vocabulary)
            for group in self._optimiser.param_groups:
                group["lr"] = self._rate * self._schedule(practice.characters / self._budget)
            logits, _ = self.network(batch.inputs, self.network.empty_states(lanes))
            loss = functional.cross_entropy(
                logits.flatten(0, 1), batch.targets.flatten(), ignore_index=NO_TARGET
            )
            self._optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
            self._optimiser.step()
            practice.clipped += bool(norm > _CLIP)
            practice.steps += 1
            practice.characters += int((batch.targets != NO_TARGET).sum())
            practice.fraction = min(1.0, practice.characters / self._budget)
            practice.loss = loss.item()
            if lag * 2 >= practice.lag:
                self._grow(batch, logits.detach())
            yield practice

    def _grow(self, batch, logits) -> None:
        rows = torch.arange(logits.shape[1])
        vocabulary = vocabulary_of(self.task.name)
        firsts = torch.from_numpy(
            vocabulary.encode("".join(c[0] for c in self.task.choices)).astype("int64")
        )
        found = logits[batch.at, rows][:, firsts].double().numpy()
        right = float(is_right(found, batch.episodes).mean())
        practice = self.practice
        practice.accuracy += _RUNNING * (right - practice.accuracy)
        if practice.accuracy > _PASSED and practice.lag < self._longest:
            practice.lag = min(self._longest, practice.lag * _GROWTH)
            practice.accuracy -= 0.05

    def _schedule(self, fraction: float) -> float:
        if fraction < _WARM_UP:
            return fraction / _WARM_UP
        rest = (fraction - _WARM_UP) / (1 - _WARM_UP)
        return 0.5 * (1 + math.cos(math.pi * rest))
