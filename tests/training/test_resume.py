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
from chargen.model.checkpoint import CONFIG, LOG, MODEL, TOKENIZER, TRAINING, Checkpoint
from chargen.text.corpus import Corpus
from chargen.training.options import TrainingOptions
from chargen.training.precision import has_bfloat16
from chargen.training.records import Evaluation, Finished, Step, TrainingRecord
from chargen.training.train import resume, start
from chargen.training.trainer import Trainer

SameRun = Callable[[Path, Path], None]

_NOISE = {
    "text": "noise.txt",
    "hidden_size": 32,
    "learning_rate": 0.05,
    "validation_fraction": 0.3,
}
KINDS: dict[str, dict[str, Any]] = {
    "two lstm layers": {"num_layers": 2, "dropout": 0.3, "validation_fraction": 0.2},
    "gru on lines": {
        "lines": True,
        "cell": "gru",
        "steps": None,
        "epochs": 0.6,
        "validation_fraction": 0.2,
    },
    "feedforward": {"cell": "feedforward", "steps": None, "epochs": 0.7},
    "one-hot rnn in bfloat16": {
        "cell": "rnn",
        "encoder": "one-hot",
        "embedding_size": None,
        "precision": "bfloat16" if has_bfloat16("cpu") else "float32",
    },
    "overfitting": {**_NOISE, "steps": 50},
    "patience": {**_NOISE, "steps": 60, "patience": 3},
}
LSTM = "two lstm layers"


class Runs:
    """Starts and resumes runs of one kind on their text."""

    def __init__(self, story: Path, options: TrainingOptions, kind: str) -> None:
        changes = dict(KINDS[kind])
        self._text = story.with_name(changes.pop("text", story.name))
        self._lines = changes.pop("lines", False)
        self._options = replace(options, **changes)

    def start(self, output: Path, *, overwrite: bool = False) -> Trainer:
        """Start a new run."""
        corpus = Corpus.read([self._text], lines=self._lines)
        return start(corpus, self._options, output=output, overwrite=overwrite)

    def resume(self, output: Path) -> Trainer:
        """Resume a run."""
        return resume([self._text], {}, output=output)

    def complete(self, output: Path) -> Path:
        """Train a run without interruption and return its folder."""
        finish(self.start(output))
        return output


MakeRuns = Callable[[str], Runs]


@pytest.fixture
def story(tmp_path: Path, corpus: Corpus) -> Path:
    """The short text as a file, with a file of random letters next to it."""
    path = tmp_path / "story.txt"
    path.write_text(corpus.texts[0])
    draw = random.Random(5)
    (tmp_path / "noise.txt").write_text("".join(draw.choice("abcdefgh") for _ in range(300)))
    return path


@pytest.fixture
def runs(story: Path, options: TrainingOptions) -> MakeRuns:
    """Return a function that makes the runs of a kind."""
    return lambda kind: Runs(story, options, kind)


@pytest.fixture
def interrupted(runs: MakeRuns, tmp_path: Path) -> Path:
    """A run that was interrupted after five steps."""
    assert interrupt(runs(LSTM).start(tmp_path / "interrupted"), at_step(5))
    return tmp_path / "interrupted"


def interrupt(trainer: Trainer, at: Callable[[TrainingRecord], bool]) -> bool:
    """Save and stop a run at a record. Return False if it finished before."""
    for record in trainer.run():
        if at(record):
            trainer.save()
            trainer.folder.close()
            return True
    trainer.folder.finish()
    return False


def finish(trainer: Trainer) -> None:
    """Train a run to its end."""
    assert not interrupt(trainer, lambda _: False)


def at_step(step: int) -> Callable[[TrainingRecord], bool]:
    """Return a condition for one step."""
    return lambda record: isinstance(record, Step) and record.step == step


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
    trainer = runs(kind).start(output)
    for record in trainer.run():
        if at_step(step)(record):
            trainer.save()
        if at_step(step + 3)(record):
            break
    trainer.folder.close()
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
    with pytest.raises(OptionConflictError, match=r"model is finished after 20 steps"):
        runs(LSTM).resume(output)
    assert_same_run(output, runs(LSTM).complete(tmp_path / "complete"))


def test_a_fine_tuning_run_is_resumed_without_the_initial_model(
    story: Path, options: TrainingOptions, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """training.safetensors has everything that is needed."""
    corpus = Corpus.read([story])
    finish(start(corpus, options, output=tmp_path / "base"))
    base = Checkpoint.load(tmp_path / "base")
    finish(start(corpus, options, output=tmp_path / "complete", init_from=base))
    interrupt(start(corpus, options, output=tmp_path / "other", init_from=base), at_step(7))
    shutil.rmtree(tmp_path / "base")
    finish(resume([story], {}, output=tmp_path / "other"))
    assert_same_run(tmp_path / "other", tmp_path / "complete")


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
                ("validation_fraction", 0.5),
                ("steps", 21),
                ("epochs", 20.0),
                ("lines", True),
            )
        ),
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


def test_a_finished_run_is_refused(runs: MakeRuns, story: Path, tmp_path: Path) -> None:
    """The error says how to train the model further."""
    folder = runs(LSTM).complete(tmp_path / "complete")
    before = content(folder)
    message = r"complete is finished after 20 steps \(to train it further, use init_from"
    with pytest.raises(OptionConflictError, match=message):
        resume([story], {}, output=folder)
    assert content(folder) == before


def test_a_folder_without_a_run_is_refused(story: Path, tmp_path: Path) -> None:
    """A missing folder, and one without training.safetensors, cannot be resumed."""
    with pytest.raises(CheckpointError, match="nowhere does not exist"):
        resume([story], {}, output=tmp_path / "nowhere")
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
