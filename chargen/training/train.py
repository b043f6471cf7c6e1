"""Start or resume a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chargen.errors import OptionConflictError
from chargen.model.checkpoint import CONFIG, TOKENIZER, Checkpoint, Description
from chargen.options import options_of
from chargen.text.corpus import Corpus, corpus_name
from chargen.text.display import plural
from chargen.text.vocabulary import Vocabulary
from chargen.training.folder import RunFolder, refuse_existing
from chargen.training.options import TrainingOptions
from chargen.training.spec import make_spec, restore_spec
from chargen.training.state import TrainingState
from chargen.training.trainer import Trainer


def start(
    corpus: Corpus,
    options: TrainingOptions,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    init_from: Checkpoint | None = None,
) -> Trainer:
    """Start a run in a new folder. Raises the errors of `make_spec` and `RunFolder.create`."""
    refuse_existing(output, overwrite=overwrite)  # before the corpus is encoded
    spec = make_spec(corpus, options, init_from=init_from)
    folder = RunFolder.create(output, corpus.name, overwrite=overwrite)
    try:
        return Trainer(spec, folder)
    except BaseException:
        folder.close()
        raise


def resume(
    paths: Sequence[str | Path],
    options: Mapping[str, Any],
    *,
    encoding: str = "utf-8",
    output: Path | None = None,
) -> Trainer:
    """Resume a run from its last save.

    options: options that the user repeats; they must equal those of the run.
    Raises CheckpointError if there is no run, OptionError if it is finished, or if an option or the
    text differs from those of the run.
    """
    folder = RunFolder.reopen(output, corpus_name(paths))
    try:
        state = TrainingState.read(folder.path)
        if state.progress.finished:
            folder.finish()  # the run may have been killed before its folder was moved
            raise OptionConflictError(
                f"{folder.final_path} is finished after {plural(state.progress.step, 'step')} (to"
                " train it further, use {init_from} instead of {resume})",
                "init_from",
                "resume",
            )
        description = Description.from_json(state.siblings[CONFIG], str(folder.path / CONFIG))
        _check_unchanged(options, description)
        corpus = Corpus.read(paths, encoding=encoding, lines=description.corpus["lines"])
        vocabulary = Vocabulary.from_json(state.siblings[TOKENIZER])
        trainer = Trainer(restore_spec(corpus, folder.path, description, vocabulary), folder)
        trainer.resume(state)
        return trainer
    except BaseException:
        folder.close()
        raise


def _check_unchanged(options: Mapping[str, Any], description: Description) -> None:
    stored = {**description.options, "lines": description.corpus["lines"]}
    declared = options_of(TrainingOptions)
    for name, value in options.items():
        if name in declared:
            declared[name].check(value)
        if value != stored.get(name):
            raise OptionConflictError(
                f"{{{name}}} {value} differs from the run to resume, which has"
                f" {stored.get(name)} (omit it, or start a new run)",
                name,
            )
