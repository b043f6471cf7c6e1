"""Context makes an animal likely, as often as it says."""

import re
from collections import Counter

import pytest

from chargen.tasks.context import ANIMALS, SETTINGS
from chargen.tasks.table import TASKS, episodes

CONTEXT = TASKS["context"]


def opening(text: str) -> str:
    """The first sentence of a story, which tells the place."""
    return text[: text.index(".")]


def setting(text: str) -> int:
    """The number of the setting whose place the first sentence tells."""
    told = opening(text).removeprefix("we were ")
    (number,) = (k for k, (places, _) in enumerate(SETTINGS) if told in places)
    return number


def test_each_animal_comes_in_a_third_of_the_stories() -> None:
    """Over the equally frequent settings the probabilities of each animal add up to the same."""
    for column in zip(*(probabilities for _, probabilities in SETTINGS), strict=True):
        assert sum(column) == pytest.approx(1, abs=1e-12)
    assert CONTEXT.chance == pytest.approx(1 / 3)


def test_each_setting_has_its_own_animal() -> None:
    """The likeliest animal is the dog at home, the wolf in the wild, the fish by the water."""
    right = {
        places[0]: ANIMALS[probabilities.index(max(probabilities))]
        for places, probabilities in SETTINGS
    }
    assert right == {"at home": "dog", "in the wild": "wolf", "by the water": "fish"}


def test_animals_come_as_often_as_their_probabilities_say() -> None:
    """In each setting the animals follow the probabilities (a false alarm in 3,000; fixed seed)."""
    counts: Counter[tuple[int, str]] = Counter()
    for episode in episodes(CONTEXT, 9_000, [12, 25, 100], seed=0):
        number = setting(episode.text)
        assert episode.answer.probabilities == SETTINGS[number][1]
        counts[number, episode.answer.text] += 1
    for number, (_, probabilities) in enumerate(SETTINGS):
        total = sum(counts[number, animal] for animal in ANIMALS)
        unevenness = sum(
            (counts[number, animal] - total * p) ** 2 / (total * p)
            for animal, p in zip(ANIMALS, probabilities, strict=True)
        )
        # Passed once in 10,000 times with three animals; there are three settings.
        assert unevenness < 18.42


def test_settings_and_places_are_equally_frequent() -> None:
    """Each of the twelve places opens a story equally often (one false alarm in 10,000)."""
    counts = Counter(opening(e.text) for e in episodes(CONTEXT, 6_000, [25], seed=1))
    assert len(counts) == 12
    assert sum((n - 500) ** 2 / 500 for n in counts.values()) < 37.4


def test_the_fact_ends_with_the_place() -> None:
    """The fact is the end of the first sentence, and no animal comes before the last word."""
    for episode in episodes(CONTEXT, 300, [12, 25, 400], seed=2):
        answer = episode.answer
        assert episode.text[answer.fact_end + 1] == "."
        assert answer.fact_end + 1 == episode.text.index(".")
        found = [w for w in re.findall(r"[a-z]+", episode.text) if w in ANIMALS]
        assert found == [answer.text]
        assert episode.text.endswith(f"oh, a {answer.text}.")
