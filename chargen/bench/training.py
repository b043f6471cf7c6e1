"""Training speed, compared with a minimal training loop with the same layers."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from chargen.bench.records import Measurement
from chargen.bench.timing import Work, compare
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.training.folder import RunFolder
from chargen.training.options import NONE, Budget, TrainingOptions
from chargen.training.precision import autocast
from chargen.training.records import (
    Evaluation,
    Finished,
    Sample,
    Saved,
    Step,
    TrainingRecord,
)
from chargen.training.spec import RunSpec, make_spec
from chargen.training.train import start
from chargen.training.trainer import Trainer

TRAINING_SHAPES = ("small", "base")  # presets
STEPS = 2_000_000
_DROPOUT = 0.1
_SHARES_PRESET = "base"
# The record that ends each part of a run.
_PARTS: dict[type[TrainingRecord], str] = {
    Step: "updates",
    Evaluation: "evaluations",
    Saved: "saves",
    Sample: "samples",
    Finished: "end: evaluation and save",
}
_CHARACTERS = 400_000


def training_speed(seconds: float) -> Iterator[Measurement]:
    """Measure characters per second of the trainer and of a minimal loop, for two presets.

    The minimal loop has the same fused layers, precision, threads, dropout, clipping, optimiser
    and batch shapes, but no records, saves or evaluations. seconds: time for each shape.
    """
    corpus = random_corpus()
    for preset in TRAINING_SHAPES:
        spec = bench_spec(corpus, preset, Budget("steps", STEPS))
        with tempfile.TemporaryDirectory() as folder:
            run = RunFolder.create(Path(folder) / "run", "bench", overwrite=False)
            trainer = Trainer(spec, run)
            trainer.progress.step = STEPS // 2  # windows have their full length from here on
            characters = spec.training.batch_size * spec.training.sequence_length
            works: dict[str, Work] = {
                "trainer": (trainer_update(trainer), characters),
                "minimal loop, same layers": (_minimal_update(spec), characters),
            }
            yield from compare("training", describe_shape(spec), "characters/s", works, seconds)
            run.close()


def training_shares(seconds: float) -> Iterator[Measurement]:
    """Measure the shares of the parts of a whole run, including its start.

    An update includes the writing of the log. seconds: a fifth of the run's budget.
    """
    began = time.monotonic()
    minutes = 5 * seconds / 60
    options = TrainingOptions(preset=_SHARES_PRESET, init_from=NONE, minutes=minutes)
    spent: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        trainer = start(random_corpus(), options, output=Path(folder) / "run", began=began)
        before = time.monotonic()
        spent["preparation"] = before - began
        for record in trainer.run():
            now = time.monotonic()
            spent[_PARTS.get(type(record), "other")] += now - before
            before = now
        shape = describe_shape(trainer.spec)
        trainer.folder.close()
    name = f"time of a run of {minutes * 60:.3g} s, {shape}"
    for part, took in spent.items():
        yield Measurement(name, part, 100 * took / sum(spent.values()), "%", None, None)


def bench_spec(corpus: Corpus, preset: str, budget: Budget) -> RunSpec:
    """Return a run from random weights that never evaluates and hardly ever saves."""
    options = TrainingOptions(
        preset=preset,
        init_from=NONE,
        dropout=_DROPOUT,
        validation_fraction=0.0,
        save_every=1e9,
        **{budget.kind: budget.amount},  # type: ignore[arg-type]
    )
    return make_spec(corpus, options)


def random_corpus() -> Corpus:
    """Return a text of random characters."""
    letters = np.random.Generator(np.random.Philox(1)).integers(0, 64, _CHARACTERS)
    return Corpus.of(["".join(chr(48 + k) for k in letters)], name="bench")


def describe_shape(spec: RunSpec) -> str:
    """Return the sizes of a run in printed form."""
    model, training = spec.model, spec.training
    return (
        f"{model.cell} {model.num_layers}x{model.hidden_size}, batch"
        f" {training.batch_size}x{training.sequence_length}, {training.precision}"
    )


def trainer_update(trainer: Trainer) -> Callable[[], None]:
    """Return a function that runs an update of the trainer."""
    records = trainer.run()

    def update() -> None:
        while not isinstance(next(records), Step):
            pass

    return update


def _minimal_update(spec: RunSpec) -> Callable[[], None]:
    """Return a function that runs an update of a minimal loop, as in a typical notebook."""
    training, model = spec.training, spec.model
    network = Network(model)
    network.initialise(training.seed)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, betas=(0.9, 0.99), fused=True
    )
    batch_size, window = training.batch_size, training.sequence_length
    ids = torch.from_numpy(spec.split.ids[: batch_size * window * 64].astype(np.int64))
    windows = ids.view(64, window, batch_size)
    states = network.empty_states(batch_size)
    masks = [torch.ones(1, batch_size, size) for size in (model.input_size, model.hidden_size)]
    position = 0

    def update() -> None:
        nonlocal states, position
        inputs, targets = windows[position % 63], windows[position % 63 + 1]
        position += 1
        with autocast(training.precision, training.device):
            dropped = [functional.dropout(mask, _DROPOUT) for mask in masks]
            logits, after = network(inputs, states, dropped)
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), training.clip_norm)
        optimiser.step()
        loss.item()
        states = [tuple(part.detach() for part in state) for state in after]

    return update
