"""Finding a model by its name: a path, a folder in ./checkpoints, or a model in this package."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, DEFAULT_ROOT, MODEL, SETTINGS, TOKENIZER, TRAINING
from chargen.options import suggest
from chargen.text.display import printable

# Without importlib.resources: its import takes 5 ms, and a model must be a folder on the disk.
PRETRAINED = Path(__file__).parents[1] / "pretrained"
TOUR = "tour"  # the folder of the small models of `chargen tour`, which have names of their own
_MAX_LISTED = 10
_SEPARATORS = "/" if os.sep == "/" else "/\\"  # at the end of a name that a shell completed


def find(model: str | Path) -> Path:
    """Return the folder of a model, given as a path or a name.

    A name stands for the first of these folders that is a model: `<name>`, `checkpoints/<name>`,
    and `<name>` among the models in this package. If none is, the first that exists is returned;
    `Checkpoint.load` then says what is missing. `tour/<name>` finds a model of `chargen tour`.
    Raises CheckpointError if none exists.
    """
    name = Path(model).name
    places = [Path(model)] if str(model) else []
    if name == str(model).rstrip(_SEPARATORS) and name.strip("."):
        places += [Path(DEFAULT_ROOT, name), *([PRETRAINED / name] if name != TOUR else [])]
    elif Path(model).parts == (TOUR, name):
        places.append(PRETRAINED / TOUR / name)
    for place in places:
        if os.path.isfile(place / CONFIG):
            return place
    for place in places:
        if os.path.exists(place):
            return place
    if Path(model).parts[:1] == (TOUR,):
        name, known = str(model), tour_names()
    else:
        known = names()
    listed = ", ".join(map(printable, known[:_MAX_LISTED]))
    more = len(known) - _MAX_LISTED
    listed += f" and {more} more" if more > 0 else ""
    hint = f"{suggest(name, known)} available: {listed}".lstrip()
    raise CheckpointError(f"there is no model {printable(str(model)) or repr('')} ({hint})")


def shared_name(folder: Path) -> str:
    """Return the name of a model in files that are shared.

    It has no path, which can reveal the name of a user. A model in this package keeps the name
    that `find` accepts.
    """
    folder = Path(os.path.abspath(folder))
    if PRETRAINED in folder.parents:
        return folder.relative_to(PRETRAINED).as_posix()
    return folder.name


def names() -> list[str]:
    """Return the names of the models in ./checkpoints, newest first, then those in this package."""
    folders = [*_written(Path(DEFAULT_ROOT)), *included()]
    return list(dict.fromkeys(folder.name for folder in folders))


def tour_names() -> list[str]:
    """Return the names of the models of `chargen tour`, such as `tour/recall`."""
    return sorted(f"{TOUR}/{folder.name}" for folder in _written(PRETRAINED / TOUR))


def listed() -> dict[Path, float]:
    """Return the folders in ./checkpoints with a file of a model, complete or not, newest first.

    The values are the times at which they were written, in seconds since the epoch.
    """
    written: dict[Path, int] = {}
    for name in (SETTINGS, TRAINING, CONFIG, TOKENIZER, MODEL):  # the last one that exists decides
        written |= _written(Path(DEFAULT_ROOT), name)
    return {folder: time / 1e9 for folder, time in _newest_first(written).items()}


def included() -> list[Path]:
    """Return the folders of the models in this package, without those of `chargen tour`."""
    return sorted(_written(PRETRAINED))


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
    return next(iter(written))


def _written(root: Path, name: str = MODEL) -> dict[Path, int]:
    """Return the folders in a folder that have a file of this name, newest first.

    The values are the times at which these files were written.
    """
    written: dict[Path, int] = {}
    with suppress(OSError):
        for file in root.glob(f"*/{name}"):
            if file.parent.name[0] != ".":
                with suppress(OSError):  # replaced or removed since it was listed
                    written[file.parent] = file.stat().st_mtime_ns
    return _newest_first(written)


def _newest_first(written: dict[Path, int]) -> dict[Path, int]:
    return dict(sorted(written.items(), key=lambda each: each[1], reverse=True))
