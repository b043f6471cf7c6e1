"""Filters do what their definition says, character by character, and never leave nothing."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chargen.errors import OptionError
from chargen.generation.filters import (
    FILTERS,
    Filter,
    MinP,
    Temperature,
    Threshold,
    TopK,
    TopP,
    chain,
)
from chargen.model.engine import log_softmax

Doubles = npt.NDArray[np.float64]

# Few distinct values, so that ties are common, and any values.
logits = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8),
    elements=st.sampled_from([-3.0, 0.0, 1.0, 2.0, 30.0]) | st.floats(-50, 50),
)
temperatures = st.floats(1e-3, 100) | st.sampled_from([1.0, 0.5, 0.8])
thresholds = st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1 / 3, 1.0])


def plain_softmax(row: list[float], temperature: float = 1.0) -> list[float]:
    """The definition, number by number; a dropped character (-inf) has none of it."""
    best = max(row)
    powers = [math.exp((x - best) / temperature) for x in row]
    return [power / math.fsum(powers) for power in powers]


def dropped_some(logs: Doubles, places: list[int]) -> Doubles:
    """The log-probabilities after other filters dropped some characters, never all."""
    logs = logs.copy()
    for row in logs:
        for place in places:
            if np.isfinite(row).sum() > 1:
                row[place % len(row)] = -np.inf
    return log_softmax(logs)


@given(logits, temperatures, st.lists(st.integers(0, 7), max_size=3))
@example(np.array([[0.0, 0.0]]), 0.5, [])
def test_temperature_divides_the_logits(
    values: Doubles, temperature: float, dropped: list[int]
) -> None:
    """The probabilities are the softmax of the divided logits; what is dropped stays dropped."""
    logs = dropped_some(log_softmax(values), dropped)
    result = np.exp(Temperature(temperature)(logs))
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        # The logits come back from logarithms: an error of 1e-14 is divided by the temperature.
        close = 1e-13 * max(1, 1 / temperature)
        assert row == pytest.approx(plain_softmax(other, temperature), rel=100 * close, abs=close)


@given(logits)
def test_temperature_1_changes_nothing(values: Doubles) -> None:
    """At 1 the network's own probabilities are drawn from."""
    logs = log_softmax(values)
    # One more log-softmax, in float64.
    np.testing.assert_allclose(Temperature(1)(logs), logs, rtol=1e-13, atol=1e-13)


@given(logits)
@example(np.array([[1.0, 1.0, 1.0]]))
@example(np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 2.0]]))
def test_temperature_0_is_greedy(values: Doubles) -> None:
    """At 0 the first of the most likely characters has all of the probability."""
    result = np.exp(Temperature(0)(log_softmax(values)))
    for row, other in zip(result.tolist(), log_softmax(values).tolist(), strict=True):
        assert row == [float(k == other.index(max(other))) for k in range(len(row))]


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-12])
@given(values=logits)
@example(values=np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 1.0]]))
def test_a_tiny_temperature_shares_between_the_most_likely(
    temperature: float, values: Doubles
) -> None:
    """Close to 0 only ties of the best are left, each with its share, and nothing overflows."""
    logs = log_softmax(np.round(values))  # apart by 1, or equal
    with np.errstate(invalid="raise", divide="raise"):
        result = np.exp(Temperature(temperature)(logs))
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        best = max(other)
        share = 1 / other.count(best)
        assert row == pytest.approx([share * (x == best) for x in other], abs=1e-12)


@pytest.mark.parametrize("temperature", [1e12, 1e300, 1.7e308])
@given(values=logits, dropped=st.lists(st.integers(0, 7), max_size=3))
def test_a_huge_temperature_draws_level(
    temperature: float, values: Doubles, dropped: list[int]
) -> None:
    """Far above 1 all that is not dropped is equally likely, and what is dropped stays so."""
    logs = dropped_some(log_softmax(values), dropped)
    with np.errstate(all="raise", under="ignore"):
        result = np.exp(Temperature(temperature)(logs))
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        kept = [math.isfinite(x) for x in other]
        # Logits of up to 100 divided by 1e12 are not quite nothing.
        assert row == pytest.approx([k / sum(kept) for k in kept], abs=1e-9)


