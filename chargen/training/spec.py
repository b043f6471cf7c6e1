"""Making the full specification of a run from a corpus and options, before anything is written."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from chargen.errors import CheckpointError, OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import CONFIG, Description, Weights
from chargen.model.config import ModelConfig
from chargen.text.augment import augment
from chargen.text.corpus import Corpus, CorpusFacts
from chargen.text.display import plural
from chargen.text.kind import TextKind
from chargen.text.source import TextSource
from chargen.text.split import MIN_CHARACTERS_FOR_VALIDATION, Split, split
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import fit_batch
from chargen.training.config import TrainingConfig
from chargen.training.held_out import EvaluationPlan
from chargen.training.muon import muon_pays
from chargen.training.options import AUTO, NONE, Budget, TrainingOptions
from chargen.training.precision import choose_device, has_bfloat16, training_speeds
from chargen.training.presets import (
    FINE_TUNING,
    LONG_TEXT,
    MAX_TEXT_WINDOW,
    PRESETS,
    SMALL_BATCH,
    Preset,
    affordable_size,
    automatic_dropout,
    automatic_preset,
    fine_tuning_rate,
)
from chargen.training.ranks import Ranks
from chargen.training.segment import Position, Segment
from chargen.training.start import Start, find_start
from chargen.training.threads import best_count, thread_counts


@dataclass(frozen=True)
class RunSpec:
    """A training run, ready to start.

    start: where the initial weights come from; weights: these, if a model provides them.
    source: the files of the corpus, unless it was made in memory.
    """

    vocabulary: Vocabulary
    split: Split
    model: ModelConfig
    training: TrainingConfig
    corpus: CorpusFacts
    options: TrainingOptions
    start: Start = field(default_factory=Start)
    weights: Weights | None = None
    source: TextSource | None = None

    @property
    def by_heart(self) -> bool:
        """Whether the text is too short for a validation set, and is therefore memorised."""
        corpus = self.corpus
        return (
            not corpus.held_out_characters
            and corpus.characters < MIN_CHARACTERS_FOR_VALIDATION
            and self.options.validation_fraction is None
        )

    @property
    def description(self) -> Description:
        """The content of config.json."""
        fields = asdict(self.training), asdict(self.corpus), asdict(self.options)
        return Description(self.model, *fields, start=asdict(self.start))


def make_spec(corpus: Corpus, options: TrainingOptions, *, began: float | None = None) -> RunSpec:
    """Choose everything that the options leave open.

    A model to start from provides the sizes and the initial weights; its vocabulary is extended.
    began: when the minutes of the budget began, by `time.monotonic`; None: now.
    Raises OptionError, CorpusError and, if there is no such model, CheckpointError.
    """
    began = time.monotonic() if began is None else began
    read = corpus
    if options.augment:
        if corpus.kind.separate:
            raise OptionConflictError(
                f"{{augment}} has no effect with {{{corpus.kind.option}}} (omit one of them)",
                "augment",
                corpus.kind.option,
            )
        corpus = augment(corpus, options.seed)
    preset = options.preset
    if preset == AUTO:
        preset = automatic_preset(corpus.characters)
    model = _new_model(options, PRESETS[preset])
    start, initial = find_start(corpus, options, model)
    if options.init_from not in (AUTO, NONE):
        options = replace(options, init_from=str(start.model))  # config.json is shared
    if initial is not None:
        vocabulary, parts, model = initial.vocabulary, initial.split, initial.config
    else:
        vocabulary = Vocabulary.of_counts(
            corpus.encoded.counts, min_count=options.min_count, boundary=corpus.kind.boundary
        )
        if len(vocabulary) < 3:  # the unknown character and the boundary
            raise OptionConflictError(
                f"{{min_count}} {options.min_count} makes every character of {corpus.name} unknown"
                " (use a smaller value)",
                "min_count",
            )
        model = replace(model, vocab_size=len(vocabulary))
        parts = split(
            corpus, vocabulary, validation_fraction=options.validation_fraction, seed=options.seed
        )
    if options.patience is not None and not len(parts.validation):
        raise OptionConflictError(
            "{patience} needs a validation set (set {validation_fraction}, or omit {patience})",
            "patience",
            "validation_fraction",
        )
    model, training = _make_config(
        options, preset, model, parts, start, kind=corpus.kind, began=began
    )
    return RunSpec(
        vocabulary=replace(vocabulary, form=read.normalize),
        split=parts,
        model=model,
        training=training,
        corpus=CorpusFacts.of(
            read,
            held_out_characters=parts.validation_characters,
            unknown_characters=int(parts.counts[0]),
        ),
        options=options,
        start=start,
        weights=None if initial is None else initial.weights,
        source=read.source,
    )


def restore_spec(
    corpus: Corpus,
    folder: Path,
    description: Description,
    vocabulary: Vocabulary,
    weights: Weights | None = None,
) -> RunSpec:
    """Make the specification of an interrupted run from its folder and the same corpus.

    weights: the initial ones, if another model provided them.
    Raises OptionError if the corpus is another one or the device is not available, CheckpointError
    if another version of chargen wrote the folder.
    """
    try:
        budget = Budget(**description.training["budget"])
        training = TrainingConfig(**{**description.training, "budget": budget})
        options = TrainingOptions(**description.options)
        facts = CorpusFacts(**{**description.corpus, "kind": corpus.kind})
        start = Start(**description.start)
    except (OptionError, LookupError, TypeError):
        raise CheckpointError(
            f"{folder / CONFIG} was written by another version of chargen"
        ) from None
    if corpus.sha256 != facts.sha256:
        raise OptionConflictError(
            f"{corpus.name} is not the text that {folder} was trained on: {_change(corpus, facts)}"
            " (to train a new model on it from these weights, use {init_from} instead of"
            " {resume})",
            "init_from",
            "resume",
        )
    if training.processes != (size := Ranks().size):
        with_torchrun = f"torchrun --nproc-per-node {training.processes} -m "
        program = ("" if training.processes == 1 else with_torchrun) + "chargen train"
        raise CheckpointError(
            f"the number of processes of {folder} is {training.processes}, not {size}"
            f" (resume it with {program})"
        )
    choose_device(training.device)
    vocabulary = replace(vocabulary, form=corpus.normalize)
    source = corpus.source
    if options.augment:
        corpus = augment(corpus, options.seed)
    parts = split(
        corpus, vocabulary, validation_fraction=options.validation_fraction, seed=training.seed
    )
    return RunSpec(
        vocabulary, parts, description.model, training, facts, options, start, weights, source
    )


def make_extension(spec: RunSpec, budget: Budget, begin: Position, characters: int) -> Segment:
    """Return the segment of another budget that begins at a position of the run.

    characters: the number of characters trained on before it. Its own number is estimated from
    them, and its dropout is that of a run over both.
    """
    more = budget.amount * characters / begin.of(budget.kind) if characters else 0.0
    plan = EvaluationPlan.of(spec.split, more, initial=False, timed=False)
    return Segment(
        budget,
        dropout=_dropout(spec.options, spec.start, spec.split, characters + more),
        evaluations=plan.evaluations,
        begin=begin,
        validation_characters=plan.characters,
    )


def _change(corpus: Corpus, facts: CorpusFacts) -> str:
    """Return what differs between a text and the one with these facts, which has another digest."""
    if corpus.num_texts != facts.texts:
        return f"it has {plural(corpus.num_texts, facts.kind.noun)}, not {facts.texts:,}"
    if corpus.characters != facts.characters:
        return f"it has {plural(corpus.characters, 'character')}, not {facts.characters:,}"
    return f"its sha256 is {corpus.sha256[:12]}..., not {facts.sha256[:12]}..."


def _new_model(options: TrainingOptions, preset: Preset) -> ModelConfig:
    """Return the network to train from scratch; the size of its vocabulary is yet unknown."""
    return ModelConfig(
        vocab_size=1,
        cell=options.cell or "lstm",
        encoder=options.encoder or "embedding",
        embedding_size=options.embedding_size or preset.embedding_size,
        hidden_size=options.hidden_size or preset.hidden_size,
        num_layers=options.num_layers or preset.num_layers,
    )


def _make_config(
    options: TrainingOptions,
    preset_name: str,
    model: ModelConfig,
    parts: Split,
    start: Start,
    *,
    kind: TextKind,
    began: float,
) -> tuple[ModelConfig, TrainingConfig]:
    """Choose the settings of a run, and a smaller network if the minutes are too short for it."""
    preset, longest = PRESETS[preset_name], None
    if start.model is not None:
        preset = replace(
            preset,
            batch_size=FINE_TUNING.batch_size,
            sequence_length=FINE_TUNING.sequence_length,
            learning_rate=fine_tuning_rate(
                start.distance, parts.train_characters, memorise=not len(parts.validation)
            ),
        )
    if kind.separate:
        longest = min(MAX_TEXT_WINDOW, int((parts.train[:, 1] - parts.train[:, 0]).max()) - 1)
        preset = preset.for_texts(longest)
    batch_size = options.batch_size or preset.batch_size
    batch_size, window = fit_batch(
        parts.train_characters,
        batch_size,
        options.sequence_length or preset.sequence_length,
        model.vocab_size,
    )
    ranks = Ranks()
    batch_size = ranks.divisible(batch_size)
    budget = options.budget or Budget("minutes", preset.minutes)
    device = choose_device(options.device)
    shape = batch_size // ranks.size, window, device, budget
    precision, threads, speed = _choose_by_speed(options, model, *shape)
    is_open = options.preset == "auto" and options.hidden_size is None and start.model is None
    if is_open and len(parts.validation) and budget.kind == "minutes":
        updates = _seconds_left(budget, began) * speed / (batch_size * window)
        size = affordable_size(model.hidden_size, updates)
        if size < model.hidden_size:
            model = replace(model, hidden_size=size)
            precision, threads, speed = _choose_by_speed(options, model, *shape)
    is_long = parts.train_characters >= LONG_TEXT
    small = batch_size * window <= SMALL_BATCH and options.batch_size is None
    if small and is_long and not kind.separate and precision == "bfloat16":
        preset = preset.for_muon()
        batch_size = ranks.divisible(preset.batch_size)
    characters = {
        "minutes": _seconds_left(budget, began) * speed,
        "epochs": budget.amount * parts.train_characters,
        "steps": budget.amount * batch_size * window,
    }[budget.kind]
    scale = CELLS[model.cell].learning_rate_scale
    # From random weights, Muon overfits a short text sooner: after 15 s of bfloat16, rhymes 1.649
    # nats with AdamW and 1.706 with Muon, neurons 1.471 and 1.534.
    suits = is_long or start.model is not None
    muon = suits and muon_pays(model.hidden_size, batch_size * window, precision)
    plan = EvaluationPlan.of(
        parts, characters, initial=start.model is not None, timed=budget.kind == "minutes"
    )
    config = TrainingConfig(
        budget=budget,
        batch_size=batch_size,
        sequence_length=window,
        learning_rate=options.learning_rate or preset.learning_rate * scale,
        dropout=_dropout(options, start, parts, characters),
        seed=options.seed,
        precision=precision,
        device=device,
        threads=threads,
        evaluations=plan.evaluations,
        validation_characters=plan.characters,
        preset=preset_name,
        patience=options.patience,
        save_every=options.save_every,
        weights_dtype=options.weights_dtype,
        chrono_max=longest,
        muon=muon,
        processes=ranks.size,
        split_windows=not muon,  # an update of Muon on a short window costs nearly as much
    )
    if start.model is not None:
        config = replace(config, weight_decay=FINE_TUNING.weight_decay, split_windows=False)
    return model, config


def _dropout(options: TrainingOptions, start: Start, parts: Split, characters: float) -> float:
    """Return the dropout of a run on this number of characters."""
    if options.dropout is not None:
        return options.dropout
    if not len(parts.validation):
        return 0.0  # to memorise the text
    dropout = automatic_dropout(characters / parts.train_characters)
    return dropout if start.model is None else min(dropout, FINE_TUNING.max_dropout)


def _seconds_left(budget: Budget, began: float) -> float:
    """Return the seconds of a budget of minutes that are left for training, at least one."""
    return max(1.0, 60 * budget.amount - (time.monotonic() - began))


def _choose_by_speed(
    options: TrainingOptions,
    model: ModelConfig,
    batch_size: int,
    window: int,
    device: str,
    budget: Budget,
) -> tuple[str, int, float]:
    """Return the precision and the number of threads, and their speed in characters per second.

    batch_size: of each rank; the speed is that of all together.
    The speed is 0 if it is not needed: there was nothing to choose, and the budget is not minutes.
    """
    native = has_bfloat16(device)
    cell = CELLS[model.cell]
    emulated = options.precision == "bfloat16" and device == "cpu" and not native
    if emulated and cell.needs_native_bfloat16:
        raise OptionConflictError(
            f"{{precision}} bfloat16 is not available for the {cell.label} on this CPU (omit it)",
            "precision",
        )
    precisions = [options.precision]
    if options.precision == "auto":
        precisions = ["float32", "bfloat16"] if native else ["float32"]
    counts = thread_counts(model, batch_size) if device == "cpu" else (torch.get_num_threads(),)
    if len(precisions) == len(counts) == 1 and budget.kind != "minutes":
        return precisions[0], counts[0], 0.0
    speeds = training_speeds(
        model, batch_size, window, device, precisions=precisions, counts=counts
    )
    threads = best_count({n: max(speeds[each, n] for each in precisions) for n in counts})

    def gain(precision: str) -> float:
        # With any number of threads: another program may have slowed down the passes with one.
        return max(speeds[precision, n] / speeds[precisions[0], n] for n in counts)

    precision = max(precisions, key=gain)
    return precision, threads, speeds[precision, threads] * Ranks().size
