"""A model folder in the Hugging Face layout: config.json, tokenizer.json, model.safetensors.

model.safetensors stores all weights as float32 or all as float16; in memory they are float32. Its
metadata holds measured values. README.md is the model card. Training adds text.json, log.jsonl and
training.safetensors. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
from safetensors import SafetensorError

from chargen.errors import CheckpointError, OptionError
from chargen.model import storage
from chargen.model.config import WEIGHTS_DTYPES, ModelConfig
from chargen.model.first_input import first_input
from chargen.text.display import printable
from chargen.text.kind import LINE, STREAM, TextKind
from chargen.text.normal_form import UNCHANGED, check_form
from chargen.text.vocabulary import Vocabulary

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
MODEL = "model.safetensors"
CARD = "README.md"
SOURCE = "text.json"  # not part of config.json, which is shared: paths can reveal names
SETTINGS = "settings.json"  # of a run that was not saved yet
LOG = "log.jsonl"
TRAINING = "training.safetensors"
DEFAULT_ROOT = "checkpoints"
_FORMAT = 3
# Format 2 has corpus.lines, a boolean, instead of corpus.kind.
_READABLE = (2, 3)
_NEEDED = (CONFIG, TOKENIZER, MODEL)
_MAX_OTHER = 1 << 21  # bytes of a card, or of a file without its weights and characters

# The default limit of a generated text, and the most that long training texts raise it to.
DEFAULT_LENGTH = 200
_MAX_LENGTH = 10_000

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Description:
    """The content of config.json, which is written before the first step and never changes.

    training, corpus: the configuration of the run; options: the values that the user gave;
    start: the model that provided the initial weights. They are plain JSON, so that reading them
    does not require torch. Older models have no start: it is empty.
    """

    model: ModelConfig
    training: Mapping[str, Any]
    corpus: Mapping[str, Any]
    options: Mapping[str, Any]
    start: Mapping[str, Any] = field(default_factory=dict)

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
        if version not in _READABLE or type(version) is not int:
            found = f"{version}"[:20] if type(version) is int else "unknown"
            raise CheckpointError(
                f"{path} has format {found}; this version of chargen reads formats"
                f" {' and '.join(map(str, _READABLE))}"
                " (use the version that wrote it)"
            )
        try:
            fields.setdefault("start", {})
            names = ("training", "corpus", "options", "start")
            parts = {name: dict(fields[name]) for name in names}
            if version == 2:
                kind = LINE if parts["corpus"].pop("lines", False) else STREAM
                parts["corpus"]["kind"] = asdict(kind)
            text_kind(parts["corpus"])
            text_form(parts["corpus"])
            return cls(ModelConfig(**fields["model"]), *parts.values())
        except (OptionError, LookupError, TypeError, ValueError, RecursionError):
            raise CheckpointError(f"{path} is damaged: it does not describe a model") from None


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model folder: description, vocabulary, weights and measured values.

    weights_dtype: the type of the weights in the file; in memory they are float32.
    """

    folder: Path
    description: Description
    vocabulary: Vocabulary
    weights: Weights
    measured: Mapping[str, Any]
    weights_dtype: str

    @property
    def config(self) -> ModelConfig:
        """The cell and the sizes of the network."""
        return self.description.model

    @property
    def kind(self) -> TextKind:
        """What a text of the model is."""
        return text_kind(self.description.corpus)

    @property
    def first_input(self) -> str:
        """The character that is read before a text."""
        return first_input(self.kind, self.vocabulary, self.description.corpus)

    @property
    def default_length(self) -> int:
        """The default limit of a generated text: for separate ones, twice the longest one."""
        longest = self.description.corpus.get("longest_text")
        if not self.kind.separate or type(longest) is not int:  # older models lack it
            return DEFAULT_LENGTH
        return max(DEFAULT_LENGTH, min(2 * longest, _MAX_LENGTH))

    @property
    def finished(self) -> bool:
        """Whether the run that trained the model has ended; True for older models."""
        return bool(self.measured.get("run_steps", True))

    @property
    def name(self) -> str:
        """The name of the folder, or of the archive without its suffix."""
        folder = self.folder.resolve()
        return folder.stem if folder.is_file() else folder.name

    @property
    def sha256(self) -> str:
        """The digest of model.safetensors, which is read again."""
        return hashlib.sha256(read_files(self.folder)[MODEL]).hexdigest()

    @classmethod
    def load(cls, folder: str | Path) -> Checkpoint:
        """Load a model folder, or a zip archive of one.

        Raises CheckpointError if it is not a complete, valid model.
        """
        return cls.of(Path(folder), read_files(Path(folder)))

    @classmethod
    def of(cls, folder: Path, files: Mapping[str, bytes]) -> Checkpoint:
        """Return the model that these files describe, read from a folder. Raises as `load` does."""
        siblings = {name: files[name] for name in (CONFIG, TOKENIZER)}
        description = Description.from_json(siblings[CONFIG], str(folder / CONFIG))
        sizes = description.model
        vocabulary = Vocabulary.from_json(siblings[TOKENIZER], str(folder / TOKENIZER))
        if len(vocabulary) != sizes.vocab_size:
            raise CheckpointError(
                f"{folder / TOKENIZER} has {len(vocabulary):,} characters,"
                f" but the model has {sizes.vocab_size:,}"
            )
        vocabulary = replace(vocabulary, form=text_form(description.corpus))
        boundary = text_kind(description.corpus).boundary
        if boundary not in vocabulary.characters:
            raise CheckpointError(f"{folder / TOKENIZER} lacks {boundary!r}, which starts a text")
        path, data = str(folder / MODEL), files[MODEL]
        measured = storage.unseal(data, siblings, path)
        try:
            stored = safetensors.numpy.load(data)
        except (SafetensorError, LookupError, TypeError, ValueError):  # a type that numpy lacks
            stored = {}
        dtype, *others = {value.dtype.name for value in stored.values()} or {""}
        found = {name: value.shape for name, value in stored.items()}
        if others or dtype not in WEIGHTS_DTYPES or found != sizes.shapes():
            raise CheckpointError(f"{path} does not contain the weights that {CONFIG} describes")
        weights = {name: value.astype(np.float32, copy=False) for name, value in stored.items()}
        if not all(np.isfinite(value).all() for value in weights.values()):
            raise CheckpointError(f"{path}: the weights contain NaN or infinity")
        return cls(folder, description, vocabulary, weights, measured, dtype)


