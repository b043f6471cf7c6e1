"""The progress of training: a bar on a terminal, otherwise periodic lines, and a summary."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm
from wcwidth import wrap

from chargen.cli.display import fitted, terminal_width
from chargen.cli.options import warn
from chargen.evaluation.units import bits_per_character, perplexity
from chargen.text.display import one_line, plural
from chargen.text.split import MIN_CHARACTERS_FOR_VALIDATION
from chargen.training.options import AUTO
from chargen.training.precision import has_bfloat16
from chargen.training.records import (
    Evaluation,
    Finished,
    Returned,
    Sample,
    Step,
    TrainingRecord,
)
from chargen.training.spec import RunSpec
from chargen.training.trainer import Trainer

_LINE_EVERY = 10.0
_INDENT = " " * 10
_SAMPLE_WIDTH = 88
_LARGE_VOCABULARY = 10_000
_FEW_CHARACTERS = 500
_LONG_PREPARATION = 0.25  # of the minutes
_RUNNING_MEAN = 0.05


class Display:
    """Shows the records of a run on standard error, and its summary on standard output."""

    def __init__(self, trainer: Trainer, *, is_named: bool) -> None:
        self._spec = spec = trainer.spec
        self._trainer = trainer
        self._reads_part = trainer.config.validation_characters is not None
        self._finished: Finished | None = None
        self._first: Step | None = None
        self._loss = 0.0
        self._last_line = time.monotonic()
        distinct = _distinct(spec)
        _introduce(trainer, is_named, distinct)
        _warn(spec, distinct)
        self._bar = tqdm(
            total=1.0,
            bar_format="{percentage:3.0f}% |{bar:16}| {desc}",
            dynamic_ncols=True,
            leave=False,
            disable=None,  # unless standard error is a terminal
        )

    def show(self, record: TrainingRecord) -> None:
        """Show one record."""
        if isinstance(record, Step):
            self._step(record)
        elif isinstance(record, Evaluation):
            best = ", best so far" if record.best else ""
            if not record.step:
                best = " before training"
            self._line(f"{record.fraction:4.0%}  validation loss {_loss(record.nats)}{best}")
            if record.fraction >= 1 and self._reads_part:
                self._bar.set_description_str("measuring the loss on the held-out text")
        elif isinstance(record, Returned):
            self._line(
                f"{record.fraction:4.0%}  {record.reason} after step {record.step:,}: returned to"
                f" the weights of step {record.good_step:,} with half the learning rate,"
                f" {record.learning_rate:.2g}"
            )
        elif isinstance(record, Sample):
            self._line(wrapped_sample(record.text))
        elif isinstance(record, Finished):
            self._finished = record

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()

    def summary(self, folder: Path, resume_command: Callable[..., str], prompt: str) -> None:
        """Print the result, its folder, how to use it and how to train it longer.

        prompt: that of the next sample.
        """
        done, spec = self._finished, self._spec
        assert done is not None
        epochs = done.characters / spec.split.train_characters
        reason = "" if done.reason == "budget" else f", stopped early ({done.reason})"
        size = (folder / "model.safetensors").stat().st_size / 1e6
        if done.validation_nats is None:
            loss = f"training {_loss(done.training_nats)}, no validation set"
        else:
            loss = f"validation {_loss(done.validation_nats)}"
            loss += f", perplexity {perplexity(done.validation_nats):.2f}"
            loss += self._measured_on(done)
            if not done.best_step:
                loss += "\n          no update improved it: the weights are those of "
                loss += str(spec.start.model)
        advice = f"advice    {done.advice}\n" if done.advice else ""
        if done.more:
            advice += f"          {resume_command(*done.more.split())}\n"
        following = ["chargen", "sample", "-m", str(folder)]
        if prompt and prompt.isprintable():
            following += ["--prompt", prompt]
        elif spec.corpus.kind.separate:
            following += ["--num-samples", "5"]
        print(
            f"trained   {_clock(done.seconds)}, {done.step:,} steps, {done.characters:,}"
            f" characters, {epochs:.1f} epochs{reason}{self._preparation()}\n"
            f"loss      {loss}\n"
            f"model     {folder} ({spec.model.parameters:,} parameters, {size:.1f} MB)\n"
            f"{advice}"
            f"next      {shlex.join(following)}"
        )

    def _preparation(self) -> str:
        """Return how long the preparation took, if it took long."""
        budget, seconds = self._trainer.config.budget, self._trainer.progress.preparation
        if budget.kind != "minutes" or seconds < _LONG_PREPARATION * 60 * budget.amount:
            return ""
        work = "preparation (reading the text, measuring the speed)"
        return f",\n          after {_clock(seconds)} of {work}"

    def _measured_on(self, done: Finished) -> str:
        """Return which part of the held-out text the final loss is measured on."""
        held_out, read = self._spec.split.validation_characters, done.validation_characters
        if read is not None and read != held_out:
            return f",\n          on {read:,} of the {held_out:,} held-out characters"
        return f",\n          on all {held_out:,} held-out characters" if self._reads_part else ""

    def _step(self, step: Step) -> None:
        if self._first is None:
            self._first, self._loss = step, step.loss
        self._loss += _RUNNING_MEAN * (step.loss - self._loss)
        seconds = step.seconds - self._first.seconds
        characters = step.characters - self._first.characters
        speed = characters / seconds if seconds > 0 else 0.0
        # The time left comes first, since a narrow terminal cuts off the end.
        left = ""
        if step.fraction > self._first.fraction:
            pace = seconds / (step.fraction - self._first.fraction)
            left = f"{_clock(pace * (1 - step.fraction))} left, "
        figures = (
            f"{left}training loss {self._loss:.3f} nats, {speed:,.0f} characters/s,"
            f" gradient norm {step.gradient_norm:.2f}"
        )
        if not self._bar.disable:
            self._bar.set_description_str(figures, refresh=False)
            self._bar.update(step.fraction - self._bar.n)
        elif time.monotonic() - self._last_line >= _LINE_EVERY:
            self._last_line = time.monotonic()
            self._line(f"{step.fraction:4.0%}  step {step.step:,}, {figures}")

    def _line(self, text: str) -> None:
        self._bar.write(fitted(text, sys.stderr, _INDENT), file=sys.stderr)


def _introduce(trainer: Trainer, is_named: bool, distinct: int) -> None:
    spec, config, folder = trainer.spec, trainer.config, str(trainer.folder.path)
    model, corpus = spec.model, spec.corpus
    texts = f"{plural(corpus.texts, corpus.kind.noun)}, " if corpus.texts > 1 else ""
    if corpus.skipped_cells:
        texts += f"{plural(corpus.skipped_cells, 'blank cell')} skipped, "
    encoder = "one-hot" if model.encoder == "one-hot" else f"embedding {model.embedding_size}"
    preset = config.preset
    if spec.start.model is not None:
        preset += f" (with the sizes of {spec.start.model})"
    elif spec.options.preset == "auto":
        preset += " (chosen by the length of the text)"
    threads = f"{config.threads} threads" if config.threads > 1 else "1 thread"
    if config.processes > 1:
        threads += f" in each of {config.processes} processes"
    budget = str(config.budget)
    if trainer.progress.extensions:
        begin = trainer.progress.extensions[-1].begin
        budget += f" more, after {begin.steps:,} steps in {_clock(60 * begin.minutes)}"
    taken = "" if is_named or Path(folder).name == corpus.name else f" ({corpus.name} exists)"
    text = (
        f"text      {corpus.name}: {texts}"
        f"{corpus.characters:,} characters, {distinct:,} distinct;"
        f" {_validation_set(spec, config.validation_characters)}\n"
        f"model     {model.cell} {model.num_layers} x {model.hidden_size}, {encoder},"
        f" {model.parameters:,} parameters\n"
        f"start     {_start(spec)}\n"
        f"preset    {preset}\n"
        f"training  {budget}, batches of {config.batch_size} x {config.sequence_length}"
        f" characters, learning rate {config.learning_rate:g},\n"
        f"          dropout {config.dropout:.2g}, {config.precision}, {config.device}, {threads}\n"
        f"folder    {folder}{taken}"
    )
    print(fitted(text, sys.stderr, _INDENT), file=sys.stderr)


def _start(spec: RunSpec) -> str:
    start, chosen = spec.start, spec.options.init_from
    if start.reason is not None:
        return f"random weights: {start.reason}"
    if start.model is None and chosen != AUTO:
        return "random weights"
    if start.nats is None or start.bigram_nats is None:
        too_short = "the text is too short for a comparison with its letter pairs"
        return f"{start.model} ({too_short})" if start.model else f"random weights: {too_short}"
    figures = (
        f"predicts the text with {start.nats:.2f} nats per character"
        f" (its letter pairs: {start.bigram_nats:.2f})"
    )
    if start.model is None:
        return f"random weights: english {figures}"
    hint = ";\n          --init-from none starts from random weights" if chosen == AUTO else ""
    return f"{start.model}, which {figures}{hint}"


def _distinct(spec: RunSpec) -> int:
    """Return the number of distinct characters of the text that the model knows.

    The newline before each text is not part of it.
    """
    counts = spec.split.counts.copy()
    counts[spec.vocabulary.encode(spec.corpus.kind.boundary)] -= spec.corpus.texts
    return int(np.count_nonzero(counts[1:] > 0))


def _validation_set(spec: RunSpec, part: int | None) -> str:
    held_out = spec.split.validation_characters
    if part is not None:
        reads = f"each evaluation reads about {part:,} of them"
        return f"{held_out:,} held out for validation;\n          {reads}"
    if held_out:
        return f"{held_out:,} held out for validation"
    if spec.options.validation_fraction is None:
        if spec.corpus.characters < MIN_CHARACTERS_FOR_VALIDATION:
            least = f"{MIN_CHARACTERS_FOR_VALIDATION:,}"
            return f"no validation set: the text has fewer than {least} characters"
        noun = spec.corpus.kind.noun
        if spec.corpus.texts == 1:
            return f"no validation set: the text has one {noun}"
        return f"no validation set: all {noun}s are identical"
    return "no validation set"


def _warn(spec: RunSpec, distinct: int) -> None:
    config = spec.training
    if distinct > _LARGE_VOCABULARY:
        warn(
            f"{distinct:,} distinct characters make a large and slow model"
            " (--min-count 2 or more removes rare ones)"
        )
    if spec.corpus.characters < _FEW_CHARACTERS:
        warn(
            f"{plural(spec.corpus.characters, 'character')} are too few to learn from"
            " (a page of text has about 2,000)"
        )
    nats, pairs = spec.start.nats, spec.start.bigram_nats
    if spec.start.model is not None and nats is not None and pairs is not None and nats > pairs:
        warn(
            f"{spec.start.model} predicts the text worse than its letter pairs do (random weights"
            " may be a better start: --init-from none)"
        )
    if config.precision == "bfloat16" and not has_bfloat16(config.device):
        warn(f"this {config.device} only emulates bfloat16: float32 would be much faster")
    if spec.corpus.unknown_characters:
        warn(f"{spec.corpus.unknown_characters:,} characters of the text are treated as unknown")


def wrapped_sample(sample: str) -> str:
    """Return a sample as few lines, with a symbol for each newline."""
    margin = "      | "
    width = terminal_width(_SAMPLE_WIDTH) if sys.stderr.isatty() else _SAMPLE_WIDTH
    return "\n".join(
        wrap(
            one_line(sample),
            width,
            initial_indent=margin,
            subsequent_indent=margin,
        )
    )


def _loss(nats: float) -> str:
    return f"{nats:.3f} nats ({bits_per_character(nats):.3f} bpc)"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
