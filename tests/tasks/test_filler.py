"""Distraction fills any length exactly and tells nothing."""

import re
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chargen.tasks.agreement import SUBJECTS
from chargen.tasks.context import SETTINGS
from chargen.tasks.filler import SENTENCES, SHORTEST, fill
from chargen.tasks.recall import WEATHER
from chargen.tasks.table import TASKS

# Of the third person, in every case; "it" stands for no subject of the agreement task.
PRONOUNS = ["he", "him", "his", "she", "her", "hers", "they", "them", "their", "theirs"]


def words(text: str) -> set[str]:
    """The runs of letters of a text."""
    return set(re.findall(r"[a-z]+", text))


def test_there_is_a_sentence_of_every_length() -> None:
    """Some 45 different sentences of 3 to 30 characters leave out no length between."""
    assert len(set(SENTENCES)) == len(SENTENCES) >= 40
    assert {len(sentence) for sentence in SENTENCES} == set(range(3, 31))


def test_sentences_are_plain() -> None:
    """Each sentence is lower-case words with single spaces between and a full stop."""
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*\.", sentence) for sentence in SENTENCES)


def test_sentences_tell_no_answer() -> None:
    """No sentence holds an answer, an announcement, a pronoun, a subject, a place or a day."""
    places = {place for setting, _ in SETTINGS for place in setting}
    names = {name for subjects in SUBJECTS.values() for name in subjects}
    telling = words(" ".join([*WEATHER, *PRONOUNS, *places, *names, "day dog wolf fish then"]))
    telling -= words("the in at on by a")
    for sentence in SENTENCES:
        assert not telling & words(sentence), sentence
        for task in TASKS.values():
            assert task.announcement not in sentence + " "
    for choice in [*WEATHER, *TASKS["context"].choices, *TASKS["nesting"].choices]:
        assert not any(choice in sentence for sentence in SENTENCES), choice


@given(st.integers(SHORTEST, 3_200), st.integers(0, 1_000))
def test_any_length_is_filled(length: int, seed: int) -> None:
    """Every length from the shortest on is filled exactly, with whole sentences."""
    text = fill(Random(seed), length)
    assert len(text) == length
    assert text.endswith(" ")
    assert set(text[:-1].replace(". ", ".|").split("|")) <= set(SENTENCES)


def test_every_short_length_is_filled() -> None:
    """The lengths that one to four sentences make are filled without exception."""
    for length in range(SHORTEST, 125):
        assert {len(fill(Random(seed), length)) for seed in range(20)} == {length}


def test_few_sentences_follow_themselves() -> None:
    """In long distraction no sentence stands twice in a row before the last, which has to fit."""
    for seed in range(20):
        drawn = fill(Random(seed), 3_200).removesuffix(" ").replace(". ", ".|").split("|")
        assert all(a != b for a, b in pairwise(drawn[:-1]))


def test_every_sentence_is_used() -> None:
    """A few long distractions hold every sentence there is."""
    text = " ".join(fill(Random(seed), 3_200) for seed in range(5))
    assert all(sentence in text for sentence in SENTENCES)
