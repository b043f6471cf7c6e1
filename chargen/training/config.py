"""How a run is trained: every choice, resolved, so that the run can be repeated and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chargen.errors import OptionError

BUDGETS = ("minutes", "epochs", "steps")
PRECISIONS = ("auto", "float32", "bfloat16")
MOST_OF_A_BUDGET = 1e12
MOST_SEED = (1 << 63) - 1
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Budget:
    """How long to train: an amount of wall-clock minutes, of passes over the text, or of updates.

    Raises OptionError where the amount is not positive.
    """

    kind: str
    amount: float

    def __post_init__(self) -> None:
        if self.kind not in BUDGETS:
            raise OptionError(f"a budget is one of {', '.join(BUDGETS)}, got {self.kind!r}")
        if isinstance(self.amount, bool) or not isinstance(self.amount, int | float):
            raise OptionError(f"--{self.kind} must be a number, got {self.amount!r:.40}")
        if not 0 < self.amount <= MOST_OF_A_BUDGET:
            raise OptionError(
                f"--{self.kind} must be more than 0 and at most {MOST_OF_A_BUDGET:g},"
                f" got {_shown(self.amount)}"
            )
        if self.kind == "steps" and self.amount != int(self.amount):
            raise OptionError(f"--steps must be a whole number, got {self.amount:g}")

    def __str__(self) -> str:
        unit = self.kind if self.amount != 1 else self.kind[:-1]
        return f"{self.amount:g} {unit}"


@dataclass(frozen=True)
class TrainingConfig:
    """One run's choices.

    batch_size: lanes side by side; sequence_length: characters of a truncated-BPTT window.
    learning_rate: the peak. dropout: of the layers; the encoder's side has a third of it.
    memory: characters that the gates reach back over before anything is learned; None: a few.
    reach: characters that the gradient goes back within a window; None: all of it.
    divided: whether windows are divided early in the run, as `schedule.window_parts` says.
    evaluations: how often in the run the held-out text is read. patience: evaluations without
    improvement before the run ends early. save_every: seconds. threads: of torch on the CPU.
    """

    budget: Budget
    batch_size: int
    sequence_length: int
    learning_rate: float
    dropout: float
    seed: int
    precision: str
    device: str
    threads: int
    evaluations: int
    preset: str
    patience: int | None = None
    save_every: float = 30.0
    weight_decay: float = 0.1
    reset_probability: float = 0.05
    clip_norm: float = 1.0
    memory: int | None = None
    divided: bool = True
    reach: int | None = None

    def __post_init__(self) -> None:
        check_range("--batch-size", self.batch_size, 1, 1 << 20)
        check_range("--sequence-length", self.sequence_length, 1, 1 << 20)
        check_range("--learning-rate", self.learning_rate, 1e-9, 10)
        check_range("--dropout", self.dropout, 0, 0.95)
        check_range("--seed", self.seed, 0, MOST_SEED)
        check_range("--save-every", self.save_every, 0, 1e9)
        if self.patience is not None:
            check_range("--patience", self.patience, 1, 1 << 30)

    def to_dict(self) -> dict[str, Any]:
        """The fields as they stand in config.json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> TrainingConfig:
        """Read what `to_dict` wrote. Raises OptionError or TypeError where it does not fit."""
        return cls(**{**fields, "budget": Budget(**fields["budget"])})


def check_range(name: str, value: float, least: float, most: float) -> None:
    """Raise OptionError where a value lies outside its range, or is no number."""
    if not least <= value <= most:
        raise OptionError(f"{name} must lie between {least:g} and {most:g}, got {_shown(value)}")


def _shown(value: float) -> str:
    try:
        return f"{value:g}"
    except OverflowError:  # a whole number too large for a float
        return f"{str(value)[:8]}..."
