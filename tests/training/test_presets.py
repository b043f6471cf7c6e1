"""The presets, and the names by which the command line offers what the package's tables hold."""

import math
from dataclasses import fields
from itertools import pairwise

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.cli.train import command
from chargen.model.cells import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.training.config import BUDGETS, DEVICES, PRECISIONS, Budget, TrainingConfig
from chargen.training.plan import Asked
from chargen.training.presets import PRESETS, RATE_OF_CELL, automatic, automatic_dropout

# What `chargen train` decides by itself; all its other options are choices of a run.
OF_THE_COMMAND = {
    "paths",
    "output",
    "prompt",
    "resume",
    "overwrite",
    "init_from",
    "lines",
    "encoding",
}


def offered(name: str) -> tuple[str, ...]:
    """The choices of one option of `chargen train`."""
    (option,) = [parameter for parameter in command.params if parameter.name == name]
    assert isinstance(option.type, click.Choice)
    return tuple(option.type.choices)


@given(st.integers(0, 10**15))
def test_every_length_has_a_preset(characters: int) -> None:
    """A text of any length gets the smallest preset that reaches to it."""
    name = automatic(characters)
    smaller = list(PRESETS)[: list(PRESETS).index(name)]
    assert characters <= PRESETS[name].up_to
    assert all(characters > PRESETS[other].up_to for other in smaller)


def test_presets_follow_one_another_without_end() -> None:
    """They stand in the order of the lengths they reach to, and the last has no end."""
    reach = [preset.up_to for preset in PRESETS.values()]
    assert all(a < b for a, b in pairwise(reach))
    assert reach[-1] == math.inf


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_preset_is_allowed_for_every_cell(name: str, cell: str) -> None:
    """Sizes, rate and minutes of a preset pass the checks that a user's own have to pass."""
    preset = PRESETS[name]
    ModelConfig(
        100,
        cell=cell,
        embedding_size=preset.embedding_size,
        hidden_size=preset.hidden_size,
        num_layers=preset.num_layers,
    )
    config = TrainingConfig(
        budget=Budget("minutes", preset.minutes),
        batch_size=preset.batch_size,
        sequence_length=preset.sequence_length,
        learning_rate=preset.learning_rate * RATE_OF_CELL[cell],
        dropout=0.0,
        seed=1,
        precision="float32",
        device="cpu",
        threads=1,
        evaluations=2,
        preset=name,
    )
    assert config.learning_rate > 0


def test_every_cell_has_a_rate() -> None:
    """The table of rates holds the cells and nothing else."""
    assert set(RATE_OF_CELL) == set(CELLS)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_dropout_grows_with_the_passes(one: float, other: float) -> None:
    """More passes over the text never mean less dropout, and none means more than a half."""
    fewer, more = sorted((one, other))
    assert 0 <= automatic_dropout(fewer) <= automatic_dropout(more) <= 0.5


@pytest.mark.parametrize(("passes", "dropout"), [(0.5, 0.0), (1, 0.0), (20, 0.4), (1e9, 0.5)])
def test_dropout_is_what_was_measured_best(passes: float, dropout: float) -> None:
    """A single pass wants none, twenty want 0.4, and a half is the most."""
    # The value is a whole number of twentieths, computed in floats.
    assert automatic_dropout(passes) == pytest.approx(dropout, abs=1e-12)


def test_the_command_line_offers_the_presets() -> None:
    """`--preset` takes auto and the names of the table."""
    assert offered("preset") == ("auto", *PRESETS)


@pytest.mark.parametrize(
    ("option", "table"),
    [
        ("cell", tuple(CELLS)),
        ("encoder", ENCODERS),
        ("precision", PRECISIONS),
        ("device", DEVICES),
    ],
)
def test_the_command_line_offers_the_names_of_the_package(
    option: str, table: tuple[str, ...]
) -> None:
    """Its tuples, which stand there so that nothing heavy is imported, equal the tables."""
    assert offered(option) == table


def test_every_option_is_a_choice_of_a_run_and_every_choice_an_option() -> None:
    """An option is the command's own, a budget, or the field of `Asked` of its name."""
    options = {parameter.name for parameter in command.params} - OF_THE_COMMAND - set(BUDGETS)
    assert options == {field.name for field in fields(Asked)} - {"budget"}
