"""What was written lately grows less likely, as far back as was asked for and no farther."""

import math
from collections import deque

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.errors import OptionError
from chargen.generation.filters import Temperature, TopK
from chargen.generation.repetition import Recent, Repetition
from chargen.generation.sampler import Sampler

Doubles = npt.NDArray[np.float64]

VOCABULARY = 5
NOTHING = np.empty(0, np.int64)


def plain(logits: Doubles, penalty: float, lately: list[deque[int]]) -> Doubles:
    """The rule, number by number."""
    result = logits.copy()
    for row, seen in zip(result, lately, strict=True):
        for k in set(seen):
            row[k] = row[k] / penalty if row[k] > 0 else row[k] * penalty
    return result


ids = st.integers(0, VOCABULARY - 1)


@given(
    st.floats(0.001, 1000) | st.sampled_from([1.0, 1.2]),
    st.integers(1, 6),
    st.lists(ids, max_size=14),
    st.lists(st.tuples(ids, ids, ids), max_size=14),
)
def test_the_last_characters_are_punished_and_no_others(
    penalty: float, last: int, before: list[int], steps: list[tuple[int, int, int]]
) -> None:
    """After a prompt and each of some steps, the rule holds for the last N of each sample."""
    random = np.random.default_rng(1)
    recent = Recent(Repetition(penalty, last), 3, VOCABULARY, np.array(before, np.int64))
    lately: list[deque[int]] = [deque(before, maxlen=last) for _ in range(3)]
    for step in [None, *steps]:
        if step is not None:
            recent.read(np.array(step))
            for seen, k in zip(lately, step, strict=True):
                seen.append(k)
        logits = random.standard_normal((3, VOCABULARY))
        kept = logits.copy()
        np.testing.assert_array_equal(recent(logits), plain(logits, penalty, lately))
        np.testing.assert_array_equal(logits, kept)


@given(st.lists(ids, max_size=9), st.integers(1, 4), st.lists(ids, min_size=1, max_size=9))
def test_a_sample_that_goes_on_remembers_its_own(
    before: list[int], last: int, steps: list[int]
) -> None:
    """When the first of three ends, the others remember what they remembered."""
    recent = Recent(Repetition(2, last), 3, VOCABULARY, np.array(before, np.int64))
    lately: list[deque[int]] = [deque(before, maxlen=last) for _ in range(3)]
    for k in steps:
        recent.read(np.array([k, (k + 1) % VOCABULARY, (k + 2) % VOCABULARY]))
        for j, seen in enumerate(lately):
            seen.append((k + j) % VOCABULARY)
    recent.keep(np.array([1, 2]))
    logits = np.random.default_rng(2).standard_normal((2, VOCABULARY))
    np.testing.assert_array_equal(recent(logits), plain(logits, 2, lately[1:]))
    recent.read(np.array([0, 4]))
    lately[1].append(0)
    lately[2].append(4)
    np.testing.assert_array_equal(recent(logits), plain(logits, 2, lately[1:]))


def test_a_dropped_character_stays_dropped() -> None:
    """What has no probability gets none by having been written, nor by a penalty below 1."""
    logits = np.array([[-np.inf, 1.0]])
    for penalty in (0.001, 2, 1000):
        recent = Recent(Repetition(penalty, 3), 1, 2, np.array([0, 1]))
        assert recent(logits)[0, 0] == -np.inf


def test_the_largest_logits_and_penalties_overflow_nothing() -> None:
    """Any logit of float32 and any penalty that is allowed make a finite number."""
    largest = float(np.finfo(np.float32).max)
    logits = np.array([[largest, -largest, 1e-45, -1e-45]])
    for penalty in (0.001, 1000):
        recent = Recent(Repetition(penalty, 4), 1, 4, np.arange(4))
        with np.errstate(all="raise"):
            assert np.isfinite(recent(logits)).all()


def sampler(**options: int) -> Sampler:
    """One that takes the likeliest, of what a penalty of 10 left so."""
    return Sampler([Temperature(0)], seed=1, repetition=Repetition(10, **options))


def test_it_makes_the_likeliest_give_way() -> None:
    """Four characters of like probability take turns while each is remembered."""
    logits = np.array([[0.0, 4.0, 3.0, 2.0, 1.0]], np.float32)
    greedy = sampler(last=3)
    drawn = [int(greedy.draw(logits)[0]) for _ in range(8)]
    assert drawn == [1, 2, 3, 4, 1, 2, 3, 4]


def test_the_end_of_the_prompt_counts() -> None:
    """What stands in the last N characters of the prompt is punished from the first draw on."""
    logits = np.array([[0.0, 4.0, 3.0, 2.0, 1.0]], np.float32)
    greedy = sampler(last=2)
    greedy.begin(np.array([2, 2, 2, 1, 3]), VOCABULARY)
    assert [int(greedy.draw(logits)[0]) for _ in range(3)] == [2, 1, 3]


def test_without_a_prompt_nothing_is_remembered_at_first() -> None:
    """A sampler that was told of no text punishes what it draws itself, all the same."""
    logits = np.array([[0.0, 4.0, 3.0, 2.0, 1.0]], np.float32)
    told, untold = sampler(last=2), sampler(last=2)
    told.begin(NOTHING, VOCABULARY)
    for _ in range(6):
        assert told.draw(logits) == untold.draw(logits)


def test_it_comes_before_the_other_filters() -> None:
    """Top-k takes the best of what the penalty left: the best of the network is out."""
    logits = np.array([[0.0, 4.0, 3.0, 2.0, 1.0]], np.float32)
    best = Sampler([TopK(1)], seed=1, repetition=Repetition(10, 1))
    best.begin(np.array([1]), VOCABULARY)
    assert best.draw(logits) == [2]


def test_a_penalty_of_1_changes_nothing() -> None:
    """Draws with it are the draws without it."""
    logits = np.random.default_rng(3).standard_normal((1, VOCABULARY)).astype(np.float32)
    idle, none = Sampler([], seed=1, repetition=Repetition(1)), Sampler([], seed=1)
    for _ in range(300):
        assert idle.draw(logits) == none.draw(logits)


@pytest.mark.parametrize(
    "penalty", [0, -1, 0.0009, 1001, 1e308, 1e-320, math.nan, math.inf, -math.inf]
)
def test_a_penalty_out_of_range_is_refused(penalty: float) -> None:
    """The message names the range and a good start."""
    with pytest.raises(OptionError) as caught:
        Repetition(penalty)
    assert str(caught.value) == (
        f"--repetition-penalty must lie between 0.001 and 1000, got {penalty:g}"
        " (1 is none, 1.2 a good start)"
    )


@pytest.mark.parametrize("last", [0, -1, 65_537, 10**400, 2.5, math.nan])
def test_a_memory_out_of_range_is_refused(last: int) -> None:
    """The message names the range and what came."""
    with pytest.raises(OptionError) as caught:
        Repetition(1.2, last)
    assert str(caught.value) == (
        f"--repetition-last must be a whole number between 1 and 65,536, got {last}"
    )
