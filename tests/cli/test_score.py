"""Tests of `chargen score`: a text, choices, and refused input."""

import io
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chargen.evaluation.surprisal import read, shares
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from tests.cli.outcome import Command, Outcome, Refused

WRONG_USE, FAILED = 2, 1


@pytest.fixture
def score(chargen: Command, model: Path) -> Command:
    """Run `chargen score` with the tiny model and check that it succeeds."""

    def call(*options: str) -> Outcome:
        outcome = chargen("score", "-m", str(model), *options)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


@pytest.fixture
def reader(model: Path) -> Reader:
    """Return the reader of the tiny model."""
    return Reader.of(Checkpoint.load(model))


TEXT = "the cat sat on the lake"


def test_a_text_is_scored(score: Command, reader: Reader) -> None:
    """Nats, bits per character and perplexity are those of `surprisal.read`."""
    nats = float(read(reader, TEXT).nats.mean())
    out = score(TEXT).out
    assert (
        f"\n23 characters: {nats / math.log(2):.3f} bits per character ({nats:.3f} nats),"
        f" perplexity {math.exp(nats):.2f}\n"
    ) in out
    assert out.startswith(TEXT + "\n")


def test_without_colours_digits_show_the_surprisal(score: Command, reader: Reader) -> None:
    """In a pipe the bits are printed below each character, including newlines."""
    text = "the cat\nsat on a\tmat\n"
    bits = [min(9, round(n / math.log(2))) for n in read(reader, text).nats.tolist()]
    below = "".join(str(b) if b else "\u00b7" for b in bits)
    lines = score(text).out.splitlines()
    assert lines[:4] == ["the cat\u23ce", below[:8], "sat on a\u21e5mat\u23ce", below[8:]]
    assert lines[4].startswith("(digits: surprisal in bits")


def test_only_newlines_end_a_line(score: Command) -> None:
    """A form feed or a line separator does not end a line of the output."""
    lines = score("the\x0ccat\x1csat\x85on\u2028").out.splitlines()
    assert lines[0] == "the\u240ccat\u241csat<0085>on\u2028".splitlines()[0]


def test_the_most_surprising_places_are_listed(score: Command, reader: Reader) -> None:
    """Five places are listed, the most surprising first, each with the expected character."""
    text = "the cat sat on qxz mat\nand sang"
    reading = read(reader, text)
    order = sorted(range(len(text)), key=lambda k: -reading.nats[k])[:5]
    _, _, listed = score(text).out.partition("(with their probability):\n")
    lines = listed.splitlines()
    assert len(lines) == 5
    for line, k in zip(lines, order, strict=True):
        found = re.fullmatch(
            r'  (\d+): "(.*)" then "(.)" \((\S+)\); expected "(.)" \((\S+)\)', line
        )
        assert found is not None
        at, before, character, chance, best, best_chance = found.groups()
        assert int(at) == k + 1
        assert before == text[:k][-24:].replace("\n", "\u23ce")
        assert character == text[k].replace("\n", "\u23ce")
        # Both are printed with two digits.
        assert float(chance) == pytest.approx(math.exp(-reading.nats[k]), rel=0.05)
        assert best == reader.vocabulary.characters[reading.best[k]].replace("\n", "\u23ce")
        assert float(best_chance) == pytest.approx(reading.best_probability[k], abs=0.005)


def test_json_has_a_record_per_character(score: Command, reader: Reader) -> None:
    """The object has the losses, and for each character its nats and the most likely one."""
    record = json.loads(score("--json", "-p", "we ", TEXT).out)
    reading = read(reader, TEXT, reader.read("we "))
    assert record["prompt"] == "we "
    assert record["characters"] == len(TEXT)
    assert record["log_probability"] == pytest.approx(-reading.nats.sum(), rel=1e-12)
    assert record["nats_per_character"] == pytest.approx(reading.nats.mean(), rel=1e-12)
    assert record["bits_per_character"] == pytest.approx(
        reading.nats.mean() / math.log(2), rel=1e-12
    )
    assert record["perplexity"] == pytest.approx(math.exp(reading.nats.mean()), rel=1e-12)
    each: list[dict[str, Any]] = record["each"]
    assert "".join(one["character"] for one in each) == TEXT
    assert [one["nats"] for one in each] == reading.nats.tolist()
    assert [one["probability"] for one in each] == [math.exp(-n) for n in reading.nats.tolist()]
    assert [one["best"] for one in each] == [reader.vocabulary.characters[k] for k in reading.best]
    assert [one["best_probability"] for one in each] == reading.best_probability.tolist()


