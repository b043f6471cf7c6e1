"""The lecture of `chargen tour` as a page: the screens one after the other, with live figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chargen.model.checkpoint import Checkpoint
from chargen.model.find import PRETRAINED
from chargen.text.display import one_line, visible_character
from chargen.tour.screens import Bar, Cell, Drawing, Live, Part, Screen, Table
from chargen.web.document import document


def lecture(screens: Iterable[Screen]) -> bytes:
    """Return the HTML of a page with these screens and their models."""
    shown = list(screens)
    names = sorted({name for screen in shown for name in screen.models})
    figures = [part for screen in shown for part in screen.body if isinstance(part, Live)]
    return document(
        "lecture.html.j2",
        [(name, Checkpoint.load(PRETRAINED / name)) for name in names],
        script="lecture.js",
        styles=("page.css", "lecture.css"),
        start=[_start(figure, names) for figure in figures],
        title="Recurrent networks",
        screens=[_screen(screen, figures) for screen in shown],
    )


def _start(figure: Live, names: Sequence[str]) -> dict[str, Any]:
    """Return a live figure as JSON values; its models are numbers among those of the page."""
    return {
        "views": figure.views,
        "models": [names.index(model) for model in figure.models],
        "texts": figure.texts,
        "choices": figure.choices,
        "threshold": figure.threshold,
    }


def _screen(screen: Screen, figures: Sequence[Live]) -> dict[str, Any]:
    return {
        "title": screen.title,
        "parts": [_part(part, figures) for part in screen.body],
        "look": screen.look,
        "commands": screen.commands,
        "models": screen.models,
    }


def _part(part: Part, figures: Sequence[Live]) -> dict[str, Any]:
    """Return a part of a screen with its kind, which is a block of the template."""
    if isinstance(part, str):
        return {"kind": "paragraph", "text": part}
    if isinstance(part, Table):
        return {"kind": "table", **_table(part)}
    if isinstance(part, Drawing):
        return {"kind": "drawing", "caption": part.caption, "table": _table(_chain(part))}
    if isinstance(part, Live):
        return {"kind": "live", "caption": part.caption, "number": figures.index(part)}
    return {"kind": "diagram", "text": part.text}


def _chain(drawing: Drawing) -> Table:
    """Return the numbers of a drawing, for a reader without JavaScript."""
    trace = drawing.trace
    means = abs(trace.layers[-1][trace.memory]).mean(1).tolist()
    return Table(
        f"Each copy reads one character; mean |{trace.memory}| over the units, and the most likely"
        " next character",
        ("read", f"|{trace.memory}|", "next"),
        [
            (character, mean, tuple(trace.next_characters(t, 1)))
            for t, (character, mean) in enumerate(zip(trace.text, means, strict=True))
        ],
    )


def _table(table: Table) -> dict[str, Any]:
    return {
        "caption": table.caption,
        "columns": table.columns,
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "threshold": table.threshold,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    if isinstance(cell, str):
        text = visible_character(cell) if len(cell) == 1 else one_line(cell)
        return {"kind": "text", "text": text}
    if isinstance(cell, float):
        return {"kind": "share", "text": f"{cell:.2f}", "share": min(1.0, cell)}
    if isinstance(cell, Bar):
        return {"kind": "measure", "text": cell.text, "share": cell.share}
    predictions = [(visible_character(c), f"{p:.2f}") for c, p in cell]
    return {"kind": "predictions", "predictions": predictions}
