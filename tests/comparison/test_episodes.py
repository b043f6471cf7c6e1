"""Tests of episodes as tensors: every answer is predicted at its position, in any batch."""

import numpy as np
import pytest
import torch

from chargen.comparison.episodes import (
    answer_probabilities,
    first_characters,
    is_right,
    make_batch,
    task_vocabulary,
)
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.tasks.registry import TASKS, episodes
from chargen.training.batches import NO_TARGET


@pytest.mark.parametrize("name", TASKS)
def test_the_answer_is_predicted_at_its_place(name: str) -> None:
    """The target at `at` is the answer's first character, after all of the text before it."""
    task = TASKS[name]
    vocabulary = task_vocabulary(task)
    drawn = list(episodes(task, 40, [task.min_lag, 40, 90], seed=3))
    batch = make_batch(drawn, task)
    for b, episode in enumerate(drawn):
        answer = episode.answer
        at = int(batch.at[b])
        assert vocabulary.characters[int(batch.targets[at, b])] == answer.text[0]
        read = vocabulary.decode(batch.inputs[: at + 1, b].tolist())
        assert read == "\n" + episode.text[: answer.at]
        count = int((batch.targets[:, b] != NO_TARGET).sum())
        assert vocabulary.decode(batch.targets[:count, b].tolist()) == episode.text + "\n"


@pytest.mark.parametrize("name", TASKS)
def test_the_vocabulary_has_all_characters(name: str) -> None:
    """This includes the characters of episodes from which it was not built."""
    task = TASKS[name]
    vocabulary = task_vocabulary(task)
    for episode in episodes(task, 300, [task.min_lag, 30, 400], seed=9):
        assert not vocabulary.unknown(episode.text)


def test_answers_do_not_depend_on_the_batch() -> None:
    """Short and long episodes have the same answers one at a time and in one batch."""
    task = TASKS["recall"]
    network = Network(ModelConfig(len(task_vocabulary(task)), hidden_size=12, embedding_size=6))
    network.initialise(1)
    drawn = list(episodes(task, 12, [15, 60, 300], seed=2))
    together = answer_probabilities(network, drawn, task)
    alone = [answer_probabilities(network, [one], task) for one in drawn]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4)
    batch = make_batch(drawn[:1], task)
    logits, _ = network(batch.inputs, network.empty_states(1))
    expected = torch.softmax(logits[int(batch.at[0]), 0].double(), -1)
    expected = expected[first_characters(task)]
    np.testing.assert_allclose(alone[0][0], expected.detach().numpy(), rtol=1e-6)


def test_the_right_answer_is_the_most_likely_choice() -> None:
    """In the task "context", an episode can contain another choice."""
    drawn = list(episodes(TASKS["context"], 200, [30], seed=1))
    known = np.array([one.answer.probabilities for one in drawn])
    assert is_right(known, drawn).all()
    assert any(one.answer.text != one.answer.right for one in drawn)
    assert not is_right(-known, drawn).any()
