"""Start or resume a run: the folder, the plan and the trainer put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chargen.errors import CheckpointError, OptionError
from chargen.model.checkpoint import CONFIG, TOKENIZER, Checkpoint, Description
from chargen.text.corpus import Corpus, corpus_name
from chargen.text.vocabulary import Vocabulary
from chargen.training.config import Budget
from chargen.training.folder import RunFolder, refuse_existing
from chargen.training.plan import Asked, plan, plan_again
from chargen.training.state import TrainingState
from chargen.training.trainer import Trainer


def start(
    corpus: Corpus,
    asked: Asked,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    init_from: Checkpoint | None = None,
) -> Trainer:
    """A new run in a folder of its own. Raises the errors of `plan` and `RunFolder.create`."""
    refuse_existing(output, overwrite=overwrite)  # before the text is worked through
    chosen = plan(corpus, asked, init_from=init_from)
    folder = RunFolder.create(output, corpus.name, overwrite=overwrite)
    try:
        return Trainer(chosen, folder)
    except BaseException:
        folder.close()
        raise


def resume(
    paths: Sequence[str | Path],
    given: Mapping[str, Any],
    *,
    encoding: str = "utf-8",
    output: Path | None = None,
) -> Trainer:
    """A run that goes on where its last save left it.

    given: choices that are asked for again; they must be those the run was started with.
    Raises CheckpointError where there is no run or it is finished, CorpusError where the text is
    not the one it was started with, OptionError where a choice differs.
    """
    folder = RunFolder.reopen(output, corpus_name(paths))
    try:
        state = TrainingState.read(folder.path)
        if state.progress.finished:
            folder.finish()  # it may have been killed before it took its place
            raise CheckpointError(
                f"{folder.final_path} is finished ({state.progress.step:,} steps);"
                f" --init-from {folder.final_path} trains a new model on from it"
            )
        description = Description.from_json(state.siblings[CONFIG], str(folder.path / CONFIG))
        _refuse_changes(given, description)
        corpus = Corpus.read(paths, encoding=encoding, lines=description.corpus["lines"])
        known = Vocabulary.from_json(state.siblings[TOKENIZER])
        trainer = Trainer(plan_again(corpus, folder.path, description, known), folder)
        trainer.resume(state)
        return trainer
    except BaseException:
        folder.close()
        raise


def _refuse_changes(given: Mapping[str, Any], description: Description) -> None:
    before = {**description.asked, "lines": description.corpus["lines"]}
    for name, value in given.items():
        plain = asdict(value) if isinstance(value, Budget) else value
        if plain != before.get(name):
            option = f"--{name.replace('_', '-').replace('validation', 'val')}"
            option = "a budget of" if isinstance(value, Budget) else option
            raise OptionError(
                f"--resume goes on as the run was started: {option} {value} was not asked for"
                " then (leave it out, or begin a new run with --init-from)"
            )