def text_kind(corpus: Mapping[str, Any]) -> TextKind:
    """Return what a text is, from the facts in config.json. Raises TypeError or ValueError."""
    return TextKind(**corpus.get("kind", {}))


def text_form(corpus: Mapping[str, Any]) -> str:
    """Return the Unicode normal form that texts are converted to, from the facts in config.json.

    It is "none" in older models. Raises OptionError.
    """
    return check_form(corpus.get("normalize") or UNCHANGED)


def read_files(path: Path, *, card: bool = False) -> dict[str, bytes]:
    """Return the files that are needed to use a model, by name.

    path: of a folder or an archive. card: add the model card, unless it is missing or a link: a
    copy of the model must not reveal another file.
    Raises CheckpointError if a needed file is missing or unreadable.
    """
    shown = printable(str(path))
    names = (*_NEEDED, CARD) if card else _NEEDED
    try:
        if not path.exists():
            raise CheckpointError(f"{shown} does not exist (train a model, or choose one with -m)")
        if archived := path.is_file():
            from chargen.model.archive import unpack

            files = unpack(path, CONFIG, lambda config: _max_sizes(path, config, names))
            found = set(files)
        else:
            found = {name for name in names if (path / name).is_file()}
            found -= {CARD} if (path / CARD).is_symlink() else set()
    except OSError as error:
        raise CheckpointError(f"{shown} cannot be read: {error.strerror}") from None
    for name in _NEEDED:
        if name not in found:
            if _is_unsaved(path):
                raise CheckpointError(
                    f"{shown} has no model yet: its training has not saved one (resume it:"
                    f" chargen train --resume -o {shown})"
                )
            raise CheckpointError(f"{shown} is not a chargen model: it has no {name}")
    if archived:
        return files
    return {name: storage.read_file(path / name) for name in names if name in found}


def _is_unsaved(path: Path) -> bool:
    """Return whether a folder has a run that has not saved a model yet."""
    has_run = any((path / name).is_file() for name in (SETTINGS, TRAINING))
    return has_run and not any((path / name).exists() for name in (MODEL, CARD))


def _max_sizes(path: Path, config: bytes, names: Iterable[str]) -> dict[str, int]:
    """Return the largest possible sizes of files of a model, in bytes."""
    sizes = Description.from_json(config, str(path / CONFIG)).model
    limits = {
        TOKENIZER: _MAX_OTHER + 64 * sizes.vocab_size,  # one line per character
        MODEL: _MAX_OTHER + 4 * sizes.parameters,
        CARD: _MAX_OTHER,
    }
    return {name: limits[name] for name in names if name in limits}


def write_model(
    folder: Path,
    siblings: Mapping[str, bytes],
    weights: Weights,
    measured: Mapping[str, Any],
    *,
    weights_dtype: str = "float32",
) -> None:
    """Write model.safetensors, with the weights rounded to `weights_dtype`.

    siblings: the content of config.json and tokenizer.json.
    Raises CheckpointError if a weight is out of the range of the type, or the file cannot be
    written.
    """
    limit = np.finfo(weights_dtype).max
    for name, value in weights.items():
        if (largest := np.abs(value).max()) > limit:
            raise CheckpointError(
                f"{folder / MODEL} cannot be written: {name} has a weight of {largest:,.0f}, but"
                f" {weights_dtype} allows at most {limit:,.0f} (store the weights as float32)"
            )
    stored = {name: value.astype(weights_dtype, copy=False) for name, value in weights.items()}

    def serialise(metadata: dict[str, str] | None) -> bytes:
        return safetensors.numpy.save(stored, metadata)

    storage.write_file(folder / MODEL, storage.seal(serialise, measured, siblings))
