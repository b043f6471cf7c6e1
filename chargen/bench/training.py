"""How fast a model trains, beside a bare loop over the same layers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from chargen.bench.timing import Work, in_turn
from chargen.model.network import Network
from chargen.records import Measurement, Step
from chargen.text.corpus import Corpus
from chargen.training.config import Budget
from chargen.training.folder import RunFolder
from chargen.training.plan import Asked, Plan, plan
from chargen.training.precision import autocast
from chargen.training.trainer import Trainer

_TRAINING_SHAPES = ("small", "base")
_CHARACTERS = 400_000
_STEPS = 2_000_000
_UPDATES = 8
_DROPOUT = 0.1


def training_speed(seconds: float) -> Iterator[Measurement]:
    """Characters a second of the trainer beside a bare loop, for two presets.

    The bare loop has the same fused layers, precision, threads, dropout, clipping, optimiser and
    batch shapes, and nothing else: no records, saves, evaluations or carried bookkeeping.
    seconds: to spend on each shape.
    """
    letters = np.random.Generator(np.random.Philox(1)).integers(0, 64, _CHARACTERS)
    corpus = Corpus.of(["".join(chr(48 + k) for k in letters)], name="bench")
    for preset in _TRAINING_SHAPES:
        asked = Asked(
            preset=preset,
            budget=Budget("steps", _STEPS),
            dropout=_DROPOUT,
            validation_fraction=0.0,
            save_every=1e9,
        )
        chosen = plan(corpus, asked)
        with tempfile.TemporaryDirectory() as folder:
            run = RunFolder.create(Path(folder) / "run", "bench", overwrite=False)
            trainer = Trainer(chosen, run)
            trainer.progress.step = _STEPS // 2  # where windows are no longer divided
            turns = in_turn([_our_updates(trainer), _bare_updates(chosen)], seconds)
            run.close()
        model, training = chosen.model, chosen.training
        yield Measurement(
            what="training",
            shape=f"{model.cell} {model.num_layers}x{model.hidden_size}, batch"
            f" {training.batch_size}x{training.sequence_length}, {training.precision}",
            value=turns.rate(0),
            unit="characters/s",
            against=f"a bare loop over the same layers: {turns.rate(1):,.0f}",
            ratio=turns.ratio(0, 1),
        )


def _our_updates(trainer: Trainer) -> Work:
    """Some updates of a real run, as its caller sees them."""
    records = trainer.run()

    def updates() -> int:
        left, before = _UPDATES, trainer.progress.characters
        while left:
            left -= isinstance(next(records), Step)
        return trainer.progress.characters - before

    return updates


def _bare_updates(chosen: Plan) -> Work:
    """The least that trains the same network: the loop one would write in a notebook."""
    training, model = chosen.training, chosen.model
    network = Network(model)
    network.initialise(training.seed)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, betas=(0.9, 0.99), fused=True
    )
    lanes, window = training.batch_size, training.sequence_length
    ids = torch.from_numpy(chosen.split.ids[: lanes * window * 64].astype(np.int64))
    windows = ids.view(64, window, lanes)
    states = network.empty_states(lanes)
    masks = [torch.ones(1, lanes, model.input_size), torch.ones(1, lanes, model.hidden_size)]
    at = 0

    def updates() -> int:
        nonlocal states, at
        for _ in range(_UPDATES):
            inputs, targets = windows[at % 63], windows[at % 63 + 1]
            at += 1
            with autocast(training.precision, training.device):
                logits, after = network(
                    inputs, states, [functional.dropout(m, _DROPOUT) for m in masks]
                )
            loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), training.clip_norm)
            optimiser.step()
            loss.item()
            states = [tuple(part.detach() for part in state) for state in after]
        return _UPDATES * lanes * window

    return updates
