"""The model that a run keeps and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from chargen.model import checkpoint
from chargen.model.network import Network
from chargen.training.averaging import WeightAverage
from chargen.training.card import model_card
from chargen.training.folder import RunFolder
from chargen.training.held_out import Part, validation_loss
from chargen.training.ranks import Ranks
from chargen.training.spec import RunSpec
from chargen.training.state import Progress


class KeptModel:
    """The weights with the lowest validation loss, or the latest ones if nothing is held out.

    `progress` has the values that are measured for the best weights. best: these weights, if any.
    is_saved: whether a save has written them.
    """

    def __init__(self, spec: RunSpec, progress: Progress, average: WeightAverage) -> None:
        self._spec, self._progress, self._average = spec, progress, average
        self.best: checkpoint.Weights | None = None
        self.is_saved = True

    @property
    def weights(self) -> checkpoint.Weights:
        """The weights of the model."""
        return self._average.weights() if self.best is None else self.best

    @property
    def measured(self) -> dict[str, Any]:
        """The values that are measured for these weights."""
        return {**(self._progress.best or self._current()), **(self._progress.final or {})}

    def add(self, nats: float, characters: int) -> bool:
        """Keep the current average if it is the best one so far. Return whether it is.

        nats: its validation loss, on this number of characters.
        """
        progress = self._progress
        progress.since_best += 1
        if progress.best is not None and nats >= progress.best["validation_nats"]:
            return False
        progress.best = self._current(nats, characters)
        progress.since_best = 0
        self.best, self.is_saved = self._average.weights(), False
        return True

    def loss_on(self, part: Part, ranks: Ranks) -> dict[str, Any]:
        """Return the measured values that depend on the held-out text, for a part of it.

        All ranks call it. There must be best weights.
        """
        assert self.best is not None
        network = Network(self._spec.model)
        network.load_weights(self.best)
        network.to(self._spec.training.device)
        nats = validation_loss(network, self._spec.split.ids, part, ranks)
        return {"validation_nats": nats, "validation_characters": part.characters}

    def tensors(self) -> dict[str, Tensor]:
        """Return the best weights, which `load` restores."""
        return {name: torch.from_numpy(array) for name, array in (self.best or {}).items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the best weights of a save."""
        self.best = {name: tensor.numpy().copy() for name, tensor in tensors.items()} or None
        self.is_saved = self.best is None

    def write(self, folder: RunFolder, siblings: Mapping[str, bytes]) -> None:
        """Write the model and its card."""
        progress = self._progress
        measured = {
            **self.measured,
            "extensions": [asdict(segment) for segment in progress.extensions],
            "run_steps": progress.step if progress.finished else None,
            "advice": progress.advice,
        }
        checkpoint.write_model(
            folder.path,
            siblings,
            self.weights,
            measured,
            weights_dtype=self._spec.training.weights_dtype,
        )
        text = model_card(folder.final_path, self._spec.description, measured)
        folder.write(checkpoint.CARD, text.encode("utf-8", "replace"))

    def _current(self, nats: float | None = None, characters: int | None = None) -> dict[str, Any]:
        """Return the values that are stored with the weights of this step."""
        progress = self._progress
        return {
            "step": progress.step,
            "trained_characters": progress.characters,
            "trained_seconds": round(progress.seconds, 3),
            "training_nats": progress.training_nats if progress.step else None,
            "validation_nats": nats,
            "validation_characters": characters,
            "precision": self._spec.training.precision,
        }
