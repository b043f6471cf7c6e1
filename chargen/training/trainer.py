"""Truncated backpropagation through time with carried states, as a generator of records.

Shapes: T time, B sequences in parallel.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from chargen.errors import TrainingError
from chargen.evaluation.validation import streams, validation_nats
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.model import checkpoint
from chargen.model.engine import Engine
from chargen.model.network import Network, States
from chargen.training import schedule
from chargen.training.batches import NO_TARGET
from chargen.training.card import model_card
from chargen.training.dropout import dropout_masks
from chargen.training.folder import RunFolder
from chargen.training.optimiser import Optimiser
from chargen.training.precision import autocast, torch_threads
from chargen.training.records import Evaluation, Finished, Sample, Saved, Step, TrainingRecord
from chargen.training.spec import RunSpec
from chargen.training.state import Progress, TrainingState
from chargen.training.windows import Windows

_SAMPLES = 5
_SAMPLE_LENGTH = 120
_LOG_LINES = 1_000
_RUNNING_MEAN = 0.02


class Trainer:
    """One training run. It can be saved, stopped and resumed between any two records of `run`.

    The result depends only on the specification. Random numbers depend on the seed and the step,
    so a run that was killed and resumed gives the same bits as an uninterrupted one (on a CPU,
    with the same number of threads and a budget of steps or epochs).
    """

    def __init__(self, spec: RunSpec, folder: RunFolder) -> None:
        self.spec = spec
        self.folder = folder
        self.config = spec.training
        self.progress = Progress()
        self._siblings = {
            checkpoint.CONFIG: spec.description.to_json(),
            checkpoint.TOKENIZER: spec.vocabulary.to_json(),
        }
        self._network = Network(spec.model)
        with torch_threads(self.config.threads):
            self._network.initialise(self.config.seed, chrono_max=self.config.chrono_max)
        if spec.weights is not None:
            self._network.load_weights(spec.weights)
        self._network.to(self.config.device)
        self._parameters = dict(self._network.named_parameters())
        self._optimiser = Optimiser(
            self._parameters.items(),
            weight_decay=self.config.weight_decay,
            clip_norm=self.config.clip_norm,
            device=self.config.device,
        )
        self._windows = Windows(spec, self.progress)
        self._states: States = []
        self._validation = streams(spec.split.validation)
        self._best: checkpoint.Weights | None = None
        self._best_is_saved = True
        self._fraction = 0.0
        self._began = 0.0
        self._saved_at = 0.0

    def resume(self, state: TrainingState) -> None:
        """Continue from a saved state."""
        self.progress = replace(state.progress)
        self._windows = Windows(self.spec, self.progress)
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(state.tensors["network"][name])
        self._optimiser.load_state(state.tensors["optimiser"])
        carried, parts = state.tensors["state"], self._network.cell.state
        self._states = [
            tuple(carried[f"{k}/{part}"].to(self.config.device) for part in parts)
            for k in range(self.spec.model.num_layers)
            if self.progress.step
        ]
        best = state.tensors["best"]
        self._best = {name: tensor.numpy().copy() for name, tensor in best.items()} or None
        self._best_is_saved = not best
        self.folder.truncate_log(self.progress.log_bytes)

    def run(self, prompt: str = "") -> Iterator[TrainingRecord]:
        """Train until the budget is spent or patience runs out.

        prompt: the start of the samples.
        Raises TrainingError if the loss is not finite, CheckpointError if a save fails.
        """
        with torch_threads(self.config.threads):
            yield from self._run(prompt)

    def _run(self, prompt: str) -> Iterator[TrainingRecord]:
        self._began = time.monotonic() - self.progress.seconds
        self._fraction = self._spent()
        self._saved_at = time.monotonic()
        for name, data in self._siblings.items():
            self.folder.write(name, data)
        if not self.progress.step:
            self.save()  # a run that is killed in its first seconds can then be resumed
        samples = schedule.due(self._fraction, _SAMPLES)
        logged = schedule.due(self._fraction, _LOG_LINES)
        while True:
            if schedule.due(self._fraction, self.config.evaluations) > self.progress.evaluations:
                yield self._logged(self._evaluate())
            if schedule.due(self._fraction, _SAMPLES) > samples:
                samples = schedule.due(self._fraction, _SAMPLES)
                yield self._logged(Sample(self.progress.step, self._sample(prompt)))
            if reason := self._reason():
                break
            is_due = time.monotonic() - self._saved_at >= self.config.save_every
            if is_due or not self._best_is_saved:
                saved = Saved(self.progress.step, best=not self._best_is_saved)
                self.save()
                yield self._logged(saved)
            step = self._update()
            if schedule.due(self._fraction, _LOG_LINES) > logged:
                logged = schedule.due(self._fraction, _LOG_LINES)
                self.folder.log(step)
            yield step
        yield self._finish(reason)

    def save(self) -> None:
        """Write the model, then the state that is needed to resume."""
        progress = self.progress
        if not self._best_is_saved or (self._best is None and progress.step):
            self._write_model()
        self._best_is_saved = True
        progress.log_bytes = self.folder.log_size()
        TrainingState(self._tensors(), progress, self._siblings).write(self.folder.path)
        self._saved_at = time.monotonic()

    def _update(self) -> Step:
        progress, config = self.progress, self.config
        learning_rate = schedule.learning_rate(config.learning_rate, self._fraction)
        batch = self._windows.read(self._fraction)
        inputs = torch.from_numpy(batch.inputs).to(config.device)
        targets = torch.from_numpy(batch.targets).to(config.device)
        self._reset_states(torch.from_numpy(batch.reset_mask).to(config.device))
        with autocast(config.precision, config.device):
            logits, self._states = self._forward(inputs)
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NO_TARGET
        )
        norm = self._optimiser.update(loss, learning_rate)
        nats = loss.item()
        if not math.isfinite(nats):
            raise TrainingError(
                f"the loss became {nats} at step {progress.step + 1} (try a learning rate of"
                f" {config.learning_rate / 4:.2g}; the last save is intact)"
            )
        progress.step += 1
        weight = max(_RUNNING_MEAN, 1 / progress.step)
        progress.training_nats += weight * (nats - progress.training_nats)
        progress.seconds = time.monotonic() - self._began
        self._fraction = self._spent()
        return Step(
            step=progress.step,
            epoch=progress.epoch,
            fraction=self._fraction,
            loss=nats,
            gradient_norm=norm,
            learning_rate=learning_rate,
            characters=progress.characters,
            seconds=progress.seconds,
        )

    def _forward(self, inputs: Tensor) -> tuple[Tensor, States]:
        """Return the logits of a window and the states after it, detached.

        The states are also detached within the window, after every `bptt_length` characters.
        """
        batch_size = inputs.shape[1]
        masks = dropout_masks(self.spec.model, self.config, batch_size, self.progress.step)
        states, parts = self._states, []
        for piece in torch.split(inputs, self.config.bptt_length or len(inputs)):
            logits, states = self._network(piece, states, masks)
            states = [tuple(part.detach() for part in state) for state in states]
            parts.append(logits)
        return torch.cat(parts) if len(parts) > 1 else parts[0], states

    def _reset_states(self, reset_mask: Tensor) -> None:
        if not self._states or reset_mask.all():
            self._states = self._network.empty_states(len(reset_mask))
        elif reset_mask.any():
            keep = ~reset_mask[None, :, None]
            self._states = [tuple(part * keep for part in state) for state in self._states]

    def _evaluate(self) -> Evaluation:
        """Measure the validation loss; keep the best weights."""
        progress = self.progress
        progress.evaluations = schedule.due(self._fraction, self.config.evaluations)
        began = time.monotonic()
        nats = validation_nats(self._network, self.spec.split.ids, self._validation)
        progress.reserve = time.monotonic() - began
        progress.seconds = time.monotonic() - self._began
        best = progress.best is None or nats < progress.best["validation_nats"]
        progress.since_best += 1
        if best:
            progress.best = self._measured(nats)
            progress.since_best = 0
            self._best = self._network.weights()
            self._best_is_saved = False
        return Evaluation(progress.step, self._fraction, nats, best, progress.reserve)

    def _sample(self, prompt: str) -> str:
        engine = Engine(self.spec.model, self._network.weights())
        reader = Reader(engine, self.spec.vocabulary, lines=self.spec.corpus.lines)
        settings = GenerationSettings(length=_SAMPLE_LENGTH, seed=self.progress.step)
        return prompt + generate_texts(reader, settings, prompt)[0]

    def _finish(self, reason: str) -> Finished:
        progress = self.progress
        progress.finished = True
        finished = Finished(
            step=progress.step,
            reason=reason,
            training_nats=progress.training_nats,
            validation_nats=progress.best["validation_nats"] if progress.best else None,
            characters=progress.characters,
            seconds=progress.seconds,
        )
        self.folder.log(finished)
        self.save()
        return finished

    def _reason(self) -> str | None:
        """Return the reason why the run is finished, or None if it is not."""
        if self._fraction >= 1:
            return "budget"
        patience = self.config.patience
        return "patience" if patience and self.progress.since_best >= patience else None

    def _spent(self) -> float:
        """Return the share of the budget that is spent."""
        progress, budget = self.progress, self.config.budget
        if budget.kind == "steps":
            spent = progress.step / budget.amount
        elif budget.kind == "epochs":
            spent = self._windows.epochs / budget.amount
        else:  # the last evaluation is part of the minutes
            seconds = 60 * budget.amount
            spent = progress.seconds / max(seconds - progress.reserve, seconds / 2)
        return min(1.0, spent)

    def _tensors(self) -> dict[str, dict[str, Tensor]]:
        return {
            "network": dict(self._parameters),
            "optimiser": self._optimiser.state(),
            "state": {
                f"{k}/{part}": carried
                for k, state in enumerate(self._states)
                for part, carried in zip(self._network.cell.state, state, strict=True)
            },
            "best": {name: torch.from_numpy(array) for name, array in (self._best or {}).items()},
        }

    def _measured(self, validation_nats: float | None) -> dict[str, Any]:
        """Return the values that are stored with the weights of this step."""
        progress = self.progress
        return {
            "step": progress.step,
            "trained_characters": progress.characters,
            "trained_seconds": round(progress.seconds, 3),
            "training_nats": progress.training_nats,
            "validation_nats": validation_nats,
            "precision": self.config.precision,
        }

    def _write_model(self) -> None:
        weights = self._network.weights() if self._best is None else self._best
        measured = self.progress.best or self._measured(None)
        checkpoint.write_model(self.folder.path, self._siblings, weights, measured)
        text = model_card(self.folder.final_path, self.spec.description, measured)
        self.folder.write(checkpoint.CARD, text.encode("utf-8", "replace"))

    def _logged(self, record: TrainingRecord) -> TrainingRecord:
        self.folder.log(record)
        return record
