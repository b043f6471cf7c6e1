"""Models with random weights, without files."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from chargen.model.checkpoint import Checkpoint, Description
from chargen.model.config import ModelConfig
from chargen.text.kind import STREAM, TextKind
from chargen.text.vocabulary import Vocabulary

TEXT = "to be, or not to be"


def make_checkpoint(
    name: str = "tiny",
    *,
    characters: str = TEXT,
    kind: TextKind = STREAM,
    scale: float = 0.5,
    seed: int = 0,
    **sizes: Any,
) -> Checkpoint:
    """Return a model with 11 units, which are not a whole number of panels of the engine.

    scale: of the weights; with 0.5, small differences of the state fade instead of growing.
    """
    vocabulary = Vocabulary.build([characters], boundary=kind.boundary)
    config = ModelConfig(len(vocabulary), **{"embedding_size": 5, "hidden_size": 11, **sizes})
    random = np.random.default_rng(seed)
    weights = {
        name: scale * random.standard_normal(shape, np.float32)
        for name, shape in config.shapes().items()
    }
    description = Description(config, {}, {"kind": asdict(kind)}, {})
    return Checkpoint(Path(name), description, vocabulary, weights, {}, "float32")
