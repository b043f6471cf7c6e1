"""Episodes of a memory task as tensors, and how well a network answers them.

Shapes: T time, B episodes side by side, A answers a task knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chargen.model.network import Network
from chargen.tasks.episode import Episode, Task
from chargen.tasks.table import episodes
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import NO_TARGET

TEXT_START = "\n"
_SAMPLED = 400
_CELLS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class EpisodeBatch:
    """inputs, targets: [T, B], each episode after a newline and with one; padded at the end.

    at: [B], the time at which the answer's first character is predicted.
    """

    inputs: Tensor
    targets: Tensor
    at: Tensor
    episodes: tuple[Episode, ...]


@cache
def vocabulary_of(task_name: str) -> Vocabulary:
    """Every character that episodes of a task are written with."""
    from chargen.tasks.table import TASKS

    task = TASKS[task_name]
    return Vocabulary.build(e.text for e in episodes(task, _SAMPLED, (300, 3_000), seed=0))


def batch_of(made: Sequence[Episode], vocabulary: Vocabulary) -> EpisodeBatch:
    """Episodes side by side."""
    texts = [vocabulary.encode(TEXT_START + e.text + TEXT_START) for e in made]
    longest = max(map(len, texts))
    ids = np.full((longest, len(texts)), NO_TARGET, np.int64)
    for b, text in enumerate(texts):
        ids[: len(text), b] = text
    inputs = np.maximum(ids[:-1], 0)
    return EpisodeBatch(
        torch.from_numpy(inputs),
        torch.from_numpy(ids[1:]),
        torch.tensor([e.answer.at for e in made]),  # the newline before shifts by one, as does
        tuple(made),  # the prediction
    )


@torch.no_grad()
def answer_probabilities(
    network: Network, made: Sequence[Episode], vocabulary: Vocabulary, task: Task
) -> npt.NDArray[np.float64]:
    """[len(made), A]: the network's probability of each answer's first character, at its place."""
    firsts = vocabulary.encode("".join(choice[0] for choice in task.choices)).astype(np.int64)
    found = np.empty((len(made), len(firsts)))
    order = np.argsort([len(e.text) for e in made], kind="stable")
    at = 0
    while at < len(order):
        room = max(1, _CELLS_AT_ONCE // len(made[order[at]].text))
        rows = order[at : at + room]
        batch = batch_of([made[k] for k in rows], vocabulary)
        logits, _ = network(batch.inputs, network.empty_states(len(rows)))
        here = logits[batch.at, torch.arange(len(rows))].double().softmax(-1)
        found[rows] = here[:, torch.from_numpy(firsts)].numpy()
        at += room
    return found


def is_right(probabilities: npt.NDArray[np.float64], made: Sequence[Episode]) -> npt.NDArray[np.bool_]:
    """[len(made)]: whether the likeliest of the answers is the right one."""
    right = [e.answer.choices.index(e.answer.right) for e in made]
    answered: npt.NDArray[np.bool_] = probabilities.argmax(axis=1) == np.array(right)
    return answered
