"""Train small character-level language models and generate text with them.

Importing this package loads neither numpy nor torch. Modules that need them are imported when they
are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chargen.api import Model, load, train
    from chargen.errors import (
        ChargenError,
        CheckpointError,
        CorpusError,
        OptionError,
        TrainingError,
    )
    from chargen.evaluation.inspection import InspectionSettings
    from chargen.evaluation.score import Score
    from chargen.evaluation.trace import Trace
    from chargen.generation.settings import GenerationSettings
    from chargen.training.options import TrainingOptions

_MODULES = {
    "Model": "api",
    "Score": "evaluation.score",
    "load": "api",
    "train": "api",
    "ChargenError": "errors",
    "CheckpointError": "errors",
    "CorpusError": "errors",
    "OptionError": "errors",
    "TrainingError": "errors",
    "GenerationSettings": "generation.settings",
    "InspectionSettings": "evaluation.inspection",
    "Trace": "evaluation.trace",
    "TrainingOptions": "training.options",
}

__all__ = [
    "ChargenError",
    "CheckpointError",
    "CorpusError",
    "GenerationSettings",
    "InspectionSettings",
    "Model",
    "OptionError",
    "Score",
    "Trace",
    "TrainingError",
    "TrainingOptions",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("chargen")
    if name not in _MODULES:
        raise AttributeError(f"module 'chargen' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"chargen.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
