"""One training run of a comparison: begun or gone on with, watched at every update."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chargen.errors import CheckpointError, TrainingError
from chargen.model import storage
from chargen.model.checkpoint import (
    CARD,
    CONFIG,
    LOG,
    TOKENIZER,
    TRAINING,
    Checkpoint,
    write_model,
)
from chargen.model.network import Network
from chargen.records import Step
from chargen.training.card import card
from chargen.training.folder import RunFolder
from chargen.training.plan import Plan
from chargen.training.state import TrainingState
from chargen.training.trainer import Trainer

POINTS = 120
LARGEST = 5
_STEPS = "steps.f64"

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """What a run of training left besides its weights.

    steps: updates. curve: (characters read, mean training loss since the point before), at most
    120 points. clipped: share of the updates whose gradient was clipped; largest_norms: the five
    greatest before clipping. diverged: the loss became no number, and the run ended there.
    """

    steps: int
    characters: int
    seconds: float
    curve: tuple[tuple[int, float], ...]
    clipped: float
    largest_norms: tuple[float, ...]
    diverged: bool


def train(plan: Plan, path: Path) -> Generator[float, None, Run]:
    """Train in a folder until the budget is spent; yield the share of it that is spent.

    A run that was stopped there goes on. Where the caller closes the generator the run is saved.
    """
    trainer = _begin(plan, path)
    diverged = False
    try:
        with open(path / _STEPS, "ab", buffering=0) as file:
            file.truncate(trainer.progress.step * 3 * 8)
            try:
                for record in trainer.run():
                    if isinstance(record, Step):
                        row = (record.characters, record.loss, record.gradient_norm)
                        file.write(np.array(row, np.float64).tobytes())
                        yield record.fraction
            except TrainingError:
                diverged = True
            except GeneratorExit:
                trainer.save()
                raise
        rows = np.fromfile(path / _STEPS).reshape(-1, 3)
        progress = trainer.progress
        norms = rows[:, 2]
        return Run(
            steps=progress.step,
            characters=progress.characters,
            seconds=progress.seconds,
            curve=_curve(rows),
            clipped=float((norms > plan.training.clip_norm).mean()) if len(norms) else 0.0,
            largest_norms=tuple(np.sort(norms)[::-1][:LARGEST].tolist()),
            diverged=diverged,
        )
    finally:
        trainer.folder.close()


def network_in(path: Path) -> Network:
    """The network of a model folder, with its weights."""
    checkpoint = Checkpoint.load(path)
    network = Network(checkpoint.config)
    network.begin_with(checkpoint.weights)
    return network


def leave_the_model(path: Path, nats: float) -> None:
    """Tell in a finished run's folder what was measured; drop what only training needs."""
    model = Checkpoint.load(path)
    measured = {**model.measured, "validation_nats": nats}
    siblings = {name: storage.read_file(path / name) for name in (CONFIG, TOKENIZER)}
    write_model(path, siblings, model.weights, measured)
    storage.write_file(
        path / CARD, card(path, model.description, measured).encode("utf-8", "replace")
    )
    for name in (_STEPS, TRAINING, LOG):
        (path / name).unlink(missing_ok=True)


def _begin(plan: Plan, path: Path) -> Trainer:
    """The run in the folder, if it is of this plan, or a new one in its place."""
    if path.exists():
        folder = RunFolder(path)
        try:
            state = TrainingState.read(path)
            if state.siblings[CONFIG] == plan.description.to_json():
                trainer = Trainer(plan, folder)
                trainer.resume(state)
                return trainer
        except CheckpointError:
            pass  # killed before its first save
        folder.close()
        shutil.rmtree(path)
    return Trainer(plan, RunFolder.create(path, "", overwrite=False))


def _curve(rows: Rows) -> tuple[tuple[int, float], ...]:
    parts = np.array_split(rows, min(POINTS, len(rows))) if len(rows) else []
    return tuple((int(part[-1, 0]), float(part[:, 1].mean())) for part in parts)
