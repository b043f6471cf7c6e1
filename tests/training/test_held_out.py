"""The evaluations of a run, and the part of the held-out text that each of them reads."""

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.validation import streams, validation_nats
from chargen.model.checkpoint import CARD, CONFIG, Checkpoint
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.text.split import Split
from chargen.training.held_out import EvaluationPlan, HeldOut, count_targets, sample
from chargen.training.options import Budget, TrainingOptions
from chargen.training.records import Evaluation, Returned, Step, TrainingRecord
from chargen.training.train import start
from chargen.training.trainer import Trainer
from tests.training.runs import Run, interrupt, resume

SameRun = Callable[[Path, Path], None]


def spans_of(*lengths: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Consecutive spans with these numbers of targets."""
    stops = np.cumsum(np.array(lengths, np.int64) + 1)
    return np.stack([stops - np.array(lengths) - 1, stops], axis=1)


def parts_of(held_out: int, train: int) -> Split:
    """A text with this many characters in each set."""
    spans = spans_of(train, held_out)
    return Split(np.zeros(0, np.uint8), np.zeros(0, np.int64), spans[:1], spans[1:])


# The plan


@given(st.integers(1, 10**9), st.integers(100, 10**9), st.booleans())
def test_evaluations_read_a_twentieth_of_the_budget(
    held_out: int, characters: int, initial: bool
) -> None:
    """Evaluations take at most a twentieth of the budget or read up to 10,000 characters each."""
    plan = EvaluationPlan.of(
        parts_of(held_out, 9 * held_out), characters, initial=initial, timed=False
    )
    readable = max(3 * 0.05 * characters, 10_000 * (plan.evaluations + initial))
    if plan.characters is None:  # the last one takes the place of the measurement at the end
        assert (plan.evaluations - 1 + initial) * held_out <= readable
    else:
        assert plan.characters < held_out
        assert (plan.evaluations + initial) * plan.characters <= readable


@pytest.mark.parametrize(
    ("held_out", "characters", "plan"),
    [
        (1_000, 1_000, (2, None)),
        (111_000, 4_000_000, (5, None)),
        (111_000, 740_000, (2, None)),
        (111_000, 700_000, (2, 52_500)),
        (22_000_000, 1_000_000, (2, 75_000)),
        (22_000_000, 14_000_000, (10, 210_000)),
        (22_000_000, 200_000_000, (20, 1_500_000)),
        (22_000_000, 4_000_000_000, (20, None)),
    ],
)
def test_the_plan_depends_on_the_held_out_text_and_the_budget(
    held_out: int, characters: int, plan: tuple[int, int | None]
) -> None:
    """The whole text is read where that fits; otherwise there are more evaluations, then longer."""
    found = EvaluationPlan.of(
        parts_of(held_out, 9 * held_out), characters, initial=False, timed=False
    )
    assert (found.evaluations, found.characters) == plan


def test_a_part_is_smaller_if_the_speed_is_that_of_timed_passes() -> None:
    """Updates are slower, so the run trains on fewer characters than estimated."""
    exact, timed = (
        EvaluationPlan.of(parts_of(10**7, 10**8), 10**6, initial=True, timed=timed)
        for timed in (False, True)
    )
    assert (exact, timed) == (EvaluationPlan(2, 50_000), EvaluationPlan(2, 25_000))


@pytest.mark.parametrize("lengths", [[1_000_000], [30] * 20_000, [5, 400_000, 1, 90_000]])
def test_a_part_is_evenly_spread(lengths: list[int]) -> None:
    """Every tenth of the text has a tenth of the part, and the pieces do not overlap."""
    spans = spans_of(*lengths)
    part = sample(spans, 100_000)
    assert count_targets(part) == pytest.approx(100_000, rel=0.05)
    assert (part[1:, 0] >= part[:-1, 1] - 1).all()
    middles = (part[:, 0] + part[:, 1]) / 2
    counts, _ = np.histogram(middles, 10, (0, spans[-1, 1]), weights=part[:, 1] - part[:, 0])
    # Ten pieces of 2,000 characters are in each tenth, give or take one at each end.
    assert counts == pytest.approx(np.full(10, counts.mean()), rel=0.21)


# The measurement at the end


def test_without_a_part_nothing_is_measured_again() -> None:
    """The evaluations have the loss on the whole text."""
    spans = spans_of(30_000)
    whole = HeldOut(spans, EvaluationPlan(2), Budget("minutes", 1))
    assert np.array_equal(whole.part.spans, streams(spans))
    assert whole.final(1.0, 1_000.0) is None
    assert whole.seconds_at_end(3.0) == 3.0


@pytest.mark.parametrize(("evaluations", "characters"), [(2, 100_000), (10, 500_000), (20, None)])
def test_with_steps_the_final_measurement_does_not_depend_on_time(
    evaluations: int, characters: int | None
) -> None:
    """The final measurement reads as much as all evaluations together, at most the whole text."""
    spans = spans_of(1_000_000)
    held_out = HeldOut(spans, EvaluationPlan(evaluations, 50_000), Budget("steps", 100))
    found = [held_out.final(seconds, left) for seconds, left in ((1.0, -9.0), (0.001, 50.0))]
    assert found[0] is not None
    assert found[1] is not None
    assert np.array_equal(found[0].spans, found[1].spans)
    wanted = 1_000_000 if characters is None else characters
    assert found[0].characters == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(
    ("evaluation", "left", "characters"),
    [
        (1.0, 10.0, 500_000),
        (1.0, 60.0, 1_000_000),
        (1.0, -5.0, 150_000),
        (0.25, -5.0, 1_000_000),
        (5.0, -5.0, None),
    ],
)
def test_with_minutes_the_final_measurement_reads_what_fits(
    evaluation: float, left: float, characters: int | None
) -> None:
    """The final measurement has the rest of the time, at least a twentieth of the budget.

    It has a tenth if the whole text can be read in that time.
    """
    spans = spans_of(1_000_000)
    held_out = HeldOut(spans, EvaluationPlan(2, 50_000), Budget("minutes", 1))
    found = held_out.final(evaluation, left)
    read = None if found is None else found.characters
    assert read == (None if characters is None else pytest.approx(characters, rel=0.01))


def test_minutes_are_kept_for_the_end() -> None:
    """The reserve is that of the last evaluation and of the final measurement, up to a limit."""
    plan = EvaluationPlan(2, 100_000)
    for minutes, seconds in ((1, 1 + 3), (1.6, 1 + 4.8), (1.7, 1 + 10), (10, 1 + 10)):
        held_out = HeldOut(spans_of(1_000_000), plan, Budget("minutes", minutes))
        assert held_out.seconds_at_end(1.0) == pytest.approx(seconds, rel=0.01)


# Runs


@pytest.fixture
def long_text(tmp_path: Path) -> Path:
    """A file of 60,000 random letters."""
    draw = random.Random(5)
    path = tmp_path / "long.txt"
    path.write_text("".join(draw.choice("abcdefgh") for _ in range(60_000)))
    return path


@pytest.fixture
def begin(long_text: Path, options: TrainingOptions, tmp_path: Path) -> Callable[..., Trainer]:
    """Return a function that starts a run on the long text with half of it held out."""

    def call(output: str, *, began: float | None = None, **changes: Any) -> Trainer:
        changed = replace(options, **{"validation_fraction": 0.5, **changes})
        return start(Corpus.read([long_text]), changed, output=tmp_path / output, began=began)

    return call


def test_a_run_records_what_it_was_measured_on(begin: Callable[..., Trainer]) -> None:
    """The configuration, the log, the model and the card state how much was read."""
    run = Run(begin("run"))
    model = Checkpoint.load(run.folder)
    assert json.loads((run.folder / CONFIG).read_text())["training"]["validation_characters"] == (
        10_000
    )
    assert [record.characters for record in run.evaluations] == [10_000, 10_000]
    assert {line["characters"] for line in run.log if line["record"] == "evaluation"} == {10_000}
    assert run.finished.validation_characters == pytest.approx(20_000, rel=0.01)
    assert model.measured["validation_characters"] == run.finished.validation_characters
    card = (run.folder / CARD).read_text()
    assert f"on {run.finished.validation_characters:,} of the 29,999 held-out characters" in card


def test_the_final_loss_is_that_of_the_kept_weights(begin: Callable[..., Trainer]) -> None:
    """The part selects the weights; the loss at the end is measured on more text."""
    trainer = begin("run", learning_rate=0.5)  # so high that the best weights are not the last
    run = Run(trainer)
    best = min(run.evaluations, key=lambda record: record.nats)
    assert run.finished.best_step == best.step
    model = Checkpoint.load(run.folder)
    network = Network(model.config)
    network.load_weights(model.weights)
    parts = trainer.spec.split
    nats = validation_nats(network, parts.ids, sample(parts.validation, 20_000))
    assert run.finished.validation_nats == model.measured["validation_nats"] == nats != best.nats


def test_a_run_that_evaluates_a_part_is_resumed_exactly(
    begin: Callable[..., Trainer], long_text: Path, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """A run that is interrupted after an evaluation, and then extended, ends bit-identical."""
    Run(begin("complete"))
    Run(resume([long_text], {"steps": 20}, output=tmp_path / "complete"))
    assert interrupt(begin("interrupted"), lambda record: isinstance(record, Evaluation))
    Run(resume([long_text], {}, output=tmp_path / "interrupted"))
    extended = resume([long_text], {"steps": 20}, output=tmp_path / "interrupted")
    assert interrupt(extended, lambda record: isinstance(record, Evaluation))
    Run(resume([long_text], {}, output=tmp_path / "interrupted"))
    assert_same_run(tmp_path / "interrupted", tmp_path / "complete")


def test_a_run_that_diverges_and_evaluates_a_part_is_resumed_exactly(
    begin: Callable[..., Trainer], long_text: Path, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """It is interrupted after every update and its return to good weights, and then extended.

    The preparations of all its processes count.
    """

    def train(trainer: Trainer, *, stops: bool) -> bool:
        """Make the weights NaN after step 12. Return whether the run was interrupted."""

        def at(record: TrainingRecord) -> bool:
            if isinstance(record, Step) and record.step == 12:
                with torch.no_grad():
                    trainer._learner.parameters["decoder.weight"].fill_(math.nan)
            return stops and isinstance(record, Step | Returned)

        return interrupt(trainer, at)

    output, times = tmp_path / "interrupted", 1
    train(begin("complete"), stops=False)
    train(resume([long_text], {"steps": 20}, output=tmp_path / "complete"), stops=False)
    trainer = begin("interrupted", began=time.monotonic() - 1_000)
    while train(trainer, stops=True):
        times += 1
        trainer = resume([long_text], {}, output=output, began=time.monotonic() - 1_000)
    assert trainer.progress.returns == 1
    assert 1_000 * times <= trainer.progress.preparation < 1_000 * (times + 1)
    trainer = resume([long_text], {"steps": 20}, output=output)
    while train(trainer, stops=True):
        trainer = resume([long_text], {}, output=output)
    assert_same_run(output, tmp_path / "complete")


def test_an_extension_with_another_part_measures_the_best_loss_again(
    begin: Callable[..., Trainer], long_text: Path, tmp_path: Path
) -> None:
    """Losses are compared only if they are measured on the same text."""
    first = Run(begin("run"))
    extended = resume([long_text], {"steps": 100_000}, output=tmp_path / "run")
    extended.folder.close()
    best = extended.progress.best
    assert best is not None
    assert (best["step"], best["validation_characters"]) == (first.finished.best_step, 29_999)
    assert extended.config.validation_characters is None
    network, parts = Network(extended.spec.model), extended.spec.split
    network.load_weights(Checkpoint.load(first.folder).weights)
    assert best["validation_nats"] == validation_nats(network, parts.ids, streams(parts.validation))


# Minutes


def test_the_minutes_include_the_preparation(begin: Callable[..., Trainer]) -> None:
    """The schedule is one of the minutes that are left when training begins."""
    trainer = begin("run", began=time.monotonic() - 3_600, steps=None, minutes=120)
    step = next(trainer.run())
    trainer.folder.close()
    # An hour is left, less the seconds since the start of this test.
    assert step.fraction == pytest.approx(step.seconds / 3_600, rel=0.05)  # type: ignore[union-attr]


def test_a_run_whose_minutes_are_over_trains_briefly(begin: Callable[..., Trainer]) -> None:
    """A run without time left still saves a model and evaluates it at the end."""
    run = Run(begin("run", began=time.monotonic() - 60, steps=None, minutes=0.005))
    assert run.steps
    assert run.evaluations[-1].fraction == 1


def test_every_preparation_of_a_budget_counts(
    begin: Callable[..., Trainer], long_text: Path, tmp_path: Path
) -> None:
    """Resuming a run adds to its preparation time; extending it starts a new count."""
    hours = {"steps": None, "minutes": 600}
    assert interrupt(begin("run", began=time.monotonic() - 100, **hours), lambda _: True)
    trainer = resume([long_text], {}, output=tmp_path / "run", began=time.monotonic() - 1_000)
    assert interrupt(trainer, lambda _: True)
    assert 1_100 <= trainer.progress.preparation < 2_000
    trainer = resume(
        [long_text], {"minutes": 300}, output=tmp_path / "run", began=time.monotonic() - 10
    )
    assert interrupt(trainer, lambda _: True)
    assert 10 <= trainer.progress.preparation < 1_000
