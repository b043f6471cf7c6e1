"""The segments of a run: each has a budget and a schedule of its own, and ends annealed.

The learning rate warms up to its full peak again. Continuing at the rate that a run with both
budgets would have is worse (50,000 characters of Tiny Shakespeare, 800 steps and then 200 or 800
more: 1.794 and 1.744 nats; with the full peak 1.768 and 1.713; 1.799 after the first 800).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chargen.training.config import TrainingConfig
from chargen.training.options import Budget

_MIN_MINUTES = 1 / 60


@dataclass(frozen=True)
class Position:
    """How far a run has come, in each unit of a budget."""

    steps: int = 0
    epochs: float = 0.0
    minutes: float = 0.0

    def of(self, kind: str) -> float:
        """Return the position in the unit of a kind of budget."""
        amount: float = getattr(self, kind)
        return amount

    def as_budget(self, kind: str) -> Budget:
        """Return a budget, rounded to one digit, that is as large as the position."""
        return Budget(kind, float(f"{self.of(kind):.1g}"))


@dataclass(frozen=True)
class Segment:
    """A part of a run that has a budget of its own.

    begin: where it begins. dropout, evaluations, validation_characters: as in `TrainingConfig`,
    chosen for its budget.
    """

    budget: Budget
    dropout: float
    evaluations: int
    begin: Position = Position()
    validation_characters: int | None = None

    @classmethod
    def first(cls, config: TrainingConfig) -> Segment:
        """Return the first segment of a run."""
        return cls(
            config.budget,
            config.dropout,
            config.evaluations,
            validation_characters=config.validation_characters,
        )

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Segment:
        """Make a segment from the result of `asdict`."""
        parts = {"budget": Budget(**fields["budget"]), "begin": Position(**fields["begin"])}
        return cls(**{**fields, **parts})

    def minutes_left(self, position: Position, preparation: float) -> float:
        """Return the minutes of the budget that are left, if it is one of minutes."""
        return self.budget.amount - preparation - position.minutes + self.begin.minutes

    def spent(self, position: Position, preparation: float, reserve: float) -> float:
        """Return the share of the budget that is spent, 0 to 1.

        preparation: the minutes that were spent before training. reserve: those to keep for the
        end, at most half of the rest. Training has at least a second.
        """
        kind, amount = self.budget.kind, self.budget.amount
        if kind == "minutes":
            rest = amount - preparation
            amount = max(rest - reserve, rest / 2, min(amount / 2, _MIN_MINUTES))
        return min(1.0, (position.of(kind) - self.begin.of(kind)) / amount)
