"""Truncated backpropagation through time with carried states, as a generator of records."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from chargen.errors import TrainingError
from chargen.model import checkpoint
from chargen.training import schedule
from chargen.training.advice import Advice, CurvePoint, Outcome, advice, overfits
from chargen.training.divergence import MAX_RETURNS, GoodWeights, divergence
from chargen.training.folder import RunFolder
from chargen.training.held_out import EvaluationPlan, HeldOut, validation_loss
from chargen.training.kept_model import KeptModel
from chargen.training.learner import Learner
from chargen.training.options import Budget
from chargen.training.precision import torch_threads
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
from chargen.training.samples import copied, sample
from chargen.training.segment import Position, Segment
from chargen.training.spec import RunSpec, make_extension
from chargen.training.state import Progress, TrainingState
from chargen.training.threads import ThreadChoice, thread_counts
from chargen.training.windows import Windows

_SAMPLES = 5
# Evaluations without a new best before a run that overfits is stopped.
_OVERFITTING_PATIENCE = 5
_LOG_LINES = 1_000
# A new best is saved when saving takes at most this share of the time since the last save. A run
# of half a minute can have twenty, and a save takes up to a third of a second (1x512).
_SAVE_SHARE = 0.03
_RUNNING_MEAN = 0.02


class Trainer:
    """One training run. It can be saved, stopped and resumed between any two records of `run`.

    The result depends only on the specification. Random numbers depend on the seed and the step,
    so a run that was killed and resumed gives the same bits as an uninterrupted one (on a CPU,
    with a budget of steps or epochs; with minutes, the number of threads can change).
    state: that of a save, from which the run continues; None to start it.
    began: when the minutes of the budget began, by `time.monotonic`; None: when training begins.
    """

    def __init__(
        self,
        spec: RunSpec,
        folder: RunFolder,
        *,
        state: TrainingState | None = None,
        began: float | None = None,
    ) -> None:
        self.spec = spec
        self.folder = folder
        self.config = spec.training
        self.progress = Progress() if state is None else replace(state.progress)
        # Whether all ranks stop at this record, since one of them was asked to.
        self.is_stopping = False
        self._ranks = Ranks()
        self._siblings = {
            checkpoint.CONFIG: spec.description.to_json(),
            checkpoint.TOKENIZER: spec.vocabulary.to_json(),
        }
        self._learner = Learner(spec, self._ranks)
        self._good = GoodWeights(self._learner.parameters, self.progress)
        self._kept = KeptModel(spec, self.progress, self._learner.average)
        self._windows = Windows(spec, self.progress)
        counts: tuple[int, ...] = (self.config.threads,)
        # With another number of threads, the weights of one rank would differ from those of others.
        is_alone = self._ranks.size == 1
        if self.config.budget.kind == "minutes" and self.config.device == "cpu" and is_alone:
            counts = thread_counts(spec.model, self.config.batch_size)
        self._threads = ThreadChoice(self.config.threads, counts)
        self._select((Segment.first(self.config), *self.progress.extensions)[-1])
        self._fraction = 0.0
        self._prepared_since = began
        self._began = 0.0
        self._saved_at = 0.0
        self._save_seconds = 0.0  # of the last save
        self._is_save_due = self._asked_to_stop = False
        if state is not None:
            self._learner.load(state.tensors)
            self._good.load(state.tensors.get("good", {}))
            self._kept.load(state.tensors["best"])
            folder.truncate_log(self.progress.log_bytes)

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
            progress.best = {
                **progress.best,
                **self._kept.loss_on(self._held_out.part, self._ranks),
            }
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
                yield self._logged(self._sample(prompt))
            if reason := self._reason():
                break
            if self._is_save_due:
                saved = Saved(self.progress.step, best=not self._kept.is_saved)
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
        own = {"best": self._kept.tensors(), "good": self._good.weights}
        return TrainingState({**self._learner.tensors(), **own}, self.progress, self._siblings)

    def save(self) -> None:
        """Write the model, then the state that is needed to resume. All ranks call it.

        Without a validation set, an extension replaces the model only when it is finished: before
        that, its learning rate makes the model worse.
        """
        began, progress = time.monotonic(), self.progress
        is_last = self._kept.best is None and progress.step and not progress.extensions
        state = self.state()
        if self._ranks.is_first:
            if not self._kept.is_saved or is_last or progress.finished:
                self._kept.write(self.folder, self._siblings)
            progress.log_bytes = self.folder.log_size()
            state.write(self.folder.path)
        self._kept.is_saved = True
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
        characters = progress.characters - before
        gradients, part = self._learner.backward(batch, characters, config, progress.step)
        nats = self._exchange(gradients, part)
        if reason := divergence(progress, nats, characters, self.spec.model.vocab_size):
            return self._return(reason)
        self._good.keep(self._fraction)
        norm = self._learner.optimiser.step(learning_rate)
        if not math.isfinite(norm):
            return self._return(f"the norm of the gradient became {norm}")
        progress.step += 1
        updates = progress.step - self._segment.begin.steps
        self._learner.average.update(updates, learning_rate / peak)
        if not progress.jumps:
            weight = max(_RUNNING_MEAN, 1 / progress.step)
            progress.training_nats += weight * (nats - progress.training_nats)
        self._fraction = self._spent()
        self._threads.add(characters, time.perf_counter() - began)
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

    def _exchange(self, gradients: list[Tensor], loss: float) -> float:
        """Sum the gradients over all ranks, and return the sum of the losses.

        The same message carries the clock of the first rank, and what follows the update.
        """
        now = time.monotonic()
        seconds, interval = now - self._began, self.config.save_every
        if not self._kept.is_saved:
            interval = min(interval, self._save_seconds / _SAVE_SHARE)
        is_due = now - self._saved_at >= interval
        if not self._ranks.is_first:
            seconds, is_due = 0.0, False
        nats, self.progress.seconds, due, asked = self._ranks.sum_gradients(
            gradients, loss, seconds, is_due, self._asked_to_stop
        )
        self._is_save_due, self.is_stopping = due > 0, asked > 0
        return nats

    def _peak_rate(self) -> float:
        return self.config.learning_rate * float(0.5**self.progress.returns)

    def _return(self, reason: str) -> Returned:
        """Return to the last good weights. The position in the text and the budget do not change.

        All ranks do so together: the losses and the norms are those of all of them.

        Raises TrainingError, after a save, if that was done too often.
        """
        progress = self.progress
        self._learner.return_to(self._good.weights)
        progress.jumps = 0
        progress.seconds = self._seconds()
        self._fraction = self._spent()
        if progress.returns == MAX_RETURNS:
            self.save()
            raise TrainingError(
                f"{reason} after step {progress.step}, although the run returned to earlier weights"
                f" and halved the learning rate {MAX_RETURNS} times (start a new run with a"
                f" learning rate of {self._peak_rate() / 2:.2g}; the last good state is saved)"
            )
        progress.returns += 1
        return Returned(
            progress.step, self._fraction, reason, progress.good_step, self._peak_rate()
        )

    def _evaluate(self) -> Evaluation | Returned:
        """Measure the validation loss; keep the best weights."""
        progress = self.progress
        progress.evaluations = schedule.due(self._fraction, self.config.evaluations)
        began = self._seconds()
        part = self._held_out.part
        with self._learner.average.applied():
            nats = validation_loss(self._learner.network, self.spec.split.ids, part, self._ranks)
        progress.seconds = self._seconds()
        progress.reserve = progress.seconds - began
        if not math.isfinite(nats):
            return self._return(f"the validation loss became {nats}")
        point = CurvePoint(progress.step, nats, progress.training_nats)
        progress.curve = (*progress.curve, point)
        best = self._kept.add(nats, part.characters)
        return Evaluation(
            progress.step, self._fraction, nats, best, progress.reserve, part.characters
        )

    def _measure_best(self) -> None:
        """Measure the loss of the best weights on as much of the held-out text as time allows."""
        progress = self.progress
        if self._kept.best is None:
            return
        progress.seconds = self._seconds()
        left = self._segment.minutes_left(self._position(), progress.preparation / 60)
        part = self._held_out.final(progress.reserve, 60 * left)
        if part is not None:
            progress.final = self._kept.loss_on(part, self._ranks)
            progress.seconds = self._seconds()

    def _sample(self, prompt: str) -> Sample:
        step, text = self.progress.step, ""
        if self._ranks.is_first:
            text = sample(self.spec, self._learner.average.weights(), prompt, seed=step)
        return Sample(step, text)

    def _finish(self, reason: str) -> Finished:
        progress = self.progress
        self._measure_best()
        progress.finished = True
        measured = self._kept.measured
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
            shares = copied(spec, self._kept.weights)
        found, usual = shares or (None, 0.0)
        return advice(
            Outcome(
                curve=self.progress.curve,
                begin=self._segment.begin.steps,
                is_complete=reason == "budget",
                copied=found,
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
        plan = EvaluationPlan(segment.evaluations, segment.validation_characters)
        self._held_out = HeldOut(self.spec.split.validation, plan, segment.budget)

    def _logged(self, record: TrainingRecord) -> TrainingRecord:
        self.folder.log(record)
        return record