@given(logits, thresholds)
@example(np.array([[0.0, 0.0]]), 0.5)
@example(np.array([[0.0, 0.0, 0.0, 0.0]]), 0.25)
@example(np.array([[0.0, 1.0]]), 1.0)
def test_threshold_keeps_what_is_likely_enough(values: Doubles, threshold: float) -> None:
    """Kept are the probabilities from the threshold up and the best; they are not made larger."""
    logs = log_softmax(values)
    result = Threshold(threshold)(logs)
    for row, other in zip(result.tolist(), logs.tolist(), strict=True):
        best = other.index(max(other))
        assert row == [
            x if k == best or np.exp(x) >= threshold else -math.inf for k, x in enumerate(other)
        ]


@given(logits, st.floats(0.5000001, 1))
def test_a_threshold_above_a_half_is_greedy(values: Doubles, threshold: float) -> None:
    """No two characters have more than half of the probability: only the best one stays."""
    logs = log_softmax(values)
    result = Threshold(threshold)(logs)
    assert np.isfinite(result).sum(axis=-1).tolist() == [1] * len(values)
    assert (result.argmax(axis=-1) == logs.argmax(axis=-1)).all()


def kept(logs: Doubles) -> list[set[int]]:
    """The places that are left in each row."""
    return [set(np.flatnonzero(np.isfinite(row)).tolist()) for row in logs]


def assert_what_stays_is_as_it_was(result: Doubles, logs: Doubles) -> None:
    """Bit for bit: a later filter sees the probabilities of the network."""
    assert (np.isneginf(result) | (result == logs)).all()


many = st.lists(st.integers(0, 7), max_size=3)


@given(logits, st.integers(0, 9), many)
@example(np.array([[1.0, 1.0, 1.0]]), 2, [])
@example(np.array([[0.0, 2.0, 2.0, 1.0, 1.0]]), 3, [])
@example(np.array([[0.0, 1.0, 2.0]]), 2, [2])
def test_top_k_keeps_the_k_best_and_what_equals_the_last(
    values: Doubles, k: int, dropped: list[int]
) -> None:
    """Kept is what fewer than k others are better than; 0 keeps all."""
    logs = dropped_some(log_softmax(values), dropped)
    result = TopK(k)(logs)
    assert_what_stays_is_as_it_was(result, logs)
    for places, row in zip(kept(result), logs.tolist(), strict=True):
        finite = {j for j, x in enumerate(row) if x > -math.inf}
        better = [sum(other > x for other in row) for x in row]
        assert places == {j for j in finite if k == 0 or better[j] < k}


def nucleus(row: list[float], share: float) -> set[int]:
    """The definition: the best one by one until they hold the share, and what equals the last."""
    chances = [math.exp(x) for x in row]
    held, least = 0.0, math.inf
    for chance in sorted(chances, reverse=True):
        if least < math.inf and held >= share * math.fsum(chances):
            break
        held, least = held + chance, chance
    return {k for k, chance in enumerate(chances) if chance >= least and chance > 0}


@given(logits, thresholds, many)
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.5, [])
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.6, [])
@example(np.zeros((1, 8)), 0.0, [])
@example(np.array([[0.0, 1.0, 2.0, 2.0]]), 0.99, [2])
def test_top_p_keeps_the_fewest_that_hold_the_share(
    values: Doubles, share: float, dropped: list[int]
) -> None:
    """Kept is the nucleus of what is left, with what equals its last; where sums tie, either."""
    logs = dropped_some(log_softmax(values), dropped)
    logs += math.log(0.5)  # the share is one of what is left, whatever that sums to
    result = TopP(share)(logs)
    assert_what_stays_is_as_it_was(result, logs)
    for places, row in zip(kept(result), logs.tolist(), strict=True):
        # Sums of eight numbers in float64; between the two a share is met to the last bit. What
        # holds less than a bit of the whole is no part of any sum.
        least, most = nucleus(row, share - 1e-14), nucleus(row, share + 1e-14)
        assert least <= places
        assert places <= most or share == 1


