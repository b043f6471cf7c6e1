"""The facts that corpora/README.md states about the training texts."""

import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

CORPORA = Path(__file__).parents[2] / "corpora"
TEXTS = ("animals.txt", "neurons.txt", "rhymes.txt")
ANIMALS = ("dog", "wolf", "fish")
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def read(name: str) -> str:
    """The text of one file of the folder, byte for byte."""
    return (CORPORA / name).read_bytes().decode("utf-8")


def words(text: str) -> list[str]:
    """The runs of letters of a text, in lower case."""
    return re.findall(r"[a-z]+", text.lower())


def sentences(story: str) -> list[str]:
    """The sentences of a story, each with its closing mark."""
    return re.split(r"(?<=[.?!]) ", story)


def table(first_cell: str) -> dict[str, str]:
    """The two-column rows of the README whose first cell matches a pattern."""
    rows = re.findall(rf"^\| ({first_cell}) \| ([^|]+) \|$", read("README.md"), re.MULTILINE)
    return dict(rows)


def families() -> dict[str, str]:
    """The rhyme family of each rhyme word."""
    return {w: name for name, cell in table(r"-[a-z]+").items() for w in cell.split()}


def markers() -> dict[str, str]:
    """The setting of each marker word."""
    return {w: name for name, cell in table("home|wild|water").items() for w in cell.split()}


def line_family(line: str) -> str:
    """The family of the first rhyme word of a line."""
    owner = families()
    return next(owner[w] for w in words(line) if w in owner)


def story_setting(story: str) -> str:
    """The setting of a story by the marker words of its first sentence."""
    setting = markers()
    found = {setting[w] for w in words(sentences(story)[0]) if w in setting}
    assert len(found) == 1, story
    return found.pop()


def story_animals(story: str) -> list[str]:
    """The animals of a story, in order."""
    return [w for w in words(story) if w in ANIMALS]


def rhymes() -> list[str]:
    """The lines of rhymes.txt."""
    return read("rhymes.txt").splitlines()


def stories() -> list[str]:
    """The lines of animals.txt."""
    return read("animals.txt").splitlines()


def after_r() -> Counter[str]:
    """How often each character follows an r in neurons.txt."""
    text = read("neurons.txt")
    return Counter(b for a, b in pairwise(text) if a in "rR")


@pytest.mark.parametrize("name", [*TEXTS, "README.md"])
def test_files_are_clean_ascii(name: str) -> None:
    """Each file is ASCII with plain line ends, no trailing space and one final newline."""
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
def test_sizes(name: str, low: int, high: int) -> None:
    """Each text has the size its measurements were planned for."""
    assert low <= len(read(name)) <= high


@pytest.mark.parametrize("name", ["rhymes.txt", "animals.txt"])
def test_no_line_occurs_twice(name: str) -> None:
    """No line of the rhymes and no story occurs twice, and no line is empty."""
    lines = read(name).splitlines()
    assert all(lines)
    assert len(set(lines)) == len(lines)


def test_rhymes_hold_every_letter_often() -> None:
    """Each lower-case letter from a to z occurs at least 20 times in the rhymes."""
    counts = Counter(read("rhymes.txt"))
    assert {c: counts[c] for c in ALPHABET if counts[c] < 20} == {}


@pytest.mark.parametrize("name", TEXTS)
def test_all_letters_appear(name: str) -> None:
    """Each letter from a to z appears in each text."""
    assert set(ALPHABET) <= set(read(name).lower())


def test_no_word_is_in_two_families() -> None:
    """Each rhyme word stands once in the family table and at least once in the rhymes."""
    listed = Counter(w for cell in table(r"-[a-z]+").values() for w in cell.split())
    assert max(listed.values()) == 1
    assert set(listed) <= set(words(read("rhymes.txt")))


def test_rhyme_lines_hold_two_words_of_their_family() -> None:
    """Each line has two or more words of its family, and more than of any other family."""
    owner = families()
    for line in rhymes():
        counts = Counter(owner[w] for w in words(line) if w in owner)
        own = counts.pop(line_family(line))
        assert own >= 2, line
        assert own > max(counts.values(), default=0), line


