"""Augmented corpora: what varies, and what does not."""

from __future__ import annotations

import re

import pytest

from chargen.text.augment import augment
from chargen.text.corpus import Corpus

PARAGRAPH = (
    "“Shall we go on?” said the _tall_ man, who had walked since the morning and was tired--or\n"
    "seemed to be.  He had seen twelve birds that day, and none of them had answered when he\n"
    "called; it was a silent wood."
)
VERSE = "The wind is low,\n  The moon is high,\nThe waters flow\n  And so must I."
BOOK = "\n\n".join([PARAGRAPH, VERSE] * 1200)


def letters(text: str) -> str:
    """Return the letters of a text in lower case; numbers and punctuation may vary."""
    text = re.sub(r"12|twelve", "", text.lower())
    return "".join(re.findall(r"[a-z]", text))


@pytest.fixture(scope="module")
def passages() -> tuple[str, ...]:
    """The passages of a book of 430,000 characters."""
    return tuple(augment(Corpus.of([BOOK], name="book"), 1).texts())


def test_no_word_is_lost(passages: tuple[str, ...]) -> None:
    """Except for numbers, the letters of the book are all there, in their order."""
    assert letters("".join(passages)) == letters(BOOK)


def test_passages_are_separate_texts_of_about_3000_characters(passages: tuple[str, ...]) -> None:
    """Each text but the last has between 2,000 and 5,000 characters and ends with a newline."""
    assert all(2_000 < len(text) < 5_000 for text in passages[:-1])
    assert all(text.endswith("\n") for text in passages)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^“Shall",  # typographic quotation marks
        r'^"Shall',  # straight ones
        r"tired—or",
        r"tired--or",
        r"tired - or",
        r"\b12 birds",
        r"_tall_",
        r"the tall",
        r"the morning and was tired[^\n]{1,5}or\nseemed",  # as wrapped in the book
        r"the morning and was tired[^\n]{1,5}or seemed",  # unwrapped
        r"^He had seen",  # one sentence per line
        r"^- He had seen",
        r"^2\. He had seen",
        r"^“?\"?shall we",
        r"SHALL WE",
    ],
)
def test_each_variant_occurs(pattern: str) -> None:
    """In 600 passages, every kind of variation is there."""
    corpus = Corpus.of([BOOK], name="book")
    texts = [text for seed in range(4) for text in augment(corpus, seed).texts()]
    assert any(re.search(pattern, text, re.MULTILINE) for text in texts)


def test_verse_keeps_its_lines(passages: tuple[str, ...]) -> None:
    """Short lines are never joined."""
    for text in passages:
        assert not re.search(r"low,? +the moon", text, re.IGNORECASE)


def test_the_draws_depend_on_the_seed_only() -> None:
    """The same seed gives the same texts, another seed gives others."""
    corpus = Corpus.of([BOOK], name="book")
    assert augment(corpus, 3).sha256 == augment(corpus, 3).sha256
    assert augment(corpus, 3).sha256 != augment(corpus, 4).sha256
