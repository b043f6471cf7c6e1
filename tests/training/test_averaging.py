"""The average of the latest weights."""

import pytest
import torch
from torch import nn

from chargen.training.averaging import WeightAverage


def make(values: list[float]) -> tuple[nn.Parameter, WeightAverage]:
    """Return a parameter and its average after it had these values, at the peak learning rate."""
    parameter = nn.Parameter(torch.zeros(1))
    average = WeightAverage({"w": parameter})
    for step, value in enumerate(values, start=1):
        parameter.data.fill_(value)
        average.update(step, 1.0)
    return parameter, average


def test_the_average_covers_the_latest_ninth_of_the_updates() -> None:
    """After values that grow by 1, the average is about a tenth of the updates behind.

    The weights of polynomial-decay averaging with power 8 have their mean at 9/10 of the run.
    """
    _, average = make([float(k) for k in range(1, 1001)])
    assert average.weights()["w"][0] == pytest.approx(900, abs=2)


def test_at_a_learning_rate_of_zero_the_average_is_the_weights() -> None:
    """The end of an annealed run is not averaged with earlier updates."""
    parameter, average = make([1.0] * 100)
    parameter.data.fill_(5.0)
    average.update(101, 0.0)
    assert average.weights()["w"][0] == 5.0


def test_applying_the_average_restores_the_weights() -> None:
    """Inside the block the network has the average, afterwards the weights of the last update."""
    parameter, average = make([0.0] * 50 + [9.0])
    with average.applied():
        assert 0 < parameter.item() < 9
    assert parameter.item() == 9


def test_a_restored_average_continues_with_the_same_bits() -> None:
    """A copy of the state in a new average gives the same weights after another update."""
    parameter, average = make([1.0, 2.0, 4.0])
    other = WeightAverage({"w": parameter})
    other.load_state({name: value.clone() for name, value in average.state().items()})
    parameter.data.fill_(7.0)
    average.update(4, 0.5)
    other.update(4, 0.5)
    assert average.weights()["w"][0] == other.weights()["w"][0]
