"""A model as a folder in the Hugging Face layout: config.json, tokenizer.json, model.safetensors.

Its header tells what was measured of it; README.md says the same to people. Training keeps a
log.jsonl and a training.safetensors beside them. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
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
LOCK = ".lock"
DEFAULT_ROOT = "checkpoints"
_FORMAT = 1

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Description:
    """What config.json holds. It stands from before the first step and never changes.

    training, corpus: as the run was set up; asked: what the user chose of it. Plain JSON, so
    that a reader needs no torch.
    """

    model: ModelConfig
    training: Mapping[str, Any]
    corpus: Mapping[str, Any]
    asked: Mapping[str, Any]

    def to_json(self) -> bytes:
        """The bytes of config.json."""
        fields = {
            "model_type": "chargen",
            "format": _FORMAT,
            "model": self.model.to_dict(),
            "training": dict(self.training),
            "corpus": dict(self.corpus),
            "asked": dict(self.asked),
        }
        return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes, shown: str) -> Description:
        """Read config.json. Raises CheckpointError, naming `shown`, where it is none of ours."""
        try:
            fields = json.loads(data)
            version = fields["format"]
            if fields["model_type"] != "chargen":
                raise ValueError
        except (ValueError, LookupError, TypeError, RecursionError):
            raise CheckpointError(f"{shown} was not written by chargen") from None
        if version != _FORMAT:
            told = f"{version}"[:20] if type(version) is int else "unknown"
            raise CheckpointError(
                f"{shown} has format {told}; this chargen reads format {_FORMAT}"
                " (use the version that wrote it)"
            )
        try:
            model = ModelConfig.from_dict(fields["model"])
            training, corpus, asked = (dict(fields[k]) for k in ("training", "corpus", "asked"))
            return cls(model, training, corpus, asked)
        except (OptionError, LookupError, TypeError, ValueError):
            raise CheckpointError(f"{shown} is damaged: it describes no model") from None


@dataclass(frozen=True)
class Checkpoint:
    """A model that was read: how it was made, its characters, weights and measured figures."""

    folder: Path
    description: Description
    vocabulary: Vocabulary
    weights: Weights
    measured: Mapping[str, Any]

    @property
    def config(self) -> ModelConfig:
        """The sizes of the network."""
        return self.description.model

    @property
    def lines(self) -> bool:
        """Whether each line is a text of its own to it."""
        return bool(self.description.corpus.get("lines"))

    @classmethod
    def load(cls, folder: str | Path) -> Checkpoint:
        """Read a model folder. Raises CheckpointError where it is no whole model of chargen."""
        folder = Path(folder)
        shown = ascii(str(folder))[1:-1] if not str(folder).isprintable() else str(folder)
        try:
            if not folder.exists():
                raise CheckpointError(
                    f"{shown} does not exist (train a model, or name one with -m)"
                )
            for name in (CONFIG, TOKENIZER, MODEL):
                if not (folder / name).is_file():
                    raise CheckpointError(f"{shown} is not a model of chargen: it holds no {name}")
        except OSError as error:
            raise CheckpointError(f"{shown} cannot be read: {error.strerror}") from None
        description, vocabulary, siblings = read_description(folder)
        shown = str(folder / MODEL)
        data = storage.read_file(folder / MODEL)
        measured = storage.unseal(data, siblings, shown)
        try:
            weights = safetensors.numpy.load(data)
        except (SafetensorError, ArithmeticError, LookupError, TypeError, ValueError):
            weights = {}  # a header that fits its checksum and still makes no sense
        found = {name: value.shape for name, value in weights.items()}
        if found != description.model.shapes() or any(
            value.dtype != np.float32 for value in weights.values()
        ):
            raise CheckpointError(f"{shown} does not hold the weights that {CONFIG} describes")
        if not all(np.isfinite(value).all() for value in weights.values()):
            raise CheckpointError(f"{shown} holds weights that are no numbers")
        return cls(folder, description, vocabulary, weights, measured)


def read_description(folder: Path) -> tuple[Description, Vocabulary, dict[str, bytes]]:
    """config.json and tokenizer.json, read and as bytes. Raises CheckpointError."""
    siblings = {name: storage.read_file(folder / name) for name in (CONFIG, TOKENIZER)}
    description = Description.from_json(siblings[CONFIG], str(folder / CONFIG))
    try:
        vocabulary = Vocabulary.from_json(siblings[TOKENIZER])
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from None
    if len(vocabulary) != description.model.vocab_size:
        raise CheckpointError(
            f"{folder / TOKENIZER} holds {len(vocabulary):,} characters,"
            f" the model has {description.model.vocab_size:,}"
        )
    return description, vocabulary, siblings


def write_model(
    folder: Path, siblings: Mapping[str, bytes], weights: Weights, measured: Mapping[str, Any]
) -> None:
    """Replace model.safetensors. siblings: config.json and tokenizer.json as they stand there."""

    def serialise(metadata: dict[str, str] | None) -> bytes:
        return safetensors.numpy.save(dict(weights), metadata)

    storage.write_file(folder / MODEL, storage.seal(serialise, measured, siblings))


def newest(root: str | Path = DEFAULT_ROOT) -> Path:
    """The folder of the model written last, one level below `root`.

    Raises CheckpointError where there is none.
    """

    def written(path: Path) -> int:
        try:
            return path.stat().st_mtime_ns
        except OSError:  # swapped or removed since it was listed
            return 0

    try:
        models = [file for file in Path(root).glob(f"*/{MODEL}") if file.parent.name[0] != "."]
    except OSError:
        models = []
    if not models:
        raise CheckpointError(
            f"there is no model under {root}{os.sep} yet"
            " (train one: chargen train corpus.txt, or name one with -m)"
        )
    return max(models, key=written).parent
