"""Episodes as tensors: every answer in its place, whatever stands beside it."""

import numpy as np
import pytest
import torch

from chargen.comparison.episodes import answers, batch_of, first_characters, right, vocabulary_of
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.tasks.table import TASKS, episodes
from chargen.training.batches import NO_TARGET


@pytest.mark.parametrize("name", TASKS)
def test_the_answer_is_predicted_at_its_place(name: str) -> None:
    """The target at `at` is the answer's first character, and before it stand all of the text's."""
    task = TASKS[name]
    vocabulary = vocabulary_of(task)
    made = list(episodes(task, 40, [task.least_lag, 40, 90], seed=3))
    batch = batch_of(made, vocabulary)
    for b, episode in enumerate(made):
        answer = episode.answer
        at = int(batch.at[b])
        assert vocabulary.characters[int(batch.targets[at, b])] == answer.text[0]
        read = vocabulary.decode(batch.inputs[: at + 1, b].tolist())
        assert read == "\n" + episode.text[: answer.at]
        count = int((batch.targets[:, b] != NO_TARGET).sum())
        assert vocabulary.decode(batch.targets[:count, b].tolist()) == episode.text + "\n"


@pytest.mark.parametrize("name", TASKS)
def test_the_vocabulary_knows_every_episode(name: str) -> None:
    """Also those that it was not made from."""
    task = TASKS[name]
    vocabulary = vocabulary_of(task)
    for episode in episodes(task, 300, [task.least_lag, 30, 400], seed=9):
        assert not vocabulary.unknown(episode.text)


def test_answers_do_not_hang_on_what_is_read_beside_them() -> None:
    """One at a time or all at once, short beside long."""
    task = TASKS["recall"]
    vocabulary = vocabulary_of(task)
    network = Network(ModelConfig(len(vocabulary), hidden_size=12, embedding_size=6))
    network.initialise(1)
    made = list(episodes(task, 12, [15, 60, 300], seed=2))
    together = answers(network, made, task, vocabulary)
    alone = np.concatenate([answers(network, [one], task, vocabulary) for one in made])
    np.testing.assert_allclose(together, alone, rtol=1e-4)
    firsts = first_characters(task, vocabulary)
    batch = batch_of(made[:1], vocabulary)
    logits, _ = network(batch.inputs, network.empty_states(1))
    expected = torch.softmax(logits[int(batch.at[0]), 0].double(), -1)[firsts]
    np.testing.assert_allclose(alone[0], expected.detach().numpy(), rtol=1e-6)


def test_the_right_answer_is_the_likeliest_choice() -> None:
    """In context, where chance may have told another one."""
    task = TASKS["context"]
    made = list(episodes(task, 200, [30], seed=1))
    known = np.array([one.answer.probabilities for one in made])
    assert right(known, made).all()
    assert any(one.answer.text != one.answer.right for one in made)
    assert not right(-known, made).any()
