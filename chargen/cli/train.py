"""`chargen train`: train a model on text files."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.memory import memory_errors
from chargen.cli.options import (
    Command,
    declared_options,
    encoding_option,
    given,
    glob_option,
    known_prompt,
    warn_unread_table,
)
from chargen.cli.signals import StopSignals, stop_signals
from chargen.errors import ProcessEndedError
from chargen.text.kind import TextOptions
from chargen.training import torchrun
from chargen.training.openmp import limit_thread_spinning
from chargen.training.options import AUTO, NONE, TrainingOptions

if TYPE_CHECKING:
    from chargen.text.corpus import CorpusFacts
    from chargen.training.folder import RunFolder
    from chargen.training.settings import RunSettings
    from chargen.training.trainer import Trainer

_SIZES = "--batch-size, --sequence-length or --hidden-size"
_MAX_SAMPLES, _SAMPLE_LENGTH = 10, 200  # after training; characters


@click.command("train", cls=Command)
@click.argument("paths", metavar="TEXT...", nargs=-1)
@click.option(
    "-o", "--output", metavar="FOLDER", help="Model folder [default: checkpoints/<name of TEXT>]"
)
@click.option("-p", "--prompt", default="", help="Prompt of the samples")
@click.option(
    "--resume",
    is_flag=True,
    help=(
        "Resume a run, or start one if there is none; with --minutes, --epochs or --steps, train"
        " a finished run further"
    ),
)
@click.option("--overwrite", is_flag=True, help="Replace the model in FOLDER")
@declared_options(TextOptions)
@encoding_option
@glob_option
@click.option(
    "--normalize",
    type=click.Choice(["nfc", "nfd", "none"]),
    help="Unicode normal form to convert the text to; none: keep it unchanged [default: none]",
)
@declared_options(TrainingOptions)
def command(
    paths: tuple[str, ...],
    output: str | None,
    prompt: str,
    resume: bool,
    overwrite: bool,
    encoding: str,
    pattern: str | None,
    normalize: str | None,
    **options: Any,
) -> None:
    """Train a model on TEXT: files, folders, or - for standard input.

    The model is saved in checkpoints/<name of TEXT>, where `chargen sample` finds it. Ctrl-C saves
    the run, and --resume -o FOLDER resumes it; TEXT is needed again only if it was moved. A
    finished run is trained further with --resume --minutes N.
    """
    began = time.monotonic()
    _check_usage(paths, output, pattern, resume=resume, overwrite=overwrite)
    texts, chosen = given(TextOptions, options), given(TrainingOptions, options)
    TextOptions(**texts)
    TrainingOptions(**chosen)
    if chosen.get("init_from", AUTO) not in (AUTO, NONE):
        from chargen.model.find import find

        find(chosen["init_from"])
    from chargen.text.decoding import AUTO as DETECT
    from chargen.training.folder import UnwrittenFolder
    from chargen.training.settings import RunSettings

    settings = RunSettings.of(
        paths,
        encoding=None if encoding == DETECT else encoding,
        pattern=pattern,
        normalize=normalize,
        text_options=texts,
        options=chosen,
    )
    target = None if output is None else Path(output)
    with stop_signals() as stop:
        # The folder and its settings are written before torch is imported, which takes seconds: a
        # run that is killed during the import can be resumed.
        if torchrun.rank():  # the first process opens it
            stop.end_at_once()
            folder: RunFolder = UnwrittenFolder(Path())
        else:
            folder, settings = _open(settings, target, resume=resume, overwrite=overwrite)
        with closing(folder):
            resume_command = _ResumeCommand(folder.final_path, settings, prompt)
            if not torchrun.rank():
                stop.message = f"stopped; resume with: {resume_command()}"
            with memory_errors(f"use a smaller {_SIZES}"):
                trainer = _prepare(folder, settings, resume_command, began)
            if trainer is not None:
                _run(trainer, prompt, resume_command, stop, is_named=output is not None)


class _ResumeCommand:
    """The command that resumes a run. Only standard input must be given again."""

    def __init__(self, folder: Path, settings: RunSettings, prompt: str) -> None:
        from chargen.text.source import STANDARD_INPUT

        # A newline in the prompt would spread the command over several lines.
        shown = [f"--prompt={prompt}"] if prompt and prompt.isprintable() else []
        self._arguments = ["-o", str(folder), *shown]
        self._arguments += [text for text in settings.texts if text == STANDARD_INPUT]

    def __call__(self, *options: str) -> str:
        """Return the command with more options."""
        return shlex.join([*torchrun.program(), "train", "--resume", *options, *self._arguments])


def _check_usage(
    paths: tuple[str, ...],
    output: str | None,
    pattern: str | None,
    *,
    resume: bool,
    overwrite: bool,
) -> None:
    if overwrite and resume:
        raise click.UsageError("--resume and --overwrite are mutually exclusive")
    if overwrite and output is None:
        raise click.UsageError("--overwrite needs -o FOLDER")
    if paths.count("-") > 1:
        raise click.UsageError("- (standard input) can be read only once")
    if "-" in paths and torchrun.size() > 1:
        raise click.UsageError(
            "- (standard input) cannot be read by several processes (use a file)"
        )
    if not paths and not resume:
        raise click.UsageError("Missing argument 'TEXT...'", click.get_current_context())
    if not paths and output is None:
        raise click.UsageError("--resume needs TEXT or -o FOLDER")
    if not paths and pattern is not None:
        raise click.UsageError("--glob has no effect without TEXT")


def _open(
    settings: RunSettings, output: Path | None, *, resume: bool, overwrite: bool
) -> tuple[RunFolder, RunSettings]:
    """Return the folder of a run and its settings, which are stored until the first save."""
    from chargen.text.corpus import corpus_name
    from chargen.training.folder import RunFolder

    name = corpus_name(settings.texts) if settings.texts else ""
    folder = RunFolder.reopen(output, name) if resume else None
    if folder is None and not settings.texts:
        raise click.UsageError(f"{output} has no run to resume (pass TEXT to start one)")
    is_new = folder is None
    folder = folder or RunFolder.create(output, name, overwrite=overwrite)
    try:
        if not is_new and folder.has_only_settings:
            settings = folder.read_settings().repeated(settings)
        if is_new or folder.has_only_settings:
            folder.write_settings(settings)
    except BaseException:
        folder.close()
        raise
    return folder, settings


def _prepare(
    folder: RunFolder, settings: RunSettings, resume_command: _ResumeCommand, began: float
) -> Trainer | None:
    """Return a trainer that continues or starts the run; None if the run is finished."""
    limit_thread_spinning()
    from chargen.cli.reading import ReadingDisplay
    from chargen.model.checkpoint import DEFAULT_ROOT
    from chargen.text.cache import cache_folder
    from chargen.text.corpus import Corpus
    from chargen.training import train as training
    from chargen.training.ranks import joined

    context = click.get_current_context()
    ranks = context.with_resource(joined())
    context.with_resource(torchrun.only_first_prints())
    folder, settings = training.shared(folder, settings)
    if not folder.has_only_settings:
        try:
            with ReadingDisplay() as display:
                return training.resume(
                    folder, settings, report=display.note, progress=display.progress, began=began
                )
        except training.RunFinishedError as finished:
            last = finished.budget
            more = resume_command(f"--{last.kind}", f"{last.amount:g}")
            print(f"{finished}; train it further with: {more}")
            return None
    try:
        ranks.check_batch_size(settings.options.get("batch_size"))
        with ranks.in_turn(), ReadingDisplay() as display:
            corpus = Corpus.read(
                settings.texts,
                **settings.reading,
                cache=cache_folder(folder.final_path, DEFAULT_ROOT),
                report=display.note,
                progress=display.progress,
            )
        warn_unread_table(corpus)
        options = TrainingOptions(**settings.options)
        return training.start(corpus, options, folder=folder, began=began)
    except ProcessEndedError:
        raise  # the run is resumed with the settings in the folder
    except Exception:
        folder.discard()
        raise


def _run(
    trainer: Trainer,
    prompt: str,
    resume_command: Callable[..., str],
    stop: StopSignals,
    *,
    is_named: bool,
) -> None:
    """Run a trainer, show its progress, and stop between two steps on a signal to any process.

    resume_command: returns the command that resumes the run with more options.
    is_named: whether the user chose the folder.
    """
    from chargen.cli.progress import Display
    from chargen.cli.sample import completed, print_texts, stream
    from chargen.cli.separation import Separation
    from chargen.generation.context import Reader
    from chargen.generation.generate import generate
    from chargen.generation.settings import GenerationSettings
    from chargen.model.checkpoint import Checkpoint
    from chargen.training.records import Finished

    prompt = known_prompt(prompt, trainer.spec.vocabulary)
    stop.wait()
    with (
        memory_errors(f"use a smaller {_SIZES}; the last save is intact"),
        closing(trainer.folder),
        closing(Display(trainer, is_named=is_named)) as display,
    ):
        for record in trainer.run(prompt):
            display.show(record)
            if stop.caught:
                trainer.stop()
            if is_stopped := trainer.is_stopping and not isinstance(record, Finished):
                trainer.save()
                break
        else:
            trainer.folder.finish()
    if is_stopped:
        print(f"stopped and saved; resume with: {resume_command()}", file=sys.stderr)
        raise click.exceptions.Exit(128 + (stop.caught or signal.SIGTERM))
    stop.restore()
    if torchrun.rank():
        return
    folder = trainer.folder.final_path
    display.summary(folder, resume_command, prompt)
    print()
    reader = Reader.of(Checkpoint.load(folder))
    settings = GenerationSettings(seed=trainer.config.seed, length=reader.default_length)
    count = _num_samples(trainer.spec.corpus)
    records = generate(reader, settings, prompt, num_samples=count)
    if count == 1:
        stream(prompt, records)
    else:
        separation = Separation(reader.kind, count)
        print_texts(prompt, completed(records), separation, temperature=settings.temperature)


def _num_samples(corpus: CorpusFacts) -> int:
    """Return the number of separate texts that are about as long as the sample of a stream."""
    if not corpus.kind.separate:
        return 1
    return max(1, min(_MAX_SAMPLES, _SAMPLE_LENGTH * corpus.texts // corpus.characters))
