"""A document that contains models: one HTML file that works from disk, without a network.

The document has two scripts. The engine runs in a Worker that the page makes from a blob; its
source is the text of the element `#worker`. The views run in the page. A script is the
concatenation of its files, which therefore share one scope. The models are JSON in the element
`#models`, and what the page starts with is JSON in the element `#start`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chargen.errors import ChargenError
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.text.display import printable

FOLDER = Path(__file__).parent
_WORKER = ("engine.js", "sampler.js", "trace.js", "history.js", "worker.js")
_MAX_BYTES = 1 << 28  # of weights; browsers limit the length of a text to about 512 MB
# The last script of each page runs; the others only declare functions and classes.
_LAST = ("app.js", "lecture.js")
# They stand for the boundary of documents; few fonts have U+241E, SYMBOL FOR RECORD SEPARATOR.
_MARKS = "\u00b6\u25c6\u220e"


def document(
    template: str,
    models: Sequence[tuple[str, Checkpoint]],
    *,
    script: str,
    styles: Sequence[str],
    start: Any,
    weights_dtype: str = "float16",
    **values: Any,
) -> bytes:
    """Return the HTML of a template with models.

    models: each with the name that the page shows. script: the last script. start: JSON values.
    Raises ChargenError if the models are too large for a page, or a weight is out of the range of
    `weights_dtype`.
    """
    size = sum(each.config.parameters for _, each in models)
    size *= np.dtype(weights_dtype).itemsize
    if size > _MAX_BYTES:
        raise ChargenError(
            f"the weights take {size / 1e6:,.0f} MB, but a page can hold at most"
            f" {_MAX_BYTES / 1e6:,.0f} MB (use smaller models, or --weights-dtype float16)"
        )
    described = [_describe(each, name, weights_dtype) for name, each in models]
    css, views = _sources(styles), _sources(_view_scripts(script))
    policy = (
        f"default-src 'none'; script-src {_hash(views)}; style-src {_hash(css)};"
        " worker-src blob:; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template(template).render(
        policy=policy,
        css=Markup(css),
        script=Markup(views),
        worker=Markup(_sources(_WORKER)),
        models=_json(described),
        start=_json(start),
        **values,
    )
    return html.encode("utf-8")


def shown_boundary(checkpoint: Checkpoint) -> str:
    """Return the character that stands for the boundary in a text of the page."""
    boundary, known = checkpoint.kind.boundary, checkpoint.vocabulary.characters
    return boundary if boundary == "\n" else next((m for m in _MARKS if m not in known), _MARKS[0])


def _describe(checkpoint: Checkpoint, name: str, weights_dtype: str) -> dict[str, Any]:
    """Return a model as JSON values; the weights are little-endian numbers in base64."""
    config = checkpoint.config
    cell = CELLS[config.cell]
    return {
        "name": name,
        "cell": config.cell,
        "label": cell.label,
        "description": cell.description,
        "encoder": config.encoder,
        "vocabSize": config.vocab_size,
        "embeddingSize": config.embedding_size if config.encoder == "embedding" else None,
        "hiddenSize": config.hidden_size,
        "numLayers": config.num_layers,
        "parameters": config.parameters,
        "separate": checkpoint.kind.separate,
        "boundary": checkpoint.kind.boundary,
        "firstInput": checkpoint.first_input,
        "shownBoundary": shown_boundary(checkpoint),
        "defaultLength": checkpoint.default_length,
        "characters": list(checkpoint.vocabulary.characters),
        "form": checkpoint.vocabulary.form,
        "gates": [{"letter": letter, "name": words} for letter, words in cell.gates.items()],
        "states": list(cell.state),
        "shapes": {name: list(shape) for name, shape in config.shapes().items()},
        "dtype": weights_dtype,
        "weights": base64.b64encode(_pack(checkpoint, weights_dtype)).decode("ascii"),
    }


def _pack(checkpoint: Checkpoint, weights_dtype: str) -> bytes:
    """Return all weights in the order of their shapes."""
    limit = np.finfo(weights_dtype).max
    parts = []
    for name in checkpoint.config.shapes():
        value = checkpoint.weights[name]
        if (largest := np.abs(value).max()) > limit:
            raise ChargenError(
                f"{printable(str(checkpoint.folder))}: {name} has a weight of {largest:,.0f}, but"
                f" {weights_dtype} allows at most {limit:,.0f} (use --weights-dtype float32)"
            )
        parts.append(value.astype(np.dtype(weights_dtype).newbyteorder("<")).tobytes())
    return b"".join(parts)


def _view_scripts(last: str) -> list[str]:
    others = {path.name for path in FOLDER.glob("*.js")} - {*_WORKER, *_LAST}
    return [*sorted(others), last]


def _sources(names: Sequence[str]) -> str:
    return "".join(map(_source, names))


def _source(name: str) -> str:
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert "</script" not in source.lower()
    assert "</style" not in source.lower()
    assert "<!--" not in source
    return source


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _json(value: Any) -> Markup:
    """Return JSON without any character that could end the element around it."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
