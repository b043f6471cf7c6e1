"""Tests of the filters against reference implementations in plain Python."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chargen.generation.filters import (
    FILTERS,
    Filter,
    MinP,
    Temperature,
    Threshold,
    TopK,
    TopP,
    make_filters,
)
from chargen.generation.settings import GenerationSettings
from chargen.model.engine import log_softmax

Array = npt.NDArray[np.float64]

# A few distinct values, which make ties common, and any values.
logits = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8),
    elements=st.sampled_from([-3.0, 0.0, 1.0, 2.0, 30.0]) | st.floats(-50, 50),
)
temperatures = st.floats(1e-3, 100) | st.sampled_from([1.0, 0.5, 0.8])
fractions = st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1 / 3, 1.0])
positions = st.lists(st.integers(0, 7), max_size=3)


def softmax(row: list[float], temperature: float = 1.0) -> list[float]:
    """Return the softmax of a row; -inf gives 0."""
    best = max(row)
    powers = [math.exp((x - best) / temperature) for x in row]
    return [power / math.fsum(powers) for power in powers]


def drop(logs: Array, positions: list[int]) -> Array:
    """Return log-probabilities after other filters dropped some characters, but never all."""
    logs = logs.copy()
    for row in logs:
        for position in positions:
            if np.isfinite(row).sum() > 1:
                row[position % len(row)] = -np.inf
    return log_softmax(logs)


def kept(logs: Array) -> list[set[int]]:
    """Return the positions that are kept in each row."""
    return [set(np.flatnonzero(np.isfinite(row)).tolist()) for row in logs]


# Temperature


@given(logits, temperatures, positions)
@example(np.array([[0.0, 0.0]]), 0.5, [])
def test_temperature_divides_the_logits(
    values: Array, temperature: float, dropped: list[int]
) -> None:
    """The result is the softmax of the divided logits; dropped characters stay dropped."""
    logs = drop(log_softmax(values), dropped)
    result = np.exp(Temperature(temperature)(logs))
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        # The logarithms have an error of 1e-14, which is divided by the temperature.
        error = 1e-13 * max(1, 1 / temperature)
        assert row == pytest.approx(softmax(other, temperature), rel=100 * error, abs=error)


@given(logits)
@example(np.array([[1.0, 1.0, 1.0]]))
@example(np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 2.0]]))
def test_temperature_0_is_greedy(values: Array) -> None:
    """At 0, the first of the most likely characters has probability 1."""
    result = np.exp(Temperature(0)(log_softmax(values)))
    for row, other in zip(result.tolist(), log_softmax(values).tolist(), strict=True):
        assert row == [float(k == other.index(max(other))) for k in range(len(row))]


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-12])
@given(values=logits)
@example(values=np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 1.0]]))
def test_a_tiny_temperature_keeps_only_ties(temperature: float, values: Array) -> None:
    """Near 0, the most likely characters share the probability, and nothing overflows."""
    logs = log_softmax(np.round(values))  # differences are at least 1, or 0
    with np.errstate(invalid="raise", divide="raise"):
        result = np.exp(Temperature(temperature)(logs))
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        best = max(other)
        share = 1 / other.count(best)
        assert row == pytest.approx([share * (x == best) for x in other], abs=1e-12)


@pytest.mark.parametrize("temperature", [1e12, 1e300, 1.7e308, 10**300])
@given(values=logits, dropped=positions)
def test_a_huge_temperature_is_uniform(
    temperature: float, values: Array, dropped: list[int]
) -> None:
    """Far above 1, all characters that were not dropped are equally likely."""
    logs = drop(log_softmax(values), dropped)
    with np.errstate(all="raise", under="ignore"):
        result = np.exp(Temperature(temperature)(logs))
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        finite = [math.isfinite(x) for x in other]
        # Logits of up to 100, divided by 1e12.
        assert row == pytest.approx([k / sum(finite) for k in finite], abs=1e-9)


# Filters that drop characters


@given(logits, st.integers(0, 9), positions)
@example(np.array([[1.0, 1.0, 1.0]]), 2, [])
@example(np.array([[0.0, 2.0, 2.0, 1.0, 1.0]]), 3, [])
@example(np.array([[0.0, 1.0, 2.0]]), 2, [])
@example(np.array([[0.0, 1.0, 2.0]]), 2, [2])
def test_top_k_keeps_k_characters_and_ties(values: Array, k: int, dropped: list[int]) -> None:
    """A character is kept if fewer than k others are more likely; 0 keeps all."""
    logs = drop(log_softmax(values), dropped)
    for places, row in zip(kept(TopK(k)(logs)), logs.tolist(), strict=True):
        finite = {j for j, x in enumerate(row) if x > -math.inf}
        better = [sum(other > x for other in row) for x in row]
        assert places == {j for j in finite if k == 0 or better[j] < k}


def nucleus(row: list[float], share: float) -> set[int]:
    """Return the fewest characters that reach the share, and ties with the last one."""
    probabilities = [math.exp(x) for x in row]
    held, least = 0.0, math.inf
    for probability in sorted(probabilities, reverse=True):
        if least < math.inf and held >= share * math.fsum(probabilities):
            break
        held, least = held + probability, probability
    return {k for k, p in enumerate(probabilities) if p >= least and p > 0}


@given(logits, fractions, positions)
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.5, [])
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.6, [])
@example(np.zeros((1, 8)), 0.0, [])
@example(np.array([[0.0, 1.0, 2.0, 2.0]]), 0.99, [2])
def test_top_p_keeps_the_nucleus(values: Array, share: float, dropped: list[int]) -> None:
    """The fewest characters that reach the share of the remaining probability are kept."""
    logs = drop(log_softmax(values), dropped)
    logs += math.log(0.5)  # the sum of the remaining probability does not matter
    for places, row in zip(kept(TopP(share)(logs)), logs.tolist(), strict=True):
        # Between the two, the result depends on the last bit of a sum of eight float64 numbers.
        least, most = nucleus(row, share - 1e-14), nucleus(row, share + 1e-14)
        assert least <= places
        assert places <= most or share == 1


@pytest.mark.parametrize(
    ("share", "probabilities", "expected"),
    [
        (0.5, [0.5, 0.25, 0.125, 0.125], {0}),
        (0.75, [0.5, 0.25, 0.125, 0.125], {0, 1}),
        (0.76, [0.5, 0.25, 0.125, 0.125], {0, 1, 2, 3}),
        (0.25, [0.25, 0.25, 0.25, 0.25], {0, 1, 2, 3}),
    ],
)
def test_top_p_at_exact_sums(share: float, probabilities: list[float], expected: set[int]) -> None:
    """A sum that equals the share suffices, and ties are kept."""
    assert kept(TopP(share)(np.log(np.array([probabilities])))) == [expected]


@given(logits, fractions, positions)
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.5, [])
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.51, [])
@example(np.array([[2.0, 1.0, 2.0]]), 1.0, [])
def test_min_p_is_relative_to_the_top_probability(
    values: Array, share: float, dropped: list[int]
) -> None:
    """A character is kept if it has at least the share of the top probability."""
    logs = drop(log_softmax(values), dropped)
    for places, row in zip(kept(MinP(share)(logs)), logs.tolist(), strict=True):
        finite = {k for k, x in enumerate(row) if x > -math.inf}

        def near(share: float, row: list[float] = row) -> set[int]:
            return {k for k, x in enumerate(row) if math.exp(x - max(row)) >= share}

        # A logarithm and its inverse in float64, of values up to 100.
        assert finite & near(share * (1 + 1e-13)) <= places <= finite & near(share * (1 - 1e-13))


@given(logits, fractions)
@example(np.array([[0.0, 0.0]]), 0.5)
@example(np.array([[0.0, 0.0, 0.0, 0.0]]), 0.25)
@example(np.array([[0.0, 1.0]]), 1.0)
@example(np.array([[0.0, 0.0]]), 0.51)
def test_threshold_is_absolute(values: Array, threshold: float) -> None:
    """A character is kept if its probability reaches the threshold or it is the most likely."""
    logs = log_softmax(values)
    result = Threshold(threshold)(logs)
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        best = other.index(max(other))
        assert row == [
            x if k == best or np.exp(x) >= threshold else -math.inf for k, x in enumerate(other)
        ]
        # No two characters have more than half of the probability.
        assert threshold <= 0.5000001 or np.isfinite(row).sum() == 1


# All filters


@pytest.mark.parametrize(
    "neutral", [TopK(0), TopK(8), TopK(10**30), TopP(1), MinP(0), Threshold(0), Temperature(1)]
)
@given(values=logits)
def test_a_neutral_value_keeps_all(neutral: Filter, values: Array) -> None:
    """The value that keeps all characters has no effect."""
    logs = log_softmax(values)
    # The temperature normalises again, in float64; all others return the same bits.
    tolerance = 1e-13 if isinstance(neutral, Temperature) else 0
    np.testing.assert_allclose(neutral(logs), logs, rtol=tolerance, atol=tolerance)


dropping_filter = (
    st.builds(TopK, st.integers(0, 9))
    | st.builds(TopP, fractions)
    | st.builds(MinP, fractions)
    | st.builds(Threshold, fractions)
)
any_filter = dropping_filter | st.builds(Temperature, st.just(0.0) | temperatures)


@given(logits, dropping_filter, positions)
def test_kept_characters_are_unchanged(values: Array, apply: Filter, dropped: list[int]) -> None:
    """A filter returns the same bits for kept characters, so later filters see the network's."""
    logs = drop(log_softmax(values), dropped)
    result = apply(logs)
    assert (np.isneginf(result) | (result == logs)).all()


