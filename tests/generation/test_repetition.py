"""Tests of the repetition penalty against a plain implementation."""

from collections import deque

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.generation.filters import Temperature, TopK
from chargen.generation.repetition import RepetitionPenalty
from chargen.generation.sampler import Sampler

Array = npt.NDArray[np.float64]

VOCAB_SIZE = 5


def penalise(logits: Array, penalty: float, recent: list[deque[int]]) -> Array:
    """Return penalised logits, by the definition."""
    result = logits.copy()
    for row, ids in zip(result, recent, strict=True):
        for k in set(ids):
            row[k] = row[k] / penalty if row[k] > 0 else row[k] * penalty
    return result


def make(
    penalty: float, last: int, before: list[int], samples: int = 1, vocab_size: int = VOCAB_SIZE
) -> RepetitionPenalty:
    """Return a penalty after a prompt."""
    return RepetitionPenalty(penalty, last, samples, vocab_size, np.array(before, np.int64))


ids = st.integers(0, VOCAB_SIZE - 1)


@given(
    st.floats(0.001, 1000) | st.sampled_from([1.0, 1.2]),
    st.integers(1, 6),
    st.lists(ids, max_size=14),
    st.lists(st.tuples(ids, ids, ids), max_size=14),
    st.integers(0, 14),
)
def test_the_last_characters_are_penalised(
    penalty: float, last: int, before: list[int], steps: list[tuple[int, ...]], keep_after: int
) -> None:
    """The last N of the prompt and of each sample count, also after other samples have ended."""
    random = np.random.default_rng(1)
    repetition = make(penalty, last, before, samples=3)
    recent: list[deque[int]] = [deque(before, maxlen=last) for _ in range(3)]
    for k in range(len(steps) + 1):
        logits = random.standard_normal((len(recent), VOCAB_SIZE))
        unchanged = logits.copy()
        expected = penalise(logits, penalty, recent)
        np.testing.assert_array_equal(repetition(logits), expected)
        np.testing.assert_array_equal(logits, unchanged)
        if k == keep_after:
            repetition.keep(np.array([1, 2]))
            recent = recent[1:]
        if k < len(steps):
            step = steps[k][-len(recent) :]
            repetition.append(np.array(step))
            for seen, each in zip(recent, step, strict=True):
                seen.append(each)


@pytest.mark.parametrize("penalty", [0.001, 2, 1000])
def test_extreme_logits(penalty: float) -> None:
    """Dropped characters stay dropped, and no float32 logit overflows."""
    largest = float(np.finfo(np.float32).max)
    logits = np.array([[largest, -largest, 1e-45, -1e-45, -np.inf]])
    with np.errstate(all="raise"):
        result = make(penalty, 5, [0, 1, 2, 3, 4])(logits)
    assert np.isfinite(result).tolist() == [[True, True, True, True, False]]
    assert result[0, 4] == -np.inf


LOGITS = np.array([[0.0, 4.0, 3.0, 2.0, 1.0]], np.float32)


@pytest.mark.parametrize(
    ("last", "before", "expected"),
    [
        (3, [], [1, 2, 3, 4, 1, 2, 3, 4]),  # characters alternate
        (2, [2, 2, 2, 1, 3], [2, 1, 3]),  # the end of the prompt counts
    ],
)
def test_greedy_draws_avoid_recent_characters(
    last: int, before: list[int], expected: list[int]
) -> None:
    """The sampler penalises what it has drawn and the end of the prompt."""
    sampler = Sampler([Temperature(0)], seed=1, repetition=make(10, last, before))
    assert [int(sampler.draw(LOGITS)[0]) for _ in expected] == expected


def test_the_penalty_comes_before_the_filters() -> None:
    """Top-k keeps the best of the penalised logits."""
    sampler = Sampler([Temperature(1), TopK(1)], seed=1, repetition=make(10, 1, [1]))
    assert sampler.draw(LOGITS) == [2]
