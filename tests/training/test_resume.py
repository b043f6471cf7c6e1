"""A run that was stopped, however it was stopped, ends as one that never was."""

import contextlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from chargen.errors import ChargenError, CheckpointError, CorpusError, OptionError
from chargen.model.checkpoint import CONFIG, LOG, MODEL, TOKENIZER, TRAINING, Checkpoint
from chargen.records import Evaluation, Finished, Step, TrainingRecord
from chargen.text.corpus import Corpus
from chargen.training.config import Budget
from chargen.training.plan import Asked
from chargen.training.precision import has_bfloat16
from chargen.training.state import TrainingState
from chargen.training.train import resume, start
from chargen.training.trainer import Trainer

SameRun = Callable[[Path, Path], None]


KINDS: dict[str, dict[str, Any]] = {
    "two lstm layers with dropout": {"num_layers": 2, "dropout": 0.3, "validation_fraction": 0.2},
    "lines for a gru": {
        "lines": True,
        "cell": "gru",
        "budget": Budget("epochs", 0.6),
        "validation_fraction": 0.2,
    },
    "epochs for a feedforward network": {"cell": "feedforward", "budget": Budget("epochs", 0.7)},
    "a one-hot rnn, in bfloat16 where it is to be had": {
        "cell": "rnn",
        "encoder": "one-hot",
        "embedding_size": None,
        "precision": "bfloat16" if has_bfloat16("cpu") else "float32",
    },
    "a best that comes early": {
        "text": "noise.txt",
        "hidden_size": 32,
        "learning_rate": 0.05,
        "validation_fraction": 0.3,
        "budget": Budget("steps", 50),
    },
    "patience": {
        "text": "noise.txt",
        "hidden_size": 32,
        "learning_rate": 0.05,
        "validation_fraction": 0.3,
        "budget": Budget("steps", 60),
        "patience": 3,
    },
}
STREAMS = "two lstm layers with dropout"


@pytest.fixture
def story(tmp_path: Path, corpus: Corpus) -> Path:
    """The short text as a file, and one of letters drawn by chance beside it."""
    path = tmp_path / "story.txt"
    path.write_text(corpus.texts[0])
    draw = random.Random(5)
    (tmp_path / "noise.txt").write_text("".join(draw.choice("abcdefgh") for _ in range(300)))
    return path


class Runs:
    """Begins and resumes runs of one kind, each on its text."""

    def __init__(self, story: Path, asked: Asked, kind: str) -> None:
        wish = dict(KINDS[kind])
        self._text = story.with_name(wish.pop("text", story.name))
        self._lines = wish.pop("lines", False)
        self._asked = replace(asked, **wish)

    def begin(self, output: Path, *, overwrite: bool = False) -> Trainer:
        """A new run."""
        corpus = Corpus.read([self._text], lines=self._lines)
        return start(corpus, self._asked, output=output, overwrite=overwrite)

    def resume(self, output: Path) -> Trainer:
        """The same run again."""
        return resume([self._text], {}, output=output)

    def whole(self, output: Path) -> Path:
        """A run that was never stopped."""
        assert not leave(self.begin(output), never)
        return output


def leave(trainer: Trainer, after: Callable[[TrainingRecord], bool]) -> bool:
    """Run until a record is met, save and let go; whether the run was still going on."""
    for record in trainer.run():
        if after(record):
            trainer.save()
            trainer.folder.close()
            return True
    trainer.folder.finish()
    return False


def never(_: TrainingRecord) -> bool:
    """Leave a run at no record."""
    return False


def at_step(step: int) -> Callable[[TrainingRecord], bool]:
    """Leave a run after this update."""
    return lambda record: isinstance(record, Step) and record.step == step


def at_every_step(record: TrainingRecord) -> bool:
    """Leave a run after each update and each evaluation."""
    return isinstance(record, Step | Evaluation)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_left_after_every_update_ends_the_same(
    story: Path, asked: Asked, tmp_path: Path, kind: str, assert_same_run: SameRun
) -> None:
    """Saved, left and resumed after each update and each evaluation, it ends bit-identical."""
    runs, output = Runs(story, asked, kind), tmp_path / "left"
    times = 0
    trainer = runs.begin(output)
    while leave(trainer, at_every_step):
        times += 1
        trainer = runs.resume(output)
    assert times >= 15
    assert_same_run(output, runs.whole(tmp_path / "whole"))


