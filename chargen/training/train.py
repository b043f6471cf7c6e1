"""Start or resume a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chargen.errors import ChargenError, OptionConflictError, TrainingError
from chargen.model.checkpoint import (
    CONFIG,
    TOKENIZER,
    TRAINING,
    Description,
    text_form,
    text_kind,
)
from chargen.model.find import find, shared_name
from chargen.options import options_of
from chargen.text.corpus import Corpus, corpus_name
from chargen.text.decoding import AUTO as DETECT
from chargen.text.display import plural
from chargen.text.kind import TextOptions
from chargen.text.reading import Report, ignore
from chargen.text.vocabulary import Vocabulary
from chargen.training.folder import RunFolder, UnwrittenFolder, refuse_existing
from chargen.training.options import AUTO, BUDGETS, NONE, Budget, TrainingOptions
from chargen.training.ranks import Ranks
from chargen.training.spec import make_spec, restore_spec
from chargen.training.state import TrainingState
from chargen.training.trainer import Trainer

_ELSEWHERE: RunFolder = UnwrittenFolder(Path("the folder of the first process"))


class RunFinishedError(ChargenError):
    """The run to resume is finished, and no other budget is given.

    folder: of its model. budget: the last one that was spent.
    """

    def __init__(self, folder: Path, steps: int, budget: Budget) -> None:
        self.folder, self.budget = folder, budget
        super().__init__(f"{folder} is finished after {plural(steps, 'step')}")


def start(
    corpus: Corpus,
    options: TrainingOptions,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    began: float | None = None,
) -> Trainer:
    """Start a run in a new folder. Raises the errors of `make_spec` and `RunFolder.create`.

    began: when the minutes of the budget began, by `time.monotonic`; None: when training begins.
    """
    ranks = Ranks()
    if not ranks.is_first:
        return _join(corpus, ranks, began=began)
    refuse_existing(output, overwrite=overwrite)  # before the corpus is encoded
    spec = make_spec(corpus, options, began=began)
    folder = RunFolder.create(output, corpus.name, overwrite=overwrite)
    try:
        trainer = Trainer(spec, folder, began=began)
        _share(trainer.state(), ranks)
        return trainer
    except BaseException:
        folder.close()
        raise


def resume(
    paths: Sequence[str | Path],
    options: Mapping[str, Any],
    *,
    encoding: str = DETECT,
    pattern: str | None = None,
    output: Path | None = None,
    report: Report = ignore,
    began: float | None = None,
) -> Trainer:
    """Resume a run from its last save, or train it further.

    options: a budget to train for from where the run stands, and options that the user repeats,
    which must equal those of the run. An unfinished run with the same budget is resumed with the
    rest of it. encoding, pattern, report: as in `Corpus.read`. began: as in `start`.
    Raises CheckpointError if there is no run, RunFinishedError if it is finished and no budget is
    given, OptionError if an option or the text differs from those of the run.
    """
    budget = TrainingOptions(**{name: options[name] for name in BUDGETS if name in options}).budget
    ranks, folder, state = Ranks(), _ELSEWHERE, None
    if ranks.is_first:
        folder = RunFolder.reopen(output, corpus_name(paths))
    try:
        if ranks.is_first:
            state = TrainingState.read(folder.path)
        state = _share(state, ranks)
        description = Description.from_json(state.siblings[CONFIG], str(folder.path / CONFIG))
        _check_unchanged(options, description)
        if state.progress.finished:
            folder.finish()  # the run may have been killed before its folder was moved
            folder = RunFolder(folder.final_path) if ranks.is_first else folder
            if budget is None:
                last = Budget(**description.training["budget"])
                if state.progress.extensions:
                    last = state.progress.extensions[-1].budget
                raise RunFinishedError(folder.path, state.progress.step, last)
        corpus = Corpus.read(
            paths,
            encoding=encoding,
            kind=text_kind(description.corpus),
            pattern=pattern,
            normalize=text_form(description.corpus),
            report=report,
        )
        trainer = _restore(corpus, folder, description, state, began=began)
        if budget is not None and (trainer.progress.finished or budget != trainer.config.budget):
            trainer.extend(budget)
        return trainer
    except BaseException:
        folder.close()
        raise


def _join(corpus: Corpus, ranks: Ranks, *, began: float | None) -> Trainer:
    """Take part in the run that the first rank starts, with all of its choices."""
    state = _share(None, ranks)
    description = Description.from_json(state.siblings[CONFIG], CONFIG)
    if corpus.sha256 != (expected := description.corpus["sha256"]):
        raise TrainingError(
            f"{corpus.name} is not the text that the first process reads: its sha256 is"
            f" {corpus.sha256[:12]}..., not {expected[:12]}... (copy the same text to all machines)"
        )
    return _restore(corpus, _ELSEWHERE, description, state, began=began)


def _share(state: TrainingState | None, ranks: Ranks) -> TrainingState:
    """Return the state that the first rank has."""
    data = b"" if state is None or ranks.size == 1 else state.to_bytes()
    data = ranks.share_bytes(data)
    return TrainingState.from_bytes(data, TRAINING) if state is None else state


def _restore(
    corpus: Corpus,
    folder: RunFolder,
    description: Description,
    state: TrainingState,
    *,
    began: float | None,
) -> Trainer:
    vocabulary = Vocabulary.from_json(state.siblings[TOKENIZER])
    spec = restore_spec(corpus, folder.path, description, vocabulary, state.start_weights)
    trainer = Trainer(spec, folder, began=began)
    trainer.resume(state)
    return trainer


def _check_unchanged(options: Mapping[str, Any], description: Description) -> None:
    """Raise OptionConflictError if an option other than the budget differs from the run's."""
    texts = asdict(TextOptions.of(text_kind(description.corpus)))
    chosen = {**asdict(description.model), **description.training, **description.corpus, **texts}
    chosen["normalize"] = text_form(description.corpus)
    declared = options_of(TrainingOptions)
    model = options.get("init_from", AUTO)
    if model not in (AUTO, NONE, description.options.get("init_from")):
        options = {**options, "init_from": shared_name(find(model))}
    for name, value in options.items():
        if name in BUDGETS:
            continue
        given = description.options.get(name)
        if name in declared:
            declared[name].check(value)
        if value not in (given, chosen.get(name)):
            stored = chosen.get(name, given)
            raise OptionConflictError(
                f"{{{name}}} {value} differs from the run to resume, which has"
                f" {'the default' if stored is None else stored}"
                " (omit it, or start a new run)",
                name,
            )
