"""How training is shown: a bar on a terminal, a line now and then elsewhere, a summary."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chargen.cli.options import warn
from chargen.evaluation.units import bits_per_character, perplexity
from chargen.records import Evaluation, Finished, Sample, Step, TrainingRecord
from chargen.text.shown import visible
from chargen.training.plan import Plan
from chargen.training.precision import has_bfloat16

_LINE_EVERY = 10.0
_MANY_CHARACTERS = 10_000
_RUNNING_MEAN = 0.05


class Display:
    """Draws the records of a run on standard error, and its summary on standard output."""

    def __init__(self, plan: Plan, folder: str) -> None:
        self._plan = plan
        self._finished: Finished | None = None
        self._loss: float | None = None
        self._rate = 0.0
        self._first: Step | None = None
        self._last_line = time.monotonic()
        self._introduce(folder)
        self._bar: tqdm[Any] | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=1.0,
                bar_format="{percentage:3.0f}% |{bar:16}| {desc}",
                dynamic_ncols=True,
                leave=False,
            )

    def show(self, record: TrainingRecord) -> None:
        """Draw one record."""
        if isinstance(record, Step):
            self._step(record)
        elif isinstance(record, Evaluation):
            best = " (best so far)" if record.best else ""
            self._line(f"{record.fraction:4.0%}  held out: {_loss(record.nats)}{best}")
        elif isinstance(record, Sample):
            self._line("\n".join(f"      | {line}" for line in visible(record.text).split("\n")))
        elif isinstance(record, Finished):
            self._finished = record

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def summary(self, folder: Path) -> None:
        """What came out, where it lies, and how to use it."""
        done = self._finished
        assert done is not None
        plan = self._plan
        passes = done.characters / plan.split.train_characters
        why = ", ended by --patience" if done.reason == "patience" else ""
        size = (folder / "model.safetensors").stat().st_size / 1e6
        if done.validation_nats is None:
            quality = f"on the text itself, all of it: {_loss(done.training_nats)}"
        else:
            quality = f"held out: {_loss(done.validation_nats)}"
            quality += f", perplexity {perplexity(done.validation_nats):.2f}"
        print(
            f"trained   {_clock(done.seconds)}, {done.step:,} steps, {done.characters:,}"
            f" characters ({passes:.1f} passes){why}\n"
            f"loss      {quality}\n"
            f"model     {folder} ({plan.model.parameters:,} parameters, {size:.1f} MB)\n"
            f'next      chargen sample -m {folder} --prompt "..."'
        )

    def _introduce(self, folder: str) -> None:
        plan, config, model = self._plan, self._plan.training, self._plan.model
        corpus = plan.corpus
        texts = f"{corpus['texts']:,} {'lines' if corpus['lines'] else 'texts'}, "
        held = plan.split.validation_characters
        held_out = f"{held:,} held out" if held else "nothing held out: too short to spare a part"
        if not held and plan.asked.validation_fraction == 0:
            held_out = "nothing held out"
        encoder = "one-hot" if model.encoder == "one-hot" else f"embedding {model.embedding_size}"
        chosen = "by the text's length" if plan.asked.preset == "auto" else "as asked"
        if plan.weights is not None:
            chosen = "of the model it begins with"
        threads = f"{config.threads} threads" if config.threads > 1 else "1 thread"
        name = Path(folder).name
        taken = f" ({corpus['name']} is taken)" if name.startswith(f"{corpus['name']}-") else ""
        print(
            f"text      {corpus['name']}: {texts if corpus['texts'] > 1 else ''}"
            f"{corpus['characters']:,} characters, {model.vocab_size - 1:,} distinct; {held_out}\n"
            f"model     {model.cell} {model.num_layers} x {model.hidden_size}, {encoder},"
            f" {model.parameters:,} parameters\n"
            f"preset    {config.preset}, {chosen}\n"
            f"training  {config.budget}, {config.batch_size} x {config.sequence_length} characters"
            f" a window, rate {config.learning_rate:g},\n          dropout {config.dropout:.2g},"
            f" {config.precision}, {config.device}, {threads}\n"
            f"folder    {folder}{taken}",
            file=sys.stderr,
        )
        if model.vocab_size > _MANY_CHARACTERS:
            warn(
                f"{model.vocab_size - 1:,} distinct characters make a large, slow model"
                " (--min-count 2 or more makes the rare ones unknown)"
            )
        if config.precision == "bfloat16" and not has_bfloat16(config.device):
            warn(f"this {config.device} has no bfloat16 of its own: float32 would be much faster")
        if corpus["unknown_characters"]:
            warn(f"{corpus['unknown_characters']:,} characters of the text were made unknown")

    def _step(self, step: Step) -> None:
        self._loss = (
            step.loss
            if self._loss is None
            else self._loss + _RUNNING_MEAN * (step.loss - self._loss)
        )
        if self._first is None:
            self._first = step
        seconds = step.seconds - self._first.seconds
        if seconds > 0:
            self._rate = (step.characters - self._first.characters) / seconds
        due = time.monotonic() - self._last_line >= _LINE_EVERY
        if self._bar is None:
            if due:
                self._last_line = time.monotonic()
                self._line(f"{step.fraction:4.0%}  step {step.step:,}, {self._figures(step)}")
            return
        self._bar.n = step.fraction
        self._bar.set_description_str(self._figures(step), refresh=False)
        self._bar.update(0)

    def _figures(self, step: Step) -> str:
        assert self._loss is not None
        first = self._first
        # The time left first: a narrow terminal cuts off the end.
        left = ""
        if first is not None and step.fraction > first.fraction:
            pace = (step.seconds - first.seconds) / (step.fraction - first.fraction)
            left = f"{_clock(pace * (1 - step.fraction))} left, "
        figures = f"{left}loss {_loss(self._loss)}, {self._rate:,.0f} characters/s"
        return f"{figures}, |g| {step.gradient_norm:.2f}"

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)


def _loss(nats: float) -> str:
    return f"{nats:.3f} nats ({bits_per_character(nats):.3f} bpc)"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
