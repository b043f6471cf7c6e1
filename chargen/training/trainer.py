"""Truncated backpropagation through time over carried states, as a generator of records.

Shapes: T time, B lanes, D input, H hidden, V vocabulary.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from chargen.errors import TrainingError
from chargen.evaluation.validation import streams, validation_nats
from chargen.generation.context import Reader
from chargen.generation.filters import chain
from chargen.generation.generate import characters
from chargen.generation.sampler import Sampler
from chargen.model import checkpoint
from chargen.model.engine import Engine
from chargen.model.network import Network, States
from chargen.records import Evaluation, Finished, Sample, Saved, Step, TrainingRecord
from chargen.training import schedule
from chargen.training.batches import NO_TARGET, Batch, Batches, LineBatches, StreamBatches
from chargen.training.card import card
from chargen.training.folder import RunFolder
from chargen.training.plan import Plan
from chargen.training.precision import autocast, torch_threads
from chargen.training.randomness import DROPOUT, generator
from chargen.training.state import Progress, TrainingState

_SAMPLES = 5
_SAMPLE_LENGTH = 120
_LOG_LINES = 1_000
_RUNNING_MEAN = 0.02
_ENCODER_DROPOUT = 1 / 3  # of the layers': measured 0.1 beside 0.3


class Trainer:
    """One run. Between any two records of `run` it may be saved, left, and resumed later.

    What it computes is a pure function of the plan and the updates done: chance is drawn by
    position, so that a run that was killed and resumed ends bit-identical to one that was not
    (on a CPU, with the same number of threads and a budget of steps or epochs).
    """

    def __init__(self, plan: Plan, folder: RunFolder) -> None:
        self.plan = plan
        self.folder = folder
        self.config = plan.training
        self.progress = Progress()
        self._siblings = {
            checkpoint.CONFIG: plan.description.to_json(),
            checkpoint.TOKENIZER: plan.vocabulary.to_json(),
        }
        self._network = Network(plan.model)
        with torch_threads(self.config.threads):
            self._network.initialise(self.config.seed, memory=self.config.memory)
        if plan.weights is not None:
            self._network.begin_with(plan.weights)
        self._network.to(self.config.device)
        self._parameters = dict(self._network.named_parameters())
        self._optimiser = torch.optim.AdamW(
            self._parameters.values(),
            lr=self.config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=self.config.weight_decay,
            fused=self.config.device != "mps",
        )
        self._states: States = []
        self._batches = _batches(plan)
        self._epoch = self._batches.epoch(0)
        self._batch: Batch | None = None
        self._streams = streams(plan.split.validation)
        self._best: checkpoint.Weights | None = None
        self._unwritten_best = False
        self._fraction = 0.0
        self._began = 0.0
        self._saved_at = 0.0

    def resume(self, state: TrainingState) -> None:
        """Go on from a saved state instead of from the start."""
        tensors = state.tensors
        self.progress = replace(state.progress)
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(tensors[f"network/{name}"])
        kept = self._optimiser.state_dict()
        kept["state"] = {
            k: {
                key: tensors[f"optimiser/{name}/{key}"] for key in ("step", "exp_avg", "exp_avg_sq")
            }
            for k, name in enumerate(self._parameters)
            if f"optimiser/{name}/step" in tensors
        }
        self._optimiser.load_state_dict(kept)
        self._states = [
            tuple(
                tensors[f"state/{k}/{part}"].to(self.config.device)
                for part in self._network.cell.state
            )
            for k in range(self.plan.model.num_layers)
            if self.progress.step
        ]
        best = {
            name.removeprefix("best/"): tensor.numpy().copy()
            for name, tensor in tensors.items()
            if name.startswith("best/")
        }
        self._best = best or None
        self._unwritten_best = bool(best)
        self._epoch = self._batches.epoch(self.progress.epoch)
        self.folder.cut_log(self.progress.log_bytes)

    def run(self, prompt: str = "") -> Iterator[TrainingRecord]:
        """Train until the budget is spent or patience ends.

        prompt: what the samples begin with. Raises TrainingError where the loss is no number,
        and CheckpointError where a save fails.
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
            self.save()  # so that a run killed in its first seconds can be resumed too
        shown = schedule.due(self._fraction, _SAMPLES)
        logged = schedule.due(self._fraction, _LOG_LINES)
        while True:
            if schedule.due(self._fraction, self.config.evaluations) > self.progress.evaluations:
                yield from self._logged(self._evaluate())
            if schedule.due(self._fraction, _SAMPLES) > shown:
                shown = schedule.due(self._fraction, _SAMPLES)
                yield from self._logged(Sample(self.progress.step, self._write(prompt)))
            if self._reason():
                break
            if self._unwritten_best or time.monotonic() - self._saved_at >= self.config.save_every:
                best = self._unwritten_best
                self.save()
                yield from self._logged(Saved(self.progress.step, best))
            step = self._update()
            if schedule.due(self._fraction, _LOG_LINES) > logged:
                logged = schedule.due(self._fraction, _LOG_LINES)
                self.folder.log(step)
            yield step
        self.progress.finished = self._reason()
        finished = Finished(
            step=self.progress.step,
            reason=self._reason() or "",
            training_nats=self.progress.training_nats,
            validation_nats=self.progress.best_nats,
            characters=self.progress.characters,
            seconds=self.progress.seconds,
        )
        self.folder.log(finished)
        self.save()
        yield finished

    def save(self) -> None:
        """Put everything on disk: the model first, then what it takes to resume."""
        progress = self.progress
        if self._best is None and progress.step:
            self._write_model(self._network.weights())
        elif self._best is not None and self._unwritten_best:
            self._write_model(self._best)
        self._unwritten_best = False
        progress.log_bytes = self.folder.log_size()
        TrainingState(self._tensors(), progress, self._siblings).write(self.folder.path)
        self._saved_at = time.monotonic()

    def _update(self) -> Step:
        """One update of the weights."""
        progress, config = self.progress, self.config
        inputs, targets = self._next_window()
        rate = schedule.learning_rate(config.learning_rate, self._fraction)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        masks = self._dropout_masks(inputs.shape[1])
        with autocast(config.precision, config.device):
            logits, states = self._forward(inputs, masks)
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NO_TARGET
        )
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters.values(), config.clip_norm)
        self._optimiser.step()
        self._states = _detached(states)
        nats = loss.item()
        if not math.isfinite(nats):
            raise TrainingError(
                f"the loss became {nats} at step {progress.step + 1}"
                f" (try --learning-rate {config.learning_rate / 4:.2g}; what was saved is kept)"
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
            gradient_norm=norm.item(),
            learning_rate=rate,
            characters=progress.characters,
            seconds=progress.seconds,
        )

    def _forward(self, inputs: Tensor, masks: list[Tensor] | None) -> tuple[Tensor, States]:
        """Logits of a window, and the states after it, through which no gradient goes too far."""
        states, parts = self._states, []
        for piece in torch.split(inputs, self.config.reach or len(inputs)):
            logits, states = self._network(piece, _detached(states), masks)
            parts.append(logits)
        return torch.cat(parts) if len(parts) > 1 else parts[0], states

    def _next_window(self) -> tuple[Tensor, Tensor]:
        """inputs and targets [T, B] of the next update; the states are made ready for them."""
        progress = self.progress
        if self._batch is None:
            self._batch = self._epoch[progress.index]
        if progress.part == 0:
            progress.parts = schedule.window_parts(self._fraction) if self.config.divided else 1
            self._empty_fresh_lanes(self._batch)
        width = -(-self.config.sequence_length // progress.parts)
        at = progress.part * width
        inputs = self._batch.inputs[at : at + width]
        targets = self._batch.targets[at : at + width]
        progress.characters += int((targets != NO_TARGET).sum())
        progress.part += 1
        if progress.part * width >= len(self._batch.inputs):
            progress.part = 0
            progress.index += 1
            self._batch = None
            if progress.index == len(self._epoch):
                progress.index = 0
                progress.epoch += 1
                self._epoch = self._batches.epoch(progress.epoch)
        device = self.config.device
        return torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)

    def _empty_fresh_lanes(self, batch: Batch) -> None:
        if not self._states or batch.fresh.all():
            self._states = self._network.empty_states(len(batch.fresh))
        elif batch.fresh.any():
            keep = torch.from_numpy(~batch.fresh).to(self.config.device)[None, :, None]
            self._states = [tuple(part * keep for part in state) for state in self._states]

    def _dropout_masks(self, lanes: int) -> list[Tensor] | None:
        """Locked masks [1, B, D]: one draw for all characters of a window.

        Source: Gal and Ghahramani 2016.
        """
        rate, model = self.config.dropout, self.plan.model
        if rate == 0:
            return None
        random = generator(self.config.seed, DROPOUT, self.progress.step)
        rates = [rate * _ENCODER_DROPOUT] + [rate] * model.num_layers
        widths = [model.input_size] + [model.hidden_size] * model.num_layers
        return [
            torch.from_numpy(
                (random.random((1, lanes, width), np.float32) >= p).astype(np.float32) / (1 - p)
            ).to(self.config.device)
            for p, width in zip(rates, widths, strict=True)
        ]

    def _evaluate(self) -> Evaluation | None:
        """Read the held-out text, if there is one, and keep the weights if they are the best."""
        progress = self.progress
        progress.evaluations = schedule.due(self._fraction, self.config.evaluations)
        if not len(self._streams):
            return None
        began = time.monotonic()
        nats = validation_nats(self._network, self.plan.split.ids, self._streams)
        best = progress.best_nats is None or nats < progress.best_nats
        progress.reserve = time.monotonic() - began
        progress.seconds = time.monotonic() - self._began
        progress.since_best = 0 if best else progress.since_best + 1
        if best:
            self._best = self._network.weights()
            self._unwritten_best = True
            progress.best_nats, progress.best_step = nats, progress.step
            progress.best_characters = progress.characters
            progress.best_seconds = progress.seconds
            progress.best_training_nats = progress.training_nats
        return Evaluation(progress.step, self._fraction, nats, best, progress.reserve)

    def _write(self, prompt: str) -> str:
        engine = Engine(self.plan.model, self._network.weights())
        sampler = Sampler(chain(temperature=0.8), seed=self.progress.step)
        reader = Reader(engine, self.plan.vocabulary, lines=self.plan.corpus["lines"])
        return prompt + "".join(characters(reader, sampler, prompt, length=_SAMPLE_LENGTH))

    def _reason(self) -> str | None:
        """Why the run is over, or None."""
        if self._fraction >= 1:
            return "budget"
        patience = self.config.patience
        return "patience" if patience and self.progress.since_best >= patience else None

    def _spent(self) -> float:
        """The share of the budget that is spent."""
        progress, budget = self.progress, self.config.budget
        if budget.kind == "steps":
            spent = progress.step / budget.amount
        elif budget.kind == "epochs":
            windows = progress.index + progress.part / progress.parts
            spent = (progress.epoch + windows / len(self._epoch)) / budget.amount
        else:  # the last evaluation belongs to the minutes too
            seconds = 60 * budget.amount
            spent = progress.seconds / max(seconds - progress.reserve, seconds / 2)
        return min(1.0, spent)

    def _tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {
            f"network/{name}": value for name, value in self._parameters.items()
        }
        for name, value in self._parameters.items():
            for key, moment in self._optimiser.state.get(value, {}).items():
                tensors[f"optimiser/{name}/{key}"] = moment
        for k, state in enumerate(self._states):
            for part, carried in zip(self._network.cell.state, state, strict=True):
                tensors[f"state/{k}/{part}"] = carried
        for name, array in (self._best or {}).items():
            tensors[f"best/{name}"] = torch.from_numpy(np.asarray(array))
        return tensors

    def _write_model(self, weights: checkpoint.Weights) -> None:
        """model.safetensors and its card. The figures are those of the weights, at their step."""
        progress, held = self.progress, self._best is not None
        measured = {
            "step": progress.best_step if held else progress.step,
            "trained_characters": progress.best_characters if held else progress.characters,
            "trained_seconds": round(progress.best_seconds if held else progress.seconds, 3),
            "training_nats": progress.best_training_nats if held else progress.training_nats,
            "validation_nats": progress.best_nats,
            "precision": self.config.precision,
        }
        checkpoint.write_model(self.folder.path, self._siblings, weights, measured)
        text = card(self.folder.final_path, self.plan.description, measured)
        self.folder.write(checkpoint.CARD, text.encode("utf-8", "replace"))

    def _logged(self, record: TrainingRecord | None) -> Iterator[TrainingRecord]:
        if record is not None:
            self.folder.log(record)
            yield record


def _detached(states: States) -> States:
    return [tuple(part.detach() for part in state) for state in states]


def _batches(plan: Plan) -> Batches:
    config, parts = plan.training, plan.split
    if plan.corpus["lines"]:
        return LineBatches(
            parts.ids, parts.train, config.batch_size, config.sequence_length, config.seed
        )
    return StreamBatches(
        parts.ids,
        parts.train,
        config.batch_size,
        config.sequence_length,
        config.reset_probability,
        config.seed,
    )
