"""The average of the latest weights, which is what a run evaluates and keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_POWER = 8  # the average covers about the latest 1 / (_POWER + 1) of all updates


class WeightAverage:
    """A running average of a network's weights over about the latest ninth of all updates.

    At a high learning rate, the average has a lower validation loss than the weights (Tiny
    Shakespeare, 1x384, halfway through a run: 1.672 and 1.772 nats), so the best evaluation of a
    run that later overfits gives a better model. While the learning rate decreases, fewer updates
    are averaged. At the end of a run, the average is the weights themselves, which are then better
    than an average over a ninth of the run (one epoch: 1.627 and 1.639 nats).
    Source: Shamir and Zhang 2013 (polynomial-decay averaging).
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Start with the current weights. parameters: the result of `network.named_parameters`."""
        self._names = list(parameters)
        self._live = [parameter.detach() for parameter in parameters.values()]
        self._average = [weights.clone() for weights in self._live]

    def update(self, step: int, annealed: float) -> None:
        """Include the current weights.

        step: the number of updates with this budget so far. annealed: the learning rate divided by
        its peak.
        """
        weight = (_POWER + 1) / (step + _POWER) / max(annealed, 1e-9) ** 2
        torch._foreach_lerp_(self._average, self._live, min(1.0, weight))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the network have the average as its weights within a block."""
        live = [weights.clone() for weights in self._live]
        torch._foreach_copy_(self._live, self._average)
        try:
            yield
        finally:
            torch._foreach_copy_(self._live, live)

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return a copy of the average, in the form of `Network.weights`."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self.state().items()}

    def state(self) -> dict[str, Tensor]:
        """Return the average by the names of the parameters."""
        return dict(zip(self._names, self._average, strict=True))

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore an average that `state` returned."""
        torch._foreach_copy_(self._average, [tensors[name] for name in self._names])
