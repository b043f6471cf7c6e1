"""Context makes an animal likely, with the stated probability."""

import re
from collections import Counter

import pytest

from chargen.tasks.context import ANIMALS, SETTINGS
from chargen.tasks.registry import TASKS, episodes

CONTEXT = TASKS["context"]


def first_sentence(text: str) -> str:
    return text[: text.index(".")]


def setting(text: str) -> int:
    """The number of the setting whose place is in the first sentence."""
    place = first_sentence(text).removeprefix("we were ")
    (number,) = (k for k, (places, _) in enumerate(SETTINGS) if place in places)
    return number


def test_each_animal_is_equally_likely_overall() -> None:
    """Each setting has its own animal; over all settings the probabilities have the same sum."""
    for column in zip(*(probabilities for _, probabilities in SETTINGS), strict=True):
        assert sum(column) == pytest.approx(1, abs=1e-12)
    right = [ANIMALS[chances.index(max(chances))] for _, chances in SETTINGS]
    assert right == ["dog", "wolf", "fish"]


def test_animals_have_their_probabilities() -> None:
    """The frequencies are right in each setting (a false alarm in 3,000; the seed is fixed)."""
    counts: Counter[tuple[int, str]] = Counter()
    for episode in episodes(CONTEXT, 9_000, [12, 25, 100], seed=0):
        number = setting(episode.text)
        assert episode.answer.probabilities == SETTINGS[number][1]
        counts[number, episode.answer.text] += 1
    for number, (_, probabilities) in enumerate(SETTINGS):
        total = sum(counts[number, animal] for animal in ANIMALS)
        chi_square = sum(
            (counts[number, animal] - total * p) ** 2 / (total * p)
            for animal, p in zip(ANIMALS, probabilities, strict=True)
        )
        assert chi_square < 18.42  # exceeded once in 10,000 times, for each of three settings


def test_places_are_equally_frequent() -> None:
    """All twelve are equally frequent (one false alarm in 10,000; the seed is fixed)."""
    counts = Counter(first_sentence(e.text) for e in episodes(CONTEXT, 6_000, [25], seed=1))
    assert len(counts) == 12
    assert sum((n - 500) ** 2 / 500 for n in counts.values()) < 37.4


def test_the_fact_is_the_first_sentence() -> None:
    """The only animal is the answer."""
    for episode in episodes(CONTEXT, 300, [12, 25, 400], seed=2):
        answer = episode.answer
        assert answer.fact_end + 1 == episode.text.index(".")
        assert [w for w in re.findall(r"[a-z]+", episode.text) if w in ANIMALS] == [answer.text]
        assert episode.text.endswith(f"oh, a {answer.text}.")
