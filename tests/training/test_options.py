"""The options of a run."""

import math
from typing import Any

import pytest

from chargen.errors import OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig
from chargen.options import MAX_SEED
from chargen.training.options import BUDGETS, TrainingOptions
from chargen.training.presets import PRESETS

REFUSED: list[tuple[str, list[Any]]] = [
    *((kind, [0, -1, math.nan, math.inf, -math.inf, 10**400]) for kind in BUDGETS),
    ("steps", [2.5]),
    ("batch_size", [0, -1, 10**9, 10**400]),
    ("sequence_length", [0, 10**9, 1.5]),
    ("learning_rate", [0.0, -1e-3, 11.0, math.nan, math.inf]),
    ("dropout", [-0.1, 0.96, math.nan]),
    ("seed", [-1, MAX_SEED + 1, 10**400]),
    ("save_every", [-1.0, math.nan, math.inf]),
    ("patience", [-1, 10**400]),
    ("precision", ["float8"]),
    ("weights_dtype", ["float64", "bfloat16"]),
    ("device", ["tpu"]),
    ("min_count", [0]),
    ("validation_fraction", [math.nan, 0.95]),
    ("hidden_size", [0]),
    ("num_layers", [-1]),
    ("cell", ["transformer"]),
    ("preset", ["huge"]),
]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED for value in values]
)
def test_an_option_outside_its_bounds_is_refused(name: str, value: Any) -> None:
    """The error names the field; NaN and huge integers are outside all bounds."""
    with pytest.raises(OptionError, match=f"^{name} must be .*, got "):
        TrainingOptions(**{name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("batch_size", [1]),
        ("learning_rate", [1e-9, 10]),
        ("dropout", [0, 0.95]),
        ("seed", [0, MAX_SEED]),
        ("save_every", [0]),
        ("patience", [0, None]),
    ],
)
def test_bounds_are_inclusive(name: str, values: list[Any]) -> None:
    """The smallest and the largest value are allowed."""
    for value in values:
        assert getattr(TrainingOptions(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 1, "steps": 2}, "minutes and steps are mutually exclusive"),
        ({"encoder": "one-hot", "embedding_size": 5}, "embedding_size has no effect"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    """No option is silently ignored."""
    with pytest.raises(OptionConflictError, match=message):
        TrainingOptions(**options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"minutes": 1.67}, "1.67 minutes"),
        ({"minutes": 1}, "1 minute"),
        ({"epochs": 1}, "1 epoch"),
        ({"steps": 500}, "500 steps"),
        ({}, "None"),
    ],
)
def test_the_budget_is_the_one_that_is_set(options: dict[str, Any], text: str) -> None:
    """A budget prints as a phrase; without an option there is none."""
    assert str(TrainingOptions(**options).budget) == text


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_preset_is_valid_for_every_cell(name: str, cell: str) -> None:
    """The sizes and rates of the presets are within the bounds of the options."""
    preset = PRESETS[name]
    sizes = {
        size: getattr(preset, size) for size in ("embedding_size", "hidden_size", "num_layers")
    }
    ModelConfig(100, cell=cell, **sizes)
    TrainingOptions(
        minutes=preset.minutes,
        batch_size=preset.batch_size,
        sequence_length=preset.sequence_length,
        learning_rate=preset.learning_rate * CELLS[cell].learning_rate_scale,
        **sizes,
    )