def test_top_p_on_the_border_keeps_no_more_than_it_needs() -> None:
    """A half is held by the first half; of four quarters that are equal all stay."""
    halves = np.log(np.array([[0.5, 0.25, 0.125, 0.125]]))
    assert kept(TopP(0.5)(halves)) == [{0}]
    assert kept(TopP(0.75)(halves)) == [{0, 1}]
    assert kept(TopP(0.76)(halves)) == [{0, 1, 2, 3}]
    assert kept(TopP(0.25)(np.log(np.full((1, 4), 0.25)))) == [{0, 1, 2, 3}]


@given(logits, thresholds, many)
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.5, [])
@example(np.log(np.array([[0.5, 0.25, 0.25]])), 0.51, [])
def test_min_p_keeps_what_is_near_the_best(
    values: Doubles, share: float, dropped: list[int]
) -> None:
    """Kept is what has so large a share of the best one's probability; 0 keeps all."""
    logs = dropped_some(log_softmax(values), dropped)
    result = MinP(share)(logs)
    assert_what_stays_is_as_it_was(result, logs)
    for places, row in zip(kept(result), logs.tolist(), strict=True):
        finite = {k for k, x in enumerate(row) if x > -math.inf}

        def near(share: float, row: list[float] = row) -> set[int]:
            return {k for k, x in enumerate(row) if math.exp(x - max(row)) >= share}

        # A logarithm and its inverse in float64, of logs up to 100.
        assert finite & near(share * (1 + 1e-13)) <= places <= finite & near(share * (1 - 1e-13))


def test_min_p_1_keeps_all_of_the_best() -> None:
    """At 1 ties of the best are left and nothing else."""
    assert kept(MinP(1)(log_softmax(np.array([[2.0, 1.0, 2.0]])))) == [{0, 2}]


@pytest.mark.parametrize("idle", [TopK(0), TopK(8), TopP(1), MinP(0), Threshold(0)])
@given(values=logits)
def test_an_idle_filter_keeps_everything(idle: Filter, values: Doubles) -> None:
    """The value that keeps all changes no bit."""
    logs = log_softmax(values)
    np.testing.assert_array_equal(idle(logs), logs)


any_filter = (
    st.builds(Temperature, st.just(0.0) | temperatures)
    | st.builds(TopK, st.integers(0, 9))
    | st.builds(TopP, thresholds)
    | st.builds(MinP, thresholds)
    | st.builds(Threshold, thresholds)
)


@given(logits, st.lists(any_filter, max_size=4), st.lists(st.integers(0, 7), max_size=3))
def test_the_most_likely_character_always_stays(
    values: Doubles, filters: list[Filter], dropped: list[int]
) -> None:
    """After any filters in any order a best character is the first of the best, and no NaN is."""
    logs = dropped_some(log_softmax(values), dropped)
    result = logs
    for apply in filters:
        before = result.copy()
        after = apply(result)
        np.testing.assert_array_equal(result, before)  # a filter writes to nothing
        assert after.shape == logs.shape
        assert not np.isnan(after).any()
        assert not np.isfinite(after[~np.isfinite(result)]).any()
        result = after
    best = logs.argmax(axis=-1)
    rows = np.arange(len(best))
    assert np.isfinite(result[rows, best]).all()
    assert (result[rows, best] == result.max(axis=-1)).all()


@given(logits, any_filter)
def test_rows_do_not_see_each_other(values: Doubles, apply: Filter) -> None:
    """A sample in a batch is filtered as it is alone."""
    logs = log_softmax(values)
    together = apply(logs)
    for k in range(len(logs)):
        np.testing.assert_array_equal(apply(logs[k : k + 1])[0], together[k])


