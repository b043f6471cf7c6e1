"""One line of advice at the end of a run, where its records clearly support one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PASSAGE = 40  # characters

# Nats per character. Two seeds of one setting differ by up to half as much.
_CLEAR = 0.03
# Share of the sampled passages that occur in the training text, beyond the share that is usual.
_MUCH_COPIED = 0.1
_LEARNED = 0.9


class CurvePoint(NamedTuple):
    """An evaluation: the fraction of the budget, the validation loss and the training loss."""

    fraction: float
    validation_nats: float
    training_nats: float


@dataclass(frozen=True)
class Outcome:
    """What the advice depends on.

    curve: the evaluations with the last budget. A point at fraction 0 is the best loss before it.
    is_complete: whether the whole budget was spent.
    copied: the share of sampled passages that occur in the training text; None if unknown.
    usual: that of passages of the validation set.
    by_heart: whether the text has no validation set since it is too short for one.
    more: the options that train the run as long again.
    """

    curve: Sequence[CurvePoint]
    is_complete: bool
    copied: float | None
    usual: float
    by_heart: bool
    more: str


def advice(outcome: Outcome) -> str | None:
    """Return the advice for a run, or None where no advice is certain enough."""
    copied = None
    if outcome.copied is not None:
        copied = f"{100 * outcome.copied:.0f} % of sampled passages of {PASSAGE} characters occur"
    longer = f"train longer with --resume {outcome.more}"
    if outcome.by_heart:
        if outcome.copied is None:
            return None
        if outcome.copied >= _LEARNED:
            return f"learned by heart: {copied} in the text"
        return f"not yet learned by heart: {copied} in the text; {longer}"
    if outcome.copied is not None and outcome.copied - outcome.usual >= _MUCH_COPIED:
        return f"copied: {copied} in the training text"
    if outcome.is_complete and len(outcome.curve) > 1:
        if _overfits(outcome.curve):
            return "overfitting: add text or stop earlier"
        if expected_gain(outcome.curve) >= _CLEAR:
            return f"still improving: {longer}"
    return None


def expected_gain(curve: Sequence[CurvePoint]) -> float:
    """Return an estimate of how much the validation loss falls if the run is trained as long again.

    The estimate is what it fell in the second half of the budget. In an extended run, it is at
    most what the loss fell since the best evaluation before it, which is the point at fraction 0.
    """
    best = min(point.validation_nats for point in curve)
    if curve[-1].validation_nats > best:
        return 0.0
    fractions = [point.fraction for point in curve]
    losses = [point.validation_nats for point in curve]
    gain = float(np.interp(0.5, fractions, losses)) - best
    return min(gain, losses[0] - best) if fractions[0] == 0 else gain


def _overfits(curve: Sequence[CurvePoint]) -> bool:
    """Return whether the validation loss rose after its best while the training loss fell."""
    best, last = min(curve, key=lambda point: point.validation_nats), curve[-1]
    rise = last.validation_nats - best.validation_nats
    return min(rise, best.training_nats - last.training_nats) >= _CLEAR
