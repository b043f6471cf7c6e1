"""A run that is given another budget continues from where it stands."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chargen.errors import OptionError
from chargen.model.checkpoint import CARD, CONFIG, LOG, MODEL, Checkpoint
from chargen.text.corpus import Corpus
from chargen.training.options import Budget, TrainingOptions
from chargen.training.presets import automatic_dropout
from chargen.training.records import Evaluation, Finished, Step
from chargen.training.train import RunFinishedError, start
from tests.training.runs import (
    KINDS,
    LSTM,
    Runs,
    at_step,
    content,
    finish,
    interrupt,
    kill_after_save,
    resume,
)

MakeRuns = Callable[[str], Runs]
SameRun = Callable[[Path, Path], None]


@pytest.fixture
def finished(runs: MakeRuns, tmp_path: Path) -> Path:
    """A finished run of 20 steps."""
    return runs(LSTM).complete(tmp_path / "finished")


def log(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the log records of one kind."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["record"] == kind]


def test_a_finished_run_without_a_budget_stays_as_it_is(runs: MakeRuns, finished: Path) -> None:
    """The error has the folder, the number of steps and the last budget."""
    before = content(finished)
    with pytest.raises(RunFinishedError, match="finished is finished after 20 steps") as caught:
        runs(LSTM).resume(finished)
    assert (caught.value.folder, caught.value.budget) == (finished, Budget("steps", 20))
    assert content(finished) == before


def test_a_finished_run_is_trained_further(runs: MakeRuns, finished: Path) -> None:
    """Steps, characters and seconds go on; fractions, evaluations and the warm-up start again."""
    first = Checkpoint.load(finished).measured
    config = (finished / CONFIG).read_bytes()
    trainer = runs(LSTM).resume(finished, steps=30)
    records = list(trainer.run())
    trainer.folder.finish()
    steps = [record for record in records if isinstance(record, Step)]
    assert [step.step for step in steps] == list(range(21, 51))
    assert [step.fraction for step in steps] == pytest.approx([k / 30 for k in range(1, 31)])
    assert steps[0].characters > first["trained_characters"]
    assert steps[0].seconds > log(finished, "finished")[0]["seconds"] > 0
    rates = [step.learning_rate for step in steps]
    assert rates[0] < rates[2] > rates[-1]
    assert all(a > b for a, b in pairwise(rates[2:]))
    evaluations = [record for record in records if isinstance(record, Evaluation)]
    assert [record.fraction for record in evaluations] == pytest.approx([0.5, 1], abs=0.05)
    last = records[-1]
    assert isinstance(last, Finished)
    assert (last.step, last.reason) == (50, "budget")
    assert (finished / CONFIG).read_bytes() == config


def test_the_extension_is_recorded(runs: MakeRuns, finished: Path) -> None:
    """The log, the model and its card have the budget and the step at which it began."""
    finish(runs(LSTM).resume(finished, epochs=0.5))
    (extended,) = log(finished, "extended")
    assert extended["segment"]["budget"] == {"kind": "epochs", "amount": 0.5}
    assert extended["step"] == extended["segment"]["begin"]["steps"] == 20
    measured = Checkpoint.load(finished).measured
    assert measured["extensions"] == [extended["segment"]]
    assert measured["run_steps"] == log(finished, "finished")[-1]["step"] > 20
    card = (finished / CARD).read_text(encoding="utf-8")
    assert "Budgets: 20 steps, then 0.5 epochs." in card


@pytest.mark.parametrize("kind", KINDS)
def test_an_extended_run_that_is_interrupted_ends_the_same(
    runs: MakeRuns, tmp_path: Path, kind: str, assert_same_run: SameRun
) -> None:
    """A run that is extended twice and interrupted after every update ends bit-identical."""
    folders = tmp_path / "interrupted", tmp_path / "complete"
    for folder in folders:
        runs(kind).complete(folder)
    for budget in ({"steps": 7}, {"epochs": 0.2}):
        trainer, times = runs(kind).resume(folders[0], **budget), 0
        while interrupt(trainer, lambda record: isinstance(record, Step | Evaluation)):
            times += 1
            # The command that started the extension also resumes it.
            trainer = runs(kind).resume(folders[0], **(budget if times % 2 else {}))
        assert times >= 2
        finish(runs(kind).resume(folders[1], **budget))
    assert_same_run(*folders)
    assert len(log(folders[0], "extended")) == 2


@pytest.mark.parametrize("step", [20, 21, 23])
def test_an_extension_that_is_killed_ends_the_same(
    runs: MakeRuns, finished: Path, tmp_path: Path, step: int, assert_same_run: SameRun
) -> None:
    """An extension is saved before its first update, so that it can be resumed."""
    complete = runs(LSTM).complete(tmp_path / "complete")
    finish(runs(LSTM).resume(complete, steps=10))
    kill_after_save(runs(LSTM).resume(finished, steps=10), step)
    finish(runs(LSTM).resume(finished))
    assert_same_run(finished, complete)


def test_the_best_model_stays_until_it_is_beaten(runs: MakeRuns, tmp_path: Path) -> None:
    """An extension of a run that overfits keeps the model, whose card has the new total."""
    folder = runs("overfitting").complete(tmp_path / "run")
    before = Checkpoint.load(folder)
    finish(runs("overfitting").resume(folder, steps=30))
    after = Checkpoint.load(folder)
    assert after.measured["validation_nats"] == before.measured["validation_nats"]
    assert after.measured["step"] == before.measured["step"]
    assert all((after.weights[name] == before.weights[name]).all() for name in before.weights)
    assert (before.measured["run_steps"], after.measured["run_steps"]) == (50, 80)


def test_patience_starts_again(runs: MakeRuns, tmp_path: Path) -> None:
    """A run that was stopped by patience is trained further."""
    folder = runs("patience").complete(tmp_path / "run")
    (first,) = log(folder, "finished")
    finish(runs("patience").resume(folder, steps=20))
    assert log(folder, "finished")[1]["step"] > first["step"]


def test_without_a_validation_set_the_model_is_replaced_at_the_end(
    runs: MakeRuns, tmp_path: Path
) -> None:
    """An interrupted extension keeps the finished model."""
    folder = runs("feedforward").complete(tmp_path / "run")
    before = (folder / MODEL).read_bytes()
    assert interrupt(runs("feedforward").resume(folder, steps=10), lambda _: True)
    assert (folder / MODEL).read_bytes() == before
    finish(runs("feedforward").resume(folder))
    measured = Checkpoint.load(folder).measured
    assert measured["step"] == measured["run_steps"] == log(folder, "finished")[-1]["step"]


def test_an_interrupted_run_is_given_another_budget(runs: MakeRuns, tmp_path: Path) -> None:
    """The new budget begins where the run stands and replaces the rest of the first one."""
    folder = tmp_path / "run"
    assert interrupt(runs(LSTM).start(folder), at_step(5))
    finish(runs(LSTM).resume(folder, steps=9))
    assert log(folder, "finished")[0]["step"] == 14


def test_the_budget_of_an_interrupted_run_may_be_repeated(runs: MakeRuns, tmp_path: Path) -> None:
    """The command that started the run resumes it with the rest of its budget."""
    folder = tmp_path / "run"
    assert interrupt(runs(LSTM).start(folder), at_step(5))
    finish(runs(LSTM).resume(folder, steps=20))
    assert log(folder, "finished")[0]["step"] == 20
    assert not log(folder, "extended")


def test_minutes_count_from_where_the_run_stands(runs: MakeRuns, finished: Path) -> None:
    """Minutes that an earlier budget took are not subtracted."""
    for _ in range(2):
        finish(runs(LSTM).resume(finished, minutes=0.005))
    seconds = [record["seconds"] for record in log(finished, "finished")]
    assert all(after - before >= 0.15 for before, after in pairwise(seconds))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 5, "hidden_size": 13}, "hidden_size 13 differs .* which has 12"),
        ({"steps": 5, "preset": "base"}, "preset base differs .* which has tiny"),
        ({"steps": 5, "minutes": 1.0}, "minutes and steps are mutually exclusive"),
        ({"minutes": -1.0}, "minutes must be a number greater than 0"),
    ],
)
def test_other_changes_are_refused(
    story: Path, finished: Path, changes: dict[str, Any], message: str
) -> None:
    """The error has both values, also of a choice that was automatic; nothing changes."""
    before = content(finished)
    with pytest.raises(OptionError, match=message):
        resume([story], changes, output=finished)
    assert content(finished) == before


def test_automatic_choices_can_be_set_again(story: Path, finished: Path) -> None:
    """An option may have the value that was chosen for it."""
    chosen = {"preset": "tiny", "cell": "lstm", "steps": 5}
    trainer = resume([story], chosen, output=finished)
    assert trainer.config.budget == Budget("steps", 5)
    trainer.folder.close()


def test_the_dropout_of_an_extension_is_that_of_the_longer_run(
    story: Path, options: TrainingOptions, tmp_path: Path
) -> None:
    """A run of one epoch has no dropout; with 19 epochs more, it has that of 20 epochs."""
    changes: dict[str, Any] = {
        "steps": None,
        "epochs": 1,
        "dropout": None,
        "validation_fraction": 0.2,
    }
    trainer = start(Corpus.read([story]), replace(options, **changes), output=tmp_path / "run")
    finish(trainer)
    extended = resume([story], {"epochs": 19}, output=tmp_path / "run")
    extended.folder.close()
    assert (trainer.config.dropout, extended.config.dropout) == (0, automatic_dropout(20))
    assert extended.config.evaluations > trainer.config.evaluations
