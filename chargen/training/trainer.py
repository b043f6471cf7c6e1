"""Truncated backpropagation through time with carried states, as a generator of records.

Shapes: T time, B sequences in parallel.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from chargen.errors import TrainingError
from chargen.evaluation.validation import validation_nats
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.model import checkpoint
from chargen.model.engine import Engine
from chargen.model.first_input import first_input
from chargen.model.network import Network, States
from chargen.training import schedule
from chargen.training.advice import PASSAGE, Advice, CurvePoint, Outcome, advice, overfits
from chargen.training.averaging import WeightAverage
from chargen.training.batches import NO_TARGET
from chargen.training.card import model_card
from chargen.training.copied import copied_passages
from chargen.training.dropout import dropout_masks
from chargen.training.folder import RunFolder
from chargen.training.held_out import EvaluationPlan, HeldOut, Part, count_targets
from chargen.training.optimiser import Optimiser
from chargen.training.options import Budget
from chargen.training.precision import autocast, torch_threads
from chargen.training.ranks import Ranks
from chargen.training.records import (
    Evaluation,
    Extended,
    Finished,
    Returned,
    Sample,
    Saved,
    Step,
    TrainingRecord,
)
from chargen.training.segment import Position, Segment
from chargen.training.spec import RunSpec, make_extension
from chargen.training.state import Progress, TrainingState
from chargen.training.threads import ThreadChoice, thread_counts
from chargen.training.windows import Windows

_SAMPLES = 5
# Evaluations without a new best before a run that overfits is stopped.
_OVERFITTING_PATIENCE = 5
_SAMPLE_LENGTH = 120
_LOG_LINES = 1_000
# A new best is saved when saving takes at most this share of the time since the last save. A run
# of half a minute can have twenty, and a save takes up to a third of a second (1x512).
_SAVE_SHARE = 0.03
_RUNNING_MEAN = 0.02
# How often good weights are kept in a run. After _MAX_RETURNS returns to them, the run fails.
_SNAPSHOTS = 50
_MAX_RETURNS = 2
# Training diverges if the losses of this many successive batches are this many nats above the
# running mean, and a nat above the loss of equal probabilities. A batch of n characters may exceed
# the mean by _NOISE / sqrt(n) nats more: a single rare character can have a loss of 10 nats.
_MAX_JUMPS = 3
_JUMP, _NOISE, _WORSE = 3.0, 20.0, 1.0


class Trainer:
    """One training run. It can be saved, stopped and resumed between any two records of `run`.

    The result depends only on the specification. Random numbers depend on the seed and the step,
    so a run that was killed and resumed gives the same bits as an uninterrupted one (on a CPU,
    with a budget of steps or epochs; with minutes, the number of threads can change).
    began: when the minutes of the budget began, by `time.monotonic`; None: when training begins.
    """

    def __init__(self, spec: RunSpec, folder: RunFolder, *, began: float | None = None) -> None:
        self.spec = spec
        self.folder = folder
        self.config = spec.training
        self._segment = Segment(
            self.config.budget,
            self.config.dropout,
            self.config.evaluations,
            validation_characters=self.config.validation_characters,
        )
        self.progress = Progress()
        # Whether all ranks stop at this record, since one of them was asked to.
        self.is_stopping = False
        self._ranks = Ranks()
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
        start = self._start_tensors()
        self._parameters = dict(self._network.named_parameters())
        self._optimiser = Optimiser(
            self._parameters.items(),
            weight_decay=self.config.weight_decay,
            clip_norm=self.config.clip_norm,
            muon=self.config.muon,
            towards={name: each.to(self.config.device) for name, each in start.items()} or None,
            dtype=torch.bfloat16 if self.config.precision == "bfloat16" else torch.float32,
            device=self.config.device,
        )
        self._average = WeightAverage(self._parameters)
        self._good = self._weights()
        self._windows = Windows(spec, self.progress)
        counts: tuple[int, ...] = (self.config.threads,)
        # With another number of threads, the weights of one rank would differ from those of others.
        is_alone = self._ranks.size == 1
        if self.config.budget.kind == "minutes" and self.config.device == "cpu" and is_alone:
            counts = thread_counts(spec.model, self.config.batch_size)
        self._threads = ThreadChoice(self.config.threads, counts)
        self._states: States = []  # of the sequences of this rank, out of `_width`
        self._width = 0
        self._held_out = self._read_in(self._segment)
        self._best: checkpoint.Weights | None = None
        self._best_is_saved = True
        self._fraction = 0.0
        self._prepared_since = began
        self._began = 0.0
        self._saved_at = 0.0
        self._save_seconds = 0.0  # of the last save
        self._is_save_due = self._asked_to_stop = False

    def resume(self, state: TrainingState) -> None:
        """Continue from a saved state."""
        self.progress = replace(state.progress)
        self._windows = Windows(self.spec, self.progress)
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(state.tensors["network"][name])
        self._optimiser.load_state(state.tensors["optimiser"])
        self._average.load_state(state.tensors["average"])
        carried, parts = state.tensors["state"], self._network.cell.state
        self._width = next(iter(carried.values())).shape[1] if carried else 0
        columns = self._ranks.columns(self._width)
        self._states = [
            tuple(carried[f"{k}/{part}"][:, columns].to(self.config.device) for part in parts)
            for k in range(self.spec.model.num_layers)
            if carried
        ]
        # Older runs have none, and begin with the weights of their last save.
        self._good = dict(state.tensors.get("good") or self._weights())
        best = state.tensors["best"]
        self._best = {name: tensor.numpy().copy() for name, tensor in best.items()} or None
        self._best_is_saved = not best
        self.folder.truncate_log(self.progress.log_bytes)
        if self.progress.extensions:
            self._select(self.progress.extensions[-1])

    def extend(self, budget: Budget) -> None:
        """Give the run another budget, from where it stands, and save it."""
        progress = self.progress
        part = self._held_out.part
        self._select(make_extension(self.spec, budget, self._position(), progress.characters))
        progress.extensions += (self._segment,)
        progress.evaluations = progress.since_best = progress.snapshots = 0
        progress.finished, progress.advice, progress.curve = False, None, ()
        progress.preparation, progress.final = 0.0, None
        if progress.best and not np.array_equal(part.spans, self._held_out.part.spans):
            # Losses are comparable only if they are measured on the same text.
            began = time.monotonic()
            progress.best = {**progress.best, **self._loss_of_best(self._held_out.part)}
            progress.reserve = self._ranks.share(time.monotonic() - began)
        if progress.best:
            nats = progress.best["validation_nats"]
            progress.curve = (CurvePoint(progress.step, nats, progress.training_nats),)
        self.folder.log(Extended(progress.step, self._segment))
        self.save()

    def run(self, prompt: str = "") -> Iterator[TrainingRecord]:
        """Train until the budget is spent, patience runs out, or the run overfits.

        prompt: the start of the samples.
        Raises TrainingError if training diverges again after two returns to earlier weights, and
        CheckpointError if a save fails.
        """
        with torch_threads(self._threads.chosen):
            yield from self._run(prompt)

    def _run(self, prompt: str) -> Iterator[TrainingRecord]:
        now = time.monotonic()
        if self._prepared_since is not None:
            self.progress.preparation += self._ranks.share(now - self._prepared_since)
        self._began = now - self.progress.seconds
        self._fraction = self._spent()
        self._saved_at = time.monotonic()
        for name, data in self._siblings.items():
            self.folder.write(name, data)
        if self.spec.source is not None:
            self.folder.write(checkpoint.SOURCE, self.spec.source.to_json())
        if not self.progress.step:
            self.save()  # a run that is killed in its first seconds can then be resumed
        self.folder.remove_settings()
        is_scored = self.progress.best is not None
        if self.spec.weights is not None and self._held_out.part.characters and not is_scored:
            yield self._logged(self._evaluate())
        samples = schedule.due(self._fraction, _SAMPLES)
        logged = schedule.due(self._fraction, _LOG_LINES)
        while True:
            if schedule.due(self._fraction, self.config.evaluations) > self.progress.evaluations:
                yield self._logged(self._evaluate())
            if schedule.due(self._fraction, _SAMPLES) > samples:
                samples = schedule.due(self._fraction, _SAMPLES)
                text = self._sample(prompt) if self._ranks.is_first else ""
                yield self._logged(Sample(self.progress.step, text))
            if reason := self._reason():
                break
            if self._is_save_due:
                saved = Saved(self.progress.step, best=not self._best_is_saved)
                self.save()
                yield self._logged(saved)
            step = self._update()
            if isinstance(step, Returned):
                yield self._logged(step)
                continue
            if schedule.due(self._fraction, _LOG_LINES) > logged:
                logged = schedule.due(self._fraction, _LOG_LINES)
                self.folder.log(step)
            yield step
        yield self._finish(reason)

    def stop(self) -> None:
        """Ask all ranks to stop: `is_stopping` is then True for all of them at the same record."""
        self._asked_to_stop = True
        self.is_stopping |= self._ranks.size == 1

    def state(self) -> TrainingState:
        """Return the state that is needed to resume. All ranks call it."""
        return TrainingState(self._tensors(), self.progress, self._siblings)

    def save(self) -> None:
        """Write the model, then the state that is needed to resume. All ranks call it.

        Without a validation set, an extension replaces the model only when it is finished: before
        that, its learning rate makes the model worse.
        """
        began, progress = time.monotonic(), self.progress
        is_last = self._best is None and progress.step and not progress.extensions
        state = self.state()
        if self._ranks.is_first:
            if not self._best_is_saved or is_last or progress.finished:
                self._write_model()
            progress.log_bytes = self.folder.log_size()
            state.write(self.folder.path)
        self._best_is_saved = True
        self._is_save_due = False
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - began

    def _update(self) -> Step | Returned:
        progress, config = self.progress, self.config
        threads = self._threads.count
        torch.set_num_threads(threads)
        began, before = time.perf_counter(), progress.characters
        peak = self._peak_rate()
        learning_rate = schedule.learning_rate(peak, self._fraction)
        batch = self._windows.read(self._fraction)
        self._width = batch.inputs.shape[1]
        batch = self._ranks.part(batch)
        inputs = torch.from_numpy(batch.inputs).to(config.device)
        targets = torch.from_numpy(batch.targets).to(config.device)
        self._reset_states(torch.from_numpy(batch.reset_mask).to(config.device))
        with autocast(config.precision, config.device):
            logits, self._states = self._forward(inputs)
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NO_TARGET, reduction="sum"
        ) / (progress.characters - before)
        nats = self._exchange(self._optimiser.gradients(loss), loss)
        if not math.isfinite(nats):
            return self._return(f"the loss became {nats}")
        self._count_jump(nats, progress.characters - before)
        if progress.jumps >= _MAX_JUMPS:
            return self._return(
                f"the loss jumped from {progress.training_nats:.2f} to {nats:.2f} nats"
            )
        if not progress.jumps and schedule.due(self._fraction, _SNAPSHOTS) > progress.snapshots:
            progress.snapshots = schedule.due(self._fraction, _SNAPSHOTS)
            progress.good_step, self._good = progress.step, self._weights()
        norm = self._optimiser.step(learning_rate)
        if not math.isfinite(norm):
            return self._return(f"the norm of the gradient became {norm}")
        progress.step += 1
        updates = progress.step - self._segment.begin.steps
        self._average.update(updates, learning_rate / peak)
        if not progress.jumps:
            weight = max(_RUNNING_MEAN, 1 / progress.step)
            progress.training_nats += weight * (nats - progress.training_nats)
        self._fraction = self._spent()
        self._threads.add(progress.characters - before, time.perf_counter() - began)
        torch.set_num_threads(self._threads.chosen)
        return Step(
            step=progress.step,
            epoch=progress.epoch,
            fraction=self._fraction,
            loss=nats,
            gradient_norm=norm,
            learning_rate=learning_rate,
            characters=progress.characters,
            seconds=progress.seconds,
            threads=threads,
        )

    def _exchange(self, gradients: list[Tensor], loss: Tensor) -> float:
        """Sum the gradients over all ranks, and return the sum of the losses.

        The same message carries the clock of the first rank, and what follows the update.
        """
        now = time.monotonic()
        seconds, interval = now - self._began, self.config.save_every
        if not self._best_is_saved:
            interval = min(interval, self._save_seconds / _SAVE_SHARE)
        is_due = now - self._saved_at >= interval
        if not self._ranks.is_first:
            seconds, is_due = 0.0, False
        nats, self.progress.seconds, due, asked = self._ranks.sum_gradients(
            gradients, loss.item(), seconds, is_due, self._asked_to_stop
        )
        self._is_save_due, self.is_stopping = due > 0, asked > 0
        return nats

    def _peak_rate(self) -> float:
        return self.config.learning_rate * float(0.5**self.progress.returns)

    def _count_jump(self, nats: float, characters: int) -> None:
        """Count successive batches whose loss is too high to be chance."""
        progress = self.progress
        most = max(
            progress.training_nats + _JUMP + _NOISE / math.sqrt(max(1, characters)),
            math.log(self.spec.model.vocab_size) + _WORSE,
        )
        progress.jumps = progress.jumps + 1 if progress.step and nats > most else 0

    def _return(self, reason: str) -> Returned:
        """Return to the last good weights. The position in the text and the budget do not change.

        All ranks do so together: the losses and the norms are those of all of them.

        Raises TrainingError, after a save, if that was done too often.
        """
        progress = self.progress
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(self._good[name])
        self._average.load_state(self._good)
        self._optimiser.reset_momentum()
        self._states, progress.jumps = [], 0
        progress.seconds = self._seconds()
        self._fraction = self._spent()
        if progress.returns == _MAX_RETURNS:
            self.save()
            raise TrainingError(
                f"{reason} after step {progress.step}, although the run returned to earlier weights"
                f" and halved the learning rate {_MAX_RETURNS} times (start a new run with a"
                f" learning rate of {self._peak_rate() / 2:.2g}; the last good state is saved)"
            )
        progress.returns += 1
        return Returned(
            progress.step, self._fraction, reason, progress.good_step, self._peak_rate()
        )

    def _weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights."""
        return {name: each.detach().clone() for name, each in self._parameters.items()}

    def _forward(self, inputs: Tensor) -> tuple[Tensor, States]:
        """Return the logits of a window and the states after it, detached.

        The states are also detached within the window, after every `bptt_length` characters.
        """
        masks = dropout_masks(self.spec.model, self.config, self._width, self.progress.step)
        if masks is not None:
            columns = self._ranks.columns(self._width)
            masks = [mask[:, columns] for mask in masks]
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

    def _evaluate(self) -> Evaluation | Returned:
        """Measure the validation loss; keep the best weights."""
        progress = self.progress
        progress.evaluations = schedule.due(self._fraction, self.config.evaluations)
        began = self._seconds()
        with self._average.applied():
            nats = self._validation_nats(self._network, self._held_out.part)
        progress.seconds = self._seconds()
        progress.reserve = progress.seconds - began
        if not math.isfinite(nats):
            return self._return(f"the validation loss became {nats}")
        point = CurvePoint(progress.step, nats, progress.training_nats)
        progress.curve = (*progress.curve, point)
        best = progress.best is None or nats < progress.best["validation_nats"]
        progress.since_best += 1
        if best:
            progress.best = self._measured(nats)
            progress.since_best = 0
            self._best = self._average.weights()
            self._best_is_saved = False
        return Evaluation(
            progress.step,
            self._fraction,
            nats,
            best,
            progress.reserve,
            self._held_out.part.characters,
        )

    def _measure_best(self) -> None:
        """Measure the loss of the best weights on as much of the held-out text as time allows."""
        progress = self.progress
        if self._best is None:
            return
        progress.seconds = self._seconds()
        left = self._segment.minutes_left(self._position(), progress.preparation / 60)
        part = self._held_out.final(progress.reserve, 60 * left)
        if part is not None:
            progress.final = self._loss_of_best(part)
            progress.seconds = self._seconds()

    def _loss_of_best(self, part: Part) -> dict[str, Any]:
        """Return the measured values of the best weights that depend on the held-out text."""
        assert self._best is not None
        network = Network(self.spec.model)
        network.load_weights(self._best)
        nats = self._validation_nats(network.to(self.config.device), part)
        return {"validation_nats": nats, "validation_characters": part.characters}

    def _validation_nats(self, network: Network, part: Part) -> float:
        """Return the loss on a part of the held-out text. Each rank reads some of its spans."""
        ids, ranks = self.spec.split.ids, self._ranks
        if ranks.size == 1:
            return validation_nats(network, ids, part.spans)
        own = part.spans[ranks.rank :: ranks.size]
        count = count_targets(own)
        total, characters = ranks.sum(
            count * validation_nats(network, ids, own) if count else 0.0, count
        )
        return total / characters

    def _reader(self, weights: checkpoint.Weights) -> Reader:
        engine = Engine(self.spec.model, weights)
        vocabulary, corpus = self.spec.vocabulary, self.spec.corpus
        first = first_input(corpus.kind, vocabulary, asdict(corpus))
        return Reader(engine, vocabulary, kind=corpus.kind, first_input=first)

    def _sample(self, prompt: str) -> str:
        reader = self._reader(self._average.weights())
        settings = GenerationSettings(length=_SAMPLE_LENGTH, seed=self.progress.step)
        return prompt + generate_texts(reader, settings, prompt, past_end=True)[0]

    def _finish(self, reason: str) -> Finished:
        progress = self.progress
        self._measure_best()
        progress.finished = True
        measured = self._kept_values()
        found = self._advice(reason) if self._ranks.is_first else None
        progress.advice = found.text if found else None
        position = self._position()
        minutes = position.minutes + progress.preparation / 60
        more = replace(position, minutes=minutes).as_budget(self.config.budget.kind)
        finished = Finished(
            step=progress.step,
            reason=reason,
            training_nats=progress.training_nats,
            validation_nats=measured["validation_nats"],
            validation_characters=measured.get("validation_characters"),
            best_step=measured["step"],
            characters=progress.characters,
            seconds=progress.seconds,
            advice=progress.advice,
            more=f"--{more.kind} {more.amount:.10g}" if found and found.longer else None,
        )
        self.folder.log(finished)
        self.save()
        return finished

    def _advice(self, reason: str) -> Advice | None:
        spec, shares = self.spec, None
        if spec.by_heart or self._held_out.part.characters:
            shares = copied_passages(
                self._reader(self._kept()),
                spec.split,
                PASSAGE,
                by_heart=spec.by_heart,
                seed=self.config.seed,
            )
        copied, usual = shares or (None, 0.0)
        return advice(
            Outcome(
                curve=self.progress.curve,
                begin=self._segment.begin.steps,
                is_complete=reason == "budget",
                copied=copied,
                usual=usual,
                by_heart=spec.by_heart,
                epochs=self.progress.characters / spec.split.train_characters,
            )
        )

    def _reason(self) -> str | None:
        """Return the reason why the run is finished, or None if it is not."""
        if self._fraction >= 1:
            return "budget"
        patience, since_best = self.config.patience, self.progress.since_best
        if patience is None:
            is_over = since_best >= _OVERFITTING_PATIENCE and overfits(self.progress.curve)
            return "overfitting" if is_over else None
        return "patience" if patience and since_best >= patience else None

    def _spent(self) -> float:
        """Return the share of the budget that is spent."""
        progress = self.progress
        reserve = self._held_out.seconds_at_end(progress.reserve)
        return self._segment.spent(self._position(), progress.preparation / 60, reserve / 60)

    def _seconds(self) -> float:
        """Return the seconds of training, by the clock of the first rank."""
        return self._ranks.share(time.monotonic() - self._began)

    def _position(self) -> Position:
        progress = self.progress
        return Position(progress.step, self._windows.epochs, progress.seconds / 60)

    def _select(self, segment: Segment) -> None:
        self._segment = segment
        self.config = replace(
            self.config,
            budget=segment.budget,
            dropout=segment.dropout,
            evaluations=segment.evaluations,
            validation_characters=segment.validation_characters,
        )
        self._held_out = self._read_in(segment)

    def _read_in(self, segment: Segment) -> HeldOut:
        plan = EvaluationPlan(segment.evaluations, segment.validation_characters)
        return HeldOut(self.spec.split.validation, plan, segment.budget)

    def _start_tensors(self) -> dict[str, Tensor]:
        """Return the weights of the model that the run started from, if any."""
        start = self.spec.weights or {}
        return {name: torch.from_numpy(array) for name, array in start.items()}

    def _tensors(self) -> dict[str, dict[str, Tensor]]:
        return {
            "network": dict(self._parameters),
            "optimiser": self._optimiser.state(),
            "average": self._average.state(),
            "state": {
                f"{k}/{part}": self._ranks.whole(carried, self._width)
                for k, state in enumerate(self._states)
                for part, carried in zip(self._network.cell.state, state, strict=True)
            },
            "best": {name: torch.from_numpy(array) for name, array in (self._best or {}).items()},
            "good": self._good,
            "start": self._start_tensors(),
        }

    def _measured(self, validation_nats: float | None) -> dict[str, Any]:
        """Return the values that are stored with the weights of this step."""
        progress = self.progress
        characters = None if validation_nats is None else self._held_out.part.characters
        return {
            "step": progress.step,
            "trained_characters": progress.characters,
            "trained_seconds": round(progress.seconds, 3),
            "training_nats": progress.training_nats if progress.step else None,
            "validation_nats": validation_nats,
            "validation_characters": characters,
            "precision": self.config.precision,
        }

    def _kept(self) -> checkpoint.Weights:
        """Return the weights of the model that the run keeps."""
        return self._average.weights() if self._best is None else self._best

    def _kept_values(self) -> dict[str, Any]:
        """Return the values that are measured for these weights."""
        return {**(self.progress.best or self._measured(None)), **(self.progress.final or {})}

    def _write_model(self) -> None:
        progress = self.progress
        measured = {
            **self._kept_values(),
            "extensions": [asdict(segment) for segment in progress.extensions],
            "run_steps": progress.step if progress.finished else None,
            "advice": progress.advice,
        }
        checkpoint.write_model(
            self.folder.path,
            self._siblings,
            self._kept(),
            measured,
            weights_dtype=self.config.weights_dtype,
        )
        text = model_card(self.folder.final_path, self.spec.description, measured)
        self.folder.write(checkpoint.CARD, text.encode("utf-8", "replace"))

    def _logged(self, record: TrainingRecord) -> TrainingRecord:
        self.folder.log(record)
        return record
