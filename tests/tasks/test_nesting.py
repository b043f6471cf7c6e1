"""Nesting opens brackets and closes them in order."""

from collections import Counter

import pytest

from chargen.tasks.nesting import BRACKETS, MAX_DEPTH
from chargen.tasks.registry import TASKS, episodes

NESTING = TASKS["nesting"]
OPENING = dict(BRACKETS)


@pytest.mark.parametrize("lag", [7, 20, 21, 25, 34, 35, 48, 49, 100, 3_200])
def test_brackets_close_in_order(lag: int) -> None:
    """Each answer closes the last open bracket, its fact. The last answer closes the first."""
    for episode in episodes(NESTING, 100, [lag], seed=0):
        opened: list[int] = []
        closed = []
        for at, character in enumerate(episode.text):
            if character in OPENING:
                opened.append(at)
            elif character in NESTING.choices:
                fact = opened.pop()
                assert character == OPENING[episode.text[fact]]
                closed.append((fact, at, character))
        assert not opened
        assert closed == [(a.fact_end, a.at, a.text) for a in episode.answers]
        assert episode.answer.fact_end == 0
        assert episode.answer.at == len(episode.text) - 1 == lag + 1


@pytest.mark.parametrize(("lag", "max_depth"), [(20, 0), (21, 1), (34, 1), (35, 2), (999, 3)])
def test_all_possible_depths_are_equally_likely(lag: int, max_depth: int) -> None:
    """The depth is the number of inner brackets (a false alarm in 10,000; the seed is fixed)."""
    counts: Counter[int] = Counter()
    for episode in episodes(NESTING, 2_000, [lag], seed=2):
        assert episode.depth == len(episode.answers) - 1
        counts[episode.depth] += 1
    assert set(counts) == set(range(max_depth + 1))
    assert max_depth <= MAX_DEPTH
    mean = 2_000 / (max_depth + 1)
    critical = {0: 0.1, 1: 15.14, 2: 18.42, 3: 21.11}[max_depth]
    assert sum((n - mean) ** 2 / mean for n in counts.values()) < critical


def test_kinds_are_independent() -> None:
    """An inner bracket does not predict the outer one (a false alarm in 10,000)."""
    counts = Counter(
        (episode.answers[-2].text, episode.answer.text)
        for episode in episodes(NESTING, 8_000, [60], seed=3)
        if episode.depth
    )
    mean = counts.total() / 16
    assert len(counts) == 16
    assert sum((n - mean) ** 2 / mean for n in counts.values()) < 44.26  # 15 degrees of freedom
