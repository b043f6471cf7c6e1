"""The facts in corpora/README.md about the training texts."""

import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from chargen.evaluation.coherence import read_rhyme_families, words

CORPORA = Path(__file__).parents[2] / "corpora"
TEXTS = ("animals.txt", "neurons.txt", "rhymes.txt")
ANIMALS = ("dog", "wolf", "fish")
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def read(name: str) -> str:
    """The text of a file without any conversion."""
    return (CORPORA / name).read_bytes().decode("utf-8")


def table(first_cell: str) -> dict[str, str]:
    """The two-column rows of the README whose first cell matches a pattern."""
    return dict(re.findall(rf"^\| ({first_cell}) \| ([^|]+) \|$", read("README.md"), re.MULTILINE))


NEURONS = read("neurons.txt")
RHYMES = read("rhymes.txt").splitlines()
STORIES = read("animals.txt").splitlines()
FAMILY = {
    word: name
    for name, members in read_rhyme_families(CORPORA / "rhyme-families.txt").items()
    for word in members
}
MARKERS = {w: name for name, cell in table("home|wild|water").items() for w in cell.split()}


def rhymes_of(line: str) -> list[str]:
    """The rhyme family of each rhyme word of a line."""
    return [FAMILY[word] for word in words(line) if word in FAMILY]


def sentences(story: str) -> list[str]:
    """The sentences of a story, each with its closing mark."""
    return re.split(r"(?<=[.?!]) ", story)


def setting_of(story: str) -> str:
    """The setting of a story, from the marker words of its first sentence."""
    (setting,) = {MARKERS[w] for w in words(sentences(story)[0]) if w in MARKERS}
    return setting


def animals_of(text: str) -> list[str]:
    """The animals of a text, in order."""
    return [w for w in words(text) if w in ANIMALS]


@pytest.mark.parametrize("name", [*TEXTS, "README.md", "rhyme-families.txt"])
def test_files_are_clean_ascii(name: str) -> None:
    """Files have Unix newlines, no trailing space and one final newline."""
    text = read(name)
    assert text.isascii()
    assert all(c == "\n" or c.isprintable() for c in text)
    assert not re.search(r" $", text, re.MULTILINE)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("rhymes.txt", 17_000, 21_000),
        ("neurons.txt", 14_000, 19_000),
        ("animals.txt", 100_000, 120_000),
    ],
)
def test_texts_have_all_letters_and_the_planned_size(name: str, low: int, high: int) -> None:
    assert low <= len(read(name)) <= high
    assert set(ALPHABET) <= set(read(name).lower())


@pytest.mark.parametrize("lines", [RHYMES, STORIES], ids=["rhymes", "stories"])
def test_no_line_occurs_twice(lines: list[str]) -> None:
    """All lines differ, and none is empty."""
    assert all(lines)
    assert len(set(lines)) == len(lines)


def test_rhymes_have_every_letter_often() -> None:
    """Each lower-case letter occurs at least 20 times."""
    counts = Counter("".join(RHYMES))
    assert {c: counts[c] for c in ALPHABET if counts[c] < 20} == {}


def test_every_rhyme_word_has_one_family() -> None:
    """No word is in two families, and each word occurs in the rhymes."""
    lines = read("rhyme-families.txt").splitlines()[1:]
    listed = Counter(word for line in lines for word in line.partition(":")[2].split())
    assert max(listed.values()) == 1
    assert set(listed) == set(FAMILY) <= set(words(" ".join(RHYMES)))


def test_rhyme_lines_have_two_words_of_their_family() -> None:
    """The family of the first rhyme word has more words in the line than any other family."""
    for line in RHYMES:
        families = rhymes_of(line)
        counts = Counter(families)
        own = counts.pop(families[0])
        assert own >= 2, line
        assert own > max(counts.values(), default=0), line


def test_every_family_is_in_both_parts() -> None:
    """Each is in the first 90 % and in the last 10 %, by characters and by lines."""
    names = set(FAMILY.values())
    assert len(names) >= 15
    text = read("rhymes.txt")
    cut, line = len(text) * 9 // 10, len(RHYMES) * 9 // 10
    head, tail = text[: text.rindex("\n", 0, cut)], text[text.index("\n", cut) + 1 :]
    for part in (head.splitlines(), tail.splitlines(), RHYMES[:line], RHYMES[line:]):
        assert {rhymes_of(each)[0] for each in part} == names


