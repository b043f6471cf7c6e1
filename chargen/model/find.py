"""Finding a model by its name: a path, a folder in ./checkpoints, or a model in this package."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, DEFAULT_ROOT, MODEL
from chargen.options import suggest
from chargen.text.display import printable

# Without importlib.resources: its import takes 5 ms, and a model must be a folder on the disk.
PRETRAINED = Path(__file__).parents[1] / "pretrained"
TOUR = "tour"  # the folder of the small models of `chargen tour`, which are not listed
_MAX_LISTED = 10


def find(model: str | Path) -> Path:
    """Return the folder of a model, given as a path or a name.

    A name stands for the first of these folders that is a model: `<name>`, `checkpoints/<name>`,
    and `<name>` among the models in this package. If none is, the first that exists is returned;
    `Checkpoint.load` then says what is missing. `tour/<name>` finds a model of `chargen tour`.
    Raises CheckpointError if none exists.
    """
    name = Path(model).name
    places = [Path(model)] if str(model) else []
    if name == str(model) and name.strip("."):
        places += [Path(DEFAULT_ROOT, name), PRETRAINED / name]
    elif Path(model).parts == (TOUR, name):
        places.append(PRETRAINED / TOUR / name)
    for place in places:
        if os.path.isfile(place / CONFIG):
            return place
    for place in places:
        if os.path.exists(place):
            return place
    known = names()
    listed = ", ".join(map(printable, known[:_MAX_LISTED]))
    more = len(known) - _MAX_LISTED
    listed += f" and {more} more" if more > 0 else ""
    hint = f"{suggest(name, known)} available: {listed}".lstrip()
    raise CheckpointError(f"there is no model {printable(str(model)) or repr('')} ({hint})")


def names() -> list[str]:
    """Return the names of the models in ./checkpoints, newest first, then those in this package."""
    written = _written(Path(DEFAULT_ROOT))
    folders = sorted(written, key=written.__getitem__, reverse=True) + sorted(_written(PRETRAINED))
    return list(dict.fromkeys(folder.name for folder in folders))


def newest(root: str | Path = DEFAULT_ROOT) -> Path:
    """Return the most recently written model folder below `root`.

    Raises CheckpointError if there is none.
    """
    written = _written(Path(root))
    if not written:
        raise CheckpointError(
            f"there is no model in {root}{os.sep} (train one: chargen train corpus.txt, or use the"
            " included model: -m english)"
        )
    return max(written, key=written.__getitem__)


def _written(root: Path) -> dict[Path, int]:
    """Return the model folders in a folder, and when their weights were written."""
    written: dict[Path, int] = {}
    with suppress(OSError):
        for file in root.glob(f"*/{MODEL}"):
            if file.parent.name[0] != ".":
                with suppress(OSError):  # replaced or removed since it was listed
                    written[file.parent] = file.stat().st_mtime_ns
    return written
