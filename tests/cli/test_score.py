"""What `chargen score` says of a text, and of choices."""

import io
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chargen.evaluation.surprisal import read, shares
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

Score = Callable[..., "Outcome"]

WRONG_USE, FAILED = 2, 1


@pytest.fixture
def score(chargen: Callable[..., "Outcome"], model: Path) -> Score:
    """`chargen score` with the tiny model; it must succeed."""

    def call(*options: str) -> "Outcome":
        outcome = chargen("score", "-m", str(model), *options)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


@pytest.fixture
def reader(model: Path) -> Reader:
    """The reader of the tiny model."""
    return Reader.of(Checkpoint.load(model))


TEXT = "the cat sat on the lake"


def test_a_text_has_its_figures(score: Score, reader: Reader) -> None:
    """Nats and bits a character, the perplexity, as the reading of the text has them."""
    nats = float(read(reader, TEXT).nats.mean())
    out = score(TEXT).out
    assert (
        f"\n23 characters: {nats:.3f} nats, {nats / math.log(2):.3f} bits each,"
        f" perplexity {math.exp(nats):.2f}\n"
    ) in out
    assert out.startswith(TEXT + "\n")


def test_without_colours_each_character_has_a_digit_below(score: Score, reader: Reader) -> None:
    """In a pipe the text stands over its surprise in bits; a newline has its own digit."""
    text = "the cat\nsat on a\tmat\n"
    bits = [min(9, round(n / math.log(2))) for n in read(reader, text).nats.tolist()]
    below = "".join(str(b) if b else "\u00b7" for b in bits)
    lines = score(text).out.splitlines()
    assert lines[:4] == ["the cat\u23ce", below[:8], "sat on a\u2409mat\u23ce", below[8:]]
    assert lines[4].startswith("(below each character: ")


def test_only_newlines_end_a_line(score: Score) -> None:
    """A form feed or a separator stands on its line like any other character."""
    lines = score("the\x0ccat\x1csat\x85on\u2028").out.splitlines()
    assert lines[0] == "the\u240ccat\u241csat<0085>on\u2028".splitlines()[0]


def test_the_most_surprising_places_are_the_highest_surprises(score: Score, reader: Reader) -> None:
    """Five of them, the worst first, each with what was expected in its place."""
    text = "the cat sat on qxz mat\nand sang"
    reading = read(reader, text)
    order = sorted(range(len(text)), key=lambda k: -reading.nats[k])[:5]
    _, _, told = score(text).out.partition("most surprising:\n")
    lines = told.splitlines()
    assert len(lines) == 5
    for line, k in zip(lines, order, strict=True):
        found = re.fullmatch(r'  at (\d+): "(.*)" then "(.)" (\S+); expected "(.)" (\S+)', line)
        assert found is not None
        at, before, character, chance, best, best_chance = found.groups()
        assert int(at) == k + 1
        assert before == text[:k][-24:].replace("\n", "\u23ce")
        assert character == text[k].replace("\n", "\u23ce")
        # As they are printed, to two digits.
        assert float(chance) == pytest.approx(math.exp(-reading.nats[k]), rel=0.05)
        assert best == reader.vocabulary.characters[reading.best[k]].replace("\n", "\u23ce")
        assert float(best_chance) == pytest.approx(reading.best_probability[k], abs=0.005)


def test_json_tells_of_every_character(score: Score, reader: Reader) -> None:
    """One object: the figures, and of each character its nats and what was expected."""
    told = json.loads(score("--json", "-p", "we ", TEXT).out)
    reading = read(reader, TEXT, reader.read("we "))
    assert told["prompt"] == "we "
    assert told["characters"] == len(TEXT)
    assert told["log_probability"] == pytest.approx(-reading.nats.sum(), rel=1e-12)
    assert told["nats_per_character"] == pytest.approx(reading.nats.mean(), rel=1e-12)
    assert told["bits_per_character"] == pytest.approx(reading.nats.mean() / math.log(2), rel=1e-12)
    assert told["perplexity"] == pytest.approx(math.exp(reading.nats.mean()), rel=1e-12)
    each: list[dict[str, Any]] = told["each"]
    assert "".join(one["character"] for one in each) == TEXT
    assert [one["nats"] for one in each] == reading.nats.tolist()
    assert [one["probability"] for one in each] == [math.exp(-n) for n in reading.nats.tolist()]
    assert [one["best"] for one in each] == [reader.vocabulary.characters[k] for k in reading.best]
    assert [one["best_probability"] for one in each] == reading.best_probability.tolist()


