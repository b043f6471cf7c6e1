"""Each rate is tried once, the best is taken, and an edge is looked beyond."""

import math
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.sweep import Sweep

RATES = (1e-3, 3e-3, 1e-2)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ComparisonFolder]:
    made = ComparisonFolder.open(tmp_path / "a", "x", {})
    yield made
    made.close()


def swept(folder: ComparisonFolder, losses: dict[float, float]) -> tuple[Sweep, list[float]]:
    """A sweep over losses that are known, and the rates that it tried."""
    tried = []

    def loss(rate: float) -> Generator[float, None, float]:
        tried.append(rate)
        yield 0.5
        return losses[rate]

    sweep = Sweep("key", "the cell", RATES, loss, folder)
    for job in sweep.jobs(1.0):
        list(job.work())
    return sweep, tried


def test_the_least_loss_wins(folder: ComparisonFolder) -> None:
    """In the middle of the rates there is nothing to look beyond."""
    sweep, tried = swept(folder, {1e-3: 2.0, 3e-3: 1.5, 1e-2: 1.8})
    assert sweep.best == 3e-3
    assert tried == list(RATES)
    assert sweep.tried == ((1e-3, 2.0), (3e-3, 1.5), (1e-2, 1.8))


@pytest.mark.parametrize(("losses", "beyond"), [((2.0, 1.5, 1.2), 0.03), ((1.2, 1.5, 2.0), 0.0003)])
def test_an_edge_is_looked_beyond(
    folder: ComparisonFolder, losses: tuple[float, ...], beyond: float
) -> None:
    """Once, half a power of ten further."""
    sweep, tried = swept(folder, dict(zip(RATES, losses, strict=True)) | {beyond: 1.1})
    assert tried == [*RATES, beyond]
    assert sweep.best == beyond
    assert [rate for rate, _ in sweep.tried] == sorted([*RATES, beyond])


def test_a_rate_that_diverged_is_not_chosen(folder: ComparisonFolder) -> None:
    """Not a number is no least loss."""
    sweep, _ = swept(folder, {1e-3: 1.9, 3e-3: 1.8, 1e-2: math.nan})
    assert sweep.best == 3e-3
    assert math.isnan(sweep.tried[-1][1])


def test_nothing_is_tried_twice(folder: ComparisonFolder) -> None:
    """What was found before a stop is kept."""
    losses = {1e-3: 2.0, 3e-3: 1.5, 1e-2: 1.2, 0.03: 1.3}
    swept(folder, losses)
    again, tried = swept(folder, losses)
    assert tried == []
    assert again.best == 1e-2