@pytest.mark.parametrize("content", [b"the cat\nsat\n", b"\xef\xbb\xbfthe cat\r\nsat\r\n"])
def test_a_text_may_come_from_a_file_or_standard_input(
    here: Path, score: Command, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """The whole text is scored, including its last newline."""
    expected = score("--json", "the cat\nsat\n").out
    (here / "text.txt").write_bytes(content)
    assert score("--json", "--file", "text.txt").out == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert score("--json", "--file", "-").out == expected


def test_a_long_text_is_not_printed(here: Path, score: Command) -> None:
    """Above 2,000 characters only the figures and the places are printed."""
    for length, lines in ((2_000, 2 + 1 + 1 + 1 + 5), (2_001, 1 + 1 + 5)):
        (here / "text.txt").write_text(("the cat sat " * 200)[:length])
        assert len(score("--file", "text.txt").out.splitlines()) == lines


COLOUR = re.compile("\x1b\\[38;5;([0-9]+)m(.)\x1b\\[0m", flags=re.S)


def test_a_terminal_shows_colours(model: Path, on_terminal: Callable[..., str]) -> None:
    """Each character is coloured, newlines are visible, and a legend explains the colours."""
    shown = on_terminal("score", "-m", str(model), "the cat\nsat on \x1b mat")
    first, second, legend, *_ = shown.splitlines()[-10:]
    assert "".join(c for _, c in COLOUR.findall(first)) == "the cat\u23ce"
    assert "".join(c for _, c in COLOUR.findall(second)) == "sat on \u241b mat"
    assert COLOUR.sub("", first) == ""
    assert legend.count("+") == 5


def test_a_terminal_without_colours_gets_digits(
    model: Path, on_terminal: Callable[..., str]
) -> None:
    """NO_COLOR is respected."""
    shown = on_terminal("score", "-m", str(model), "the cat", NO_COLOR="1")
    assert "\x1b" not in shown
    assert re.fullmatch("[\u00b70-9]{7}", shown.splitlines()[1])


# Choices


def test_choices_have_shares_that_sum_to_1(score: Command, reader: Reader) -> None:
    """Each choice has a share of the choices and a probability among all continuations."""
    (record,) = json.loads(score("--json", "-p", "the ", "--choices", "cat, dog,mat").out)
    assert record["prompt"] == "the "
    assert list(record["choices"]) == ["cat", "dog", "mat"]  # spaces around commas are ignored
    chance, share = shares(reader, reader.read("the "), ["cat", "dog", "mat"])
    found = record["choices"].values()
    assert [each["probability"] for each in found] == chance.tolist()
    assert [each["share"] for each in found] == share.tolist()
    assert sum(each["share"] for each in found) == pytest.approx(1, rel=1e-12)


def test_prompts_are_compared_side_by_side(score: Command, reader: Reader) -> None:
    """Each prompt has a letter and a column."""
    prompts = ("the ", "a red ")
    lines = score("--choices", "cat,fox", *(w for p in prompts for w in ("-p", p))).out.splitlines()
    assert lines[:2] == ['A: "the "', 'B: "a red "']
    assert re.fullmatch(r" +A: share +probability +B: share +probability", lines[2])
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
    assert len(lines) == 6


def test_unlikely_choices_are_reported(score: Command, reader: Reader) -> None:
    """A warning names each prompt after which all choices together have less than 0.01."""
    outcome = score("--choices", "ccc,ddd", "-p", "the ", "-p", "a ")
    totals = [shares(reader, reader.read(p), ["ccc", "ddd"])[0].sum() for p in ("the ", "a ")]
    assert max(totals) < 0.01
    assert outcome.err.splitlines() == [
        f"chargen: warning: the choices together have a probability of {total:.1g} after"
        f' "{prompt}", so their shares are unreliable (use a prompt and choices like the training'
        " text)"
        for total, prompt in zip(totals, ("the ", "a "), strict=True)
    ]
    (likely,) = json.loads(score("--json", "-p", "th", "--choices", "e,a").out)
    assert sum(each["probability"] for each in likely["choices"].values()) > 0.01
    assert not score("-p", "th", "--choices", "e,a").err


def test_choices_without_a_prompt_follow_an_empty_one(score: Command) -> None:
    """Without --prompt the prompt is empty."""
    expected = score("--json", "-p", "", "--choices", "the,we").out
    assert score("--json", "--choices", "the,we").out == expected


def test_control_characters_in_a_choice_are_made_visible(score: Command) -> None:
    """A newline or an escape does not break the table."""
    lines = score("--choices", "a\x1b[31mb,c\nd").out.splitlines()
    assert lines[1].startswith("a\u241b[31mb  ")
    assert lines[2].startswith("c\u23ced  ")


# Refused input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "pass exactly one of TEXT, --file and --choices"),
        (("the", "--choices", "a,b"), "pass exactly one of TEXT, --file and --choices"),
        (("the", "--file", "x"), "pass exactly one of TEXT, --file and --choices"),
        (("-p", "the"), "pass exactly one of TEXT, --file and --choices"),
        (("the", "-p", "a", "-p", "b"), "--prompt may be repeated only with --choices"),
        (("--choices", ""), "--choices must be two or more different, non-empty texts"),
        (("--choices", "a"), "--choices must be two or more different, non-empty texts"),
        (("--choices", "a,,b"), "--choices must be two or more different, non-empty texts"),
        (("--choices", "a,b,a"), "--choices must be two or more different, non-empty texts"),
        (("the", "cat"), "Got unexpected extra argument"),
    ],
)
def test_wrong_combinations_of_options_are_refused(
    refused: Refused, options: tuple[str, ...], message: str
) -> None:
    """One line states the allowed combinations before the model is loaded."""
    assert refused(WRONG_USE, "score", *options).startswith(message)


