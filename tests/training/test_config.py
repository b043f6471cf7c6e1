"""The ranges of a run's choices."""

import json
import math
from typing import Any

import pytest

from chargen.errors import OptionError
from chargen.training.config import BUDGETS, Budget, TrainingConfig

GOOD: dict[str, Any] = {
    "budget": Budget("steps", 10),
    "batch_size": 4,
    "sequence_length": 16,
    "learning_rate": 1e-2,
    "dropout": 0.25,
    "seed": 1,
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
    "evaluations": 2,
    "preset": "tiny",
}

OUTSIDE: list[tuple[str, list[float]]] = [
    ("batch_size", [0, -1, 10**9]),
    ("sequence_length", [0, -1, 10**9]),
    ("learning_rate", [0.0, -1e-3, 11.0, math.nan, math.inf]),
    ("dropout", [-0.1, 0.96, 1.0, math.nan, math.inf]),
    ("seed", [-1, 1 << 63]),
    ("save_every", [-1.0, math.nan, math.inf]),
    ("patience", [0, -1]),
]


@pytest.mark.parametrize("kind", BUDGETS)
@pytest.mark.parametrize("amount", [0, -1, math.nan, math.inf, -math.inf])
def test_a_budget_is_more_than_nothing(kind: str, amount: float) -> None:
    """A budget that is not positive, or no number, is refused by its option's name."""
    with pytest.raises(OptionError, match=rf"--{kind} must be more than 0 and at most 1e\+12, got"):
        Budget(kind, amount)


def test_a_budget_too_large_for_a_float_is_refused() -> None:
    """A whole number of 400 digits is the user's mistake, and no overflow of ours."""
    with pytest.raises(OptionError, match="--steps"):
        Budget("steps", 10**400)


def test_a_budget_of_another_kind_is_refused() -> None:
    """The message names the kinds there are."""
    with pytest.raises(OptionError, match="minutes, epochs, steps, got 'hours'"):
        Budget("hours", 1)


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        (Budget("minutes", 1.67), "1.67 minutes"),
        (Budget("minutes", 1), "1 minute"),
        (Budget("epochs", 1), "1 epoch"),
        (Budget("steps", 500), "500 steps"),
    ],
)
def test_a_budget_reads_as_a_phrase(budget: Budget, shown: str) -> None:
    """One of a kind is written without the s."""
    assert str(budget) == shown


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUTSIDE for value in values]
)
def test_a_choice_outside_its_range_is_refused(name: str, value: float) -> None:
    """The error names the option; NaN lies in no range."""
    option = "--" + name.replace("_", "-")
    with pytest.raises(OptionError, match=f"^{option} must lie between .*, got "):
        TrainingConfig(**{**GOOD, name: value})


@pytest.mark.parametrize("name", ["batch_size", "sequence_length", "seed", "patience"])
def test_a_choice_too_large_for_a_float_is_refused(name: str) -> None:
    """A whole number of 400 digits is out of range like any other, and no overflow of ours."""
    with pytest.raises(OptionError, match="must lie between"):
        TrainingConfig(**{**GOOD, name: 10**400})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 1),
        ("sequence_length", 1),
        ("learning_rate", 1e-9),
        ("learning_rate", 10),
        ("dropout", 0),
        ("dropout", 0.95),
        ("seed", 0),
        ("seed", (1 << 63) - 1),
        ("save_every", 0),
        ("patience", 1),
        ("patience", None),
    ],
)
def test_the_ends_of_a_range_belong_to_it(name: str, value: float | None) -> None:
    """The least and the most of a range are allowed."""
    assert getattr(TrainingConfig(**{**GOOD, name: value}), name) == value


def test_a_config_survives_json() -> None:
    """What config.json holds reads back as the same choices."""
    config = TrainingConfig(**GOOD)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("fields", [{"dropout": 7}, {"budget": {"kind": "steps", "amount": 0}}])
def test_a_config_that_was_tampered_with_is_refused(fields: dict[str, Any]) -> None:
    """Reading checks the ranges as setting up a run does."""
    with pytest.raises(OptionError):
        TrainingConfig.from_dict({**TrainingConfig(**GOOD).to_dict(), **fields})
