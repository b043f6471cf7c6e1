"""Tests of training on episodes: it depends only on the seed, and lags grow only with success."""

from collections.abc import Generator

import numpy as np
import pytest

from chargen.comparison import task_training
from chargen.comparison.episodes import task_vocabulary
from chargen.comparison.task_training import Trainee, train_on_episodes
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig
from chargen.tasks.registry import TASKS
from tests.comparison.conftest import finish

TASK = TASKS["recall"]


def start(
    cell: str, seed: int = 1, characters: int = 6_000, rate: float = 1e-3
) -> Generator[float, None, Trainee]:
    config = ModelConfig(len(task_vocabulary(TASK)), cell=cell, hidden_size=16, embedding_size=8)
    return train_on_episodes(TASK, config, rate=rate, longest=50, characters=characters, seed=seed)


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_trains_the_same_network(cell: str) -> None:
    first, again, other = (finish(start(cell, seed)) for seed in (1, 1, 2))
    for name, weight in first.network.weights().items():
        np.testing.assert_array_equal(weight, again.network.weights()[name])
    assert any(
        not np.array_equal(weight, other.network.weights()[name])
        for name, weight in first.network.weights().items()
    )


def test_all_cells_read_the_same() -> None:
    """Before any network has learned anything, the episodes are the same for all."""
    trained = [finish(start(cell)) for cell in CELLS]
    assert len({one.characters for one in trained}) == 1
    assert trained[0].characters >= 6_000
    assert not any(one.diverged for one in trained)


def test_the_share_grows_to_one() -> None:
    shares = list(start("gru"))
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_lags_do_not_grow_by_guessing() -> None:
    """A network without memory stays at the shortest lag."""
    assert finish(start("feedforward", characters=40_000, rate=1e-2)).lag == TASK.min_lag


def test_lags_grow_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """This happens if every answer counts as right."""
    monkeypatch.setattr(task_training, "is_right", lambda _, drawn: np.ones(len(drawn), bool))
    assert finish(start("lstm", characters=200_000)).lag == 50


def test_a_diverged_network_is_reset() -> None:
    """The network has its initial weights again, which are finite."""
    done = finish(start("rnn", characters=50_000, rate=1e38))
    assert done.diverged
    assert all(np.isfinite(weight).all() for weight in done.network.weights().values())
