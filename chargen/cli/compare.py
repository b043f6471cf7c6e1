"""The command `chargen compare` compares networks on a text and on memory tasks."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import (
    Command,
    allow_only,
    declared_options,
    encoding_option,
    given,
    glob_option,
    print_note,
    set_parameters,
    warn_unread_table,
)
from chargen.cli.signals import StopSignals, stop_signals
from chargen.comparison.options import ComparisonOptions
from chargen.errors import ChargenError, ComparisonError
from chargen.text.kind import TextOptions
from chargen.training.openmp import limit_thread_spinning

if TYPE_CHECKING:
    from chargen.comparison.folder import ComparisonFolder
    from chargen.comparison.result import Comparison
    from chargen.comparison.runner import Progress

_NUM_WRITTEN = 2_000  # episodes of --write: about a minute of training


@click.command("compare", cls=Command)
@click.argument("text", metavar="[TEXT]", required=False)
@declared_options(TextOptions)
@declared_options(ComparisonOptions)
@click.option(
    "-o", "--output", metavar="FOLDER", help="Output folder [default: comparisons/<name>]"
)
@click.option(
    "--rhymes", metavar="FILE", help="File of rhyme families, with lines such as -ay: play day stay"
)
@encoding_option
@glob_option
@click.option("--write", metavar="FILE", help="Write the task as a training text to FILE and exit")
@click.option(
    "--from", "source", metavar="FOLDER", help="Redraw the report of the comparison in FOLDER"
)
def command(
    text: str | None,
    output: str | None,
    rhymes: str | None,
    encoding: str,
    pattern: str | None,
    write: str | None,
    source: str | None,
    **options: Any,
) -> None:
    """Compare networks on a TEXT, on memory tasks, or on both, and draw a report.

    All networks have the same number of parameters and read the same number of characters. Each is
    trained with the best of several learning rates. Ctrl-C keeps the finished stages; run the same
    command again to resume.
    """
    limit_thread_spinning()
    if source is not None:
        allow_only({"source"}, "with --from")
        _draw_again(Path(source))
        return
    if write is not None:
        allow_only({"write", "tasks", "lags", "seed"}, "with --write")
    kind = TextOptions(**given(TextOptions, options)).kind
    chosen = ComparisonOptions(**given(ComparisonOptions, options))
    if write is not None:
        _write_task(Path(write), chosen)
        return
    if text is None:
        allowed = {"tasks", "cells", "minutes", "repeats", "seed", "lags", "output"}
        allow_only(allowed, "without TEXT")
    from chargen.cli.reading import ReadingDisplay
    from chargen.comparison.compare import compare, open_folder
    from chargen.comparison.folder import DEFAULT_ROOT
    from chargen.evaluation.coherence import read_rhyme_families
    from chargen.text.cache import cache_folder
    from chargen.text.corpus import Corpus

    corpus, target = None, None if output is None else Path(output)
    if text is not None:
        with ReadingDisplay() as display:
            corpus = Corpus.read(
                [text],
                encoding=encoding,
                kind=kind,
                pattern=pattern,
                cache=cache_folder(target, DEFAULT_ROOT),
                report=display.note,
                progress=display.progress,
            )
        warn_unread_table(corpus)
    families = None
    if rhymes is not None:
        families = read_rhyme_families(Path(rhymes), encoding=encoding, report=print_note)
    folder = open_folder(target, corpus, chosen, families)
    command_line = _reproduce(text)
    with stop_signals() as stop, closing(folder):
        stop.wait()
        work = compare(corpus, chosen, folder, families=families, command=command_line)
        comparison = _watch(work, stop, folder)
        if comparison is None:
            print(f"stopped; resume with: {command_line}", file=sys.stderr)
            sys.exit(128 + (stop.caught or 0))
        pages = _draw(folder.path, comparison)
        folder.finish(comparison)
    _summarise(folder.path, comparison, pages)


def _watch(
    work: Generator[Progress | Comparison, None, None], stop: StopSignals, folder: ComparisonFolder
) -> Comparison | None:
    """Show the progress; return None if a signal stopped the comparison."""
    from tqdm import tqdm

    from chargen.comparison.result import Comparison

    bar = tqdm(
        total=1.0,
        # After resuming, the elapsed time does not predict the remaining time.
        bar_format="{percentage:3.0f}% |{bar:16}| {elapsed}"
        + (", {desc}" if folder.resumed else "<{remaining}, {desc}"),
        dynamic_ncols=True,
        leave=False,
        disable=None,  # unless standard error is a terminal
    )
    with closing(bar), closing(work):
        for number, record in enumerate(work):
            if isinstance(record, Comparison):
                return record
            if number == 1:  # the options are valid, and the plan is made
                resumed = "; resuming" if folder.resumed else ""
                bar.write(f"folder    {folder.path}{resumed}", file=sys.stderr)
            if number and bar.disable and bar.desc != record.doing:
                bar.write(f"{record.fraction:6.1%}  {record.doing}", file=sys.stderr)
            bar.set_description_str(record.doing, refresh=False)
            bar.update(record.fraction - bar.n)
            if stop.caught:
                return None
    return None


def _draw_again(path: Path) -> None:
    from chargen.comparison.storage import COMPARISON, read_comparison

    if not (path / COMPARISON).is_file():
        raise ComparisonError(
            f"{path} has no {COMPARISON} (pass the folder of a finished comparison)"
        )
    comparison = read_comparison(path / COMPARISON)
    pages = _draw(path, comparison)
    _summarise(path, comparison, pages)


def _draw(path: Path, comparison: Comparison) -> list[str]:
    """Write the report, its figures and the pages; return the names of the pages."""
    from chargen.comparison.folder import MODELS
    from chargen.model.storage import write_file
    from chargen.report.files import files
    from chargen.web.networks import network_pages

    pages = network_pages(comparison, path / MODELS)
    report = files(comparison, {page.name: page.title for page in pages})
    for name, data in {**report, **{page.name: page.html for page in pages}}.items():
        (path / name).parent.mkdir(exist_ok=True)
        write_file(path / name, data)
    return [page.name for page in pages]


def _summarise(path: Path, comparison: Comparison, pages: list[str]) -> None:
    from chargen.comparison.folder import MODELS
    from chargen.report.files import REPORT
    from chargen.report.terminal import summary

    print(summary(comparison, max(20, min(100, shutil.get_terminal_size().columns))))
    print(f"report    {path / REPORT}")
    for page in pages:
        print(f"page      {path / page}")
    models = path / MODELS
    cells = [] if comparison.text is None else list(comparison.text.cells)
    cells = [cell for cell in cells if (models / cell).is_dir()]
    if cells:
        print(f"try       chargen sample -m {shlex.quote(str(models / cells[-1]))}")
    for task in comparison.tasks.values():
        model = models / f"{task.name}-{list(task.cells)[-1]}"
        if task.choices and model.is_dir():
            words = ["chargen", "score", "-m", str(model)]
            words += ["--prompt", task.example[: task.answer[0]], "--choices"]
            line = f"try       {shlex.join([*words, ','.join(task.choices)])}"
            if line.isprintable():  # the result may come from an untrusted source
                print(line)


def _write_task(path: Path, options: ComparisonOptions) -> None:
    """Write episodes of a task, one per line."""
    from chargen.model.storage import write_file
    from chargen.tasks.registry import TASKS, episodes

    if len(options.tasks) != 1:
        raise click.UsageError(f"--write needs one task, such as --task {next(iter(TASKS))}")
    task = TASKS[options.tasks[0]]
    drawn = episodes(task, _NUM_WRITTEN, sorted({task.min_lag, *options.lags}), options.seed)
    text = "".join(f"{episode.text}\n" for episode in drawn)
    if str(path) == "-":
        print(text, end="")
        return
    if path.exists():
        raise ChargenError(f"{path} exists (choose another file)")
    write_file(path, text.encode("utf-8"))
    train = f"chargen train {shlex.quote(str(path))} --lines"
    print(f"{path}: {_NUM_WRITTEN:,} episodes; train on them with: {train}")


def _reproduce(text: str | None) -> str:
    """Return the command line with every option that the user set."""
    words = ["chargen", "compare"]
    for name, parameter in set_parameters().items():
        if isinstance(parameter, click.Option):
            value = click.get_current_context().params[name]
            values = value if isinstance(value, tuple) else (value,)
            listed = ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
            words += [parameter.opts[-1]] + ([] if parameter.is_flag else [listed])
    if text:
        words += ["--", text] if text.startswith("-") else [text]
    return shlex.join(words)
