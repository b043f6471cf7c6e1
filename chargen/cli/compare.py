"""`chargen compare`: several cells side by side, and what memory buys."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chargen.cli.options import stop_signals, wait_politely
from chargen.errors import OptionError

if TYPE_CHECKING:
    from chargen.comparison.folder import ComparisonFolder
    from chargen.records import Comparison, Stage

_WRITTEN = 2_000  # episodes of --write: about a minute's training


@click.command("compare")
@click.argument("text", metavar="[TEXT]", required=False)
@click.option("--task", help="A memory task: recall, agreement, context, nesting, or all.")
@click.option("--cells", help="Default: feedforward,rnn,gru,lstm.")
@click.option("--minutes", type=float, help="For everything; 8 for a text.")
@click.option("-o", "--output", metavar="FOLDER", help="Default: comparisons/<name>.")
@click.option("--repeats", type=int, default=1, show_default=True, help="Runs of each network.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("-p", "--prompt", help="A word to spell; neuron, if the text has it.")
@click.option("--lags", default="25,50,100,200", show_default=True, help="Of tasks, in characters.")
@click.option("--lines", is_flag=True, help="Each line of TEXT is a text of its own.")
@click.option("--hidden-size", type=int, default=128, show_default=True, help="Of an LSTM.")
@click.option("--num-layers", type=int, default=1, show_default=True)
@click.option("--encoding", default="utf-8", show_default=True, help="Of the text.")
@click.option("--write", metavar="FILE", help="Only write the task as a corpus, one story a line.")
@click.option("--from", "again", metavar="FOLDER", help="Only draw a finished comparison again.")
def command(
    text: str | None,
    task: str | None,
    cells: str | None,
    minutes: float | None,
    output: str | None,
    repeats: int,
    seed: int,
    prompt: str | None,
    lags: str,
    lines: bool,
    hidden_size: int,
    num_layers: int,
    encoding: str,
    write: str | None,
    again: str | None,
) -> None:
    """Set networks side by side on a TEXT, on memory tasks, or on both, and draw a report.

    They have as many parameters and read as many characters; each has the learning rate that
    suits it. The report, the figures and every number land in comparisons/<name>. Ctrl-C keeps
    what is done; the same command goes on with it.
    """
    wait_politely()
    if again is not None:
        _draw_again(Path(again))
        return
    from chargen.comparison.compare import compare, open_folder
    from chargen.comparison.request import CELL_ORDER, Request
    from chargen.tasks.table import chosen
    from chargen.text.corpus import Corpus

    tasks = tuple(one.name for one in chosen(task)) if task else ()
    if write is not None:
        _write_corpus(Path(write), tasks, _numbers("--lags", lags), seed)
        return
    request = Request(
        cells=CELL_ORDER if cells is None else tuple(c.strip() for c in cells.split(",")),
        minutes=minutes,
        repeats=repeats,
        seed=seed,
        prompt=prompt,
        tasks=tasks,
        lags=_numbers("--lags", lags),
        lines=lines,
        hidden_size=hidden_size,
        num_layers=num_layers,
    )
    corpus = None if text is None else Corpus.read([text], encoding=encoding, lines=lines)
    folder = open_folder(None if output is None else Path(output), corpus, request)
    try:
        stages = compare(
            corpus, None if text is None else Path(text), request, folder, command=_command(text)
        )
        found = _watch(stages, folder)
    finally:
        folder.close()
    _leave(folder.path, found)


def _command(text: str | None) -> str:
    """The command that makes the comparison again, with every option that is not as by default."""
    called = click.get_current_context()
    words = ["chargen", "compare"]
    for option in called.command.params:
        value = called.params.get(option.name or "")
        if isinstance(option, click.Option) and value not in (None, option.default, False):
            words += [option.opts[-1]] + ([] if option.is_flag else [str(value)])
    return shlex.join(words + (["--", text] if text and text[0] == "-" else [text] if text else []))


def _watch(
    stages: Generator[Stage | Comparison, None, None], folder: ComparisonFolder
) -> Comparison:
    """Show how far it is, and let a signal end it where nothing is lost."""
    from tqdm import tqdm

    from chargen.records import Comparison

    goes_on = "; going on with what is done" if folder.resumed else ""
    print(f"folder    {folder.path}{goes_on}", file=sys.stderr)
    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=1.0,
        bar_format="{percentage:3.0f}% |{bar:16}| {elapsed}<{remaining}, {desc}",
        dynamic_ncols=True,
        leave=False,
        disable=not terminal,
    )
    said = ""
    with closing(bar), stop_signals() as caught, closing(stages):
        for stage in stages:
            if isinstance(stage, Comparison):
                return stage
            if not terminal and stage.doing != said:
                print(f"{stage.fraction:4.0%}  {stage.doing}", file=sys.stderr, flush=True)
            said = stage.doing
            bar.set_description_str(said, refresh=False)
            bar.update(max(0.0, stage.fraction - bar.n))
            if caught:
                break
    print("stopped; the same command goes on with what is done", file=sys.stderr)
    sys.exit(128 + caught[0])


def _draw_again(path: Path) -> None:
    from chargen.comparison.folder import NUMBERS
    from chargen.comparison.storage import read_json
    from chargen.errors import ComparisonError
    from chargen.model.storage import read_file

    if not (path / NUMBERS).is_file():
        raise ComparisonError(
            f"{path} holds no {NUMBERS} (name the folder of a finished comparison)"
        )
    _leave(path, read_json(read_file(path / NUMBERS)))


def _leave(path: Path, found: Comparison) -> None:
    """Write what is drawn, and tell in short."""
    from chargen.model.storage import write_file
    from chargen.report.folder import REPORT, files
    from chargen.report.tables import summary

    for name, data in files(found).items():
        (path / name).parent.mkdir(exist_ok=True)
        write_file(path / name, data)
    width = min(100, shutil.get_terminal_size().columns)
    print(summary(found, max(20, width)))
    print(f"report    {path / REPORT}")


def _write_corpus(path: Path, tasks: Sequence[str], lags: Sequence[int], seed: int) -> None:
    from chargen.tasks.table import TASKS, episodes

    if len(tasks) != 1:
        raise OptionError(f"--write takes one task (--task {next(iter(TASKS))} --write FILE)")
    task = TASKS[tasks[0]]
    told = episodes(task, _WRITTEN, sorted({task.least_lag, *lags}), seed)
    text = "".join(f"{episode.text}\n" for episode in told)
    if str(path) == "-":
        print(text, end="")
        return
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OptionError(f"--write {path} exists already (name another file)") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"--write {path} cannot be written: {reason}") from None
    print(f"{path}: {_WRITTEN:,} episodes; chargen train {shlex.quote(str(path))} --lines")


def _numbers(option: str, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise OptionError(
            f"{option} must be whole numbers with commas between, got {value!r:.40}"
            " (such as 25,50,100,200)"
        ) from None
