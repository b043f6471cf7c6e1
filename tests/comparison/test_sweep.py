"""Tests of the learning-rate sweep."""

from collections.abc import Generator
from typing import Any

import pytest

from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.result import Sweep, Trial
from chargen.comparison.runner import run_studies
from chargen.comparison.stages import Stage
from tests.comparison.test_runner import FakeStudy, Machine

RATES = (1e-3, 3e-3, 1e-2)


class SweepStudy(FakeStudy):
    """A study of one sweep, with known losses."""

    def __init__(
        self, folder: ComparisonFolder, losses: dict[float, float | None], *, extend: bool = True
    ) -> None:
        self.losses, self.extend_sweep = losses, extend
        self.tried: list[float] = []
        super().__init__(folder, Machine(), seconds=None)

    def stages(self) -> list[Stage[Any]]:
        return self.sweep("rnn")

    def rates(self, cell: str) -> tuple[float, ...]:
        return RATES

    def trial(self, cell: str, rate: float) -> Stage[Trial]:
        def run() -> Generator[float, None, Trial]:
            self.tried.append(rate)
            yield 0.5
            return Trial(rate, self.losses[rate])

        return Stage(f"fake/{rate:g}", "", 1.0, Trial, run)

    def choose(self) -> Sweep:
        list(run_studies([self]))
        return self.get(self.choice("rnn"))


@pytest.mark.parametrize(
    ("losses", "beyond", "best"),
    [
        ((2.0, 1.5, 1.8), None, 3e-3),
        ((2.0, 1.5, 1.2), 0.03, 0.03),
        ((1.2, 1.5, 2.0), 0.0003, 0.0003),
        ((1.9, 1.8, None), None, 3e-3),
        ((None, None, None), 0.0003, 0.0003),
    ],
)
def test_the_lowest_loss_is_chosen(
    folder: ComparisonFolder,
    losses: tuple[float | None, ...],
    beyond: float | None,
    best: float,
) -> None:
    """If the best rate is at an edge, one more is tried, half a power of ten beyond it.

    A diverged rate is never chosen.
    """
    known = dict(zip(RATES, losses, strict=True)) | ({} if beyond is None else {beyond: 1.1})
    study = SweepStudy(folder, known)
    sweep = study.choose()
    assert study.tried == [*RATES, *([] if beyond is None else [beyond])]
    assert sweep == Sweep(tuple(Trial(rate, known[rate]) for rate in sorted(known)), best)
    again = SweepStudy(folder, known)
    assert again.choose() == sweep
    assert again.tried == []


def test_a_fixed_sweep_stays_within_its_rates(folder: ComparisonFolder) -> None:
    study = SweepStudy(folder, dict(zip(RATES, (2.0, 1.5, 1.2), strict=True)), extend=False)
    assert study.choose().best == 1e-2
    assert study.tried == list(RATES)