def test_long_a_is_the_most_frequent_sound() -> None:
    """At least three tenths of the rhymes have one of the five families with a long a."""
    long_a = ("-ay", "-ake", "-ain", "-ame", "-ate")
    assert sum(rhymes_of(line)[0] in long_a for line in RHYMES) >= 0.3 * len(RHYMES)


def test_o_is_uncertain_after_r() -> None:
    """At most a quarter of all r are followed by o; a space and an e are more frequent."""
    counts = Counter(b for a, b in pairwise(NEURONS) if a in "rR")
    assert counts["o"] / counts.total() <= 0.25
    assert min(counts[" "], counts["e"]) > counts["o"]
    assert all(counts[c] / counts.total() >= 0.03 for c in "aisy")


def test_neuron_is_frequent() -> None:
    """The word occurs at least 80 times, 5 times in the held-out tenth, and starts sentences."""
    assert NEURONS.count("neuron") >= 80
    assert NEURONS[len(NEURONS) * 9 // 10 :].lower().count("neuron") >= 5
    assert len(re.findall(r"\bneurons\b", NEURONS)) >= 20
    assert len(re.findall(r"(?:^|[.?!] )Neurons? ", NEURONS, re.MULTILINE)) >= 5


def test_paragraphs_are_single_lines() -> None:
    """In neurons.txt, one empty line separates paragraphs."""
    assert all(len(p.splitlines()) == 1 for p in NEURONS.split("\n\n"))


def test_stories_name_three_animals() -> None:
    """Each animal ends a sentence, after "the" or "a"; one ends the story."""
    for story in STORIES:
        named = re.findall(rf"\b(?:the|a) ({'|'.join(ANIMALS)})\.(?: |$)", story)
        assert named == animals_of(story), story
        assert len(named) == 3, story
        assert story.endswith(f"{named[-1]}."), story


def test_only_the_first_sentence_states_the_setting() -> None:
    """The first sentence has markers of one setting, and no later sentence has any."""
    for story in STORIES:
        assert setting_of(story)
        assert not set(MARKERS) & set(words(" ".join(sentences(story)[1:]))), story


def test_animals_follow_the_setting() -> None:
    """The counts are exactly those of the README."""
    counts = Counter((setting_of(s), animal) for s in STORIES for animal in animals_of(s))
    expected = {
        "home": {"dog": 576, "wolf": 108, "fish": 36},
        "wild": {"dog": 108, "wolf": 576, "fish": 36},
        "water": {"dog": 54, "wolf": 18, "fish": 288},
    }
    assert counts == {(s, a): n for s, animals in expected.items() for a, n in animals.items()}


def test_frames_and_fillers_are_shared() -> None:
    """Every setting has all frames and filler sentences, and every animal all frames.

    A story has three different frames, and at most four filler sentences, all different.
    """
    frames: defaultdict[str, set[str]] = defaultdict(set)
    fillers: defaultdict[str, set[str]] = defaultdict(set)
    numbers = set()
    for story in STORIES:
        used, others = [], []
        for sentence in sentences(story)[1:]:
            animal = animals_of(sentence)
            if not animal:
                others.append(sentence)
                continue
            used.append(re.sub(rf"\b{animal[0]}\b", "*", sentence))
            frames[animal[0]].add(used[-1])
        assert len(set(used)) == 3, story
        assert len(set(others)) == len(others) <= 4, story
        frames[setting_of(story)].update(used)
        fillers[setting_of(story)].update(others)
        numbers.add(len(others))
    listed = set(table(r"frame \d").values())
    assert len(listed) == 6
    assert all(frames[name] == listed for name in ("home", "wild", "water", *ANIMALS))
    assert fillers["home"] == fillers["wild"] == fillers["water"]
    assert len(fillers["home"]) == 30
    assert numbers == {0, 1, 2, 3, 4}


def test_each_opening_is_used_fifteen_times() -> None:
    """There are 40 openings."""
    counts = Counter(sentences(story)[0] for story in STORIES)
    assert len(counts) == 40
    assert set(counts.values()) == {15}


def test_held_out_stories_are_like_the_others() -> None:
    """In the last tenth, the usual animal of each setting is in the majority."""
    tail = STORIES[len(STORIES) * 9 // 10 :]
    for setting, animal in (("home", "dog"), ("wild", "wolf"), ("water", "fish")):
        found = [a for s in tail if setting_of(s) == setting for a in animals_of(s)]
        assert len(found) >= 27
        assert 2 * found.count(animal) > len(found)
