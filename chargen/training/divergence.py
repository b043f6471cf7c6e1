"""Divergence: how it is recognised, and the weights that a run then returns to."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from chargen.training import schedule
from chargen.training.state import Progress

# How often good weights are kept in a run. After MAX_RETURNS returns to them, the run fails.
_SNAPSHOTS = 50
MAX_RETURNS = 2
# Training diverges if the losses of this many successive batches are this many nats above the
# running mean, and a nat above the loss of equal probabilities. A batch of n characters may exceed
# the mean by _NOISE / sqrt(n) nats more: a single rare character can have a loss of 10 nats.
_MAX_JUMPS = 3
_JUMP, _NOISE, _WORSE = 3.0, 20.0, 1.0


class GoodWeights:
    """A copy of the latest weights at which training had not diverged.

    All ranks have the same one, since they see the same losses. `progress` has the counts.
    """

    def __init__(self, weights: Mapping[str, Tensor], progress: Progress) -> None:
        self._live, self._progress = weights, progress
        self.weights = self._copy()

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Restore the copy of a save. Older runs have none, and use the weights of the save."""
        self.weights = dict(weights) or self._copy()

    def keep(self, fraction: float) -> None:
        """Copy the weights if a fiftieth of the budget is spent since the last copy.

        fraction: the share of the budget that is spent. After a jump of the loss, the weights may
        already be bad.
        """
        progress, due = self._progress, schedule.due(fraction, _SNAPSHOTS)
        if not progress.jumps and due > progress.snapshots:
            progress.snapshots = due
            progress.good_step, self.weights = progress.step, self._copy()

    def _copy(self) -> dict[str, Tensor]:
        return {name: each.detach().clone() for name, each in self._live.items()}


def divergence(progress: Progress, nats: float, characters: int, vocab_size: int) -> str | None:
    """Return how training diverged, after a batch with this loss; None if it did not.

    nats: the loss per character of the batch of `characters`. `progress` counts the jumps.
    """
    if not math.isfinite(nats):
        return f"the loss became {nats}"
    most = max(
        progress.training_nats + _JUMP + _NOISE / math.sqrt(max(1, characters)),
        math.log(vocab_size) + _WORSE,
    )
    progress.jumps = progress.jumps + 1 if progress.step and nats > most else 0
    if progress.jumps < _MAX_JUMPS:
        return None
    return f"the loss jumped from {progress.training_nats:.2f} to {nats:.2f} nats"