@given(logits, st.lists(any_filter, max_size=4), positions)
def test_the_most_likely_character_is_always_kept(
    values: Array, filters: list[Filter], dropped: list[int]
) -> None:
    """Filters in any order keep the most likely character, restore nothing and make no NaN."""
    logs = drop(log_softmax(values), dropped)
    result = logs
    for apply in filters:
        before = result.copy()
        after = apply(result)
        np.testing.assert_array_equal(result, before)  # the input is not modified
        assert after.shape == logs.shape
        assert not np.isnan(after).any()
        assert not np.isfinite(after[~np.isfinite(result)]).any()
        result = after
    best = logs.argmax(axis=-1)
    rows = np.arange(len(best))
    assert np.isfinite(result[rows, best]).all()
    assert (result[rows, best] == result.max(axis=-1)).all()


@given(logits, any_filter)
def test_rows_are_independent(values: Array, apply: Filter) -> None:
    """A sample is filtered in the same way alone and in a batch."""
    logs = log_softmax(values)
    together = apply(logs)
    for k in range(len(logs)):
        np.testing.assert_array_equal(apply(logs[k : k + 1])[0], together[k])


# The filters of the settings


def test_settings_turn_filters_on() -> None:
    """Every value that is not the default adds its filter, in the order of the table."""
    assert make_filters(GenerationSettings()) == [Temperature(0.8)]
    everything = GenerationSettings(threshold=0.1, min_p=0.2, top_p=0.7, top_k=9, temperature=0.5)
    expected = [Temperature(0.5), TopK(9), TopP(0.7), MinP(0.2), Threshold(0.1)]
    assert make_filters(everything) == expected
    assert [type(each) for each in expected] == list(FILTERS)


