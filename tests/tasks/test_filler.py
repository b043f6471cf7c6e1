"""Filler has exactly the requested length and contains no information."""

import re
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chargen.tasks.agreement import SUBJECTS
from chargen.tasks.context import SETTINGS
from chargen.tasks.filler import SENTENCES, SHORTEST, fill
from chargen.tasks.recall import WEATHER
from chargen.tasks.registry import TASKS

# Third-person pronouns in all cases; "it" is not a subject of the agreement task.
PRONOUNS = ["he", "him", "his", "she", "her", "hers", "they", "them", "their", "theirs"]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text))


def test_there_is_a_sentence_of_every_length() -> None:
    """The lengths range from 3 to 30 characters."""
    assert len(set(SENTENCES)) == len(SENTENCES) >= 40
    assert {len(sentence) for sentence in SENTENCES} == set(range(3, 31))


def test_sentences_are_plain() -> None:
    """Sentences are lower-case words with single spaces and a full stop."""
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*\.", sentence) for sentence in SENTENCES)


def test_sentences_contain_no_answer() -> None:
    """Filler sentences contain no announcement, pronoun, subject, place or day either."""
    places = {place for setting, _ in SETTINGS for place in setting}
    names = {name for subjects in SUBJECTS.values() for name in subjects}
    forbidden = words(" ".join([*WEATHER, *PRONOUNS, *places, *names, "day dog wolf fish then"]))
    forbidden -= words("the in at on by a")
    for sentence in SENTENCES:
        assert not forbidden & words(sentence), sentence
        for task in TASKS.values():
            assert task.announcement not in sentence + " "
    for choice in [*WEATHER, *TASKS["context"].choices, *TASKS["nesting"].choices]:
        assert not any(choice in sentence for sentence in SENTENCES), choice


@given(st.integers(SHORTEST, 3_200), st.integers(0, 1_000))
def test_any_length_is_filled(length: int, seed: int) -> None:
    """Whole sentences fill the length exactly."""
    text = fill(Random(seed), length)
    assert len(text) == length
    assert text.endswith(" ")
    assert set(text[:-1].replace(". ", ".|").split("|")) <= set(SENTENCES)


def test_every_short_length_is_filled() -> None:
    """This includes the lengths of one to four sentences."""
    for length in range(SHORTEST, 125):
        assert {len(fill(Random(seed), length)) for seed in range(20)} == {length}


def test_few_sentences_are_repeated_immediately() -> None:
    """No sentence is repeated immediately, except the last one, which has to fit."""
    for seed in range(20):
        drawn = fill(Random(seed), 3_200).removesuffix(" ").replace(". ", ".|").split("|")
        assert all(a != b for a, b in pairwise(drawn[:-1]))


def test_every_sentence_is_used() -> None:
    """A few long fillers contain all of them."""
    text = " ".join(fill(Random(seed), 3_200) for seed in range(5))
    assert all(sentence in text for sentence in SENTENCES)
