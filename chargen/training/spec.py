"""Making the full specification of a run from a corpus and options, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from chargen.errors import CheckpointError, OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import CONFIG, Checkpoint, Description
from chargen.model.config import ModelConfig
from chargen.text.corpus import Corpus, CorpusFacts, Split, split
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import fit_batch
from chargen.training.config import TrainingConfig
from chargen.training.options import Budget, TrainingOptions
from chargen.training.precision import (
    characters_per_second,
    choose_device,
    has_bfloat16,
    torch_threads,
)
from chargen.training.presets import MAX_LINE, PRESETS, Preset, automatic_dropout, automatic_preset

# Validation takes about a third of the time of training on the same number of characters. All
# evaluations together may take a twentieth of a run.
_EVALUATION_SHARE = 0.05
_EVALUATION_COST = 1 / 3
_MIN_EVALUATIONS, _MAX_EVALUATIONS = 2, 20


@dataclass(frozen=True)
class RunSpec:
    """A training run, ready to start. weights: the initial ones, if another model provides them."""

    vocabulary: Vocabulary
    split: Split
    model: ModelConfig
    training: TrainingConfig
    corpus: CorpusFacts
    options: TrainingOptions
    weights: Mapping[str, npt.NDArray[np.float32]] | None = None

    @property
    def description(self) -> Description:
        """The content of config.json."""
        fields = asdict(self.training), asdict(self.corpus), asdict(self.options)
        return Description(self.model, *fields)


def make_spec(
    corpus: Corpus, options: TrainingOptions, *, init_from: Checkpoint | None = None
) -> RunSpec:
    """Choose everything that the options leave open.

    init_from: a model that provides the sizes and the initial weights; its vocabulary is extended.
    Raises OptionError and CorpusError.
    """
    preset = options.preset
    if preset == "auto":
        preset = automatic_preset(corpus.characters)
    if init_from is None:
        vocabulary = Vocabulary.build(corpus.pieces(), min_count=options.min_count)
        if len(vocabulary) < 3:  # the unknown character and the newline
            raise OptionConflictError(
                f"{{min_count}} {options.min_count} makes every character of {corpus.name} unknown"
                " (use a smaller value)",
                "min_count",
            )
        model = _new_model(options, PRESETS[preset], len(vocabulary))
    else:
        vocabulary = init_from.vocabulary.extended(corpus.pieces(), min_count=options.min_count)
        _check_sizes(options, init_from)
        model = replace(init_from.config, vocab_size=len(vocabulary))
    parts = split(
        corpus, vocabulary, validation_fraction=options.validation_fraction, seed=options.seed
    )
    if options.patience is not None and not len(parts.validation):
        raise OptionConflictError(
            "{patience} needs a validation set (set {validation_fraction}, or omit {patience})",
            "patience",
            "validation_fraction",
        )
    return RunSpec(
        vocabulary=vocabulary,
        split=parts,
        model=model,
        training=_make_config(options, preset, model, parts, lines=corpus.lines),
        corpus=CorpusFacts.of(
            corpus,
            held_out_characters=parts.validation_characters,
            unknown_characters=int((parts.ids == 0).sum()),
        ),
        options=options,
        weights=None if init_from is None else init_from.weights,
    )


def restore_spec(
    corpus: Corpus, folder: Path, description: Description, vocabulary: Vocabulary
) -> RunSpec:
    """Make the specification of an interrupted run from its folder and the same corpus.

    Raises OptionError if the corpus is another one or the device is not available, CheckpointError
    if another version of chargen wrote the folder.
    """
    try:
        budget = Budget(**description.training["budget"])
        training = TrainingConfig(**{**description.training, "budget": budget})
        options = TrainingOptions(**description.options)
        facts = CorpusFacts(**description.corpus)
    except (OptionError, LookupError, TypeError):
        raise CheckpointError(
            f"{folder / CONFIG} was written by another version of chargen"
        ) from None
    if corpus.sha256 != facts.sha256:
        raise OptionConflictError(
            f"{corpus.name} is not the text that {folder} was trained on: its sha256 is"
            f" {corpus.sha256[:12]}..., not {facts.sha256[:12]}... (to train a new model on it from"
            " these weights, use {init_from} instead of {resume})",
            "init_from",
            "resume",
        )
    choose_device(training.device)
    parts = split(
        corpus, vocabulary, validation_fraction=options.validation_fraction, seed=training.seed
    )
    return RunSpec(vocabulary, parts, description.model, training, facts, options)


def training_threads(model: ModelConfig, batch_size: int) -> int:
    """Return the number of threads that one step of the network keeps busy, at most torch's own.

    With less than half a million multiplications each, threads wait for one another more than
    they compute (2 cores, batch size 16: 64 units train at 0.96 times the speed of one thread,
    128 units at 1.76 times).
    """
    multiplications = batch_size * 4 * model.hidden_size**2
    return max(1, min(torch.get_num_threads(), multiplications >> 19))


def _new_model(options: TrainingOptions, preset: Preset, vocab_size: int) -> ModelConfig:
    return ModelConfig(
        vocab_size,
        cell=options.cell or "lstm",
        encoder=options.encoder or "embedding",
        embedding_size=options.embedding_size or preset.embedding_size,
        hidden_size=options.hidden_size or preset.hidden_size,
        num_layers=options.num_layers or preset.num_layers,
    )


def _check_sizes(options: TrainingOptions, model: Checkpoint) -> None:
    """Raise OptionConflictError if an option contradicts the initial model."""
    for name in ("cell", "encoder", "embedding_size", "hidden_size", "num_layers"):
        value, given = getattr(options, name), getattr(model.config, name)
        if value not in (None, given):
            raise OptionConflictError(
                f"{{{name}}} {value} does not match the model in {model.folder}, which has {given}"
                " (omit it)",
                name,
            )


def _make_config(
    options: TrainingOptions, preset_name: str, model: ModelConfig, parts: Split, *, lines: bool
) -> TrainingConfig:
    preset, longest = PRESETS[preset_name], None
    if lines:
        longest = min(MAX_LINE, int((parts.train[:, 1] - parts.train[:, 0]).max()) - 1)
        preset = preset.for_lines(longest)
    batch_size = options.batch_size or preset.batch_size
    threads = training_threads(model, batch_size)
    batch_size, window = fit_batch(
        parts.train_characters,
        batch_size,
        options.sequence_length or preset.sequence_length,
        model.vocab_size,
    )
    budget = options.budget or Budget("minutes", preset.minutes)
    device = choose_device(options.device)
    with torch_threads(threads):
        precision, speed = _choose_precision(options, model, batch_size, window, device, budget)
    characters_of = {
        "minutes": 60 * speed,
        "epochs": parts.train_characters,
        "steps": batch_size * window,
    }
    characters = budget.amount * characters_of[budget.kind]
    dropout = 0.0  # without validation, to memorise the text
    evaluations = 0
    if len(parts.validation):
        dropout = automatic_dropout(characters / parts.train_characters)
        cost = parts.validation_characters * _EVALUATION_COST
        affordable = round(characters * _EVALUATION_SHARE / cost)
        evaluations = min(_MAX_EVALUATIONS, max(_MIN_EVALUATIONS, affordable))
    scale = CELLS[model.cell].learning_rate_scale
    return TrainingConfig(
        budget=budget,
        batch_size=batch_size,
        sequence_length=window,
        learning_rate=options.learning_rate or preset.learning_rate * scale,
        dropout=dropout if options.dropout is None else options.dropout,
        seed=options.seed,
        precision=precision,
        device=device,
        threads=threads,
        evaluations=evaluations,
        preset=preset_name,
        patience=options.patience,
        save_every=options.save_every,
        chrono_max=longest,
    )


def _choose_precision(
    options: TrainingOptions,
    model: ModelConfig,
    batch_size: int,
    window: int,
    device: str,
    budget: Budget,
) -> tuple[str, float]:
    """Return the precision, and its speed in characters per second if the budget is minutes."""
    native = has_bfloat16(device)
    cell = CELLS[model.cell]
    emulated = options.precision == "bfloat16" and device == "cpu" and not native
    if emulated and cell.needs_native_bfloat16:
        raise OptionConflictError(
            f"{{precision}} bfloat16 is not available for the {cell.label} on this CPU (omit it)",
            "precision",
        )
    choices = [options.precision]
    if options.precision == "auto":
        choices = ["float32", "bfloat16"] if native else ["float32"]
    if len(choices) == 1 and budget.kind != "minutes":
        return choices[0], 0.0
    speeds = {
        choice: characters_per_second(model, batch_size, window, choice, device)
        for choice in choices
    }
    return max(speeds.items(), key=lambda item: item[1])
