"""Tests of the longest copy against trying every passage."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.evaluation.copying import longest_copy


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
