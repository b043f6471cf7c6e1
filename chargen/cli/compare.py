"""`chargen compare`: several cells side by side, and what memory buys."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
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
@click.option("--minutes", type=float, help="For all, in equal parts; 8 for a text.")
@click.option("-o", "--output", metavar="FOLDER", help="Default: comparisons/<name>.")
@click.option("--repeats", type=int, default=1, show_default=True, help="Runs of each network.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("-p", "--prompt", help="A word to spell; neuron, if the text has it.")
@click.option(
    "--lags", default="25,50,100,200", show_default=True, help="Of tasks; doubled beyond."
)
@click.option("--lines", is_flag=True, help="Each line of TEXT is a text of its own.")
@click.option("--hidden-size", type=int, default=128, show_default=True, help="Of an LSTM on TEXT.")
@click.option("--num-layers", type=int, default=1, show_default=True, help="On TEXT.")
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
        _refuse_others("--from", {"again"})
        _draw_again(Path(again))
        return
    from chargen.comparison.compare import compare, open_folder
    from chargen.comparison.request import CELL_ORDER, Request
    from chargen.comparison.storage import to_json
    from chargen.tasks.table import chosen
    from chargen.text.corpus import Corpus

    tasks = () if task is None else tuple(one.name for one in chosen(task))
    if write is not None:
        _refuse_others("--write", {"write", "task", "lags", "seed"})
        _write_corpus(Path(write), tasks, _numbers("--lags", lags), seed)
        return
    if not tasks and _is_given("lags"):
        raise OptionError("--lags are of memory tasks (name one with --task, or leave them out)")
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
    file = None if text is None else Path(text)
    with stop_signals() as caught, closing(folder):
        found = _watch(
            compare(corpus, file, request, folder, command=_command(text)), caught, folder
        )
        if found is None:
            print(f"stopped; what is done is kept; to go on: {_command(text)}", file=sys.stderr)
            sys.exit(128 + caught[0])
        _draw(folder.path, found)
        folder.finish(to_json(found))
    _tell(folder.path, found)


def _is_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not click.core.ParameterSource.DEFAULT


def _refuse_others(option: str, allowed: set[str]) -> None:
    """An option that decides everything would make others silently idle."""
    for other in click.get_current_context().command.params:
        name = other.name or ""
        if name not in allowed and _is_given(name):
            shown = other.opts[-1] if isinstance(other, click.Option) else name.upper()
            raise OptionError(f"{option} and {shown} do not go together (leave one out)")


def _command(text: str | None) -> str:
    """The command that makes the comparison again, with every option that is not as by default."""
    called = click.get_current_context()
    words = ["chargen", "compare"]
    for option in called.command.params:
        value = called.params.get(option.name or "")
        if isinstance(option, click.Option) and value is not False and _is_given(option.name or ""):
            words += [option.opts[-1]] + ([] if option.is_flag else [str(value)])
    return shlex.join(words + (["--", text] if text and text[0] == "-" else [text] if text else []))


def _watch(
    stages: Generator[Stage | Comparison, None, None], caught: list[int], folder: ComparisonFolder
) -> Comparison | None:
    """Show how far it is; None where a signal ended it, at a place where nothing is lost."""
    from tqdm import tqdm

    from chargen.records import Comparison

    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=1.0,
        # What is done already says nothing of how long the rest will take.
        bar_format="{percentage:3.0f}% |{bar:16}| {elapsed}"
        + (", {desc}" if folder.resumed else "<{remaining}, {desc}"),
        dynamic_ncols=True,
        leave=False,
        disable=not terminal,
    )
    said: str | None = None
    begun = False
    with closing(bar), closing(stages):
        for stage in stages:
            if isinstance(stage, Comparison):
                return stage
            if said is not None and stage.doing != said:
                if not begun:  # only now it is sure that what is asked for can be done
                    goes_on = "; going on with what is done" if folder.resumed else ""
                    bar.write(f"folder    {folder.path}{goes_on}", file=sys.stderr)
                    begun = True
                if not terminal:
                    line = f"{stage.fraction:4.0%}  {stage.doing}"
                    print(line, file=sys.stderr, flush=True)
            said = stage.doing
            bar.set_description_str(said, refresh=False)
            bar.update(max(0.0, stage.fraction - bar.n))
            if caught:
                return None
    return None


def _draw_again(path: Path) -> None:
    from chargen.comparison.folder import NUMBERS
    from chargen.comparison.storage import read_json
    from chargen.errors import ComparisonError
    from chargen.model.storage import read_file

    if not (path / NUMBERS).is_file():
        raise ComparisonError(
            f"{path} holds no {NUMBERS} (name the folder of a finished comparison)"
        )
    found = read_json(read_file(path / NUMBERS))
    _draw(path, found)
    _tell(path, found)


def _draw(path: Path, found: Comparison) -> None:
    from chargen.errors import ComparisonError
    from chargen.model.storage import write_file
    from chargen.report.folder import files

    for name, data in files(found).items():
        try:
            (path / name).parent.mkdir(exist_ok=True)
        except OSError as error:
            raise ComparisonError(f"{path / name} cannot be written: {error.strerror}") from None
        write_file(path / name, data)


def _tell(path: Path, found: Comparison) -> None:
    from chargen.comparison.folder import MODELS
    from chargen.report.folder import REPORT
    from chargen.report.tables import summary

    width = min(100, shutil.get_terminal_size().columns)
    print(summary(found, max(20, width)))
    print(f"report    {path / REPORT}")
    models = [path / MODELS / name for name in found.cells if (path / MODELS / name).is_dir()]
    if models:
        print(f"networks  {path / MODELS}; chargen sample -m {shlex.quote(str(models[-1]))}")


def _write_corpus(path: Path, tasks: Sequence[str], lags: Sequence[int], seed: int) -> None:
    from chargen.tasks.table import TASKS, episodes
    from chargen.training.config import MOST_SEED, check_range

    if len(tasks) != 1:
        raise OptionError(f"--write takes one task (--task {next(iter(TASKS))} --write FILE)")
    task = TASKS[tasks[0]]
    check_range("--seed", seed, 0, MOST_SEED)
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
        with suppress(OSError, ValueError):
            path.unlink()
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"--write {path} cannot be written: {reason}") from None
    learn = f"chargen train {shlex.quote(str(path))} --lines"
    print(f"{path}: {_WRITTEN:,} stories; to train on them: {learn}")


def _numbers(option: str, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise OptionError(
            f"{option} must be whole numbers with commas between, got {value!r:.40}"
            " (such as 25,50,100,200)"
        ) from None