def test_the_kinds_are_what_they_are_called(story: Path, asked: Asked, tmp_path: Path) -> None:
    """One of them has its best before its end, and one ends by patience."""
    early = list(Runs(story, asked, "a best that comes early").begin(tmp_path / "early").run())
    found = [record for record in early if isinstance(record, Evaluation)]
    assert not found[-1].best
    patient = list(Runs(story, asked, "patience").begin(tmp_path / "patient").run())
    assert isinstance(patient[-1], Finished)
    assert patient[-1].reason == "patience"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0, 1, 2, 5, 12])
def test_a_run_that_dies_after_a_save_ends_the_same(
    story: Path, asked: Asked, tmp_path: Path, kind: str, step: int, assert_same_run: SameRun
) -> None:
    """What was done after the last save is forgotten, the log of it too, and done again."""
    runs, output = Runs(story, asked, kind), tmp_path / "dead"
    trainer = runs.begin(output)
    for record in trainer.run():
        if at_step(step)(record):
            trainer.save()
        if at_step(step + 3)(record):
            break
    trainer.folder.close()
    assert not leave(runs.resume(output), never)
    assert_same_run(output, runs.whole(tmp_path / "whole"))


def test_a_replacing_run_that_was_left_takes_the_place_in_the_end(
    story: Path, asked: Asked, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """A run with --overwrite that is stopped and resumed leaves the old model until it is done."""
    output = Runs(story, asked, "epochs for a feedforward network").whole(tmp_path / "model")
    runs = Runs(story, asked, STREAMS)
    assert leave(runs.begin(output, overwrite=True), at_step(7))
    assert Checkpoint.load(output).config.cell == "feedforward"
    assert not leave(runs.resume(output), never)
    assert_same_run(output, runs.whole(tmp_path / "whole"))


def test_a_replacing_run_that_died_before_it_took_the_place_takes_it_when_resumed(
    story: Path, asked: Asked, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """All was trained and saved, but the old model still stood there: resuming puts that right."""
    output = Runs(story, asked, "epochs for a feedforward network").whole(tmp_path / "model")
    runs = Runs(story, asked, STREAMS)
    trainer = runs.begin(output, overwrite=True)
    list(trainer.run())
    trainer.folder.close()
    # Whether that is called a success or said to be finished is a matter of taste.
    with contextlib.suppress(CheckpointError):
        leave(runs.resume(output), never)
    assert_same_run(output, runs.whole(tmp_path / "whole"))


def test_a_fine_tuning_run_that_was_left_needs_its_model_no_more(
    story: Path, asked: Asked, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """training.safetensors alone suffices: the model it began with may be gone."""
    leave(start(Corpus.read([story]), asked, output=tmp_path / "base"), never)
    base = Checkpoint.load(tmp_path / "base")
    for name, after in (("left", at_step(7)), ("whole", never)):
        leave(start(Corpus.read([story]), asked, output=tmp_path / name, init_from=base), after)
    shutil.rmtree(tmp_path / "base")
    assert not leave(resume([story], {}, output=tmp_path / "left"), never)
    assert_same_run(tmp_path / "left", tmp_path / "whole")


# What resuming accepts and refuses.


@pytest.fixture
def left(story: Path, asked: Asked, tmp_path: Path) -> Path:
    """A run that was left after five updates."""
    assert leave(Runs(story, asked, STREAMS).begin(tmp_path / "left"), at_step(5))
    return tmp_path / "left"


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_choices_may_be_asked_for_again(story: Path, asked: Asked, left: Path) -> None:
    """The command that began the run, with --resume behind it, goes on with it."""
    wish = replace(asked, **KINDS[STREAMS])
    given = {name: getattr(wish, name) for name in asdict(wish)}
    trainer = resume([story], {k: v for k, v in given.items() if v is not None}, output=left)
    assert trainer.progress.step == 5
    trainer.folder.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden_size": 13}, "--hidden-size 13 was not asked for then"),
        ({"cell": "gru"}, "--cell gru was not asked for then"),
        ({"seed": 4}, "--seed 4 was not asked for then"),
        ({"dropout": 0.1}, "--dropout 0.1 was not asked for then"),
        ({"patience": 3}, "--patience 3 was not asked for then"),
        ({"validation_fraction": 0.5}, "--val-fraction 0.5 was not asked for then"),
        ({"budget": Budget("steps", 21)}, "21.* was not asked for then"),
        ({"budget": Budget("epochs", 20)}, "epochs.* was not asked for then"),
        ({"lines": True}, "--lines.* was not asked for then"),
    ],
)
def test_a_changed_choice_is_refused(
    story: Path, left: Path, given: dict[str, Any], message: str
) -> None:
    """To resume is to go on as it was started; the error names the option, and nothing moves."""
    before = content(left)
    with pytest.raises(OptionError, match=message):
        resume([story], given, output=left)
    assert content(left) == before


def test_another_text_is_refused(story: Path, left: Path) -> None:
    """A text that changed since is another text."""
    story.write_text(story.read_text() + "more\n")
    before = content(left)
    with pytest.raises(CorpusError, match=r"story is not the text that .* is trained on"):
        resume([story], {}, output=left)
    assert content(left) == before


def test_a_finished_run_is_refused(story: Path, asked: Asked, tmp_path: Path) -> None:
    """There is nothing to go on with, and the error tells how to train on."""
    folder = Runs(story, asked, STREAMS).whole(tmp_path / "whole")
    before = content(folder)
    with pytest.raises(CheckpointError, match=r"whole is finished \(.*--init-from"):
        resume([story], {}, output=folder)
    assert content(folder) == before


def test_a_folder_without_a_run_is_refused(story: Path, tmp_path: Path) -> None:
    """A missing folder, and one with a model but no training.safetensors, hold no run."""
    with pytest.raises(CheckpointError, match="nowhere does not exist"):
        resume([story], {}, output=tmp_path / "nowhere")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / CONFIG).write_text("{}")
    with pytest.raises(CheckpointError, match=f"model holds no {TRAINING} to resume from"):
        resume([story], {}, output=tmp_path / "model")
    assert content(tmp_path / "model") == {CONFIG: b"{}"}


