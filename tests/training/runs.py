"""Runs that tests start, interrupt, resume and extend."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chargen.model.checkpoint import LOG
from chargen.options import options_of
from chargen.text.corpus import Corpus, corpus_name
from chargen.text.kind import LINE, STREAM, TextOptions
from chargen.training.folder import RunFolder
from chargen.training.options import TrainingOptions
from chargen.training.precision import has_bfloat16
from chargen.training.records import Evaluation, Finished, Step, TrainingRecord
from chargen.training.settings import RunSettings
from chargen.training.train import resume as resume_in
from chargen.training.train import start
from chargen.training.trainer import Trainer

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
    "overfitting": {**_NOISE, "steps": 50, "weights_dtype": "float16"},
    "patience": {**_NOISE, "steps": 90, "patience": 3},
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
        corpus = Corpus.read([self._text], kind=LINE if self._lines else STREAM)
        return start(corpus, self._options, output=output, overwrite=overwrite)

    def resume(self, output: Path, **budget: float) -> Trainer:
        """Resume a run, or train it for another budget."""
        return resume([self._text], budget, output=output)

    def complete(self, output: Path) -> Path:
        """Train a run without interruption and return its folder."""
        finish(self.start(output))
        return output


def resume(
    paths: Sequence[Path],
    options: Mapping[str, Any],
    *,
    output: Path,
    began: float | None = None,
) -> Trainer:
    """Resume a run in a folder with repeated options, or with another budget."""
    folder = RunFolder.reopen(output, corpus_name(paths))
    assert folder is not None
    about_texts = options_of(TextOptions)
    given = RunSettings.of(
        paths,
        text_options={name: value for name, value in options.items() if name in about_texts},
        options={name: value for name, value in options.items() if name not in about_texts},
    )
    return resume_in(folder, given, began=began)


def interrupt(trainer: Trainer, at: Callable[[TrainingRecord], bool]) -> bool:
    """Save and stop a run at a record. Return False if it finished before."""
    for record in trainer.run():
        if at(record):
            trainer.save()
            trainer.folder.close()
            return True
    trainer.folder.finish()
    return False


def kill_after_save(trainer: Trainer, step: int) -> None:
    """Save a run at a step, and leave it three steps later."""
    for record in trainer.run():
        if at_step(step)(record):
            trainer.save()
        if at_step(step + 3)(record):
            break
    trainer.folder.close()


def finish(trainer: Trainer) -> None:
    """Train a run to its end."""
    assert not interrupt(trainer, lambda _: False)


def at_step(step: int) -> Callable[[TrainingRecord], bool]:
    """Return a condition for one step."""
    return lambda record: isinstance(record, Step) and record.step == step


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


OVERFITTING: dict[str, Any] = {
    "steps": 300,
    "hidden_size": 32,
    "learning_rate": 0.02,
    "validation_fraction": 0.3,
    "patience": 0,
}


class Run:
    """A finished run, its folder and its records."""

    def __init__(self, trainer: Trainer, prompt: str = "") -> None:
        self.trainer = trainer
        self.records = list(trainer.run(prompt))
        trainer.folder.finish()
        self.folder = trainer.folder.final_path

    @property
    def steps(self) -> list[Step]:
        """The weight updates."""
        return [record for record in self.records if isinstance(record, Step)]

    @property
    def losses(self) -> list[float]:
        """The loss of each update."""
        return [step.loss for step in self.steps]

    @property
    def evaluations(self) -> list[Evaluation]:
        """The evaluations."""
        return [record for record in self.records if isinstance(record, Evaluation)]

    @property
    def finished(self) -> Finished:
        """The last record."""
        assert isinstance(self.records[-1], Finished)
        return self.records[-1]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The records of log.jsonl."""
        lines = (self.folder / LOG).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


TrainRun = Callable[..., Run]


def resume_story(folder: Path) -> Trainer:
    """Resume a run on story.txt."""
    return resume([folder.parent / "story.txt"], {}, output=folder)