@pytest.mark.parametrize(
    ("probabilities", "settings", "expected"),
    [
        # The nucleus is taken from the characters of top-k: 0.4 is more than half of 0.4 + 0.3.
        ([0.4, 0.3, 0.2, 0.1], {"top_p": 0.5}, {0, 1}),
        ([0.4, 0.3, 0.2, 0.1], {"top_p": 0.5, "top_k": 2}, {0}),
        # The threshold applies to the probability among all characters.
        ([0.4, 0.3, 0.2, 0.1], {"top_k": 2, "threshold": 0.35}, {0}),
        ([0.4, 0.3, 0.2, 0.1], {"top_k": 2, "top_p": 0.9, "threshold": 0.25}, {0, 1}),
        ([0.4, 0.3, 0.2, 0.1], {"top_k": 1, "threshold": 0.2}, {0}),
        # Temperature comes first: at 2 the probabilities are 0.75 and 0.25.
        ([0.9, 0.1], {"threshold": 0.2}, {0}),
        ([0.9, 0.1], {"threshold": 0.2, "temperature": 2.0}, {0, 1}),
    ],
)
def test_filters_apply_in_order(
    probabilities: list[float], settings: dict[str, Any], expected: set[int]
) -> None:
    """The order is temperature, top-k, top-p, min-p, threshold."""
    logs = np.log(np.array([probabilities]))
    for apply in make_filters(GenerationSettings(**{"temperature": 1.0, **settings})):
        logs = apply(logs)
    assert kept(logs) == [expected]
