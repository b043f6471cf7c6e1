"""The advice at the end of a run."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chargen.text.corpus import Corpus
from chargen.training.advice import Advice, CurvePoint, Outcome, advice, expected_gain
from chargen.training.options import TrainingOptions
from chargen.training.records import Finished
from chargen.training.train import start

STILL = Advice("still improving: train longer", longer=True)
PASSAGES = "of sampled passages of 40 characters occur in the text"
LEARNED = Advice(f"memorised: 100 % {PASSAGES}")
HALF = Advice(f"50 % {PASSAGES}: train longer to memorise more of it", longer=True)
COPIED = Advice("copied: 31 % of sampled passages of 40 characters occur in the training text")
OVERFITTING = Advice("overfitting: add text or stop earlier")
STOPPED = Advice("overfitting: add text")


def curve(*losses: float, training: tuple[float, ...] = (), first: int = 100) -> list[CurvePoint]:
    """Return evaluations with a distance of 100 updates. first: the step of the first one."""
    steps = range(first, first + 100 * len(losses), 100)
    return [CurvePoint(*each) for each in zip(steps, losses, training or losses, strict=True)]


def outcome(points: list[CurvePoint], begin: int = 0) -> Outcome:
    """Return the outcome of a complete run of ten epochs that copies nothing."""
    return Outcome(points, begin, True, copied=0.0, usual=0.0, by_heart=False, epochs=10)


@pytest.mark.parametrize(
    ("losses", "training", "expected"),
    [
        ((2.0, 1.8, 1.7, 1.6), (), STILL),
        ((2.0, 1.63, 1.62, 1.61), (), None),  # the second half of the budget gained 0.02
        ((2.0, 1.6, 1.55, 1.56), (), None),  # neither clearly worse nor the best
        ((2.0, 1.6, 1.7, 1.8), (2.0, 1.5, 1.2, 1.0), OVERFITTING),
        ((2.0, 1.6, 1.7, 1.8), (2.0, 1.5, 1.5, 1.6), None),  # the learning rate is too high
        ((2.0, 1.6, 1.61, 1.62), (2.0, 1.5, 1.2, 1.0), None),  # the rise may be noise
    ],
)
def test_the_advice_follows_the_losses(
    losses: tuple[float, ...], training: tuple[float, ...], expected: Advice | None
) -> None:
    """A clear rise is overfitting, a clear fall is worth more training, else there is no advice."""
    points = curve(*losses, training=training)
    assert advice(outcome(points)) == expected
    stopped = STOPPED if expected == OVERFITTING else None
    assert advice(replace(outcome(points), is_complete=False)) == stopped


@pytest.mark.parametrize(("last", "expected"), [(1.69, STILL), (1.71, None)])
def test_a_run_of_few_epochs_that_ends_at_its_best_is_improving(
    last: float, expected: Advice | None
) -> None:
    """There is text that it has hardly seen, even if it gained little at its end."""
    few = replace(outcome(curve(2.0, 1.705, 1.7, last)), epochs=1.0)
    assert advice(few) == expected
    assert advice(replace(few, epochs=2.0)) is None


def test_the_gain_is_that_of_the_second_half() -> None:
    """The loss after half of the updates is interpolated."""
    assert expected_gain(curve(2.0, 1.8, 1.5), 0) == pytest.approx(1.9 - 1.5)
    assert expected_gain(curve(2.0, 1.4, 1.5), 0) == 0


def test_the_gain_of_an_extension_is_at_most_its_own() -> None:
    """The loss rises with the learning rate; its fall afterwards is not progress."""
    points = curve(1.5, 1.7, 1.6, 1.5, 1.49, first=400)
    assert expected_gain(points, 400) == pytest.approx(0.01)
    assert advice(outcome(points, 400)) is None


def test_the_gain_of_an_extension_is_that_of_its_second_half() -> None:
    """The second half is a part of a doubling."""
    points = curve(1.7, 1.6, 1.55, 1.52, 1.5, first=400)
    assert expected_gain(points, 400) == pytest.approx(0.05 / math.log2(8 / 6))
    assert advice(outcome(points, 400)) == STILL
    assert expected_gain(curve(1.7, 1.6, 1.5, 1.5, 1.5, first=400), 400) == 0


def test_nothing_is_expected_of_a_budget_without_updates() -> None:
    """A budget can be too short for a single update."""
    points = [CurvePoint(400, 1.5, 1.5)] * 2
    assert expected_gain(points, 400) == expected_gain([CurvePoint(0, 3.0, 0.0)] * 2, 0) == 0


@pytest.mark.parametrize(
    ("copied", "usual", "expected"),
    [
        (0.31, 0.0, COPIED),
        (0.05, 0.0, None),
        (0.31, 0.3, None),  # the text repeats itself
        (None, 0.0, None),
    ],
)
def test_copied_passages_are_reported(
    copied: float | None, usual: float, expected: Advice | None
) -> None:
    """The share counts beyond that of passages that the model has not seen."""
    assert advice(replace(outcome([]), copied=copied, usual=usual)) == expected


@pytest.mark.parametrize(
    ("copied", "expected"),
    [(1.0, LEARNED), (0.5, HALF), (None, None)],
)
def test_a_short_text_is_learned_by_heart(copied: float | None, expected: Advice | None) -> None:
    """Without a validation set, copying is the aim."""
    assert advice(replace(outcome([]), by_heart=True, copied=copied)) == expected


MakeRun = Callable[[Corpus, TrainingOptions], Finished]


@pytest.fixture
def run(tmp_path: Path) -> MakeRun:
    """Return a function that trains on a corpus and returns the last record."""

    def train(corpus: Corpus, options: TrainingOptions) -> Finished:
        trainer = start(corpus, options, output=tmp_path / "run")
        *_, last = trainer.run()
        trainer.folder.finish()
        assert isinstance(last, Finished)
        return last

    return train


@pytest.mark.parametrize(("patience", "expected"), [(None, STOPPED), (0, OVERFITTING)])
def test_a_run_on_noise_overfits(
    patience: int | None,
    expected: Advice,
    noise: Corpus,
    options: TrainingOptions,
    run: MakeRun,
) -> None:
    """Random letters can be memorised, but not predicted."""
    changed = replace(
        options,
        steps=300,
        hidden_size=32,
        learning_rate=0.02,
        validation_fraction=0.3,
        patience=patience,
    )
    finished = run(noise, changed)
    assert (finished.advice, finished.more) == (expected.text, None)


def test_a_short_run_is_still_improving(
    corpus: Corpus, options: TrainingOptions, run: MakeRun
) -> None:
    """After 20 updates a network has not learned the spelling."""
    finished = run(corpus, replace(options, validation_fraction=0.2))
    assert (finished.advice, finished.more) == (STILL.text, "--steps 20")


def test_the_alphabet_is_learned_by_heart(options: TrainingOptions, run: MakeRun) -> None:
    """Each character determines the next one."""
    changed = replace(options, steps=600, hidden_size=32, learning_rate=0.02)
    found = run(Corpus.of(["abcdefghijklmnopqrstuvwxyz. " * 10]), changed).advice
    assert found is not None
    assert found.startswith("memorised: ")
