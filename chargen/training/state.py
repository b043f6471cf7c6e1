"""training.safetensors: everything that is needed to resume a run exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.torch
from torch import Tensor

from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.checkpoint import TRAINING
from chargen.training.advice import CurvePoint
from chargen.training.segment import Segment


@dataclass
class Progress:
    """The position of a run.

    index: of the window in the epoch; part: of the next update in the window, of `parts`.
    seconds: of training. preparation: the seconds of the last budget that were spent before
    training, such as to read the text. training_nats: a running mean of the loss.
    reserve: the seconds of the last evaluation, to keep for the one at the end.
    best: the measured values at the lowest validation loss; since_best: evaluations since then.
    final: the values measured at the end that replace those of best, if any.
    log_bytes: the length of log.jsonl at the last save.
    snapshots: the number of times that good weights were kept with this budget; good_step: the last
    one. jumps: successive updates with a loss that jumped. returns: how often the run returned to
    these weights.
    extensions: the budgets that the run was given after its first. curve: the evaluations with the
    last budget, see `Outcome`. advice: the last line of a finished run.
    """

    step: int = 0
    epoch: int = 0
    index: int = 0
    part: int = 0
    parts: int = 1
    characters: int = 0
    seconds: float = 0.0
    preparation: float = 0.0
    training_nats: float = 0.0
    evaluations: int = 0
    best: Mapping[str, Any] | None = None
    final: Mapping[str, Any] | None = None
    since_best: int = 0
    reserve: float = 0.0
    log_bytes: int = 0
    finished: bool = False
    snapshots: int = 0
    good_step: int = 0
    jumps: int = 0
    returns: int = 0
    extensions: tuple[Segment, ...] = ()
    curve: Sequence[CurvePoint] = ()
    advice: str | None = None


@dataclass(frozen=True)
class TrainingState:
    """The tensors of a run by group and name, its progress, and the files next to it.

    The groups are network, optimiser, average, state, best, good and start; see `Trainer.save`.
    """

    tensors: Mapping[str, Mapping[str, Tensor]]
    progress: Progress
    siblings: Mapping[str, bytes]

    @property
    def start_weights(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """The weights of the model that the run started from; None: random weights."""
        tensors = self.tensors.get("start", {})
        return {name: value.numpy() for name, value in tensors.items()} or None

    def write(self, folder: Path) -> None:
        """Replace training.safetensors. Raises CheckpointError if it cannot be written."""
        storage.write_file(folder / TRAINING, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of training.safetensors."""
        tensors = {
            f"{group}/{name}": value.detach().cpu().contiguous()
            for group, members in self.tensors.items()
            for name, value in members.items()
        }
        metadata = {
            "progress": asdict(self.progress),
            "files": {name: data.decode("utf-8") for name, data in self.siblings.items()},
        }
        return storage.seal(partial(safetensors.torch.save, tensors), metadata, {})

    @classmethod
    def read(cls, folder: Path) -> TrainingState:
        """Read training.safetensors.

        Raises CheckpointError if it is damaged, or if a file next to it belongs to another run.
        """
        path = folder / TRAINING
        if not path.is_file():
            raise CheckpointError(
                f"{folder} has no {TRAINING}, which is needed to resume (start a new run)"
            )
        state = cls.from_bytes(storage.read_file(path), str(path))
        for name, content in state.siblings.items():
            if (folder / name).exists() and storage.read_file(folder / name) != content:
                raise CheckpointError(
                    f"{folder / name} does not match {TRAINING}: it belongs to another run"
                )
        return state

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> TrainingState:
        """Read the content of training.safetensors. Raises CheckpointError if it is damaged."""
        metadata = storage.unseal(data, {}, where)
        try:
            fields = dict(metadata["progress"])
            fields["extensions"] = tuple(map(Segment.from_json, fields.get("extensions", ())))
            fields["curve"] = tuple(CurvePoint(*point) for point in fields.get("curve", ()))
            progress = Progress(**fields)
            siblings = {name: text.encode("utf-8") for name, text in metadata["files"].items()}
        except (KeyError, TypeError, AttributeError):
            raise CheckpointError(f"{where} was written by another version of chargen") from None
        tensors: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
        for name, tensor in safetensors.torch.load(data).items():
            group, _, member = name.partition("/")
            tensors[group][member] = tensor
        return cls(tensors, progress, siblings)
