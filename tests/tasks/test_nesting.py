"""Nesting opens brackets and closes them in order."""

from collections import Counter

import pytest

from chargen.tasks.nesting import BRACKETS, DEEPEST
from chargen.tasks.table import TASKS, episodes

NESTING = TASKS["nesting"]
OPENERS = dict(BRACKETS)


@pytest.mark.parametrize("lag", [7, 20, 21, 25, 34, 35, 48, 49, 100, 3_200])
def test_brackets_close_in_order(lag: int) -> None:
    """Each closer is of the last open bracket's kind, and is an answer with that as its fact."""
    for episode in episodes(NESTING, 100, [lag], seed=0):
        open_at: list[int] = []
        closed = []
        for at, character in enumerate(episode.text):
            if character in OPENERS:
                open_at.append(at)
            elif character in NESTING.choices:
                fact = open_at.pop()
                assert character == OPENERS[episode.text[fact]]
                closed.append((fact, at, character))
        assert not open_at
        assert closed == [(a.fact_end, a.at, a.text) for a in episode.answers]


@pytest.mark.parametrize("lag", [7, 100, 3_200])
def test_the_last_answer_is_the_outermost_bracket(lag: int) -> None:
    """The lag is that of the bracket around the whole line."""
    for episode in episodes(NESTING, 100, [lag], seed=1):
        assert episode.answer.fact_end == 0
        assert episode.answer.at == len(episode.text) - 1 == lag + 1


@pytest.mark.parametrize(
    ("lag", "deepest"), [(20, 0), (21, 1), (34, 1), (35, 2), (49, 3), (999, 3)]
)
def test_depth_counts_the_brackets_within(lag: int, deepest: int) -> None:
    """The depth is the number of answers before the last; all that have room are equally likely.

    A false alarm in 10,000 for the rarest; fixed seed.
    """
    counts: Counter[int] = Counter()
    for episode in episodes(NESTING, 2_000, [lag], seed=2):
        assert episode.depth == len(episode.answers) - 1
        counts[episode.depth] += 1
    assert set(counts) == set(range(deepest + 1))
    assert deepest <= DEEPEST
    mean = 2_000 / (deepest + 1)
    critical = {0: 0.1, 1: 15.14, 2: 18.42, 3: 21.11}[deepest]
    assert sum((n - mean) ** 2 / mean for n in counts.values()) < critical


def test_kinds_are_drawn_one_by_one() -> None:
    """An inner bracket's kind tells nothing of the outer one's (a false alarm in 10,000)."""
    counts = Counter(
        (episode.answers[-2].text, episode.answer.text)
        for episode in episodes(NESTING, 8_000, [60], seed=3)
        if episode.depth
    )
    mean = counts.total() / 16
    assert len(counts) == 16
    # 15 degrees of freedom.
    assert sum((n - mean) ** 2 / mean for n in counts.values()) < 44.26
