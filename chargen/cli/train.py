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

from chargen.cli.options import (
    Command,
    declared_options,
    encoding_option,
    given,
    glob_option,
    known_prompt,
    print_note,
    stop_signals,
    warn_unread_table,
)
from chargen.text.kind import TextOptions
from chargen.training import torchrun
from chargen.training.openmp import limit_thread_spinning
from chargen.training.options import AUTO, NONE, TrainingOptions

if TYPE_CHECKING:
    from chargen.text.corpus import CorpusFacts
    from chargen.training.trainer import Trainer

_MAX_SAMPLES, _SAMPLE_LENGTH = 10, 200  # after training; characters


@click.command("train", cls=Command)
@click.argument("paths", metavar="TEXT...", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="FOLDER", help="Model folder [default: checkpoints/<name of TEXT>]"
)
@click.option("-p", "--prompt", default="", help="Prompt of the samples")
@click.option(
    "--resume",
    is_flag=True,
    help="Resume an interrupted run; with --minutes, --epochs or --steps, train a run further",
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
    the run, and --resume resumes it. A finished run is trained further with --resume --minutes N.
    """
    began = time.monotonic()
    if overwrite and output is None and not resume:
        raise click.UsageError("--overwrite needs -o FOLDER")
    if "-" in paths and torchrun.size() > 1:
        raise click.UsageError(
            "- (standard input) cannot be read by several processes (use a file)"
        )
    texts, chosen = given(TextOptions, options), given(TrainingOptions, options)
    text_options = TextOptions(**texts)
    if chosen.get("init_from", AUTO) not in (AUTO, NONE):
        from chargen.model.find import find

        find(chosen["init_from"])  # before the import of torch, which takes seconds
    limit_thread_spinning()
    from chargen.training.ranks import joined

    context = click.get_current_context()
    context.with_resource(joined()).check_batch_size(chosen.get("batch_size"))
    context.with_resource(torchrun.only_first_prints())
    from chargen.text.corpus import Corpus
    from chargen.text.decoding import AUTO as DETECT
    from chargen.text.normal_form import UNCHANGED
    from chargen.training import train as training

    reading = {
        "separator": text_options.separator,
        "column": text_options.column,
        "encoding": None if encoding == DETECT else encoding,
        "glob": pattern,
        "normalize": normalize,
    }

    def command_line(folder: Path, *arguments: str) -> str:
        """Return a command that continues the run in a folder."""
        return shlex.join(
            [*torchrun.program(), "train", *arguments, "-o", str(folder)]
            + ["--lines"] * text_options.lines
            + [f"--{name}={value}" for name, value in reading.items() if value is not None]
            + ([f"--prompt={prompt}"] if prompt else [])
            + ["--"] * any(path.startswith("-") and path != "-" for path in paths)
            + list(paths)
        )

    target = None if output is None else Path(output)
    if resume:
        if overwrite:
            raise click.UsageError("--resume and --overwrite are mutually exclusive")
        chosen |= {name: getattr(text_options, name) for name in texts}
        if normalize is not None:
            chosen["normalize"] = normalize
        try:
            trainer = training.resume(
                paths,
                chosen,
                encoding=encoding,
                pattern=pattern,
                output=target,
                report=print_note,
                began=began,
            )
        except training.RunFinishedError as finished:
            more = ["--resume", f"--{finished.budget.kind}", f"{finished.budget.amount:g}"]
            print(f"{finished}; train it further with: {command_line(finished.folder, *more)}")
            return
    else:
        settings = TrainingOptions(**chosen)  # before the text is read
        corpus = Corpus.read(
            paths,
            encoding=encoding,
            kind=text_options.kind,
            pattern=pattern,
            normalize=normalize or UNCHANGED,
            report=print_note,
        )
        warn_unread_table(corpus)
        trainer = training.start(corpus, settings, output=target, overwrite=overwrite, began=began)
    run(
        trainer,
        known_prompt(prompt, trainer.spec.vocabulary),
        lambda *more: command_line(trainer.folder.final_path, "--resume", *more),
        is_named=output is not None,
    )


def run(
    trainer: Trainer, prompt: str, resume_command: Callable[..., str], *, is_named: bool
) -> None:
    """Run a trainer, show its progress, and stop between two steps on a signal to any process.

    resume_command: returns the command that resumes the run with more options.
    is_named: whether the user chose the folder. A second signal does not wait for the save.
    """
    from chargen.cli.progress import Display
    from chargen.cli.sample import completed, print_texts, stream
    from chargen.cli.separation import Separation
    from chargen.generation.context import Reader
    from chargen.generation.generate import generate
    from chargen.generation.settings import GenerationSettings
    from chargen.model.checkpoint import Checkpoint
    from chargen.training.records import Finished

    with (
        stop_signals() as caught,
        closing(trainer.folder),
        closing(Display(trainer, is_named=is_named)) as display,
    ):
        for record in trainer.run(prompt):
            display.show(record)
            if caught:
                trainer.stop()
            if is_stopped := trainer.is_stopping and not isinstance(record, Finished):
                trainer.save()
                break
        trainer.folder.finish()
    if is_stopped:
        print(f"stopped and saved; resume with: {resume_command()}", file=sys.stderr)
        raise click.exceptions.Exit(128 + (caught or [signal.SIGTERM])[0])
    if torchrun.rank():
        return
    folder = trainer.folder.final_path
    display.summary(folder, resume_command)
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
