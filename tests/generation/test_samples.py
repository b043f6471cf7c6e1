"""Samples that are drawn side by side are the samples that are drawn alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from chargen.generation.context import Reader, confidence
from chargen.generation.filters import Temperature
from chargen.generation.generate import generate
from chargen.generation.repetition import Repetition
from chargen.generation.sampler import Sampler
from chargen.generation.stopping import Stopping
from chargen.model.cells import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import Floats
from chargen.records import Drawn, Stopped

SAMPLES, LENGTH, SEED = 100, 1_000, 11


class Recorder(Sampler):
    """A sampler that keeps what it drew from, and what it drew."""

    def __init__(self, *, samples: int = 1, first: int = 0) -> None:
        super().__init__([Temperature(1)], seed=SEED, samples=samples, first=first)
        self.logits: list[Floats] = []
        self.ids: list[npt.NDArray[np.int64]] = []

    def draw(self, logits: Floats) -> npt.NDArray[np.int64]:
        drawn = super().draw(logits)
        self.logits.append(logits.copy())
        self.ids.append(drawn)
        return drawn


def recorded(reader: Reader, samples: int, first: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Logits [T, B, V] and ids [T, B] of so many samples of a thousand characters."""
    sampler = Recorder(samples=samples, first=first)
    for _ in generate(reader, sampler, reader.read("the cat "), Stopping(LENGTH)):
        pass
    return np.stack(sampler.logits), np.stack(sampler.ids)


def cumulated(logits: Floats) -> npt.NDArray[np.float64]:
    """The distribution function of all characters but the unknown."""
    x = logits.astype(np.float64)
    powers = np.exp(x - x[1:].max())
    powers[0] = 0
    shares: npt.NDArray[np.float64] = np.cumsum(powers) / powers.sum()
    return shares


# A logit of about 10 is a float32 sum of 48 products, off by some 1e-6, of states that are off by
# as much; some ten times that where rounding was carried on. Probabilities change by less.
ROUNDING = 1e-4


def is_a_tie(together: Floats, alone: Floats, batched: int, own: int, uniform: float) -> bool:
    """Whether the uniform lies at the border of two draws, within rounding, in both ways."""
    low = min(batched, own)
    high = max(batched, own)
    # Beyond the character of the lower one, and not beyond the one before the higher.
    return all(
        abs(table[low] - uniform) < ROUNDING and abs(table[high - 1] - uniform) < ROUNDING
        for table in (cumulated(together), cumulated(alone))
    )


@pytest.fixture(scope="module")
def reader(trained: Path) -> Reader:
    """A model that has learned something."""
    return Reader.of(Checkpoint.load(trained))


def test_a_hundred_samples_are_those_drawn_alone_but_for_ties(reader: Reader) -> None:
    """A sample differs from itself alone only from a draw on that rounding decides.

    Up to the first difference the logits of both ways are equal to rounding too; at it the uniform
    lies on the border between the two characters.
    """
    together, batched = recorded(reader, SAMPLES, 0)
    whole = 0
    for k in range(SAMPLES):
        alone, own = recorded(reader, 1, k)
        differing = np.flatnonzero(batched[:, k] != own[:, 0])
        until = int(differing[0]) if len(differing) else LENGTH
        whole += until == LENGTH
        shared = slice(0, min(until + 1, LENGTH))
        assert np.abs(together[shared, k] - alone[shared, 0]).max() < ROUNDING
        if until < LENGTH:
            uniforms = np.random.Generator(np.random.Philox(key=[SEED, k])).random(until + 1)
            assert is_a_tie(
                together[until, k],
                alone[until, 0],
                int(batched[until, k]),
                int(own[until, 0]),
                float(uniforms[-1]),
            )
    # A draw is a tie with a probability of some 1e-6 a border: of a hundred samples few have one.
    assert whole >= 90


def test_a_difference_that_is_no_tie_is_seen() -> None:
    """The test above can fail: a draw in the middle of a character is no tie."""
    logits = np.zeros(5, np.float32)  # borders at .25 .5 .75
    for uniform in (0.5, 0.50001, 0.49999):
        assert is_a_tie(logits, logits, 2, 3, uniform)
    for uniform in (0.4998, 0.6, 0.25):
        assert not is_a_tie(logits, logits, 2, 3, uniform)
    assert not is_a_tie(logits, logits, 1, 4, 0.5)


def texts(
    reader: Reader, samples: int, stopping: Stopping, *, first: int = 0
) -> dict[int, tuple[str, str]]:
    """Each sample's text and why it ended; every record's order is looked at."""
    sampler = Sampler(
        [Temperature(1.3)], seed=5, samples=samples, first=first, repetition=Repetition(1.3, 4)
    )
    written: dict[int, str] = dict.fromkeys(range(first, first + samples), "")
    ended: dict[int, tuple[str, str]] = {}
    for record in generate(reader, sampler, reader.read("to "), stopping):
        assert record.sample not in ended  # nothing comes after the end
        if isinstance(record, Drawn):
            written[record.sample] += record.character
        else:
            assert isinstance(record, Stopped)
            ended[record.sample] = (written[record.sample], record.reason)
    return ended


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lines", [False, True])
def test_samples_that_end_at_different_places_do_not_disturb_the_others(
    make_reader: Callable[..., Reader], cell: str, lines: bool
) -> None:
    """By stop texts, newlines, confidence and length at once, each ends as it ends alone."""
    reader = make_reader(cell=cell, lines=lines)
    sure = float(confidence(reader.start.logits)[0])
    for stopping in (
        Stopping(120, ("to", "b, "), until_newline=True),
        Stopping(120, ("nn",), confidence=sure / 2),
        Stopping(40),
        Stopping(0),
    ):
        together = texts(reader, 12, stopping)
        assert sorted(together) == list(range(12))
        alone = {k: texts(reader, 1, stopping, first=k)[k] for k in range(12)}
        assert together == alone


def test_all_ways_to_end_are_met(make_reader: Callable[..., Reader]) -> None:
    """The samples of the test above do end in each of the ways."""
    reader = make_reader(cell="lstm")
    one = texts(reader, 40, Stopping(60, ("to",), until_newline=True))
    assert {reason for _, reason in one.values()} == {"stop", "newline", "length"}
    two = texts(reader, 40, Stopping(60, confidence=0.3))
    assert "confidence" in {reason for _, reason in two.values()}


def test_each_line_of_a_batch_begins_from_nothing(make_reader: Callable[..., Reader]) -> None:
    """Of many samples side by side, what follows a newline is what the start of a text says."""
    reader = make_reader(lines=True)
    sampler = Recorder(samples=6)
    for _ in generate(reader, sampler, reader.read("to be"), Stopping(200)):
        pass
    newline = reader.vocabulary.encode("\n")[0]
    after = 0
    for before, logits in zip(sampler.ids[:-1], sampler.logits[1:], strict=True):
        for row in np.flatnonzero(before == newline):
            np.testing.assert_array_equal(logits[row], reader.start.logits[0])
            after += 1
    assert after > 20  # of 1,200 characters