NOT_A_TEMPERATURE = [-1, -1e-9, -5e-324, math.nan, math.inf, -math.inf]
NOT_A_PROBABILITY = [-0.1, 1.0001, 2, 90, -5e-324, math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("value", NOT_A_TEMPERATURE)
def test_a_temperature_that_is_none_is_refused(value: float) -> None:
    """Below 0, NaN and infinity are refused with what is allowed."""
    with pytest.raises(OptionError) as caught:
        Temperature(value)
    assert str(caught.value) == (
        f"--temperature must be 0 or more, got {value:g} (0 is greedy, 0.8 is a good start)"
    )


@pytest.mark.parametrize("value", NOT_A_PROBABILITY)
@pytest.mark.parametrize(("make", "option"), [(TopP, "--top-p"), (MinP, "--min-p")])
def test_a_share_that_is_none_is_refused(
    make: Callable[[float], Filter], option: str, value: float
) -> None:
    """Outside 0 to 1 and NaN are refused with what is allowed."""
    with pytest.raises(OptionError, match=f"^{option} must lie between 0 and 1, got {value:g} "):
        make(value)


@pytest.mark.parametrize("value", [-1, -(10**400), 1.5, 2.0, True, "3", math.nan, math.inf])
def test_a_top_k_that_is_no_count_is_refused(value: float) -> None:
    """Only whole numbers from 0 count characters; numpy's whole numbers do too."""
    with pytest.raises(OptionError, match=r"^--top-k must be a whole number, 0 or more, got "):
        TopK(value)  # type: ignore[arg-type]
    assert TopK(np.int64(3)) == TopK(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", NOT_A_PROBABILITY)
def test_a_threshold_that_is_no_probability_is_refused(value: float) -> None:
    """Outside 0 to 1 and NaN are refused with what is allowed."""
    with pytest.raises(OptionError) as caught:
        Threshold(value)
    assert str(caught.value) == (
        f"--threshold must lie between 0 and 1, got {value:g}"
        " (0 keeps all, 0.9 only what is nearly certain)"
    )


@pytest.mark.parametrize("make", FILTERS.values(), ids=FILTERS.keys())
def test_every_filter_refuses_nan(make: Callable[[float], Filter]) -> None:
    """No filter lets NaN in, from where it would reach every draw."""
    with pytest.raises(OptionError):
        make(math.nan)


def test_a_chain_has_the_order_of_the_table() -> None:
    """However they are named: temperature, top-k, top-p, min-p, threshold."""
    expected = [Temperature(0.5), TopK(9), TopP(0.8), MinP(0.2), Threshold(0.1)]
    assert chain(threshold=0.1, min_p=0.2, top_p=0.8, top_k=9, temperature=0.5) == expected
    assert chain(top_k=9, temperature=0.5, min_p=0.2, threshold=0.1, top_p=0.8) == expected
    assert chain(threshold=0.1) == [Threshold(0.1)]
    assert chain() == []


def chained(chances: list[float], **values: float) -> set[int]:
    """What a chain leaves of a row of probabilities."""
    logs = np.log(np.array([chances]))
    for apply in chain(**values):
        logs = apply(logs)
    return kept(logs)[0]


def test_the_nucleus_is_that_of_what_top_k_left() -> None:
    """0.4 is more than half of 0.4 and 0.3, and less than half of all."""
    chances = [0.4, 0.3, 0.2, 0.1]
    assert chained(chances, top_p=0.5) == {0, 1}
    assert chained(chances, top_p=0.5, top_k=2) == {0}


def test_the_threshold_is_absolute() -> None:
    """It is compared with the probability among all characters, however few are left."""
    chances = [0.4, 0.3, 0.2, 0.1]
    assert chained(chances, top_k=2, threshold=0.35) == {0}
    assert chained(chances, top_k=2, top_p=0.9, min_p=0.1, threshold=0.3) == {0, 1}
    assert chained(chances, top_k=1, threshold=0.2) == {0}


def test_the_threshold_sees_the_probabilities_after_the_temperature() -> None:
    """What is too unlikely by itself passes when the temperature makes it likely."""
    assert chained([0.9, 0.1], threshold=0.2, temperature=2.0) == {0, 1}  # they are 0.75 and 0.25
    assert chained([0.9, 0.1], threshold=0.2) == {0}


def test_a_chain_refuses_what_its_filters_refuse() -> None:
    """A value that is not allowed is refused while the chain is made."""
    with pytest.raises(OptionError, match="--threshold must lie between 0 and 1, got 2"):
        chain(temperature=0.8, threshold=2)
