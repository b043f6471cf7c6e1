"""Agreement replaces one subject by another, and in half of the episodes also its pronoun."""

import math
import re
from collections import Counter

from chargen.tasks.agreement import PRONOUNS, SUBJECTS
from chargen.tasks.registry import TASKS, episodes

AGREEMENT = TASKS["agreement"]


def test_pronouns_agree_with_their_subjects() -> None:
    """Each fact ends with a subject, and the marked pronoun belongs to it."""
    for episode in episodes(AGREEMENT, 500, [11, 25, 100], seed=0):
        assert len(episode.answers) == 2
        for answer in episode.answers:
            fact = episode.text[: answer.fact_end + 1]
            assert fact.endswith(tuple(f"in came {name}" for name in SUBJECTS[answer.text]))
            assert episode.text[answer.fact_end + 1] == "."


def test_an_episode_has_two_subjects_and_two_pronouns() -> None:
    """The subjects differ, and the only pronouns are the marked ones."""
    names = [name for group in SUBJECTS.values() for name in group]
    for episode in episodes(AGREEMENT, 200, [11, 25, 3_200], seed=1):
        pronouns = [w for w in re.findall(r"[a-z]+", episode.text) if w in PRONOUNS]
        assert pronouns == [answer.text for answer in episode.answers]
        counts = [len(re.findall(rf"\b{name}\b", episode.text)) for name in names]
        assert sum(counts) == 2
        assert max(counts) == 1


def test_the_pronoun_changes_in_half_of_the_episodes() -> None:
    """A network that does not forget the old subject therefore has an accuracy of a half.

    All six changes are equally frequent. False alarms: one in 10,000 each; the seed is fixed.
    """
    count = 6_000
    pairs = Counter(
        tuple(answer.text for answer in episode.answers)
        for episode in episodes(AGREEMENT, count, [50], seed=3)
    )
    changes = [n for (old, new), n in pairs.items() if old != new]
    assert abs(sum(changes) - count / 2) < 3.89 * math.sqrt(count) / 2
    mean = sum(changes) / 6
    assert len(changes) == 6
    assert sum((n - mean) ** 2 / mean for n in changes) < 25.74  # 5 degrees of freedom


def test_the_first_lag_is_short() -> None:
    """The first lag is at most 40 characters, and at most the requested lag."""
    for episode in episodes(AGREEMENT, 200, [11, 25, 100, 3_200], seed=4):
        first, second = episode.answers
        assert AGREEMENT.min_lag <= first.lag <= min(40, second.lag)
