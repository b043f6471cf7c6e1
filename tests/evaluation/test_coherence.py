"""What keeps a text together is counted as it is defined."""

import math
from pathlib import Path

import pytest

from chargen.evaluation.coherence import coherence, kept_rhyme, rhyme_families, words
from chargen.evaluation.intervals import wilson

FAMILIES = {"-at": frozenset({"cat", "hat"}), "-og": frozenset({"dog", "fog"})}


def test_words_are_runs_of_letters() -> None:
    """Digits, signs and apostrophes end a word; case does not matter, nor does the script."""
    text = "Jake's two2 snake_cakes, ÉTÉ Онегин 人a 3.14"
    assert words(text) == ["jake", "s", "two", "snake", "cakes", "été", "онегин", "人a"]


def test_rhymes_are_counted_by_their_distance() -> None:
    """From the first rhyme word on, all words count, those that rhyme with nothing too."""
    lines = [
        *["The cat, a hat a dog."] * 10,  # 1: a, 2: hat, 3: a, 4: dog
        *["Fog dog dog"] * 6,  # 1: dog, 2: dog
        *["dog Hat x fog"] * 4,  # 1: hat, 2: x, 3: fog
        *["nothing in it rhymes"] * 5,
        *["no more than a cat"] * 5,
    ]
    # At distance 3 stand 14 words, fewer than the twenty that are asked for.
    assert kept_rhyme(lines, FAMILIES) == (wilson(6, 20), wilson(16, 20))


def test_rhymes_are_counted_to_twelve_words() -> None:
    """A long line gives twelve distances, and a word that comes again counts again."""
    found = kept_rhyme(["cat" + " hat dog" * 10] * 20, FAMILIES)
    assert [interval.value for interval in found] == [1, 0] * 6
    assert [interval.count for interval in found] == [20] * 12


def test_distances_end_where_too_few_words_stand() -> None:
    """Nineteen words are not enough."""
    assert kept_rhyme(["cat hat"] * 19, FAMILIES) == ()
    assert len(kept_rhyme(["cat hat"] * 20, FAMILIES)) == 1
    assert kept_rhyme([], FAMILIES) == ()


def test_known_words_closers_and_copies() -> None:
    """Shares of the words and of the openers that were written, and the longest copy."""
    corpus = "The dog sat. (A cat, too!)"
    found = coherence(["the DOG zat (a", 'cat) "sat" [too'], corpus, None)
    assert found.kept_rhyme == ()
    assert found.known_words == pytest.approx(6 / 7)
    assert found.closed == pytest.approx(1 / 3)  # ( is closed in the next line only
    assert found.longest_copy == len("cat")
    copied = coherence(["a dog sat."], corpus, None)
    assert (copied.known_words, copied.closed) == (1, None)
    assert copied.longest_copy == len(" dog sat.")


def test_nothing_written_is_nothing_measured() -> None:
    """Without words there is no share of them."""
    for lines in ([], [""], ["12, 3 ..."]):
        found = coherence(lines, "a b", FAMILIES)
        assert math.isnan(found.known_words)
        assert (found.kept_rhyme, found.closed) == ((), None)


def test_the_table_of_the_rhymes_is_read(repository: Path) -> None:
    """The 20 families stand beside rhymes.txt, and belong to no other text of the folder."""
    corpora = repository / "corpora"
    families = rhyme_families(corpora / "rhymes.txt")
    assert families is not None
    assert len(families) == 20
    assert {"play", "sleigh"} <= families["-ay"]
    assert families["-ox"] >= {"fox", "socks"}
    assert sum(map(len, families.values())) == len(frozenset().union(*families.values()))
    assert rhyme_families(corpora / "neurons.txt") is None
    assert rhyme_families(corpora / "animals.txt") is None


def test_the_rhymes_of_the_corpus_are_known(repository: Path) -> None:
    """A corpus beside itself: every word known, all closed, lines copied whole, rhymes kept."""
    path = repository / "corpora" / "rhymes.txt"
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = coherence(lines, text, rhyme_families(path))
    assert (found.known_words, found.closed) == (1, 1)
    assert found.longest_copy == max(map(len, lines))
    # What an independent count gave: one word in three, two places on, is of the family.
    assert found.kept_rhyme[1].value == pytest.approx(0.33, abs=0.005)
    assert found.kept_rhyme[0].count == len(lines)


def test_a_text_without_a_table_has_no_families(tmp_path: Path) -> None:
    """No README, one that is not UTF-8, one without headings, and one of another file."""
    corpus = tmp_path / "my.txt"
    assert rhyme_families(corpus) is None
    readme = tmp_path / "README.md"
    for content in (b"caf\xe9", b"| -at | cat hat |\n", b"# other.txt\n\n| -at | cat |\n"):
        readme.write_bytes(content)
        assert rhyme_families(corpus) is None
    readme.write_bytes(
        b"# Mine\n\n## `my.txt`\n\n| family | words |\n|---|---|\n| -at | Cat hat |\n"
    )
    assert rhyme_families(corpus) == {"-at": frozenset({"cat", "hat"})}
