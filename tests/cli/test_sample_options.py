"""What `chargen sample` makes of its options: many samples, ends, files, JSON, terminals."""

import io
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chargen.generation.settings import Settings
from chargen.records import Drawn, Stopped

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

Sample = Callable[..., "Outcome"]


# Many samples


def test_several_samples_are_separated_by_an_empty_line(sample: Sample) -> None:
    """Each begins with the prompt; the first is the one that is written alone."""
    out = sample("--prompt", "the", "--num-samples", "3", "-n", "30", "--seed", "1").out
    alone = sample("--prompt", "the", "-n", "30", "--seed", "1").out
    assert out.startswith(alone + "\nthe")
    assert out.endswith("\n")
    assert len(out) == 3 * (len("the") + 30) + 3 + 2
    fewer = sample("--prompt", "the", "--num-samples", "2", "-n", "30", "--seed", "1").out
    assert out.startswith(fewer + "\nthe")


def test_samples_that_end_at_a_newline_are_lines(sample: Sample) -> None:
    """A list of names needs no empty lines: as many lines come as samples, without any between."""
    out = sample("--prompt", "a ", "--num-samples", "9", "--until-newline", "--seed", "1").out
    lines = out.splitlines()
    assert len(lines) == 9
    assert all(line.startswith("a ") for line in lines)


def test_more_samples_than_a_batch_holds(sample: Sample) -> None:
    """260 of them are 260 texts, and the border between two batches looks like any other."""
    out = sample("--num-samples", "260", "-n", "1", "-t", "0", "--prompt", "the ca").out
    assert out == "\n".join(["the cat\n"] * 260)


# Ends


def test_stop_texts_are_not_written(sample: Sample) -> None:
    """The text ends before the first of them, in whatever order they are given."""
    whole = sample("--seed", "3", "-n", "300").out
    middle = whole[100:103]
    cut = whole[: whole.index(middle)] + "\n"
    assert sample("--seed", "3", "-n", "300", "--stop", middle).out == cut
    for stops in ((middle, "zzz"), ("zzz", middle)):
        options = [word for stop in stops for word in ("--stop", stop)]
        assert sample("--seed", "3", "-n", "300", *options).out == cut


def test_a_stop_text_has_newlines_as_a_corpus_has_them(sample: Sample) -> None:
    """Windows' line end stops at a newline."""
    line = sample("--seed", "3", "-n", "300", "--until-newline").out
    assert sample("--seed", "3", "-n", "300", "--stop", "\r\n").out == line
    assert line.count("\n") == 1


def test_a_stop_text_that_never_comes_is_named(sample: Sample) -> None:
    """What the model cannot write is warned about, and the text has its length."""
    outcome = sample("--stop", "the Q", "-n", "20")
    assert (
        outcome.err
        == "chargen: warning: --stop 'the Q' is never met: the model does not write 'Q'\n"
    )
    assert len(outcome.out) == 20 + 1


def test_no_length_is_no_end_but_the_others(sample: Sample) -> None:
    """-n 0 writes until something stops it."""
    short = sample("-n", "0", "--until-newline", "--seed", "1", "-t", "1").out
    assert short == sample("-n", "5000", "--until-newline", "--seed", "1", "-t", "1").out


# Prompts from files


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        (b"the cat", "the cat"),
        (b"the cat\n", "the cat"),
        (b"the cat\n\n", "the cat\n"),
        (b"the cat\r\nsat\r\n", "the cat\nsat"),
        (b"\xef\xbb\xbfthe cat", "the cat"),
        (b"\n", ""),
    ],
)
def test_a_prompt_may_come_from_a_file_or_standard_input(
    here: Path,
    sample: Sample,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    prompt: str,
) -> None:
    """One newline at its end belongs to the file, not to the prompt."""
    expected = sample("--prompt", prompt, "--seed", "1", "-n", "30").out
    (here / "prompt.txt").write_bytes(content)
    assert sample("--file", "prompt.txt", "--seed", "1", "-n", "30").out == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert sample("--file", "-", "--seed", "1", "-n", "30").out == expected


