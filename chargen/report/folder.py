"""Everything that is drawn of a comparison, as files under their names."""

from __future__ import annotations

from functools import partial

from chargen.records import Comparison
from chargen.report import page
from chargen.report.figures import canvas, loss, memory, tasks
from chargen.report.section import Picture
from chargen.report.style import looks

REPORT, MAIN = "report.html", "main.png"


def files(comparison: Comparison) -> dict[str, bytes]:
    """The page, and each figure as PNG and SVG, by path within a folder.

    Nothing is written; the same comparison always makes the same bytes. main.png is there where
    there is a task or a network trained on a text.
    """
    found = {REPORT: page.page(comparison)}
    for section in page.sections(comparison):
        if section.picture is None:
            continue
        name = section.picture.name
        found[f"figures/{name}.png"] = canvas.png(section.picture.draw(False))
        found[f"figures/{name}.svg"] = canvas.svg(section.picture.draw(False), name).encode()
    picture = _main(comparison)
    if picture is not None:
        found[MAIN] = canvas.png(picture.draw(False), dots=150)
    return found


def _main(comparison: Comparison) -> Picture | None:
    """The figure that says the most: recall, else another task, else the context curve."""
    asked = {name: task for name, task in comparison.tasks.items() if task.cells}
    if asked:
        task = asked.get("recall", next(iter(asked.values())))
        draw = partial(
            tasks.accuracy,
            task,
            looks(comparison),
            heading="How far back does each network remember?",
        )
        return Picture("main", draw)
    if any(cell.context_curve for cell in comparison.cells.values()):
        return Picture("main", partial(memory.context, comparison))
    if comparison.cells:
        return Picture("main", partial(loss.loss, comparison))
    return None
