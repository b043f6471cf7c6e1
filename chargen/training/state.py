"""training.safetensors: all that a run needs to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
from torch import Tensor

from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.checkpoint import TRAINING


@dataclass
class Progress:
    """Where a run stands. Chance needs no place here: it is a function of seed and position.

    index: the window within the epoch; part: the next update within the window, of `parts`.
    training_nats: a running mean of the loss. reserve: seconds to keep for the last evaluation.
    log_bytes: the length of log.jsonl that belongs to this moment.
    """

    step: int = 0
    epoch: int = 0
    index: int = 0
    part: int = 0
    parts: int = 1
    characters: int = 0
    seconds: float = 0.0
    training_nats: float = 0.0
    evaluations: int = 0
    best_nats: float | None = None
    best_step: int = 0
    best_characters: int = 0
    best_seconds: float = 0.0
    best_training_nats: float = 0.0
    since_best: int = 0
    reserve: float = 0.0
    log_bytes: int = 0
    finished: str | None = None


@dataclass(frozen=True)
class TrainingState:
    """The tensors of a run by name, its progress, and the model's own files as they stand."""

    tensors: Mapping[str, Tensor]
    progress: Progress
    siblings: Mapping[str, bytes]

    def write(self, folder: Path) -> None:
        """Replace training.safetensors. Raises CheckpointError where the disk refuses."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.tensors.items()}

        def serialise(metadata: dict[str, str] | None) -> bytes:
            return safetensors.torch.save(tensors, metadata)

        said = {
            "progress": asdict(self.progress),
            "files": {name: data.decode("utf-8") for name, data in self.siblings.items()},
        }
        storage.write_file(folder / TRAINING, storage.seal(serialise, said, self.siblings))

    @classmethod
    def read(cls, folder: Path) -> TrainingState:
        """Read training.safetensors, and put back the files beside it that are missing.

        Raises CheckpointError where it is damaged or a file beside it is another run's.
        """
        if not (folder / TRAINING).is_file():
            raise CheckpointError(
                f"{folder} holds no {TRAINING} to resume from (start anew without --resume)"
            )
        data = storage.read_file(folder / TRAINING)
        said = storage.unseal(data, {}, str(folder / TRAINING))
        try:
            progress = Progress(**said["progress"])
            siblings = {name: text.encode("utf-8") for name, text in said["files"].items()}
        except (KeyError, TypeError, AttributeError):
            raise CheckpointError(f"{folder / TRAINING} is of another version") from None
        for name, content in siblings.items():
            if not (folder / name).exists():
                storage.write_file(folder / name, content)
            elif storage.read_file(folder / name) != content:
                raise CheckpointError(f"{folder / name} is not the one that {TRAINING} was with")
        return cls(safetensors.torch.load(data), progress, siblings)
