"""The command `chargen models` lists the models that a name can stand for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from chargen.cli.columns import GAP, Column, Table
from chargen.cli.display import json_text, terminal_width, wrapped
from chargen.cli.options import Command
from chargen.text.display import one_line, shortened, text_width

_MIN_REASON, _MAX_REASON = 12, 100  # columns, characters
_UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Row:
    """A model of the list.

    included: whether it comes with chargen. written: when its weights were written, None if it is
    included. error: why it cannot be used, None for a valid model. With an error, all facts that
    are stored in its files are None.
    """

    name: str
    folder: str
    included: bool
    text: str | None = None
    cell: str | None = None
    num_layers: int | None = None
    hidden_size: int | None = None
    validation_nats: float | None = None
    written: str | None = None
    finished: bool | None = None
    error: str | None = None


@click.command("models", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per model")
def command(as_json: bool) -> None:
    """List the models in ./checkpoints, newest first, and those that come with chargen.

    -m NAME selects one of them in every command. The loss is that on the validation set, in nats
    per character. The last line names the small models of the lecture.
    """
    rows = list(_rows())
    if as_json:
        for row in rows:
            print(json_text(asdict(row)))
        return
    width = terminal_width()
    for line in [*table(rows, width), *_tour_models(width)]:
        print(line)


def _tour_models(width: int) -> list[str]:
    from chargen.model.find import tour_names

    return wrapped(f"models of chargen tour: {', '.join(tour_names())}", width, "  ")


def _rows() -> Iterator[Row]:
    from chargen.model.find import included, listed

    for folder, seconds in listed().items():
        written = datetime.fromtimestamp(seconds).isoformat(sep=" ", timespec="minutes")
        yield _row(folder, included=False, written=written)
    for folder in included():
        yield _row(folder, included=True, written=None)


def _row(folder: Path, **place: Any) -> Row:
    from chargen.errors import CheckpointError
    from chargen.model.checkpoint import Checkpoint

    row = {"name": folder.name, "folder": str(folder), **place}
    try:
        loaded = Checkpoint.load(folder)
    except CheckpointError as error:
        return Row(**row, error=str(error).removeprefix(str(folder)).strip("/\\ "))
    config = loaded.config
    return Row(
        **row,
        text=loaded.description.corpus.get("name"),
        cell=config.cell,
        num_layers=config.num_layers,
        hidden_size=config.hidden_size,
        validation_nats=loaded.measured.get("validation_nats"),
        finished=loaded.finished,
    )


def table(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Yield the lines of a table in `width` columns of a terminal.

    The reason why a model cannot be used stands next to its name.
    """
    losses = ["-" if (n := row.validation_nats) is None else f"{n:.3f}" for row in rows]
    networks = [
        f"{row.cell} {row.num_layers}x{row.hidden_size}" if row.cell else "" for row in rows
    ]
    shown = Table(
        [
            Column("name", [one_line(row.name) for row in rows], shortens=True),
            Column("text", [one_line(row.text or "-") for row in rows], shortens=True, optional=2),
            Column("network", networks, optional=3),
            Column("loss", losses, numeric=True),
            Column("written", list(map(_written, rows)), optional=1),
        ],
        width,
    )
    yield shown.heading()
    indent = " " * (shown.widths[0] + len(GAP))
    for k, row in enumerate(rows):
        if row.error is not None:
            reason = shortened(one_line(row.error), _MAX_REASON)
            first, *rest = textwrap.wrap(reason, max(_MIN_REASON, width - len(indent)))
            name = shown.row(k, count=1)
            yield name + " " * (len(indent) - text_width(name)) + first
            yield from (indent + line for line in rest)
            continue
        yield shown.row(k)
        if row.finished is False and "written" not in shown:
            yield indent + _UNFINISHED


def _written(row: Row) -> str:
    if row.included:
        return "with chargen"
    return _UNFINISHED if row.finished is False else str(row.written)
