"""Train small character-level language models, and let them write.

Importing this loads neither numpy nor torch: what needs them is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chargen.api import Model, Score, load, train
    from chargen.errors import (
        ChargenError,
        CheckpointError,
        CorpusError,
        OptionError,
        TrainingError,
    )

_ROOMS = {
    "Model": "api",
    "Score": "api",
    "load": "api",
    "train": "api",
    "ChargenError": "errors",
    "CheckpointError": "errors",
    "CorpusError": "errors",
    "OptionError": "errors",
    "TrainingError": "errors",
}

__all__ = [
    "ChargenError",
    "CheckpointError",
    "CorpusError",
    "Model",
    "OptionError",
    "Score",
    "TrainingError",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("chargen")
    if name not in _ROOMS:
        raise AttributeError(f"module 'chargen' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"chargen.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
