"""Training on the episodes of a memory task, with lags that grow while the network learns.

Shapes: T time, B episodes in a batch, A possible answers, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from chargen.comparison.episodes import EpisodeBatch, first_characters, is_right, make_batch
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.tasks.episode import Episode, Task
from chargen.training import schedule
from chargen.training.batches import NO_TARGET
from chargen.training.optimiser import Optimiser

BATCH_CHARACTERS = 768
MIN_BATCH, MAX_BATCH = 8, 64
CHRONO_FACTOR = 2  # the longest initial time scale, in longest lags
WEIGHT_DECAY = 0.01

# The curriculum. It starts with only the shortest lag: a vanilla RNN then learned to recall with
# both of two seeds, but with only one of them if the first lags ranged up to 1.5 times the
# shortest. The current longest lag grows by a tenth whenever the running mean of the accuracy in
# its longer half is high enough.
GROWTH = 1.1
GROWTH_ACCURACY = 0.85
_SMOOTHING = 0.1
_ACCURACY_DROP = 0.05  # after each growth, which would otherwise cause the next one


@dataclass
class Trainee:
    """The state of a training. lag: the current longest. accuracy: a running mean.

    steps, episodes, characters: the numbers so far. nats: a running mean of the loss.
    diverged: the loss became NaN or infinite; the network then has its initial weights again.
    """

    network: Network
    lag: float
    steps: int = 0
    episodes: int = 0
    characters: int = 0
    nats: float = 0.0
    accuracy: float = 0.0
    diverged: bool = False


def train_on_episodes(
    task: Task,
    config: ModelConfig,
    *,
    rate: float,
    longest: int,
    characters: int,
    seed: int,
    first_lag: float | None = None,
) -> Generator[float, None, Trainee]:
    """Train on a number of characters, and yield the finished share after every update.

    Each episode is read from an empty state in one window, and all of its characters are in the
    loss. The lags of the updates are log-uniform from the task's shortest to the current longest.
    first_lag: the initial longest lag; None: the task's shortest.
    """
    network = Network(config)
    _initialise(network, seed, longest)
    optimiser = Optimiser(network.named_parameters(), weight_decay=WEIGHT_DECAY)
    firsts = first_characters(task)
    trainee = Trainee(network, float(task.min_lag if first_lag is None else first_lag))
    while trainee.characters < characters:
        random = Random(f"practice:{seed}:{trainee.steps}")
        batch = make_batch(_draw(task, random, trainee.lag), task)
        logits, _ = network(batch.inputs, network.empty_states(len(batch.episodes)))
        loss = functional.cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), ignore_index=NO_TARGET
        )
        optimiser.update(loss, schedule.learning_rate(rate, trainee.characters / characters))
        nats = loss.item()
        if not math.isfinite(nats):
            trainee.diverged = True
            _initialise(network, seed, longest)
            break
        trainee.steps += 1
        trainee.episodes += len(batch.episodes)
        trainee.nats += max(_SMOOTHING, 1 / trainee.steps) * (nats - trainee.nats)
        trainee.characters += int((batch.targets != NO_TARGET).sum())
        if 2 * batch.episodes[0].answer.lag >= trainee.lag:
            _grow(trainee, batch, logits.detach()[:, :, firsts], longest)
        yield min(1.0, trainee.characters / characters)
    return trainee


def _initialise(network: Network, seed: int, longest: int) -> None:
    network.initialise(seed, chrono_max=CHRONO_FACTOR * longest)
    network.init_identity()


def _draw(task: Task, random: Random, longest: float) -> list[Episode]:
    lag = round(math.exp(random.uniform(math.log(task.min_lag), math.log(longest))))
    size = max(MIN_BATCH, min(MAX_BATCH, BATCH_CHARACTERS // lag))
    return [task.episode(random, max(task.min_lag, lag)) for _ in range(size)]


def _grow(trainee: Trainee, batch: EpisodeBatch, logits: Tensor, longest: int) -> None:
    """Update the accuracy with the logits [T, B, A] of the answers; grow the lag if it is high."""
    at_answer = logits[batch.at, torch.arange(logits.shape[1])].numpy()
    share = float(np.mean(is_right(at_answer, batch.episodes)))
    trainee.accuracy += _SMOOTHING * (share - trainee.accuracy)
    if trainee.accuracy > GROWTH_ACCURACY and trainee.lag < longest:
        trainee.lag = min(longest, trainee.lag * GROWTH)
        trainee.accuracy -= _ACCURACY_DROP