def test_a_long_file_is_a_prompt(here: Path, sample: Sample) -> None:
    """All of it is read and written, and then the text that comes after it."""
    content = "the cat sat on the mat and sang.\n" * 3_000
    (here / "long.txt").write_text(content)
    outcome = sample("--file", "long.txt", "--seed", "1", "-n", "10")
    assert outcome.err == ""
    assert outcome.out.startswith(content[:-1])
    assert len(outcome.out) == len(content) - 1 + 10 + 1


# JSON


def objects(outcome: "Outcome") -> list[dict[str, Any]]:
    """The objects of a call with --json, one a line."""
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_json_tells_what_was_written_and_how(sample: Sample, model: Path) -> None:
    """One object a sample: the text alone, why it ended, its probability and every setting."""
    options = ("--prompt", "the ", "--seed", "5", "-n", "40", "--num-samples", "2", "--top-k", "9")
    texts = sample(*options).out.split("\n\n")
    found = objects(sample(*options, "--json"))
    assert [each["sample"] for each in found] == [0, 1]
    for each, text in zip(found, texts, strict=True):
        assert each["prompt"] == "the "
        assert each["prompt"] + each["text"] == text.rstrip("\n")
        assert each["stop_reason"] == "length"
        assert each["model"] == str(model)
        bits = -each["log_probability"] / math.log(2) / 40
        assert each["bits_per_character"] == pytest.approx(bits, rel=1e-12)
        assert each["settings"] == json.loads(
            json.dumps(asdict(Settings(length=40, seed=5, top_k=9)))
        )


def test_json_settings_are_the_defaults_unless_set(sample: Sample) -> None:
    """Without options the command does what Settings() does, with a seed that it tells."""
    (first,) = objects(sample("--json"))
    seed = first["settings"].pop("seed")
    expected = json.loads(json.dumps(asdict(Settings())))
    assert expected.pop("seed") is None
    assert first["settings"] == expected
    assert sample("--seed", str(seed)).out == first["text"] + "\n"


@pytest.mark.parametrize("prompt", ["", "the cat", "mat.\n"])
def test_json_and_score_agree(
    sample: Sample, chargen: Callable[..., "Outcome"], model: Path, prompt: str
) -> None:
    """The log-probability of a sample is what `chargen score` says of it, whatever the filters."""
    (one,) = objects(
        sample("--json", "--prompt", prompt, "-t", "0.5", "--top-p", "0.9", "--min-p", "0.1")
    )
    outcome = chargen("score", "-m", str(model), "--json", "-p", prompt, one["text"])
    score = json.loads(outcome.out)
    # 200 characters, each off by float32 rounding of its logits, some 1e-6.
    assert score["log_probability"] == pytest.approx(one["log_probability"], abs=1e-3)
    assert score["bits_per_character"] == pytest.approx(one["bits_per_character"], abs=1e-5)


def test_json_tells_why_a_text_ended(sample: Sample) -> None:
    """By its length, a newline, a stop text, or the want of confidence."""
    reasons = {
        "length": ("-n", "3"),
        "newline": ("--until-newline", "-n", "0"),
        "stop": ("--stop", "\n", "-n", "0"),
        "confidence": ("--confidence", "1"),
    }
    for reason, options in reasons.items():
        (one,) = objects(sample("--json", "--seed", "1", *options))
        assert one["stop_reason"] == reason
    assert one["text"] == ""
    assert one["log_probability"] == 0
    assert one["bits_per_character"] is None


