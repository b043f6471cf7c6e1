"""The page of `chargen export page`: a reader writes with models and looks inside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chargen.model.checkpoint import Checkpoint
from chargen.text.display import printable
from chargen.web.document import document, shown_boundary

VIEWS = ("write", "inside", "unfolded", "whatif")


def page(
    checkpoints: Sequence[Checkpoint],
    *,
    weights_dtype: str = "float16",
    view: str = "write",
    text: str = "",
    names: Sequence[str] = (),
    title: str = "",
) -> bytes:
    """Return the HTML of a page with these models.

    view: what the page shows first, one of `VIEWS`; text: the text it starts with.
    names: of the models, by default those of their folders; title: by default the names.
    Raises ChargenError if the models are too large for a page, or a weight is out of the range of
    `weights_dtype`.
    """
    names = names or _names(checkpoints)
    text = text.replace(checkpoints[0].kind.boundary, shown_boundary(checkpoints[0]))
    return document(
        "page.html.j2",
        list(zip(names, checkpoints, strict=True)),
        script="app.js",
        styles=("page.css",),
        start={"view": view, "text": text},
        weights_dtype=weights_dtype,
        title=title or ", ".join(names),
    )


def _names(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Return the names of the models' folders, with their paths where two names are equal."""
    folders = [checkpoint.folder for checkpoint in checkpoints]
    names = [checkpoint.name for checkpoint in checkpoints]
    counts = Counter(names)
    return [
        printable(name if counts[name] == 1 else str(folder))
        for name, folder in zip(names, folders, strict=True)
    ]