@pytest.mark.parametrize("content", [b"the cat\nsat\n", b"\xef\xbb\xbfthe cat\r\nsat\r\n"])
def test_a_text_may_come_from_a_file_or_standard_input(
    here: Path, score: Score, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """All of it is scored, its last newline too."""
    expected = score("--json", "the cat\nsat\n").out
    (here / "text.txt").write_bytes(content)
    assert score("--json", "--file", "text.txt").out == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert score("--json", "--file", "-").out == expected


def test_a_long_text_is_not_shown(here: Path, score: Score) -> None:
    """Beyond 2,000 characters there are figures and places alone."""
    for length, lines in ((2_000, 2 + 1 + 1 + 1 + 5), (2_001, 1 + 1 + 5)):
        (here / "text.txt").write_text(("the cat sat " * 200)[:length])
        assert len(score("--file", "text.txt").out.splitlines()) == lines


COLOUR = re.compile("\x1b\\[38;5;([0-9]+)m(.)\x1b\\[0m", flags=re.S)


def test_on_a_terminal_the_text_has_colours(model: Path, on_terminal: Callable[..., str]) -> None:
    """Each character has one, newlines are seen, and the legend says what they mean."""
    shown = on_terminal("score", "-m", str(model), "the cat\nsat on \x1b mat")
    first, second, legend, *_ = shown.splitlines()[-10:]
    assert "".join(c for _, c in COLOUR.findall(first)) == "the cat\u23ce"
    assert "".join(c for _, c in COLOUR.findall(second)) == "sat on \u241b mat"
    assert COLOUR.sub("", first) == ""
    assert legend.count("+") == 5


def test_a_terminal_without_colours_gets_digits(
    model: Path, on_terminal: Callable[..., str]
) -> None:
    """NO_COLOR is honoured."""
    shown = on_terminal("score", "-m", str(model), "the cat", NO_COLOR="1")
    assert "\x1b" not in shown
    assert re.fullmatch("[\u00b70-9]{7}", shown.splitlines()[1])


# Choices


def test_choices_have_shares_that_sum_to_1(score: Score, reader: Reader) -> None:
    """Each with its share of all choices and its probability among all there is."""
    (told,) = json.loads(score("--json", "-p", "the ", "--choices", "cat, dog,mat").out)
    assert told["prompt"] == "the "
    assert list(told["choices"]) == ["cat", "dog", "mat"]  # spaces around a comma are no text
    chance, share = shares(reader, reader.read("the "), ["cat", "dog", "mat"])
    found = told["choices"].values()
    assert [each["probability"] for each in found] == chance.tolist()
    assert [each["share"] for each in found] == share.tolist()
    assert sum(each["share"] for each in found) == pytest.approx(1, rel=1e-12)


def test_several_prompts_stand_side_by_side(score: Score, reader: Reader) -> None:
    """A column for each, with a letter that says which it is."""
    prompts = ("the ", "a red ")
    lines = score("--choices", "cat,fox", *(w for p in prompts for w in ("-p", p))).out.splitlines()
    assert lines[:2] == ['A: "the "', 'B: "a red "']
    assert re.fullmatch(r" +A: share +of all +B: share +of all", lines[2])
    columns = [shares(reader, reader.read(prompt), ["cat", "fox"]) for prompt in prompts]
    for k, word in enumerate(("cat", "fox")):
        line = lines[3 + k]
        assert line.startswith(word)
        numbers = re.findall(r"[0-9][0-9.e+-]*", line)
        expected = [
            f"{n:.3f}" if j == 0 else f"{n:.2g}"
            for c in columns
            for j, n in enumerate((c[1][k], c[0][k]))
        ]
        assert numbers == expected
    assert len(lines) == 5


def test_choices_without_a_prompt_begin_a_text(score: Score) -> None:
    """No --prompt is an empty one."""
    expected = score("--json", "-p", "", "--choices", "the,we").out
    assert score("--json", "--choices", "the,we").out == expected


def test_a_choice_that_would_steer_a_terminal_is_made_visible(score: Score) -> None:
    """A newline or an escape in it breaks no table."""
    lines = score("--choices", "a\x1b[31mb,c\nd").out.splitlines()
    assert lines[2].startswith("a\u241b[31mb  ")
    assert lines[3].startswith("c\u23ced  ")


# Mistakes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give one of TEXT, --file and --choices"),
        (("the", "--choices", "a,b"), "give one of TEXT, --file and --choices"),
        (("the", "--file", "x"), "give one of TEXT, --file and --choices"),
        (("-p", "the"), "give one of TEXT, --file and --choices"),
        (("the", "-p", "a", "-p", "b"), "more than one --prompt is for --choices"),
        (("--choices", ""), "--choices must be two texts or more"),
        (("--choices", "a"), "--choices must be two texts or more"),
        (("--choices", "a,,b"), "--choices must be two texts or more"),
        (("--choices", "a,b,a"), "--choices must be two texts or more"),
        (("the", "cat"), "Got unexpected extra argument"),
    ],
)
def test_what_does_not_go_together_is_refused(
    refused: Callable[..., str], options: tuple[str, ...], said: str
) -> None:
    """No option is ignored: one line says what to give, before a model is looked for."""
    assert refused(WRONG_USE, "score", *options).startswith(said)