# Ctrl-C


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes when 50 characters, of all samples together, were drawn."""
    write = Settings.write

    def until_interrupted(*arguments: Any, **options: Any) -> Iterator[Drawn | Stopped]:
        yield from islice(write(*arguments, **options), 50)
        raise KeyboardInterrupt

    monkeypatch.setattr(Settings, "write", until_interrupted)


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_prints_what_there_is_of_several_samples(
    chargen: Callable[..., "Outcome"], model: Path
) -> None:
    """Two samples of 25 characters each, of no end: both are printed, and the status is 130."""
    outcome = chargen("sample", "-m", str(model), "-p", "the", "-n", "0", "--num-samples", "2")
    assert outcome.status == 130
    assert outcome.err.strip() == ""
    assert len(outcome.out) == 2 * (3 + 25 + 1) + 1
    assert outcome.out[29:33] == "\nthe"


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_prints_what_there_is_as_json(
    chargen: Callable[..., "Outcome"], model: Path
) -> None:
    """Whole objects, which say that they were cut short."""
    outcome = chargen("sample", "-m", str(model), "-n", "0", "--num-samples", "2", "--json")
    assert outcome.status == 130
    assert outcome.err.strip() == ""
    for each in objects(outcome):
        assert each["stop_reason"] == "interrupted"
        assert len(each["text"]) == 25
        assert each["log_probability"] < 0


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_leaves_what_was_whole_before(
    chargen: Callable[..., "Outcome"], model: Path
) -> None:
    """A sample that had ended says how it ended, and all of them are printed in their order."""
    options = ("-n", "0", "--num-samples", "9", "--seed", "2", "--stop", "o")
    found = objects(chargen("sample", "-m", str(model), *options, "--json"))
    assert [each["sample"] for each in found] == list(range(9))
    assert {each["stop_reason"] for each in found} == {"stop", "interrupted"}


# Terminals and pipes


def test_control_characters_pass_through_a_pipe(here: Path, sample: Sample) -> None:
    """What another program reads is what there is."""
    (here / "prompt.txt").write_text("the \x1b[31mcat sat on the mat \x7f\x85 and sang\tand ran")
    out = sample("--file", "prompt.txt", "-n", "5").out
    assert out.startswith("the \x1b[31mcat sat on the mat \x7f\x85 and sang\tand ran")


def test_control_characters_are_visible_on_a_terminal(
    here: Path, model: Path, on_terminal: Callable[..., str]
) -> None:
    """What would steer it is a picture; text, newlines and tabs are as they are."""
    (here / "prompt.txt").write_text("the \x1b[31mcat\nsat on the mat \x7f\x9b and\tsang")
    shown = on_terminal("sample", "-m", str(model), "--file", "prompt.txt", "-n", "5")
    (text,) = re.findall("^the .*", shown, flags=re.S | re.M)
    assert text.startswith("the \u241b[31mcat\nsat on the mat \u2421<009B> and\tsang")
    for options in (("--num-samples", "2"), ("--highlight",)):
        again = on_terminal("sample", "-m", str(model), "--file", "prompt.txt", "-n", "5", *options)
        assert "the \u241b[31mcat\nsat on the mat \u2421<009B> and\tsang" in again


def test_json_steers_no_terminal(here: Path, sample: Sample) -> None:
    """Control characters are escaped in it, and come back as they were."""
    prompt = "the \x1b[31mcat \x7f\x9b \u2028 \u202e sat on the mat"
    (here / "prompt.txt").write_text(prompt)
    outcome = sample("--file", "prompt.txt", "-n", "5", "--json")
    assert re.sub("[ -~\n]", "", outcome.out) == ""
    assert objects(outcome)[0]["prompt"] == prompt


COLOUR = re.compile("\x1b\\[38;5;([0-9]+)m(.)\x1b\\[0m", flags=re.S)


def test_highlight_colours_each_character_on_a_terminal(
    model: Path, on_terminal: Callable[..., str], sample: Sample
) -> None:
    """What is written has a colour, the prompt has none, and the legend stands below."""
    options = ("--prompt", "the", "-n", "40", "--seed", "2")
    shown = on_terminal("sample", "-m", str(model), *options, "--highlight")
    plain = sample(*options).out
    prompt, coloured = shown[:3], COLOUR.findall(shown[3:])
    assert prompt == "the"
    assert "".join(character for _, character in coloured)[:40] == plain[3:43]
    assert len({colour for colour, _ in coloured[:40]}) > 1
    assert shown.splitlines()[-1].count("+") == 5


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_highlight_without_colours_says_so(
    model: Path, on_terminal: Callable[..., str], environment: dict[str, str]
) -> None:
    """NO_COLOR and a terminal without colours are honoured, and the option is not just ignored."""
    options = ("sample", "-m", str(model), "--highlight", "-n", "5")
    shown = on_terminal(*options, **environment)
    assert "\x1b" not in shown
    assert "chargen: warning: --highlight has no effect here" in shown


def test_highlight_leaves_a_pipe_alone(sample: Sample) -> None:
    """Another program reads the text without colours; a warning says that there are none."""
    plain = sample("--seed", "1")
    lit = sample("--seed", "1", "--highlight")
    assert lit.out == plain.out
    assert plain.err == ""
    assert lit.err.startswith("chargen: warning: --highlight has no effect here")
    assert len(lit.err.splitlines()) == 1
