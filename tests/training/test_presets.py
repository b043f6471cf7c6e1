"""The presets."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.training.presets import PRESETS, automatic_dropout, automatic_preset


@given(st.integers(0, 10**15))
def test_a_text_gets_the_first_preset_that_is_large_enough(characters: int) -> None:
    """A text of any length has a preset."""
    name = automatic_preset(characters)
    smaller = list(PRESETS)[: list(PRESETS).index(name)]
    assert characters <= PRESETS[name].up_to
    assert all(characters > PRESETS[other].up_to for other in smaller)


def test_presets_are_ordered_by_the_length_of_the_text() -> None:
    """The last preset has no limit."""
    limits = [preset.up_to for preset in PRESETS.values()]
    assert all(a < b for a, b in pairwise(limits))
    assert limits[-1] == math.inf


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_dropout_grows_with_the_number_of_epochs(one: float, other: float) -> None:
    """More epochs never lower the dropout, which is at most 0.5."""
    fewer, more = sorted((one, other))
    assert 0 <= automatic_dropout(fewer) <= automatic_dropout(more) <= 0.5


@pytest.mark.parametrize(("epochs", "dropout"), [(0.5, 0.0), (1, 0.0), (20, 0.4), (1e9, 0.5)])
def test_dropout_has_the_measured_optimum(epochs: float, dropout: float) -> None:
    """One epoch gets no dropout, and 20 epochs get 0.4."""
    # The value is a multiple of 0.05, computed in floats.
    assert automatic_dropout(epochs) == pytest.approx(dropout, abs=1e-12)