def test_an_empty_text_is_refused(here: Path, model: Path, refused: Callable[..., str]) -> None:
    """Of nothing there is no mean; a file is named."""
    (here / "bom.txt").write_bytes(b"\xef\xbb\xbf")
    (here / "empty.txt").write_bytes(b"")
    said = refused(WRONG_USE, "score", "-m", str(model), "")
    assert said.startswith("there is nothing to score: TEXT is empty")
    said = refused(WRONG_USE, "score", "-m", str(model), "--file", "bom.txt")
    assert said.startswith("there is nothing to score: bom.txt is empty")
    said = refused(FAILED, "score", "-m", str(model), "--file", "empty.txt")
    assert said == "empty.txt is empty"


@pytest.mark.parametrize("command", ["sample", "score"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "text.txt does not exist"),
        (b"caf\xe9 au lait", "text.txt is not UTF-8: byte 0xE9 at offset 3 (save it as UTF-8)"),
        (b"\0\1\2\3" * 50, "text.txt looks like a binary file"),
    ],
)
def test_a_file_of_no_use_is_refused(
    here: Path,
    model: Path,
    refused: Callable[..., str],
    command: str,
    content: bytes | None,
    said: str,
) -> None:
    """Missing, wrongly encoded, binary: the message says which, and names the file."""
    if content is not None:
        (here / "text.txt").write_bytes(content)
    assert refused(FAILED, command, "-m", str(model), "--file", "text.txt").startswith(said)


@pytest.mark.parametrize("command", ["sample", "score"])
def test_a_standard_input_that_is_closed_is_told(
    model: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Not a traceback, and not a wait without end."""
    monkeypatch.setattr(sys, "stdin", None)
    said = refused(FAILED, command, "-m", str(model), "--file", "-")
    assert said == "standard input is closed (name a file instead of -)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-p", "a", "--file", "b"), "--prompt and --file both say how the text begins"),
        (("--json", "--highlight"), "--json has no colours: leave --highlight out"),
        (("--repetition-last", "5"), "--repetition-last says nothing without --repetition-penalty"),
        (("--stop", ""), "--stop must be a text of at least one character, got ''"),
        (("--stop", "x", "--stop", "\ufeff"), "--stop must be a text of at least one character"),
        (
            ("--repetition-penalty", "2", "--repetition-last", "0"),
            "--repetition-last must be a whole number between 1 and 65,536, got 0",
        ),
    ],
)
def test_what_makes_no_sense_for_sampling_is_refused(
    refused: Callable[..., str], options: tuple[str, ...], said: str
) -> None:
    """No option is ignored: one line says why, before a model is looked for."""
    assert refused(WRONG_USE, "sample", *options).startswith(said)
