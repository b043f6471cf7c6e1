"""One training run of a comparison: started or resumed, and recorded at every update."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chargen.comparison.result import TrainingRun
from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.checkpoint import (
    CARD,
    CONFIG,
    LOG,
    TOKENIZER,
    TRAINING,
    Checkpoint,
    Description,
    write_model,
)
from chargen.model.network import Network
from chargen.training.card import model_card
from chargen.training.folder import RunFolder
from chargen.training.records import Returned, Step
from chargen.training.spec import RunSpec
from chargen.training.state import TrainingState
from chargen.training.trainer import Trainer

MAX_POINTS = 120
LARGEST_NORMS = 5
_STEPS = "steps.f64"

Rows = npt.NDArray[np.float64]


def train(
    spec: RunSpec, path: Path, validate: Callable[[Network], float]
) -> Generator[float, None, TrainingRun]:
    """Train in a folder until the budget is spent; yield the share that is spent.

    An interrupted run in the folder is resumed. When the generator is closed, the run is saved.
    validate: computes the validation loss of the trained network.
    """
    trainer = _start_or_resume(spec, path)
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
                    if isinstance(record, Returned):
                        # With half the learning rate, it would be another candidate.
                        diverged = True
                        break
            except GeneratorExit:
                trainer.save()
                raise
        rows = np.fromfile(path / _STEPS).reshape(-1, 3)
        norms = rows[np.isfinite(rows[:, 2]), 2]
        progress = trainer.progress
        return TrainingRun(
            seed=spec.training.seed,
            steps=progress.step,
            characters=progress.characters,
            seconds=progress.seconds,
            resumed=0,
            curve=_curve(rows),
            clipped=float((norms > spec.training.clip_norm).mean()) if len(norms) else 0.0,
            largest_norms=tuple(np.sort(norms)[::-1][:LARGEST_NORMS].tolist()),
            validation_nats=None if diverged else validate(load_network(path)),
        )
    finally:
        trainer.folder.close()


def load_network(path: Path) -> Network:
    """Return the network of a model folder with its weights."""
    checkpoint = Checkpoint.load(path)
    network = Network(checkpoint.config)
    network.load_weights(checkpoint.weights)
    return network


def finish_model(path: Path, nats: float) -> None:
    """Record the validation loss in a model folder, and delete files needed only for training."""
    model = Checkpoint.load(path)
    characters = model.description.corpus["held_out_characters"]
    loss = {"validation_nats": nats, "validation_characters": characters}
    measured = {**model.measured, **loss}
    siblings = {name: storage.read_file(path / name) for name in (CONFIG, TOKENIZER)}
    write_model(path, siblings, model.weights, measured)
    storage.write_file(
        path / CARD, model_card(path, model.description, measured).encode("utf-8", "replace")
    )
    for name in (_STEPS, TRAINING, LOG):
        (path / name).unlink(missing_ok=True)


def _start_or_resume(spec: RunSpec, path: Path) -> Trainer:
    """Resume the run in the folder if it has the same spec, or start a new one in its place.

    Its number of threads may be another one.
    """
    if path.exists():
        folder = RunFolder(path)
        try:
            state = TrainingState.read(path)
            stored = Description.from_json(state.siblings[CONFIG], str(path / CONFIG))
            threads = {"threads": spec.training.threads}
            same = replace(stored, training={**stored.training, **threads})
            if same.to_json() == spec.description.to_json():
                return Trainer(spec, folder, state=state)
        except CheckpointError:
            pass  # the run was killed before it was first saved
        folder.close()
        shutil.rmtree(path)
    return Trainer(spec, RunFolder.create(path, "", overwrite=False))


def _curve(rows: Rows) -> tuple[tuple[int, float], ...]:
    """Return points that each average at least 1/120 of the characters.

    The last window of an epoch can be a single character with an extreme loss.
    """
    ends, last = [], 0.0
    for end, characters in enumerate(rows[:, 0], 1):
        if characters - last >= rows[-1, 0] / MAX_POINTS:
            ends.append(end)
            last = characters
    weights = np.diff(rows[:, 0], prepend=0.0)
    parts = zip(np.split(rows, ends[:-1]), np.split(weights, ends[:-1]), strict=True)
    return tuple(
        (int(part[-1, 0]), float(np.average(part[:, 1], weights=weight)))
        for part, weight in parts
        if len(part)
    )
