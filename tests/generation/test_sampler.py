"""A draw is a pure function of the seed, the sample and the position, and follows the model."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargen.errors import OptionError
from chargen.generation.filters import Filter, MinP, Temperature, Threshold, TopK, TopP, chain
from chargen.generation.repetition import Repetition
from chargen.generation.sampler import MOST_SEED, Sampler, _invert

Floats = npt.NDArray[np.float32]

VOCABULARY = 12


def logits_of(rows: int, seed: int = 1) -> Floats:
    """[rows, VOCABULARY] logits of a model that has an opinion."""
    return 2 * np.random.default_rng(seed).standard_normal((rows, VOCABULARY), np.float32)


def probabilities(row: Floats) -> list[float]:
    """What a row is to be drawn by: the softmax of all but the unknown character, by hand."""
    powers = [math.exp(float(x)) for x in row[1:]]
    return [0.0, *(power / math.fsum(powers) for power in powers)]


def draws(sampler: Sampler, logits: Floats, count: int) -> npt.NDArray[np.int64]:
    """[count, B] ids, drawn one after the other from the same logits."""
    return np.stack([sampler.draw(logits) for _ in range(count)])


def by_hand(seed: int, sample: int, rows: list[Floats]) -> list[int]:
    """The ids that the definition gives: Philox under (seed, sample), inverted one by one."""
    uniforms = np.random.Generator(np.random.Philox(key=[seed, sample])).random(len(rows))
    chosen = []
    for row, uniform in zip(rows, uniforms.tolist(), strict=True):
        total, k = 0.0, -1
        while total <= uniform:
            k += 1
            total += probabilities(row)[k]
        chosen.append(k)
    return chosen


@pytest.mark.parametrize("seed", [0, 1, 1 << 32, (1 << 63) - 1])
def test_draws_are_those_of_the_definition(seed: int) -> None:
    """Each draw is the inverse of the distribution function at its own number of Philox."""
    rows = [logits_of(4, seed=k) for k in range(600)]  # over more than one block of numbers
    sampler = Sampler([], seed=seed, samples=4)
    drawn = np.stack([sampler.draw(row) for row in rows])
    for sample in range(4):
        expected = by_hand(seed, sample, [row[sample] for row in rows])
        assert drawn[:, sample].tolist() == expected


def test_the_same_seed_draws_the_same() -> None:
    """Two samplers with one seed agree, with another they do not."""
    logits = logits_of(3)
    first, again, other = (
        draws(Sampler([], seed=seed, samples=3), logits, 300) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=0).all()


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_sample_of_a_batch_is_the_sample_of_any_batch(samples: int) -> None:
    """How many others there are has no say in what a sample draws."""
    logits = logits_of(7)
    many = draws(Sampler([Temperature(0.8)], seed=3, samples=7), logits, 300)
    few = draws(Sampler([Temperature(0.8)], seed=3, samples=samples), logits[:samples], 300)
    np.testing.assert_array_equal(many[:, :samples], few)


def test_samples_of_a_batch_are_different_texts() -> None:
    """From the same logits each sample draws its own characters."""
    drawn = draws(Sampler([], seed=3, samples=8), np.repeat(logits_of(1), 8, axis=0), 100)
    assert len({tuple(column) for column in drawn.T.tolist()}) == 8


def test_a_draw_depends_on_its_position_alone() -> None:
    """What was drawn before, from whatever logits and by whatever filter, does not move it."""
    flat = np.zeros((1, VOCABULARY), np.float32)
    for before in (1, 255, 256, 257, 511):
        one, other = Sampler([], seed=9), Sampler([], seed=9)
        draws(one, flat, before)
        draws(other, logits_of(1, seed=before), before)
        np.testing.assert_array_equal(draws(one, flat, 30), draws(other, flat, 30))


def test_the_logits_are_not_written_to() -> None:
    """Drawing leaves the logits as they were."""
    logits = logits_of(2)
    logits.setflags(write=False)
    Sampler([Temperature(0.5), Threshold(0.1)], seed=1, samples=2).draw(logits)
    Sampler([], seed=1, samples=2, repetition=Repetition(2)).draw(logits)


FILTERS: list[list[Filter]] = [
    [],
    [Temperature(0)],
    [Temperature(1e-300)],
    [Temperature(1e300)],
    [Threshold(0)],
    [Threshold(1)],
    [Temperature(1.5), Threshold(0.3)],
    [TopK(1)],
    [TopK(3)],
    [TopP(0)],
    [TopP(0.5)],
    [MinP(1)],
    [MinP(0.01)],
    chain(temperature=1.2, top_k=5, top_p=0.9, min_p=0.05, threshold=0.01),
]


@pytest.mark.parametrize("filters", FILTERS)
def test_the_unknown_character_is_never_drawn(filters: list[Filter]) -> None:
    """However sure the model is of id 0, something else is drawn."""
    logits = np.zeros((4, VOCABULARY), np.float32)
    logits[1, 0] = 100
    logits[2] = -100
    logits[2, 0] = 3e38
    logits[3, 1:] = -3e38
    assert (draws(Sampler(filters, seed=5, samples=4), logits, 600) > 0).all()


@pytest.mark.parametrize("filters", FILTERS)
@given(st.lists(st.floats(-200, 200, width=32), min_size=3, max_size=20), st.integers(0, 1 << 32))
def test_what_is_dropped_is_never_drawn(filters: list[Filter], row: list[float], seed: int) -> None:
    """Every draw is an id whose probability after the filters is more than 0."""
    logits = np.array([row], np.float32)
    allowed = logits.astype(np.float64)
    allowed[:, 0] = -np.inf
    allowed -= allowed.max()
    allowed -= np.log(np.exp(allowed).sum())
    for apply in filters:
        allowed = apply(allowed)
    for k in draws(Sampler(filters, seed=seed), logits, 20)[:, 0].tolist():
        assert 0 < k < len(row)
        assert np.exp(allowed[0, k]) > 0


rows_of_shares = st.lists(st.just(0.0) | st.floats(1e-300, 1), min_size=1, max_size=12).filter(any)


@given(rows_of_shares)
@example([0.0, 1.0, 0.0])
@example([0.0, 0.1, 0.1, 0.1, 0.7, 0.0, 0.0])
def test_the_ends_of_the_interval_draw_possible_characters(shares: list[float]) -> None:
    """The least and the greatest number that can come up draw the first and the last possible id.

    A stream of numbers meets neither in a lifetime, so they are put in by hand.
    """
    ends = np.array([0.0, 1 - 2**-53])
    drawn = _invert(np.array([shares, shares]), ends)
    possible = np.flatnonzero(shares)
    assert drawn[0] == possible[0]
    assert drawn[1] in possible
    # Shares that vanish beside the others cannot be told from rounding.
    if shares[possible[-1]] > 1e-12 * sum(shares):
        assert drawn[1] == possible[-1]


def test_greedy_takes_the_first_of_the_best() -> None:
    """At temperature 0 the seed has no say, and of equals the first is drawn."""
    logits = logits_of(3)
    logits[2, 4:8] = 50
    expected = [logits[0, 1:].argmax() + 1, logits[1, 1:].argmax() + 1, 4]
    for seed in range(5):
        drawn = draws(Sampler([Temperature(0)], seed=seed, samples=3), logits, 20)
        assert (drawn == expected).all()


def upper_tail(statistic: float, freedom: int) -> float:
    """How often chance alone brings a chi-square statistic this high (Wilson, Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return math.erfc(z / math.sqrt(2)) / 2


@pytest.mark.parametrize(
    ("filters", "temperature"), [([], 1.0), ([Temperature(0.7)], 0.7), ([Temperature(1.8)], 1.8)]
)
def test_draws_follow_the_probabilities(filters: list[Filter], temperature: float) -> None:
    """20,000 draws with a fixed seed fit the model's distribution by Pearson's chi-square.

    False alarm: one in ten thousand for each of the three, were the seed not fixed. A character
    of a tenth that is drawn a fifth too often is caught in all but one of some hundred runs.
    """
    count = 20_000
    logits = np.repeat(np.linspace(-1, 1, VOCABULARY, dtype=np.float32)[None], 100, axis=0)
    expected = np.array(probabilities(logits[0] / np.float32(temperature)))
    drawn = draws(Sampler(filters, seed=2026, samples=100), logits, count // 100).ravel()
    seen = np.bincount(drawn, minlength=VOCABULARY)
    assert seen[0] == 0
    assert seen.sum() == count
    statistic = float((((seen - count * expected) ** 2)[1:] / (count * expected[1:])).sum())
    assert upper_tail(statistic, VOCABULARY - 2) > 1e-4


# Of the shares .5 .3 .15 .05 the chains leave the first three, which become these.
LEFT = (0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95)
ROOTS = (math.sqrt(0.5), math.sqrt(0.3), math.sqrt(0.15))


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ([Threshold(0.1)], LEFT),
        ([TopK(3)], LEFT),
        ([TopP(0.9)], LEFT),
        ([MinP(0.2)], LEFT),
        (chain(top_k=3, top_p=0.97, min_p=0.2, threshold=0.1), LEFT),
        # Of the square roots the last is less than a third of the first.
        (chain(temperature=2.0, min_p=0.4), tuple(x / sum(ROOTS) for x in ROOTS)),
        (chain(temperature=0.5, top_k=2), (0.25 / 0.34, 0.09 / 0.34, 0)),
    ],
)
def test_draws_after_a_filter_keep_their_proportions(
    filters: list[Filter], left: tuple[float, ...]
) -> None:
    """What a chain leaves is drawn in the proportions it had; the rest is shared out.

    20,000 draws, fixed seed; false alarm one in ten thousand each, were the seed not fixed.
    """
    count = 20_000
    shares = np.array([0.4, 0.5, 0.3, 0.15, 0.05])
    logits = np.repeat(np.log(shares)[None].astype(np.float32), 100, axis=0)
    drawn = draws(Sampler(filters, seed=2026, samples=100), logits, count // 100).ravel()
    seen = np.bincount(drawn, minlength=5)
    expected = count * np.array([0, *left, 0])
    assert (seen[expected == 0] == 0).all()
    some = expected > 0
    statistic = float(((seen - expected)[some] ** 2 / expected[some]).sum())
    assert upper_tail(statistic, int(some.sum()) - 1) > 1e-4


@pytest.mark.parametrize("kept", [[0], [2], [0, 3], [1, 2, 3], [0, 1, 2, 3]])
def test_samples_that_go_on_draw_what_they_would_have_drawn(kept: list[int]) -> None:
    """When others end, in the middle of a block or at its end, a sample draws on as before."""
    for before in (1, 255, 256, 300):
        logits = logits_of(4)
        whole, part = (Sampler([Temperature(0.9)], seed=6, samples=4) for _ in range(2))
        draws(whole, logits, before)
        draws(part, logits, before)
        part.keep(np.array(kept))
        assert part.numbers == kept
        expected = draws(whole, logits, 300)[:, kept]
        np.testing.assert_array_equal(draws(part, logits[kept], 300), expected)


def test_samples_may_be_drawn_in_parts() -> None:
    """Samples 3 and 4 of a sampler that begins with 3 are those of one that begins with 0."""
    logits = logits_of(5)
    whole = draws(Sampler([], seed=7, samples=5), logits, 300)
    part = Sampler([], seed=7, samples=2, first=3)
    assert part.numbers == [3, 4]
    np.testing.assert_array_equal(draws(part, logits[3:], 300), whole[:, 3:])


@pytest.mark.parametrize("seed", [-1, MOST_SEED + 1, 10**400, 1.5, math.nan, "1", None])
def test_what_is_no_seed_is_refused(seed: int) -> None:
    """A seed is a whole number from 0 to 2**63 - 1."""
    with pytest.raises(OptionError, match=r"^--seed must be a whole number between 0 and 2\*\*63"):
        Sampler([], seed=seed)


def test_successive_draws_do_not_depend_on_each_other() -> None:
    """Pairs of neighbours fill their table evenly, within a sample and between samples.

    About 20,000 pairs each, fixed seed; false alarm one in ten thousand each, were it not fixed.
    """
    logits = np.zeros((40, 11), np.float32)
    drawn = draws(Sampler([], seed=2026, samples=40), logits, 500) - 1
    for first, second in ((drawn[:-1], drawn[1:]), (drawn[:, :-1], drawn[:, 1:])):
        seen = np.bincount((10 * first + second).ravel(), minlength=100)
        statistic = float(((seen - first.size / 100) ** 2 / (first.size / 100)).sum())
        assert upper_tail(statistic, 99) > 1e-4
