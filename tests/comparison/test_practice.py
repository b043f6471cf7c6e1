"""Practice is a function of its seed, reads what it is told to, and grows only on success."""

from collections.abc import Generator

import numpy as np
import pytest
import torch

from chargen.comparison import practice
from chargen.comparison.episodes import vocabulary_of
from chargen.comparison.practice import Practised, practise
from chargen.model.config import ModelConfig
from chargen.tasks.table import TASKS

TASK = TASKS["recall"]
VOCABULARY = vocabulary_of(TASK)


def config(cell: str, hidden_size: int = 16) -> ModelConfig:
    return ModelConfig(len(VOCABULARY), cell=cell, hidden_size=hidden_size, embedding_size=8)


def ended(work: Generator[float, None, Practised]) -> tuple[list[float], Practised]:
    shares = []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            return shares, end.value


def run(cell: str, seed: int = 1, characters: int = 6_000, rate: float = 1e-3) -> Practised:
    work = practise(
        TASK, VOCABULARY, config(cell), rate=rate, longest=50, characters=characters, seed=seed
    )
    return ended(work)[1]


@pytest.mark.parametrize("cell", ["feedforward", "rnn", "gru", "lstm"])
def test_the_same_seed_makes_the_same_network(cell: str) -> None:
    """And another one another."""
    first, again, other = run(cell), run(cell), run(cell, seed=2)
    for name, weight in first.network.weights().items():
        np.testing.assert_array_equal(weight, again.network.weights()[name])
    assert any(
        not np.array_equal(weight, other.network.weights()[name])
        for name, weight in first.network.weights().items()
    )


def test_every_cell_reads_the_same() -> None:
    """As long as none of them has learned anything, the episodes are the same ones."""
    counts = {cell: run(cell).characters for cell in ("feedforward", "rnn", "gru", "lstm")}
    assert len(set(counts.values())) == 1


def test_the_share_grows_to_one() -> None:
    """By what was read."""
    work = practise(
        TASK, VOCABULARY, config("gru"), rate=1e-3, longest=50, characters=6_000, seed=1
    )
    shares, done = ended(work)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert done.characters >= 6_000
    assert not done.diverged


def test_lags_do_not_grow_by_guessing() -> None:
    """A network without memory stays where it began."""
    done = run("feedforward", characters=40_000, rate=1e-2)
    assert done.lag == TASK.least_lag


def test_lags_grow_by_right_answers_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every answer counts as right they grow, and stop at the longest."""
    monkeypatch.setattr(practice, "right", lambda given, made: np.ones(len(made), bool))
    assert run("lstm", characters=200_000).lag == 50


def test_a_rate_beyond_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss becomes no number, and the run says so instead of failing."""
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: None)
    done = run("rnn", characters=50_000, rate=1e30)
    assert done.diverged
