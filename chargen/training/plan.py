"""From a corpus and what was asked for to every choice of a run, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from chargen.errors import CheckpointError, CorpusError, OptionError
from chargen.model.checkpoint import CONFIG, Checkpoint, Description
from chargen.model.config import ModelConfig
from chargen.options import check_types
from chargen.text.corpus import Corpus, Split, split
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import fitting
from chargen.training.config import MOST_SEED, PRECISIONS, Budget, TrainingConfig, check_range
from chargen.training.precision import (
    characters_per_second,
    choose_device,
    has_bfloat16,
    torch_threads,
)
from chargen.training.presets import (
    LONGEST_LINE,
    PRESETS,
    RATE_OF_CELL,
    automatic,
    automatic_dropout,
)

_T = TypeVar("_T")

# Reading the held-out text takes about a third of the time of training on as much; all of the
# evaluations together may take a twentieth of a run.
_EVALUATION_SHARE = 0.05
_EVALUATION_COST = 1 / 3
_MOST_EVALUATIONS = 20
_LEAST_EVALUATIONS = 2


@dataclass(frozen=True)
class Asked:
    """What a user set. None leaves the choice to the preset, or to measurement."""

    preset: str = "auto"
    budget: Budget | None = None
    cell: str | None = None
    encoder: str | None = None
    embedding_size: int | None = None
    hidden_size: int | None = None
    num_layers: int | None = None
    batch_size: int | None = None
    sequence_length: int | None = None
    learning_rate: float | None = None
    dropout: float | None = None
    patience: int | None = None
    validation_fraction: float | None = None
    save_every: float = 30.0
    precision: str = "auto"
    device: str = "auto"
    min_count: int = 1
    seed: int = 1


@dataclass(frozen=True)
class Plan:
    """A run, ready to start. weights: what it begins with, where that is another model."""

    vocabulary: Vocabulary
    split: Split
    model: ModelConfig
    training: TrainingConfig
    corpus: Mapping[str, Any]
    asked: Asked
    weights: Mapping[str, npt.NDArray[np.float32]] | None = None

    @property
    def description(self) -> Description:
        """What config.json says of it."""
        return Description(self.model, self.training.to_dict(), self.corpus, asdict(self.asked))


def plan(corpus: Corpus, asked: Asked, *, init_from: Checkpoint | None = None) -> Plan:
    """Choose everything that was not asked for. Raises OptionError and CorpusError.

    init_from: a model to begin with; its sizes are kept and its vocabulary is extended.
    """
    check_types(asked)
    if asked.min_count < 1:
        raise OptionError(f"--min-count must be 1 or more, got {asked.min_count}")
    check_range("--seed", asked.seed, 0, MOST_SEED)
    if asked.encoder == "one-hot" and asked.embedding_size is not None:
        raise OptionError("--embedding-size has no meaning with --encoder one-hot (leave one out)")
    if asked.validation_fraction is not None:
        check_range("--val-fraction", asked.validation_fraction, 0, 0.9)
    if asked.precision not in PRECISIONS:
        raise OptionError(f"--precision must be one of {', '.join(PRECISIONS)}")
    if asked.preset not in ("auto", *PRESETS):
        raise OptionError(
            f"--preset must be one of auto, {', '.join(PRESETS)}, got {asked.preset!r}"
        )
    name = automatic(corpus.characters) if asked.preset == "auto" else asked.preset
    preset = PRESETS[name]
    if init_from is None:
        vocabulary = Vocabulary.build(corpus.pieces(), min_count=asked.min_count)
        if len(vocabulary) < 3:  # the unknown character and the newline
            raise OptionError(
                f"--min-count {asked.min_count} leaves nothing of {corpus.name} but unknown"
                " characters (ask for less)"
            )
        model = ModelConfig(
            vocab_size=len(vocabulary),
            cell=asked.cell or "lstm",
            encoder=asked.encoder or "embedding",
            embedding_size=_or(asked.embedding_size, preset.embedding_size),
            hidden_size=_or(asked.hidden_size, preset.hidden_size),
            num_layers=_or(asked.num_layers, preset.num_layers),
        )
    else:
        vocabulary = init_from.vocabulary.extended(corpus.pieces(), min_count=asked.min_count)
        model = replace(init_from.config, vocab_size=len(vocabulary))
        for size in ("cell", "encoder", "embedding_size", "hidden_size", "num_layers"):
            value = getattr(asked, size)
            if value not in (None, getattr(model, size)):
                raise OptionError(
                    f"--{size.replace('_', '-')} {value} does not fit --init-from"
                    f" {init_from.folder}, which has {getattr(model, size)} (leave it out)"
                )
    parts = split(
        corpus, vocabulary, validation_fraction=asked.validation_fraction, seed=asked.seed
    )
    if asked.patience is not None and not len(parts.validation):
        raise OptionError(
            "--patience needs a held-out part, and nothing is held out of this text"
            " (give --val-fraction, or leave it out)"
        )
    training = _training(asked, name, model, parts, lines=corpus.lines)
    about = {
        "name": corpus.name,
        "sha256": corpus.sha256,
        "characters": corpus.characters,
        "texts": len(corpus.texts),
        "lines": corpus.lines,
        "held_out_characters": parts.validation_characters,
        "unknown_characters": int((parts.ids == 0).sum()),
    }
    weights = None if init_from is None else init_from.weights
    return Plan(vocabulary, parts, model, training, about, asked, weights)


def plan_again(corpus: Corpus, folder: Path, description: Description, known: Vocabulary) -> Plan:
    """The plan of a run that is resumed, from what its folder says and the same corpus.

    Raises CorpusError where the corpus is another one, CheckpointError where config.json does
    not make sense, OptionError where its device is not there.
    """
    if corpus.sha256 != description.corpus["sha256"]:
        raise CorpusError(
            f"{corpus.name} is not the text that {folder} is trained on: its sha256 is"
            f" {corpus.sha256[:12]}..., not {description.corpus['sha256'][:12]}..."
            " (--init-from goes on with a model on another text)"
        )
    try:
        training = TrainingConfig.from_dict(description.training)
        given = {**description.asked}
        asked = Asked(**{**given, "budget": given["budget"] and Budget(**given["budget"])})
    except (OptionError, TypeError, KeyError) as error:
        raise CheckpointError(f"{folder / CONFIG} is damaged: {error}") from None
    choose_device(training.device)
    fraction = asked.validation_fraction
    parts = split(corpus, known, validation_fraction=fraction, seed=training.seed)
    return Plan(known, parts, description.model, training, description.corpus, asked)


def _training(
    asked: Asked, name: str, model: ModelConfig, parts: Split, *, lines: bool
) -> TrainingConfig:
    preset = PRESETS[name]
    longest = int((parts.train[:, 1] - parts.train[:, 0]).max()) - 1 if lines else None
    if longest is not None:
        preset = preset.for_lines(longest)
    first = TrainingConfig(
        budget=asked.budget or Budget("minutes", preset.minutes),
        batch_size=_or(asked.batch_size, preset.batch_size),
        sequence_length=_or(asked.sequence_length, preset.sequence_length),
        learning_rate=_or(asked.learning_rate, preset.learning_rate * RATE_OF_CELL[model.cell]),
        dropout=_or(asked.dropout, 0.0),
        seed=asked.seed,
        precision=asked.precision,
        device=choose_device(asked.device),
        threads=training_threads(model, _or(asked.batch_size, preset.batch_size)),
        evaluations=_MOST_EVALUATIONS,
        preset=name,
        patience=asked.patience,
        save_every=asked.save_every,
        memory=None if longest is None else min(longest, LONGEST_LINE),
    )
    lanes, window = fitting(
        parts.train_characters, first.batch_size, first.sequence_length, model.vocab_size
    )
    with torch_threads(first.threads):
        precision, rate = _precision(asked.precision, model, lanes, window, first)
    to_read = _characters_to_read(first.budget, parts.train_characters, rate, lanes * window)
    dropout = first.dropout
    if asked.dropout is None and len(parts.validation):
        # With nothing held out nobody can tell learning from memorising, and whoever trains on
        # a page wants that page: no dropout.
        dropout = automatic_dropout(to_read / parts.train_characters)
    evaluations = _LEAST_EVALUATIONS
    if len(parts.validation):
        cost = parts.validation_characters * _EVALUATION_COST
        evaluations = round(to_read * _EVALUATION_SHARE / cost)
    return replace(
        first,
        batch_size=lanes,
        sequence_length=window,
        precision=precision,
        dropout=dropout,
        evaluations=min(_MOST_EVALUATIONS, max(_LEAST_EVALUATIONS, evaluations)),
    )


def training_threads(model: ModelConfig, lanes: int) -> int:
    """How many threads one character's product keeps busy, at most what torch would take.

    Below half a million multiplications each, threads wait for one another more than they work
    (on 2 cores, 16 lanes: 64 wide 0.96 times the speed of one thread, 128 wide 1.76 times).
    """
    work = lanes * 4 * model.hidden_size**2
    return max(1, min(torch.get_num_threads(), work >> 19))


def _precision(
    asked: str, model: ModelConfig, lanes: int, window: int, training: TrainingConfig
) -> tuple[str, float]:
    """The precision to train in, and its characters a second where time is the budget."""
    emulated = training.device == "cpu" and not has_bfloat16("cpu")
    if asked == "bfloat16" and emulated and model.cell == "lstm":  # torch has no code for it
        raise OptionError(
            "--precision bfloat16 is not to be had for an LSTM on this CPU (leave it out)"
        )
    if asked != "auto":
        choices = [asked]
    elif has_bfloat16(training.device):
        choices = ["float32", "bfloat16"]
    else:
        choices = ["float32"]
    if len(choices) == 1 and training.budget.kind != "minutes":
        return choices[0], 0.0
    rates = {
        choice: characters_per_second(model, lanes, window, choice, training.device)
        for choice in choices
    }
    best = max(rates, key=rates.__getitem__)
    return best, rates[best]


def _characters_to_read(budget: Budget, text: int, rate: float, a_step: int) -> float:
    if budget.kind == "minutes":
        return budget.amount * 60 * rate
    return budget.amount * (text if budget.kind == "epochs" else a_step)


def _or(value: _T | None, default: _T) -> _T:
    return default if value is None else value
