"""The network of a run with everything that an update changes.

Shapes: T time, B sequences in parallel.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from chargen.model.network import Network, States
from chargen.training.averaging import WeightAverage
from chargen.training.batches import NO_TARGET, Batch
from chargen.training.config import TrainingConfig
from chargen.training.dropout import dropout_masks
from chargen.training.optimiser import Optimiser
from chargen.training.precision import autocast, torch_threads
from chargen.training.ranks import Ranks
from chargen.training.spec import RunSpec


class Learner:
    """A network, its optimiser, the average of its weights, and the states that it carries.

    The states are those of the sequences of this rank. Each window continues from those after the
    previous one.
    """

    def __init__(self, spec: RunSpec, ranks: Ranks) -> None:
        """Start with the initial weights of a run."""
        config = spec.training
        self._ranks = ranks
        self._start = _tensors(spec)
        self.network = Network(spec.model)
        with torch_threads(config.threads):
            self.network.initialise(config.seed, chrono_max=config.chrono_max)
        if spec.weights is not None:
            self.network.load_weights(spec.weights)
        self.network.to(config.device)
        self.parameters = dict(self.network.named_parameters())
        self.optimiser = Optimiser(
            self.parameters.items(),
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
            muon=config.muon,
            towards={name: each.to(config.device) for name, each in self._start.items()} or None,
            dtype=torch.bfloat16 if config.precision == "bfloat16" else torch.float32,
            device=config.device,
        )
        self.average = WeightAverage(self.parameters)
        self._states: States = []
        self._width = 0  # the sequences of all ranks

    def backward(
        self, batch: Batch, characters: int, config: TrainingConfig, step: int
    ) -> tuple[list[Tensor], float]:
        """Return the gradients of this rank's part of a batch, and its part of the loss.

        characters: the number of targets in the whole batch. step: of the dropout masks.
        """
        self._width = batch.inputs.shape[1]
        batch = self._ranks.part(batch)
        inputs = torch.from_numpy(batch.inputs).to(config.device)
        targets = torch.from_numpy(batch.targets).to(config.device)
        self._reset_states(torch.from_numpy(batch.reset_mask).to(config.device))
        with autocast(config.precision, config.device):
            logits = self._forward(inputs, config, step)
        loss = functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NO_TARGET, reduction="sum"
        )
        loss = loss / characters
        return self.optimiser.gradients(loss), loss.item()

    @torch.no_grad()
    def return_to(self, weights: Mapping[str, Tensor]) -> None:
        """Continue from earlier weights, with empty states and without momentum."""
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])
        self.average.load_state(weights)
        self.optimiser.reset_momentum()
        self._states = []

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """Return the groups of tensors that `load` restores. All ranks call it."""
        return {
            "network": dict(self.parameters),
            "optimiser": self.optimiser.state(),
            "average": self.average.state(),
            "state": {
                f"{k}/{part}": self._ranks.whole(carried, self._width)
                for k, state in enumerate(self._states)
                for part, carried in zip(self.network.cell.state, state, strict=True)
            },
            "start": self._start,
        }

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Restore the groups that `tensors` returned."""
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors["network"][name])
        self.optimiser.load_state(tensors["optimiser"])
        self.average.load_state(tensors["average"])
        carried, parts = tensors["state"], self.network.cell.state
        self._width = next(iter(carried.values())).shape[1] if carried else 0
        columns, device = self._ranks.columns(self._width), self.network.decoder.weight.device
        self._states = [
            tuple(carried[f"{k}/{part}"][:, columns].to(device) for part in parts)
            for k in range(self.network.config.num_layers)
            if carried
        ]

    def _forward(self, inputs: Tensor, config: TrainingConfig, step: int) -> Tensor:
        """Return the logits of a window, and keep the states after it, detached.

        The states are also detached within the window, after every `bptt_length` characters.
        """
        masks = dropout_masks(self.network.config, config, self._width, step)
        if masks is not None:
            columns = self._ranks.columns(self._width)
            masks = [mask[:, columns] for mask in masks]
        parts = []
        for piece in torch.split(inputs, config.bptt_length or len(inputs)):
            logits, states = self.network(piece, self._states, masks)
            self._states = [tuple(part.detach() for part in state) for state in states]
            parts.append(logits)
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _reset_states(self, reset_mask: Tensor) -> None:
        if not self._states or reset_mask.all():
            self._states = self.network.empty_states(len(reset_mask))
        elif reset_mask.any():
            keep = ~reset_mask[None, :, None]
            self._states = [tuple(part * keep for part in state) for state in self._states]


def _tensors(spec: RunSpec) -> dict[str, Tensor]:
    """Return the weights of the model that the run started from, if any."""
    return {name: torch.from_numpy(array) for name, array in (spec.weights or {}).items()}
