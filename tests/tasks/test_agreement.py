"""Agreement replaces one subject by another, and half of the time its pronoun too."""

import math
import re
from collections import Counter

import pytest

from chargen.tasks.agreement import PRONOUNS, SUBJECTS
from chargen.tasks.table import TASKS, episodes

AGREEMENT = TASKS["agreement"]


def test_pronouns_fit_their_subjects() -> None:
    """Each of the two subjects ends where its fact ends, and its pronoun is the marked one."""
    for episode in episodes(AGREEMENT, 500, [11, 25, 100], seed=0):
        assert len(episode.answers) == 2
        for answer in episode.answers:
            told = episode.text[: answer.fact_end + 1]
            assert told.endswith(tuple(f"in came {name}" for name in SUBJECTS[answer.text]))
            assert episode.text[answer.fact_end + 1] == "."


def test_no_name_or_pronoun_stands_elsewhere() -> None:
    """An episode holds two pronouns, the marked ones, and two different subjects."""
    names = [name for group in SUBJECTS.values() for name in group]
    for episode in episodes(AGREEMENT, 200, [11, 25, 3_200], seed=1):
        pronouns = [w for w in re.findall(r"[a-z]+", episode.text) if w in PRONOUNS]
        assert pronouns == [answer.text for answer in episode.answers]
        assert sum(len(re.findall(rf"\b{name}\b", episode.text)) for name in names) == 2
        assert all(len(re.findall(rf"\b{name}\b", episode.text)) <= 1 for name in names)


def test_the_new_subject_is_a_trap_half_of_the_time() -> None:
    """The second pronoun differs in half of the episodes (a false alarm in 10,000; fixed seed)."""
    count = 4_000
    differ = sum(
        episode.answers[0].text != episode.answers[1].text
        for episode in episodes(AGREEMENT, count, [50], seed=2)
    )
    # 3.89 standard deviations of a fair coin.
    assert abs(differ - count / 2) < 3.89 * math.sqrt(count) / 2


def test_no_turn_from_one_pronoun_to_another_is_rarer() -> None:
    """All six changes are equally frequent (one false alarm in 10,000; fixed seed)."""
    counts = Counter(
        (episode.answers[0].text, episode.answers[1].text)
        for episode in episodes(AGREEMENT, 6_000, [50], seed=3)
    )
    changes = [n for (old, new), n in counts.items() if old != new]
    mean = sum(changes) / 6
    assert len(changes) == 6
    assert sum((n - mean) ** 2 / mean for n in changes) < 25.74


def test_the_first_lag_stays_short() -> None:
    """The first lag is at most 40 characters, and never longer than the one asked for."""
    for episode in episodes(AGREEMENT, 200, [11, 25, 100, 3_200], seed=4):
        first, second = episode.answers
        assert AGREEMENT.least_lag <= first.lag <= min(40, second.lag)


def test_chance_is_a_guess_and_the_old_subject_is_right_half_of_the_time() -> None:
    """So an accuracy of a half is the mark of a network that has not forgotten the old one."""
    assert AGREEMENT.chance == pytest.approx(1 / 3)
    made = [episode.answers for episode in episodes(AGREEMENT, 4_000, [50], seed=6)]
    stale = sum(old.right == new.right for old, new in made)
    assert abs(stale / 4_000 - 1 / 2) < 3 * (1 / 4 / 4_000) ** 0.5