def test_an_empty_text_is_refused(here: Path, model: Path, refused: Refused) -> None:
    """The message names the empty argument or file."""
    (here / "bom.txt").write_bytes(b"\xef\xbb\xbf")
    (here / "empty.txt").write_bytes(b"")
    message = refused(WRONG_USE, "score", "-m", str(model), "")
    assert message.startswith("TEXT is empty, so there is nothing to score")
    message = refused(WRONG_USE, "score", "-m", str(model), "--file", "bom.txt")
    assert message.startswith("bom.txt is empty, so there is nothing to score")
    message = refused(FAILED, "score", "-m", str(model), "--file", "empty.txt")
    assert message == "empty.txt is empty"


@pytest.mark.parametrize("command", ["sample", "score"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "text.txt does not exist"),
        (b"C\xe6sar", "text.txt is not UTF-8, and its encoding is uncertain: cp1252 ("),
        (b"\0\1\2\3" * 50, "text.txt looks like a binary file"),
    ],
)
def test_an_unreadable_file_is_refused(
    here: Path, model: Path, refused: Refused, command: str, content: bytes | None, message: str
) -> None:
    """The message names the file and says whether it is missing, undecodable or binary."""
    if content is not None:
        (here / "text.txt").write_bytes(content)
    assert refused(FAILED, command, "-m", str(model), "--file", "text.txt").startswith(message)


@pytest.mark.parametrize("command", ["sample", "score"])
def test_a_closed_standard_input_is_refused(
    model: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The command fails with a message and does not wait."""
    monkeypatch.setattr(sys, "stdin", None)
    message = refused(FAILED, command, "-m", str(model), "--file", "-")
    assert message == "standard input is closed (pass a file)"


def test_models_are_compared_on_one_text(chargen: Command, here: Path, model: Path) -> None:
    """-m can be repeated: a row for each model, as given, with the best one marked."""
    (here / "new.txt").write_text("the dog sat on the gate\n")
    arguments = ["score", "--file", "new.txt", "-m", "english", "-m", str(model)]
    outcome = chargen(*arguments, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    rows = [json.loads(line) for line in outcome.out.splitlines()]
    assert [row["model"] for row in rows] == ["english", str(model)]
    for row in rows:
        alone = json.loads(chargen("score", "--file", "new.txt", "-m", row["model"], "--json").out)
        for name in ("characters", "nats_per_character", "bits_per_character", "perplexity"):
            # Products with another number of threads round differently.
            assert row[name] == pytest.approx(alone[name], rel=1e-6)
        assert row["unknown_characters"] == 0
    heading, *lines = chargen(*arguments).out.splitlines()
    assert heading.split() == ["model", "nats", "bits", "perplexity", "characters"]
    assert [line.split()[1] for line in lines] == [f"{r['nats_per_character']:.3f}" for r in rows]
    best = min(range(2), key=lambda k: rows[k]["nats_per_character"])
    assert [line.endswith("  best") for line in lines] == [best == 0, best == 1]
    assert all(len(line) <= 80 for line in lines)


def test_an_unfair_comparison_is_warned_about(chargen: Command, model: Path) -> None:
    """The warning names the model and the characters that only it does not know."""
    outcome = chargen("score", "The cats", "-m", "english", "-m", str(model), "--json")
    assert outcome.err == (
        f"chargen: warning: the comparison is unfair: {model} does not know 1 of 8 characters: T\n"
    )
    assert [json.loads(line)["unknown_characters"] for line in outcome.out.splitlines()] == [0, 1]
    outcome = chargen("score", "明 明", "-m", "english", "-m", str(model))
    assert outcome.err == "chargen: warning: no model knows these characters in the text: 明\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--choices a,b", "--choices needs one model, got 2 (pass one -m"),
        ("", "pass exactly one of TEXT, --file and --choices"),
    ],
)
def test_models_are_compared_on_a_text_only(refused: Refused, arguments: str, message: str) -> None:
    """Without a text the error is one line."""
    assert message in refused(2, "score", *arguments.split(), "-m", "english", "-m", "english")
