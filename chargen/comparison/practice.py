"""One network trained on the episodes of a memory task, the lags growing as it learns.

Shapes: T time, B episodes side by side, A answers, V vocabulary.
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

from chargen.comparison.episodes import EpisodeBatch, batch_of, first_characters, right
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.tasks.episode import Episode, Task
from chargen.text.vocabulary import Vocabulary
from chargen.training import schedule
from chargen.training.batches import NO_TARGET

BATCH_CHARACTERS = 768
FEWEST, MOST = 8, 64
MEMORY = 2  # times the longest lag: the time scales that units begin with

# The curriculum. It begins with the least lag alone: a vanilla RNN then learned to recall with
# both of two seeds, and with one of them where lags half again as long were among the first. The
# longest lag of the moment grows by a tenth whenever enough of the answers to its longer half are
# right, as a running mean.
GROWTH = 1.1
ENOUGH = 0.85
_RUNNING = 0.1
_AFTER_GROWTH = 0.05  # what the mean is lowered by, so that one growth is not the next one's reason

_CLIP = 1.0
WEIGHT_DECAY = 0.01


@dataclass
class Practised:
    """How far a network has come. lag: the longest that it is trained on at present."""

    network: Network
    lag: float
    characters: int = 0
    accuracy: float = 0.0
    diverged: bool = False


def practise(
    task: Task,
    vocabulary: Vocabulary,
    config: ModelConfig,
    *,
    rate: float,
    longest: int,
    characters: int,
    seed: int,
    first_lag: float | None = None,
) -> Generator[float, None, Practised]:
    """Train on so many characters; yield the share after every update, return what came.

    Each episode is read from an empty state to its end, all of it in one window, and every
    character of it is in the loss. The lags of the updates are drawn evenly over their logarithm,
    from the least that the task has to the longest of the moment. first_lag: where that begins,
    without it at the least.
    """
    network = Network(config)
    network.initialise(seed, memory=MEMORY * longest)
    network.begin_as_a_sum()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY, fused=True
    )
    firsts = first_characters(task, vocabulary)
    done = Practised(network, float(task.least_lag if first_lag is None else first_lag))
    step = 0
    while done.characters < characters:
        random = Random(f"practice:{seed}:{step}")
        step += 1
        batch = batch_of(_episodes(task, random, done.lag), vocabulary)
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate(rate, done.characters / characters)
        lanes = len(batch.episodes)
        logits, _ = network(batch.inputs, network.empty_states(lanes))
        loss = functional.cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), ignore_index=NO_TARGET
        )
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimiser.step()
        if not math.isfinite(loss.item()):
            done.diverged = True
            break
        done.characters += int((batch.targets != NO_TARGET).sum())
        if 2 * batch.episodes[0].answer.lag >= done.lag:
            _grow(done, batch, logits.detach()[:, :, firsts], longest)
        yield min(1.0, done.characters / characters)
    return done


def _episodes(task: Task, random: Random, longest: float) -> list[Episode]:
    lag = round(math.exp(random.uniform(math.log(task.least_lag), math.log(longest))))
    lanes = max(FEWEST, min(MOST, BATCH_CHARACTERS // lag))
    return [task.episode(random, max(task.least_lag, lag)) for _ in range(lanes)]


def _grow(done: Practised, batch: EpisodeBatch, logits: Tensor, longest: int) -> None:
    """Count the answers, logits [T, B, A] of them, and lengthen the lags where it is time."""
    here = logits[batch.at, torch.arange(logits.shape[1])].numpy()
    share = float(np.mean(right(here, batch.episodes)))
    done.accuracy += _RUNNING * (share - done.accuracy)
    if done.accuracy > ENOUGH and done.lag < longest:
        done.lag = min(longest, done.lag * GROWTH)
        done.accuracy -= _AFTER_GROWTH
