"""Tests of the longest copy and the copied share against trying every passage."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.copying import copied_places, copied_share, longest_copy


def reference(lines: list[str], corpus: str) -> int:
    """The longest copy, found by trying every passage."""
    return max(
        (
            b - a
            for line in lines
            for a in range(len(line))
            for b in range(a + 1, len(line) + 1)
            if line[a:b] in corpus
        ),
        default=0,
    )


few = st.text("ab\n", max_size=12)
many = st.text(max_size=6)


@given(st.lists(few, max_size=5), st.text("ab\n", max_size=60))
def test_repetitive_texts(lines: list[str], corpus: str) -> None:
    """Texts of few characters, with empty lines and empty corpora."""
    assert longest_copy(lines, corpus) == reference(lines, corpus)


@given(st.lists(many, max_size=4), many, st.data())
def test_any_characters(lines: list[str], corpus: str, data: st.DataObject) -> None:
    """Texts of any code points, with and without copied lines."""
    if lines:
        corpus += data.draw(st.sampled_from(lines))
    assert longest_copy(lines, corpus) == reference(lines, corpus)


@pytest.mark.parametrize(
    ("lines", "corpus", "length"),
    [
        ([], "abc", 0),
        ([""], "abc", 0),
        (["abc"], "", 0),
        (["xyz"], "abc", 0),
        (["xbcx"], "abcd", 2),
        (["ab", "cd"], "abcd", 2),  # a passage is within one line
        (["abcd"], "bc", 2),
        (["abcd"], "abcd", 4),
        (["\0a", "\0\0"], "a\0", 1),
    ],
)
def test_known_copies(lines: list[str], corpus: str, length: int) -> None:
    """A passage is within one line, and at most as long as the corpus."""
    assert longest_copy(lines, corpus) == length


def test_hash_collisions_are_verified() -> None:
    """Thue-Morse words have equal hashes modulo 2**64 for any base, and still differ."""
    word, other = "a", "b"
    for _ in range(11):
        word, other = word + other, other + word
    found = longest_copy([word], other)
    assert found < len(word)
    assert any(word[k : k + found] in other for k in range(len(word) - found + 1))
    assert not any(word[k : k + found + 1] in other for k in range(len(word) - found))


def test_copy_of_real_text(repository: Path) -> None:
    """A copied passage with other characters around it is found at its full length."""
    corpus = (repository / "corpora" / "neurons.txt").read_text(encoding="utf-8")
    passage = corpus[5_000:5_300]
    lines = ["#" + passage[:100] + "#", "#" + passage + "#", passage[100:]]
    assert longest_copy(lines, corpus) == 300


def reference_share(samples: list[str], text: str, length: int) -> float:
    """The copied share, found by searching the text for every passage."""
    passages = [
        sample[k : k + length] for sample in samples for k in range(len(sample) - length + 1)
    ]
    return sum(passage in text for passage in passages) / max(1, len(passages))


@given(st.lists(few, max_size=5), st.text("ab\n", max_size=60), st.integers(1, 8))
def test_share_of_repetitive_texts(samples: list[str], text: str, length: int) -> None:
    """Repeated passages count each time, in texts of few characters and in empty ones."""
    assert copied_share(samples, text, length) == reference_share(samples, text, length)


@given(st.lists(many, max_size=4), many, st.integers(1, 4), st.data())
def test_share_of_any_characters(
    samples: list[str], text: str, length: int, data: st.DataObject
) -> None:
    """Texts of any code points, with and without copied samples."""
    if samples:
        text += data.draw(st.sampled_from(samples))
    assert copied_share(samples, text, length) == reference_share(samples, text, length)


@pytest.mark.parametrize(
    ("samples", "text", "length", "share"),
    [
        ([], "abc", 1, 0),
        (["ab"], "abc", 3, 0),  # too short for a passage
        (["abc"], "ab", 3, 0),
        (["abcx"], "abc", 3, 1 / 2),
        (["abc", "bcd"], "abcd", 3, 1),
        (["ab", "cd"], "bc", 2, 0),  # a passage is within one sample
        (["abc", "abc", "xyz"], "abc", 3, 2 / 3),
    ],
)
def test_known_shares(samples: list[str], text: str, length: int, share: float) -> None:
    """A passage is within one sample, and every position counts."""
    assert copied_share(samples, text, length) == share


def test_share_across_chunks() -> None:
    """Passages at, before and after the border of two hashed chunks are found."""
    text = "".join(f"{number:08d}" for number in range(300_000))
    border = 1 << 20
    samples = [text[start : start + 50] for start in range(border - 60, border + 10)]
    assert copied_share([*samples, text[-50:], "#" * 50], text, 50) == 71 / 72


def test_share_with_hash_collisions() -> None:
    """Thue-Morse words have equal hashes modulo 2**64, and are not taken for copies."""
    word, other = "a", "b"
    for _ in range(11):
        word, other = word + other, other + word
    assert copied_share([word], other, len(word)) == 0
    assert copied_share([word, other], other, len(word)) == 1 / 2


@given(st.lists(few, max_size=4), st.lists(st.text("ab\n", max_size=40), max_size=3))
def test_places_of_copies(samples: list[str], texts: list[str]) -> None:
    """A position is copied if a passage around it occurs within one of the texts."""
    expected = [
        {
            place
            for place in range(len(sample))
            for start in range(max(0, place - 3), place + 1)
            if len(passage := sample[start : start + 4]) == 4 and any(passage in t for t in texts)
        }
        for sample in samples
    ]
    assert copied_places(samples, texts, 4) == expected
