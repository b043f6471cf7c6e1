"""The command `chargen models` lists the models that a name can stand for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from chargen.cli.display import json_line
from chargen.cli.options import terminal_width
from chargen.text.display import one_line, shortened, text_width

_GAP = "  "
_MIN_WIDTH = 12  # of a shortened name or text
_MAX_REASON = 100
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


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per model")
def command(as_json: bool) -> None:
    """List the models in ./checkpoints, newest first, and those that come with chargen.

    -m NAME selects one of them in every command. The loss is that on the validation set, in nats
    per character.
    """
    rows = list(_rows())
    if as_json:
        for row in rows:
            print(json_line(asdict(row)))
        return
    for line in table(rows, terminal_width()):
        print(line)


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
    """Yield the lines of a table in `width` columns.

    Names and texts are shortened first. If that is not enough, the date, the text and the network
    are left out, in this order. The reason why a model cannot be used stands next to its name.
    """
    columns = {
        "name": [one_line(row.name) for row in rows],
        "text": [one_line(row.text or "-") for row in rows],
        "network": [f"{row.cell} {row.num_layers}x{row.hidden_size}" for row in rows],
        "loss": ["-" if (n := row.validation_nats) is None else f"{n:.3f}" for row in rows],
        "written": [_written(row) for row in rows],
    }
    for left_out in ("written", "text", "network", ""):
        widths = _widths(columns, width)
        if sum(widths.values()) + len(_GAP) * (len(columns) - 1) <= width:
            break
        columns.pop(left_out, None)
    yield _line({name: name for name in columns}, widths)
    for k, row in enumerate(rows):
        cells = {name: column[k] for name, column in columns.items()}
        indent = " " * (widths["name"] + len(_GAP))
        if row.error is None:
            yield _line(cells, widths)
            if not row.finished and "written" not in columns:
                yield indent + _UNFINISHED
            continue
        reason = shortened(one_line(row.error), _MAX_REASON)
        first, *rest = textwrap.wrap(reason, max(_MIN_WIDTH, width - len(indent)))
        yield _line({"name": cells["name"], "reason": first}, {**widths, "reason": len(first)})
        yield from (indent + line for line in rest)


def _written(row: Row) -> str:
    if row.included:
        return "with chargen"
    return _UNFINISHED if row.finished is False else str(row.written)


def _widths(columns: dict[str, list[str]], width: int) -> dict[str, int]:
    """Return the width of each column; names and texts share what the others leave."""
    widths = {name: max(map(text_width, [name, *column])) for name, column in columns.items()}
    room = width - len(_GAP) * (len(columns) - 1)
    room -= sum(n for name, n in widths.items() if name not in ("name", "text"))
    if "text" in columns:
        half = max(_MIN_WIDTH, room // 2)
        widths["text"] = min(widths["text"], max(half, room - widths["name"]))
        room -= widths["text"]
    widths["name"] = min(widths["name"], max(_MIN_WIDTH, room))
    return widths


def _line(cells: dict[str, str], widths: dict[str, int]) -> str:
    row = []
    for name, cell in cells.items():
        shown = shortened(cell, widths[name])
        padding = " " * (widths[name] - text_width(shown))
        row.append(padding + shown if name == "loss" else shown + padding)
    return _GAP.join(row).rstrip()
