"""Tests of sampling: a draw depends on the seed, the sample and the position, and on the model."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.generation.filters import (
    Filter,
    MinP,
    Temperature,
    Threshold,
    TopK,
    TopP,
    make_filters,
)
from chargen.generation.sampler import Sampler, _invert
from chargen.generation.settings import GenerationSettings
from chargen.options import MAX_SEED

Floats = npt.NDArray[np.float32]

VOCAB_SIZE = 12
PLAIN = [Temperature(1)]


def random_logits(rows: int, seed: int = 1) -> Floats:
    """Return logits [rows, VOCAB_SIZE], to which a sampler must not write."""
    logits = 2 * np.random.default_rng(seed).standard_normal((rows, VOCAB_SIZE), np.float32)
    logits.setflags(write=False)
    return logits


def probabilities(row: Floats) -> list[float]:
    """Return the softmax over all characters except the unknown one."""
    powers = [math.exp(float(x)) for x in row[1:]]
    return [0.0, *(power / math.fsum(powers) for power in powers)]


def draws(sampler: Sampler, logits: Floats, count: int) -> npt.NDArray[np.int64]:
    """Return ids [count, B], drawn one after the other from the same logits."""
    return np.stack([sampler.draw(logits) for _ in range(count)])


# Determinism


def invert_philox(seed: int, sample: int, rows: list[Floats]) -> list[int]:
    """Return ids by the definition: Philox of (seed, sample), inverted for each character."""
    uniforms = np.random.Generator(np.random.Philox(key=[seed, sample])).random(len(rows))
    ids = []
    for row, uniform in zip(rows, uniforms.tolist(), strict=True):
        total, k = 0.0, -1
        while total <= uniform:
            k += 1
            total += probabilities(row)[k]
        ids.append(k)
    return ids


@pytest.mark.parametrize("seed", [0, 1, 1 << 32, MAX_SEED])
@pytest.mark.parametrize(("first", "samples"), [(0, 1), (0, 4), (3, 2)])
def test_draws_follow_the_definition(seed: int, first: int, samples: int) -> None:
    """Draw k of sample n inverts the distribution at number k of Philox under (seed, n).

    A draw therefore depends neither on the other samples nor on earlier draws.
    """
    rows = [random_logits(samples, seed=k) for k in range(600)]  # more than two blocks of numbers
    sampler = Sampler(PLAIN, seed=seed, samples=samples, first=first)
    assert sampler.numbers == list(range(first, first + samples))
    drawn = np.stack([sampler.draw(row) for row in rows])
    for k, sample in enumerate(sampler.numbers):
        assert drawn[:, k].tolist() == invert_philox(seed, sample, [row[k] for row in rows])


@pytest.mark.parametrize("kept", [[0], [2], [0, 3], [1, 2, 3], [0, 1, 2, 3]])
@pytest.mark.parametrize("before", [1, 255, 256, 300])
def test_the_other_samples_continue_unchanged(before: int, kept: list[int]) -> None:
    """When samples end, within a block of numbers or at its end, the others draw as before."""
    logits = random_logits(4)
    whole, part = (Sampler([Temperature(0.9)], seed=6, samples=4) for _ in range(2))
    draws(whole, logits, before)
    draws(part, logits, before)
    part.keep(np.array(kept))
    assert part.numbers == kept
    expected = draws(whole, logits, 300)[:, kept]
    np.testing.assert_array_equal(draws(part, logits[kept], 300), expected)


# Possible draws


@pytest.mark.parametrize("seed", range(3))
def test_greedy_draws_the_first_of_the_most_likely(seed: int) -> None:
    """At temperature 0 the seed does not matter, and the first of ties is drawn."""
    logits = random_logits(3).copy()
    logits[2, 4:8] = 50
    expected = [logits[0, 1:].argmax() + 1, logits[1, 1:].argmax() + 1, 4]
    drawn = draws(Sampler([Temperature(0)], seed=seed, samples=3), logits, 20)
    assert (drawn == expected).all()


every_filter = pytest.mark.parametrize(
    "filters",
    [
        *([Temperature(value)] for value in (0, 1e-300, 1, 1e300)),
        *([Temperature(1), Threshold(value)] for value in (0, 0.3, 1)),
        *([Temperature(1), TopK(value)] for value in (1, 3)),
        *([Temperature(1), TopP(value)] for value in (0, 0.5)),
        *([Temperature(1), MinP(value)] for value in (0.01, 1)),
        make_filters(
            GenerationSettings(temperature=1.2, top_k=5, top_p=0.9, min_p=0.05, threshold=0.01)
        ),
    ],
    ids=str,
)


@every_filter
def test_the_unknown_character_is_never_drawn(filters: list[Filter]) -> None:
    """Id 0 is never drawn, even if it is nearly certain."""
    logits = np.zeros((4, VOCAB_SIZE), np.float32)
    logits[1, 0] = 100
    logits[2] = -100
    logits[2, 0] = 3e38
    logits[3, 1:] = -3e38
    assert (draws(Sampler(filters, seed=5, samples=4), logits, 600) > 0).all()


@every_filter
@given(st.lists(st.floats(-200, 200, width=32), min_size=3, max_size=20), st.integers(0, 1 << 32))
def test_a_dropped_character_is_never_drawn(
    filters: list[Filter], row: list[float], seed: int
) -> None:
    """Every drawn character has a probability above 0 after the filters."""
    logits = np.array([row], np.float32)
    allowed = logits.astype(np.float64)
    allowed[:, 0] = -np.inf
    for apply in filters:
        allowed = apply(allowed)
    for k in draws(Sampler(filters, seed=seed), logits, 20)[:, 0].tolist():
        assert 0 < k < len(row)
        assert np.exp(allowed[0, k]) > 0


rows_of_weights = st.lists(st.just(0.0) | st.floats(1e-300, 1), min_size=1, max_size=12).filter(any)


@given(rows_of_weights)
@example([0.0, 1.0, 0.0])
@example([0.0, 0.1, 0.1, 0.1, 0.7, 0.0, 0.0])
def test_the_ends_of_the_interval_draw_possible_characters(weights: list[float]) -> None:
    """The smallest and largest uniform numbers draw the first and the last possible character."""
    ends = np.array([0.0, 1 - 2**-53])
    drawn = _invert(np.array([weights, weights]), ends)
    single = [_invert(np.array([weights]), ends[k : k + 1])[0] for k in range(2)]
    assert single == drawn.tolist()
    possible = np.flatnonzero(weights)
    assert drawn[0] == possible[0]
    assert drawn[1] in possible
    # A tiny weight is lost in the rounding of the sum.
    if weights[possible[-1]] > 1e-12 * sum(weights):
        assert drawn[1] == possible[-1]


# Statistics


def upper_tail(statistic: float, freedom: int) -> float:
    """Return the probability of a chi-square statistic this high (Wilson, Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return math.erfc(z / math.sqrt(2)) / 2


# Of the probabilities 0.5, 0.3, 0.15, 0.05, these filters keep the first three.
THREE = (0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0)
ROOTS = tuple(map(math.sqrt, (0.5, 0.3, 0.15, 0.05)))
SQUARES = (0.25, 0.09, 0.0225, 0.0025)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (0.5, 0.3, 0.15, 0.05)),
        ({"temperature": 0.5}, tuple(x / sum(SQUARES) for x in SQUARES)),
        ({"temperature": 2.0}, tuple(x / sum(ROOTS) for x in ROOTS)),
        ({"threshold": 0.1}, THREE),
        ({"top_k": 3}, THREE),
        ({"top_p": 0.9}, THREE),
        ({"min_p": 0.2}, THREE),
        ({"top_k": 3, "top_p": 0.97, "min_p": 0.2, "threshold": 0.1}, THREE),
        # The last square root is less than 0.4 of the first.
        ({"temperature": 2.0, "min_p": 0.4}, (*(x / sum(ROOTS[:3]) for x in ROOTS[:3]), 0)),
        ({"temperature": 0.5, "top_k": 2}, (0.25 / 0.34, 0.09 / 0.34, 0, 0)),
    ],
    ids=str,
)
def test_draws_follow_the_probabilities(
    settings: dict[str, float], expected: tuple[float, ...]
) -> None:
    """20,000 draws fit the filtered probabilities by Pearson's chi-square.

    The seed is fixed. With random seeds, the probability of a false alarm is 1e-4 per case.
    """
    count = 20_000
    weights = np.array([0.4, 0.5, 0.3, 0.15, 0.05])  # the first is the unknown character
    logits = np.repeat(np.log(weights)[None].astype(np.float32), 100, axis=0)
    made: dict[str, float] = {"temperature": 1.0, **settings}
    filters = make_filters(GenerationSettings(**made))  # type: ignore[arg-type]
    drawn = draws(Sampler(filters, seed=2026, samples=100), logits, count // 100).ravel()
    seen = np.bincount(drawn, minlength=5)[1:]
    assert seen.sum() == count
    counts = count * np.array(expected)
    some = counts > 0
    assert (seen[~some] == 0).all()
    statistic = float(((seen - counts)[some] ** 2 / counts[some]).sum())
    assert upper_tail(statistic, int(some.sum()) - 1) > 1e-4
