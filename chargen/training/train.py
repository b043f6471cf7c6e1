"""Start or resume a training run."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path

from chargen.errors import ChargenError, CheckpointError, CorpusError, TrainingError
from chargen.model import storage
from chargen.model.checkpoint import (
    CONFIG,
    DEFAULT_ROOT,
    SOURCE,
    TOKENIZER,
    TRAINING,
    Description,
    text_form,
    text_kind,
)
from chargen.model.find import find, shared_name
from chargen.text.cache import cache_folder
from chargen.text.corpus import Corpus
from chargen.text.decoding import AUTO as DETECT
from chargen.text.display import plural
from chargen.text.files import printable_path
from chargen.text.kind import TextOptions
from chargen.text.reading import Progress, Report, ignore, show_nothing
from chargen.text.source import STANDARD_INPUT, TextSource
from chargen.text.vocabulary import Vocabulary
from chargen.training.folder import RunFolder, UnwrittenFolder, refuse_existing
from chargen.training.options import AUTO, BUDGETS, NONE, Budget, TrainingOptions
from chargen.training.ranks import Ranks
from chargen.training.settings import RunSettings, check_repeated
from chargen.training.spec import make_spec, restore_spec
from chargen.training.state import TrainingState
from chargen.training.trainer import Trainer


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
    folder: RunFolder | None = None,
    began: float | None = None,
) -> Trainer:
    """Start a run in a new folder: in `folder`, or in one that `output` and `overwrite` choose.

    began: when the minutes of the budget began, by `time.monotonic`; None: when training begins.
    All ranks call it, with the folder that `shared` returned.
    Raises the errors of `make_spec` and `RunFolder.create`.
    """
    ranks = Ranks()
    if not ranks.is_first:
        assert folder is not None
        return _join(corpus, folder, ranks, began=began)
    if folder is None:
        refuse_existing(output, overwrite=overwrite)
    spec = make_spec(corpus, options, began=began)
    folder = folder or RunFolder.create(output, corpus.name, overwrite=overwrite)
    try:
        trainer = Trainer(spec, folder, began=began)
        _share(trainer.state(), ranks)
        return trainer
    except BaseException:
        folder.close()
        raise


def resume(
    folder: RunFolder,
    given: RunSettings,
    *,
    report: Report = ignore,
    progress: Progress = show_nothing,
    began: float | None = None,
) -> Trainer:
    """Resume a run from its last save, or train it further.

    given: a budget to train for from the current position, and settings that the user repeats,
    which must equal those of the run. An unfinished run with the same budget is resumed with the
    rest of it. Without texts, the recorded files are read. report, progress: as in `Corpus.read`.
    began, and the folder of several ranks: as in `start`.
    Raises CheckpointError if there is no run, RunFinishedError if it is finished and no budget is
    given, OptionError if an option or the text differs from those of the run.
    """
    ranks, state = Ranks(), None
    try:
        budget = TrainingOptions(
            **{name: given.options[name] for name in BUDGETS if name in given.options}
        ).budget
        given = _with_texts(folder.path, given)
        if ranks.is_first:
            state = TrainingState.read(folder.path)
        state = _share(state, ranks)
        description = Description.from_json(state.siblings[CONFIG], str(folder.path / CONFIG))
        _check_unchanged(given, description)
        if state.progress.finished:
            folder.finish()  # the run may have been killed before its folder was moved
            folder = RunFolder(folder.final_path) if ranks.is_first else folder
            if budget is None:
                last = Budget(**description.training["budget"])
                if state.progress.extensions:
                    last = state.progress.extensions[-1].budget
                raise RunFinishedError(folder.path, state.progress.step, last)
        with ranks.in_turn():
            corpus = Corpus.read(
                given.texts,
                encoding=given.encoding or DETECT,
                pattern=given.pattern,
                kind=text_kind(description.corpus),
                normalize=text_form(description.corpus),
                cache=cache_folder(folder.final_path, DEFAULT_ROOT),
                report=report,
                progress=progress,
            )
        trainer = _restore(corpus, folder, description, state, began=began)
        if budget is not None and (trainer.progress.finished or budget != trainer.config.budget):
            trainer.extend(budget)
        return trainer
    except BaseException:
        folder.close()
        raise


def shared(folder: RunFolder, settings: RunSettings) -> tuple[RunFolder, RunSettings]:
    """Return the folder and the settings of the first rank. Only there, the folder is written.

    All ranks call it, before `start` or `resume`. Raises CorpusError if the text is unknown.
    """
    ranks = Ranks()
    if ranks.size == 1:
        return folder, settings
    if ranks.is_first and not folder.has_only_settings:
        settings = _with_texts(folder.path, settings)
    is_new = bool(ranks.share(folder.has_only_settings))
    path = Path(os.fsdecode(ranks.share_bytes(os.fsencode(folder.final_path))))
    content = ranks.share_bytes(settings.to_json())
    if ranks.is_first:
        return folder, settings
    return UnwrittenFolder(path, is_new=is_new), RunSettings.from_json(content)


def _with_texts(folder: Path, given: RunSettings) -> RunSettings:
    """Return the settings with the paths, the encoding and the pattern of the text of a run.

    The recorded ones are used where none are given. Raises CorpusError if a file is missing.
    """
    try:
        recorded = TextSource.from_json(storage.read_file(folder / SOURCE))
    except (CheckpointError, ValueError):  # older runs have none
        recorded = None
    encoding = given.encoding
    if encoding is None:
        encoding = recorded.encoding if recorded else DETECT
    if given.texts:
        return replace(given, encoding=encoding)
    if recorded is None or STANDARD_INPUT in recorded.files:
        where = "does not record its text" if recorded is None else "was trained on standard input"
        raise CorpusError(f"{folder} {where} (pass the same text again)")
    for file in recorded.files:
        if not os.path.exists(file):
            raise CorpusError(
                f"{printable_path(file)}, which {folder} was trained on, does not exist"
                " (if it was moved, pass its new path)"
            )
    return replace(given, texts=tuple(recorded.files), encoding=encoding, pattern=None)


def _join(corpus: Corpus, folder: RunFolder, ranks: Ranks, *, began: float | None) -> Trainer:
    """Take part in the run that the first rank starts, with all of its choices."""
    state = _share(None, ranks)
    description = Description.from_json(state.siblings[CONFIG], CONFIG)
    if corpus.sha256 != (expected := description.corpus["sha256"]):
        raise TrainingError(
            f"{corpus.name} is not the text that the first process reads: its sha256 is"
            f" {corpus.sha256[:12]}..., not {expected[:12]}... (copy the same text to all machines)"
        )
    return _restore(corpus, folder, description, state, began=began)


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
    return Trainer(spec, folder, state=state, began=began)


def _check_unchanged(given: RunSettings, description: Description) -> None:
    """Raise OptionConflictError if an option other than the budget differs from the run's."""
    texts = asdict(TextOptions.of(text_kind(description.corpus)))
    chosen = {**asdict(description.model), **description.training, **description.corpus, **texts}
    stored = {**description.options, **chosen}
    stored["normalize"] = text_form(description.corpus)
    # An option can be repeated as it was given, or as it was chosen.
    repeated = {**given.text_options, **given.options}
    if given.normalize is not None:
        repeated["normalize"] = given.normalize
    model = repeated.get("init_from", AUTO)
    if model not in (AUTO, NONE, description.options.get("init_from")):
        repeated["init_from"] = shared_name(find(model))
    check_repeated(
        stored,
        {
            name: value
            for name, value in repeated.items()
            if name not in description.options or value != description.options[name]
        },
    )