def test_missing_files_of_a_run_are_put_back(
    story: Path, asked: Asked, left: Path, tmp_path: Path, assert_same_run: SameRun
) -> None:
    """config.json, tokenizer.json, the model and its card may be lost."""
    for name in (CONFIG, TOKENIZER, MODEL, "README.md"):
        (left / name).unlink()
    assert not leave(resume([story], {}, output=left), never)
    assert_same_run(left, Runs(story, asked, STREAMS).whole(tmp_path / "whole"))
    assert (left / "README.md").exists()


def test_a_lost_log_is_no_obstacle(story: Path, left: Path) -> None:
    """The run goes on and logs what comes."""
    (left / LOG).unlink()
    assert not leave(resume([story], {}, output=left), never)
    logged = [json.loads(line) for line in (left / LOG).read_text(encoding="utf-8").splitlines()]
    steps = [line["step"] for line in logged if line["record"] == "step"]
    assert steps == list(range(6, 21))


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
def test_files_of_another_run_are_refused(story: Path, left: Path, name: str) -> None:
    """A config.json or tokenizer.json that was changed does not belong to the run."""
    (left / name).write_bytes((left / name).read_bytes().replace(b'"', b' "', 1))
    with pytest.raises(CheckpointError, match=f"{name} is not the one that {TRAINING} was with"):
        resume([story], {}, output=left)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_state_is_refused(story: Path, left: Path, damage: str) -> None:
    """One wrong bit in training.safetensors is found before anything is trained."""
    data = bytearray((left / TRAINING).read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    elif damage == "cut":
        del data[-1]
    else:
        data.clear()
    (left / TRAINING).write_bytes(data)
    with pytest.raises(CheckpointError, match=f"{TRAINING} is damaged"):
        resume([story], {}, output=left)


def test_progress_is_told_by_the_file_alone(left: Path) -> None:
    """The state that was saved says where it stands."""
    state = TrainingState.read(left)
    assert (state.progress.step, state.progress.finished) == (5, None)
    assert set(state.siblings) == {CONFIG, TOKENIZER}


def test_no_error_of_resuming_is_anything_but_ours(story: Path, left: Path) -> None:
    """Whatever file of a run is replaced by noise, the error is one that a person can read."""
    noise = bytes(random.Random(1).randrange(256) for _ in range(500))
    for name in (CONFIG, TOKENIZER, TRAINING):
        kept = (left / name).read_bytes()
        (left / name).write_bytes(noise)
        with pytest.raises(ChargenError):
            resume([story], {}, output=left)
        (left / name).write_bytes(kept)
