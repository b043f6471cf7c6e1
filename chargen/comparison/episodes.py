"""Episodes of a memory task as tensors, and a network's answers to them.

Shapes: T time, B episodes in a batch, A possible answers of a task.
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
from chargen.tasks.episode import MAX_LAG, Episode, Task
from chargen.tasks.registry import episodes
from chargen.text.kind import LINE
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import NO_TARGET

Floats = npt.NDArray[np.float64]

_NUM_SAMPLED = 100
_MAX_CHARACTERS = 1 << 16  # of a batch


@dataclass(frozen=True)
class EpisodeBatch:
    """inputs, targets: [T, B]; each episode is between two newlines, and padded.

    at: [B], the time at which the first character of the answer is predicted.
    """

    inputs: Tensor
    targets: Tensor
    at: Tensor
    episodes: tuple[Episode, ...]


@cache
def task_vocabulary(task: Task) -> Vocabulary:
    """Return the vocabulary of a task's episodes."""
    return Vocabulary.build(e.text for e in episodes(task, _NUM_SAMPLED, (MAX_LAG,), seed=0))


def make_batch(drawn: Sequence[Episode], task: Task) -> EpisodeBatch:
    """Combine episodes into a batch."""
    vocabulary = task_vocabulary(task)
    texts = [vocabulary.encode(LINE.boundary + e.text + LINE.boundary) for e in drawn]
    ids = np.full((max(map(len, texts)), len(texts)), NO_TARGET, np.int64)
    for b, text in enumerate(texts):
        ids[: len(text), b] = text
    return EpisodeBatch(
        torch.from_numpy(np.maximum(ids[:-1], 0)),
        torch.from_numpy(ids[1:]),
        # The newline before an episode shifts the answer by one; its prediction is one step before.
        torch.tensor([e.answer.at for e in drawn]),
        tuple(drawn),
    )


def first_characters(task: Task) -> Tensor:
    """Return the id of the first character of each possible answer, [A]."""
    ids = task_vocabulary(task).encode("".join(choice[0] for choice in task.choices))
    return torch.from_numpy(ids.astype(np.int64))


@torch.no_grad()
def answer_probabilities(network: Network, drawn: Sequence[Episode], task: Task) -> Floats:
    """Return the probability of each possible answer's first character, [len(drawn), A]."""
    firsts = first_characters(task)
    probabilities = np.empty((len(drawn), len(firsts)))
    order = np.argsort([len(e.text) for e in drawn], kind="stable").tolist()
    while order:
        size = max(1, _MAX_CHARACTERS // (len(drawn[order[0]].text) + 2))
        rows, order = order[:size], order[size:]
        batch = make_batch([drawn[k] for k in rows], task)
        logits, _ = network(batch.inputs, network.empty_states(len(rows)))
        at_answer = logits[batch.at, torch.arange(len(rows))].double().softmax(-1)
        probabilities[rows] = at_answer[:, firsts].numpy()
    return probabilities


def is_right(
    probabilities: npt.NDArray[np.floating], drawn: Sequence[Episode]
) -> npt.NDArray[np.bool_]:
    """Return whether the most likely of the answers [len(drawn), A] is the right one."""
    right = np.array([e.answer.choices.index(e.answer.right) for e in drawn])
    correct: npt.NDArray[np.bool_] = probabilities.argmax(axis=1) == right
    return correct