def test_every_family_is_in_both_parts() -> None:
    """Each family has lines in the first 90 % and in the last 10 %, by characters and by lines."""
    names = set(families().values())
    assert len(names) >= 15
    text, lines = read("rhymes.txt"), rhymes()
    cut = len(text) * 9 // 10
    parts = [
        text[: text.rindex("\n", 0, cut)].splitlines(),
        text[text.index("\n", cut) + 1 :].splitlines(),
        lines[: len(lines) * 9 // 10],
        lines[len(lines) * 9 // 10 :],
    ]
    for part in parts:
        assert {line_family(line) for line in part} == names


def test_long_a_is_the_largest_sound() -> None:
    """At least three tenths of the rhymes are in one of the five families with a long a."""
    long_a = ("-ay", "-ake", "-ain", "-ame", "-ate")
    found = [line_family(line) for line in rhymes()]
    assert sum(name in long_a for name in found) >= 0.3 * len(found)


def test_o_is_no_safe_guess_after_r() -> None:
    """In neurons.txt at most a quarter of the characters after an r are an o."""
    counts = after_r()
    assert counts["o"] / counts.total() <= 0.25


def test_other_characters_are_common_after_r() -> None:
    """In neurons.txt a space and an e follow r more often than an o, and a, i, s, y do often."""
    counts = after_r()
    assert min(counts[" "], counts["e"]) > counts["o"]
    assert all(counts[c] / counts.total() >= 0.03 for c in "aisy")


def test_neuron_occurs_often() -> None:
    """In neurons.txt "neuron" occurs 80 times or more, and sentences start with it too."""
    text = read("neurons.txt")
    assert text.count("neuron") >= 80
    assert len(re.findall(r"\bneurons\b", text)) >= 20
    assert len(re.findall(r"(?:^|[.?!] )Neurons? ", text, re.MULTILINE)) >= 5


def test_neuron_is_in_the_held_out_tenth() -> None:
    """The last tenth of the text on neurons holds "neuron" at least five times."""
    text = read("neurons.txt")
    assert text[len(text) * 9 // 10 :].lower().count("neuron") >= 5


def test_paragraphs_are_single_lines() -> None:
    """In neurons.txt each paragraph is one line and one empty line parts it from the next."""
    assert all(len(p.splitlines()) == 1 for p in read("neurons.txt").split("\n\n"))


def test_stories_name_three_animals() -> None:
    """Each story names three animals, each at the end of a sentence after the or a; one ends it."""
    for story in stories():
        named = re.findall(rf"\b(?:the|a) ({'|'.join(ANIMALS)})\.(?: |$)", story)
        assert named == story_animals(story), story
        assert len(named) == 3, story
        assert story.endswith(f"{named[-1]}."), story


def test_settings_are_told_by_the_first_sentence_only() -> None:
    """The markers of one setting stand in a story's first sentence and none in the others."""
    for story in stories():
        story_setting(story)
        assert not set(markers()) & set(words(" ".join(sentences(story)[1:]))), story


def test_animals_follow_the_setting() -> None:
    """The animals occur 80, 15 and 5 % of the time by setting, exactly."""
    counts = Counter((story_setting(s), animal) for s in stories() for animal in story_animals(s))
    assert counts == {
        ("home", "dog"): 576,
        ("home", "wolf"): 108,
        ("home", "fish"): 36,
        ("wild", "wolf"): 576,
        ("wild", "dog"): 108,
        ("wild", "fish"): 36,
        ("water", "fish"): 288,
        ("water", "dog"): 54,
        ("water", "wolf"): 18,
    }


def parts(story: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The (frame, animal) pairs and the distractions of a story, behind its first sentence."""
    named, others = [], []
    for sentence in sentences(story)[1:]:
        animal = story_animals(sentence)
        if animal:
            named.append((re.sub(rf"\b{animal[0]}\b", "*", sentence), animal[0]))
        else:
            others.append(sentence)
    return named, others


def test_frames_are_shared() -> None:
    """The frames are those of the README, each is used in every setting and with every animal."""
    listed = set(table(r"frame \d").values())
    by_setting: defaultdict[str, set[str]] = defaultdict(set)
    by_animal: defaultdict[str, set[str]] = defaultdict(set)
    for story in stories():
        named, _ = parts(story)
        assert len({frame for frame, _ in named}) == 3, story
        for frame, animal in named:
            by_setting[story_setting(story)].add(frame)
            by_animal[animal].add(frame)
    assert len(listed) == 6
    assert all(by_setting[name] == listed for name in ("home", "wild", "water"))
    assert all(by_animal[name] == listed for name in ANIMALS)


def test_distractions_are_shared() -> None:
    """A story has at most four, all different, and each of the 30 occurs in every setting."""
    by_setting: defaultdict[str, set[str]] = defaultdict(set)
    numbers: Counter[int] = Counter()
    for story in stories():
        _, others = parts(story)
        assert len(set(others)) == len(others) <= 4, story
        numbers[len(others)] += 1
        by_setting[story_setting(story)].update(others)
    assert by_setting["home"] == by_setting["wild"] == by_setting["water"]
    assert len(by_setting["home"]) == 30
    assert set(numbers) == {0, 1, 2, 3, 4}


def test_each_opening_is_used_fifteen_times() -> None:
    """Each of the 40 openings starts fifteen stories."""
    counts = Counter(sentences(story)[0] for story in stories())
    assert len(counts) == 40
    assert set(counts.values()) == {15}


def test_held_out_stories_look_like_the_rest() -> None:
    """In the last tenth, too, each setting occurs and its usual animal is in the majority."""
    lines = stories()
    tail = lines[len(lines) * 9 // 10 :]
    for setting, animal in (("home", "dog"), ("wild", "wolf"), ("water", "fish")):
        found = [a for s in tail if story_setting(s) == setting for a in story_animals(s)]
        assert len(found) >= 27
        assert 2 * found.count(animal) > len(found)
