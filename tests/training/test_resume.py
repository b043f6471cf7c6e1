"""An interrupted and resumed run ends like one that was not interrupted."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from chargen.errors import ChargenError, CheckpointError, OptionConflictError, OptionError
from chargen.model.checkpoint import (
    CONFIG,
    LOG,
    MODEL,
    SOURCE,
    TOKENIZER,
    TRAINING,
    Checkpoint,
)
from chargen.text.corpus import Corpus
from chargen.text.source import TextSource
from chargen.training.folder import RunFolder
from chargen.training.options import TrainingOptions
from chargen.training.records import Evaluation, Finished, Step, TrainingRecord
from chargen.training.train import RunFinishedError, start
from chargen.training.trainer import Trainer
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

SameRun = Callable[[Path, Path], None]
MakeRuns = Callable[[str], Runs]
StartTuning = Callable[[Path], Trainer]


@pytest.fixture
def interrupted(runs: MakeRuns, tmp_path: Path) -> Path:
    """A run that was interrupted after five steps."""
    assert interrupt(runs(LSTM).start(tmp_path / "interrupted"), at_step(5))
    return tmp_path / "interrupted"


@pytest.fixture
def start_tuning(story: Path, options: TrainingOptions, tmp_path: Path) -> StartTuning:
    """Return a function that starts from the model in `base`; `complete` has the finished run.

    The windows are long enough for Muon.
    """
    corpus = Corpus.read([story])
    finish(start(corpus, options, output=tmp_path / "base"))
    changes: dict[str, Any] = {"validation_fraction": 0.2, "sequence_length": 24}
    tuning = replace(options, init_from=str(tmp_path / "base"), **changes)
    finish(start(corpus, tuning, output=tmp_path / "complete"))
    return lambda output: start(corpus, tuning, output=output)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_resumed_after_every_update_ends_the_same(
    runs: MakeRuns, tmp_path: Path, kind: str, assert_same_run: SameRun
) -> None:
    """A run that is interrupted after each update and each evaluation ends bit-identical."""
    output, times = tmp_path / "interrupted", 0
    trainer = runs(kind).start(output)
    while interrupt(trainer, lambda record: isinstance(record, Step | Evaluation)):
        times += 1
        trainer = runs(kind).resume(output)
    assert times >= 15
    assert_same_run(output, runs(kind).complete(tmp_path / "complete"))


def test_the_kinds_match_their_names(runs: MakeRuns, tmp_path: Path) -> None:
    """One kind has its best loss before the end, and one ends by patience."""
    records = list(runs("overfitting").start(tmp_path / "overfitting").run())
    evaluations = [record for record in records if isinstance(record, Evaluation)]
    assert not evaluations[-1].best
    *_, last = runs("patience").start(tmp_path / "patience").run()
    assert isinstance(last, Finished)
    assert last.reason == "patience"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0, 1, 2, 5, 12])
def test_a_run_killed_after_a_save_ends_the_same(
    runs: MakeRuns, tmp_path: Path, kind: str, step: int, assert_same_run: SameRun
) -> None:
    """The updates after the last save, and their log records, are repeated."""
    output = tmp_path / "dead"
    kill_after_save(runs(kind).start(output), step)
    finish(runs(kind).resume(output))
    assert_same_run(output, runs(kind).complete(tmp_path / "complete"))


def test_an_interrupted_replacement_keeps_the_old_model(
    runs: MakeRuns, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """The old model is replaced when the resumed run is finished."""
    output = runs("feedforward").complete(tmp_path / "model")
    assert interrupt(runs(LSTM).start(output, overwrite=True), at_step(7))
    assert Checkpoint.load(output).config.cell == "feedforward"
    finish(runs(LSTM).resume(output))
    assert_same_run(output, runs(LSTM).complete(tmp_path / "complete"))


def test_resuming_moves_a_finished_replacement(
    runs: MakeRuns, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """A finished run next to the old model replaces it when it is resumed."""
    output = runs("feedforward").complete(tmp_path / "model")
    trainer = runs(LSTM).start(output, overwrite=True)
    list(trainer.run())
    trainer.folder.close()
    with pytest.raises(RunFinishedError, match=r"model is finished after 20 steps"):
        runs(LSTM).resume(output)
    assert_same_run(output, runs(LSTM).complete(tmp_path / "complete"))


def test_a_fine_tuning_run_is_resumed_without_the_initial_model(
    story: Path, start_tuning: StartTuning, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """It is interrupted after the evaluation of the initial weights and after each update."""
    trainer, steps = start_tuning(tmp_path / "other"), []
    assert trainer.config.muon

    def after_a_record(record: TrainingRecord) -> bool:
        if isinstance(record, Step | Evaluation):
            steps.append(record.step)
            return True
        return False

    while interrupt(trainer, after_a_record):
        shutil.rmtree(tmp_path / "base", ignore_errors=True)
        trainer = resume([story], {}, output=tmp_path / "other")
    assert steps[0] == 0
    assert steps.count(0) == 1
    assert_same_run(tmp_path / "other", tmp_path / "complete")


def test_a_run_that_is_killed_at_the_first_evaluation_ends_the_same(
    story: Path, start_tuning: StartTuning, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """The initial weights are evaluated again, and logged once."""
    trainer = start_tuning(tmp_path / "dead")
    first = next(trainer.run())
    assert isinstance(first, Evaluation)
    trainer.folder.close()
    finish(resume([story], {}, output=tmp_path / "dead"))
    assert_same_run(tmp_path / "dead", tmp_path / "complete")


def test_the_same_options_can_be_set_again(
    story: Path, options: TrainingOptions, interrupted: Path
) -> None:
    """The command that started the run also resumes it."""
    fields = asdict(replace(options, **KINDS[LSTM]))
    given = {name: value for name, value in fields.items() if value is not None}
    trainer = resume([story], given, output=interrupted)
    assert trainer.progress.step == 5
    trainer.folder.close()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *(
            (name, value, f"{name} {value} differs from the run to resume, which has")
            for name, value in (
                ("hidden_size", 13),
                ("cell", "gru"),
                ("seed", 4),
                ("dropout", 0.1),
                ("patience", 3),
                ("weights_dtype", "float16"),
                ("validation_fraction", 0.5),
            )
        ),
        ("lines", True, "lines differs from the run to resume, which does not have it"),
        ("dropout", 7, "dropout must be a number between 0 and 0.95, got 7"),
        ("hidden_size", 0, "hidden_size must be a whole number, 1 or more, got 0"),
    ],
)
def test_a_changed_option_is_refused(
    story: Path, interrupted: Path, name: str, value: Any, message: str
) -> None:
    """The error names the option, and the run does not change."""
    before = content(interrupted)
    with pytest.raises(OptionError, match=f"^{message}"):
        resume([story], {name: value}, output=interrupted)
    assert content(interrupted) == before


def test_a_changed_text_is_refused(story: Path, interrupted: Path) -> None:
    """An extended text counts as another text."""
    story.write_text(story.read_text() + "more\n")
    before = content(interrupted)
    with pytest.raises(OptionConflictError, match=r"story is not the text that .* was trained on"):
        resume([story], {}, output=interrupted)
    assert content(interrupted) == before


def test_a_folder_without_a_run_is_refused(story: Path, tmp_path: Path) -> None:
    """A missing folder has no run; a model without training.safetensors cannot be resumed."""
    assert RunFolder.reopen(tmp_path / "nowhere", "story") is None
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / CONFIG).write_text("{}")
    with pytest.raises(CheckpointError, match=f"model has no {TRAINING}, which is needed"):
        resume([story], {}, output=tmp_path / "model")
    assert content(tmp_path / "model") == {CONFIG: b"{}"}


def test_missing_files_are_restored(
    runs: MakeRuns, story: Path, interrupted: Path, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """training.safetensors replaces config.json, tokenizer.json, the model and its card."""
    for name in (CONFIG, TOKENIZER, MODEL, "README.md"):
        (interrupted / name).unlink()
    finish(resume([story], {}, output=interrupted))
    assert_same_run(interrupted, runs(LSTM).complete(tmp_path / "complete"))
    assert (interrupted / "README.md").exists()


def test_a_run_is_resumed_without_its_log(story: Path, interrupted: Path) -> None:
    """A new log has the records from this step on."""
    (interrupted / LOG).unlink()
    finish(resume([story], {}, output=interrupted))
    lines = (interrupted / LOG).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    steps = [record["step"] for record in records if record["record"] == "step"]
    assert steps == list(range(6, 21))


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
def test_files_of_another_run_are_refused(story: Path, interrupted: Path, name: str) -> None:
    """An edited config.json or tokenizer.json does not match training.safetensors."""
    path = interrupted / name
    path.write_bytes(path.read_bytes().replace(b'"', b' "', 1))
    with pytest.raises(CheckpointError, match=f"{name} does not match {TRAINING}"):
        resume([story], {}, output=interrupted)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_state_is_refused(story: Path, interrupted: Path, damage: str) -> None:
    """A single wrong bit in training.safetensors is detected before training."""
    data = bytearray((interrupted / TRAINING).read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    elif damage == "cut":
        del data[-1]
    else:
        data.clear()
    (interrupted / TRAINING).write_bytes(data)
    with pytest.raises(CheckpointError, match=f"{TRAINING} is damaged"):
        resume([story], {}, output=interrupted)


def test_noise_in_any_file_is_a_chargen_error(story: Path, interrupted: Path) -> None:
    """Random bytes instead of a file cause a readable error."""
    noise = bytes(random.Random(1).randrange(256) for _ in range(500))
    for name in (CONFIG, TOKENIZER, TRAINING):
        kept = (interrupted / name).read_bytes()
        (interrupted / name).write_bytes(noise)
        with pytest.raises(ChargenError):
            resume([story], {}, output=interrupted)
        (interrupted / name).write_bytes(kept)


def test_a_resumed_run_records_where_its_text_is(at_step_5: Path, tmp_path: Path) -> None:
    """If the text was moved before a run is resumed, text.json names its new path."""
    moved = tmp_path / "moved.txt"
    (tmp_path / "story.txt").rename(moved)
    trainer = resume([moved], {}, output=at_step_5)
    next(trainer.run())
    trainer.folder.close()
    assert TextSource.from_json((at_step_5 / SOURCE).read_bytes()).files == (str(moved),)
