"""Episodes of a memory task as tensors, and how a network answers them.

Shapes: T time, B episodes side by side, A answers that a task knows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chargen.generation.context import TEXT_START
from chargen.model.network import Network
from chargen.tasks.episode import Episode, Task
from chargen.tasks.table import LONGEST_LAG, episodes
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import NO_TARGET

Floats = npt.NDArray[np.float64]

_SAMPLED = 100
_CHARACTERS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class EpisodeBatch:
    """inputs, targets: [T, B]; each episode follows a newline, ends with one, and is padded.

    at: [B], the time at which the answer's first character is predicted.
    """

    inputs: Tensor
    targets: Tensor
    at: Tensor
    episodes: tuple[Episode, ...]


def vocabulary_of(task: Task) -> Vocabulary:
    """Every character that episodes of a task are written with."""
    return Vocabulary.build(e.text for e in episodes(task, _SAMPLED, (LONGEST_LAG,), seed=0))


def batch_of(made: Sequence[Episode], vocabulary: Vocabulary) -> EpisodeBatch:
    """Episodes side by side."""
    texts = [vocabulary.encode(TEXT_START + e.text + TEXT_START) for e in made]
    ids = np.full((max(map(len, texts)), len(texts)), NO_TARGET, np.int64)
    for b, text in enumerate(texts):
        ids[: len(text), b] = text
    return EpisodeBatch(
        torch.from_numpy(np.maximum(ids[:-1], 0)),
        torch.from_numpy(ids[1:]),
        # The newline before an episode moves it by one, and so does predicting.
        torch.tensor([e.answer.at for e in made]),
        tuple(made),
    )


def first_characters(task: Task, vocabulary: Vocabulary) -> Tensor:
    """[A]: the id that each answer begins with."""
    return torch.from_numpy(vocabulary.encode("".join(c[0] for c in task.choices)).astype(np.int64))


@torch.no_grad()
def answers(
    network: Network, made: Sequence[Episode], task: Task, vocabulary: Vocabulary
) -> Floats:
    """[len(made), A]: the network's probability of each answer's first character, at its place."""
    firsts = first_characters(task, vocabulary)
    found = np.empty((len(made), len(firsts)))
    order = np.argsort([len(e.text) for e in made], kind="stable").tolist()
    while order:
        room = max(1, _CHARACTERS_AT_ONCE // (len(made[order[0]].text) + 2))
        rows, order = order[:room], order[room:]
        batch = batch_of([made[k] for k in rows], vocabulary)
        logits, _ = network(batch.inputs, network.empty_states(len(rows)))
        here = logits[batch.at, torch.arange(len(rows))].double().softmax(-1)
        found[rows] = here[:, firsts].numpy()
    return found


def right(
    probabilities: npt.NDArray[np.floating], made: Sequence[Episode]
) -> npt.NDArray[np.bool_]:
    """[len(made)]: whether the likeliest of the answers [len(made), A] is the right one."""
    wanted = np.array([e.answer.choices.index(e.answer.right) for e in made])
    answered: npt.NDArray[np.bool_] = probabilities.argmax(axis=1) == wanted
    return answered
