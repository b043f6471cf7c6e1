"""A model folder in the Hugging Face layout: config.json, tokenizer.json, model.safetensors.

The metadata of model.safetensors holds measured values; README.md is the model card. Training
adds log.jsonl and training.safetensors. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from chargen.errors import CheckpointError, OptionError
from chargen.model import storage
from chargen.model.config import ModelConfig
from chargen.text.vocabulary import Vocabulary

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
MODEL = "model.safetensors"
CARD = "README.md"
LOG = "log.jsonl"
TRAINING = "training.safetensors"
DEFAULT_ROOT = "checkpoints"
_FORMAT = 2

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Description:
    """The content of config.json, which is written before the first step and never changes.

    training, corpus: the configuration of the run; options: the values that the user gave. They
    are plain JSON, so that reading them does not require torch.
    """

    model: ModelConfig
    training: Mapping[str, Any]
    corpus: Mapping[str, Any]
    options: Mapping[str, Any]

    def to_json(self) -> bytes:
        """Return the bytes of config.json."""
        fields = {
            "model_type": "chargen",
            "format": _FORMAT,
            **asdict(self),
        }
        return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes, path: str) -> Description:
        """Parse config.json. Raises CheckpointError, naming `path`, if it is invalid."""
        try:
            fields = json.loads(data)
            version = fields["format"]
            if fields["model_type"] != "chargen":
                raise ValueError
        except (ValueError, LookupError, TypeError, RecursionError):
            raise CheckpointError(f"{path} was not written by chargen") from None
        if version != _FORMAT:
            found = f"{version}"[:20] if type(version) is int else "unknown"
            raise CheckpointError(
                f"{path} has format {found}; this version of chargen reads format {_FORMAT}"
                " (use the version that wrote it)"
            )
        try:
            plain = (dict(fields[name]) for name in ("training", "corpus", "options"))
            return cls(ModelConfig(**fields["model"]), *plain)
        except (OptionError, LookupError, TypeError, ValueError, RecursionError):
            raise CheckpointError(f"{path} is damaged: it does not describe a model") from None


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model folder: description, vocabulary, weights and measured values."""

    folder: Path
    description: Description
    vocabulary: Vocabulary
    weights: Weights
    measured: Mapping[str, Any]

    @property
    def config(self) -> ModelConfig:
        """The cell and the sizes of the network."""
        return self.description.model

    @property
    def lines(self) -> bool:
        """Whether the model treats each line as a separate text."""
        return bool(self.description.corpus.get("lines"))

    @classmethod
    def load(cls, folder: str | Path) -> Checkpoint:
        """Load a model folder. Raises CheckpointError if it is not a complete, valid model."""
        folder = Path(folder)
        shown = str(folder) if str(folder).isprintable() else ascii(str(folder))[1:-1]
        try:
            if not folder.exists():
                raise CheckpointError(
                    f"{shown} does not exist (train a model, or choose one with -m)"
                )
            for name in (CONFIG, TOKENIZER, MODEL):
                if not (folder / name).is_file():
                    raise CheckpointError(f"{shown} is not a chargen model: it has no {name}")
        except OSError as error:
            raise CheckpointError(f"{shown} cannot be read: {error.strerror}") from None
        siblings = {name: storage.read_file(folder / name) for name in (CONFIG, TOKENIZER)}
        description = Description.from_json(siblings[CONFIG], str(folder / CONFIG))
        sizes = description.model
        vocabulary = Vocabulary.from_json(siblings[TOKENIZER], str(folder / TOKENIZER))
        if len(vocabulary) != sizes.vocab_size:
            raise CheckpointError(
                f"{folder / TOKENIZER} has {len(vocabulary):,} characters,"
                f" but the model has {sizes.vocab_size:,}"
            )
        path, data = str(folder / MODEL), storage.read_file(folder / MODEL)
        measured = storage.unseal(data, siblings, path)
        try:
            weights = safetensors.numpy.load(data)
        except (SafetensorError, LookupError, TypeError, ValueError):  # a type that numpy lacks
            weights = {}
        found = {name: (value.shape, value.dtype.name) for name, value in weights.items()}
        if found != {name: (shape, "float32") for name, shape in sizes.shapes().items()}:
            raise CheckpointError(f"{path} does not contain the weights that {CONFIG} describes")
        if not all(np.isfinite(value).all() for value in weights.values()):
            raise CheckpointError(f"{path}: the weights contain NaN or infinity")
        return cls(folder, description, vocabulary, weights, measured)


def write_model(
    folder: Path, siblings: Mapping[str, bytes], weights: Weights, measured: Mapping[str, Any]
) -> None:
    """Write model.safetensors. siblings: the content of config.json and tokenizer.json."""

    def serialise(metadata: dict[str, str] | None) -> bytes:
        return safetensors.numpy.save(dict(weights), metadata)

    storage.write_file(folder / MODEL, storage.seal(serialise, measured, siblings))


def newest(root: str | Path = DEFAULT_ROOT) -> Path:
    """Return the most recently written model folder below `root`.

    Raises CheckpointError if there is none.
    """
    written: dict[Path, int] = {}
    with suppress(OSError):
        for file in Path(root).glob(f"*/{MODEL}"):
            if file.parent.name[0] != ".":
                with suppress(OSError):  # replaced or removed since it was listed
                    written[file.parent] = file.stat().st_mtime_ns
    if not written:
        raise CheckpointError(
            f"there is no model in {root}{os.sep}"
            " (train one: chargen train corpus.txt, or choose one with -m)"
        )
    return max(written, key=written.__getitem__)
