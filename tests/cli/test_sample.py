"""Tests of `chargen sample`: its options, prompts, samples and JSON."""

import io
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from chargen.generation import generate as generation
from chargen.generation.context import Reader
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.model.checkpoint import MODEL, Checkpoint
from tests.cli.outcome import Command, Outcome


def objects(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the objects of a call with --json, one per line."""
    return [json.loads(line) for line in outcome.out.splitlines()]


# Text and options


def test_the_prompt_is_printed_and_continued(sample: Command) -> None:
    """The prompt, the requested number of characters and a newline are printed."""
    outcome = sample("--prompt", "the cat", "-n", "30", "--seed", "1")
    assert re.fullmatch(r"the cat.{30}\n", outcome.out, flags=re.DOTALL)
    assert outcome.err == ""


def test_defaults(sample: Command) -> None:
    """Without options, 200 characters without a prompt are generated with a random seed."""
    first, second = sample().out, sample().out
    assert len(first) == len(second) == 200 + len("\n")
    # The probability that two random seeds are equal is 2e-10.
    assert first != second
    assert sample("--seed", "4").out == sample("--seed", "4", "--prompt", "").out


EVERY_OPTION = (
    "-t 1.5 --top-k 8 --top-p 0.9 --min-p 0.01 --threshold 0.02 --repetition-penalty 1.5"
    " --repetition-last 6 -n 50 --stop x --stop yz --include-stop --max-lines 2 --max-sentences 3"
    " --max-paragraphs 1 --confidence 0.05 --seed 3"
)
EVERY_SETTING = GenerationSettings(
    1.5,
    8,
    0.9,
    0.01,
    0.02,
    1.5,
    6,
    50,
    ("x", "yz"),
    include_stop=True,
    max_lines=2,
    max_sentences=3,
    max_paragraphs=1,
    confidence=0.05,
    seed=3,
)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (EVERY_OPTION, EVERY_SETTING),
        ("--seed 3", GenerationSettings(seed=3)),
        ("--until-newline --seed 3", GenerationSettings(until_newline=True, seed=3)),
        ("--max-lines 9 --seed 3", GenerationSettings(length=90_000, max_lines=9, seed=3)),
        ("--stop t --seed 3", GenerationSettings(length=10_000, stop=("t",), seed=3)),
        (
            "-t 0 --top-p 0 --seed 0 -n 0 --stop t",
            GenerationSettings(temperature=0, top_p=0, seed=0, length=None, stop=("t",)),
        ),
        (
            "--length 0 --confidence 1 --seed 1",
            GenerationSettings(length=None, confidence=1, seed=1),
        ),
    ],
)
def test_every_option_is_used(
    sample: Command, model: Path, options: str, settings: GenerationSettings
) -> None:
    """JSON has the settings, and the text is the text of these settings; 0 is a value."""
    (found,) = objects(sample("--prompt", "the ", "--json", *options.split()))
    assert found["settings"] == json.loads(json.dumps(asdict(settings)))
    reader = Reader.of(Checkpoint.load(model))
    (expected,) = generation.generate_texts(reader, settings, "the ")
    assert found["text"] == expected
    assert sample("--prompt", "the ", *options.split()).out == f"the {expected}\n"


def test_the_test_above_sets_every_option() -> None:
    """Every setting differs from its default in its first case, or excludes one that does."""
    defaults = GenerationSettings()
    for each in {each.name for each in fields(GenerationSettings)} - {"until_newline"}:
        assert getattr(EVERY_SETTING, each) != getattr(defaults, each)


def test_the_newest_model_is_the_default(here: Path, model: Path, chargen: Command) -> None:
    """Without -m, the most recently written model under ./checkpoints is used."""
    for name, written in (("older", 1_000), ("newest", 3_000), ("old", 2_000)):
        shutil.copytree(model, here / "checkpoints" / name)
        os.utime(here / "checkpoints" / name / MODEL, (written, written))
    (here / "checkpoints" / "README.md").write_text("no model")
    (found,) = objects(chargen("sample", "--json"))
    assert found["model"] == "checkpoints/newest"


@pytest.mark.parametrize(
    "command", ["sample --length 5", "info", "score the", "score --choices a,b"]
)
def test_a_name_is_a_folder_in_checkpoints(
    here: Path, model: Path, chargen: Command, command: str
) -> None:
    """Every command that uses a model accepts its name."""
    shutil.copytree(model, here / "checkpoints" / "cats")
    named = chargen(*command.split(), "-m", "cats")
    assert named.status == 0, named.err


# Prompts and stop texts


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("Zebra, \u8a9e\u8a9e!", "!, comma, Z, \u8a9e"),
        ("".join(map(chr, range(0x4E00, 0x4E32))), ", \u4e13 and 30 more"),
    ],
)
def test_unknown_characters_of_a_prompt_are_named(sample: Command, prompt: str, named: str) -> None:
    """One line of warning names at most twenty of them, and the prompt is continued."""
    outcome = sample("--prompt", prompt, "-n", "1000", "-t", "5")
    (line,) = outcome.err.splitlines()
    assert line.startswith(
        "chargen: warning: the model does not know these characters in the prompt: "
    )
    assert line.endswith(named)
    assert outcome.out.startswith(prompt)
    assert len(outcome.out) == len(prompt) + 1000 + 1
    assert "\ufffd" not in outcome.out


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        (b"the cat", "the cat"),
        (b"the cat\n", "the cat"),
        (b"the cat\n\n", "the cat\n"),
        (b"the cat\r\nsat\r\n", "the cat\nsat"),
        (b"\xef\xbb\xbfthe cat", "the cat"),
        (b"\n", ""),
        (
            b"the cat sat on the mat and sang.\n" * 3_000,
            "the cat sat on the mat and sang.\n" * 3_000,
        ),
    ],
    ids=range(7),
)
def test_a_prompt_can_come_from_a_file(
    here: Path, sample: Command, monkeypatch: pytest.MonkeyPatch, content: bytes, prompt: str
) -> None:
    """A file or standard input is normalised, without one newline at its end."""
    prompt = prompt.removesuffix("\n") if len(prompt) > 100 else prompt
    expected = sample("--prompt", prompt, "--seed", "1", "-n", "30")
    assert expected.err == ""
    (here / "prompt.txt").write_bytes(content)
    assert sample("--file", "prompt.txt", "--seed", "1", "-n", "30").out == expected.out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert sample("--file", "-", "--seed", "1", "-n", "30").out == expected.out


def test_texts_are_normalised(sample: Command) -> None:
    """Windows newlines of prompts and stop texts are newlines."""
    outcome = sample("--prompt", "a cat\r\nthe", "--stop", "\r\n", "--seed", "1", "-n", "500")
    expected = sample("--prompt", "a cat\nthe", "--until-newline", "--seed", "1", "-n", "500")
    assert outcome.out == expected.out
    assert outcome.out.count("\n") == 2
    assert outcome.err == ""


def test_a_stop_text_with_unknown_characters_is_named(sample: Command) -> None:
    """A warning names a stop text that the model cannot generate."""
    outcome = sample("--stop", "the Q", "-n", "20")
    expected = "chargen: warning: --stop 'the Q' never occurs: the model does not know Q\n"
    assert outcome.err == expected
    assert len(outcome.out) == 20 + 1


# Several samples


@pytest.mark.parametrize("count", [2, 3])
def test_samples_are_separated_by_an_empty_line(sample: Command, count: int) -> None:
    """Each begins with the prompt, and the first is the one that is generated alone."""
    options = ("--prompt", "the", "-n", "30", "--seed", "1")
    out = sample(*options, "--num-samples", str(count)).out
    assert out.startswith(sample(*options).out + "\nthe")
    assert out.endswith("\n")
    assert len(out) == count * (len("the") + 30) + count + (count - 1)


def test_samples_with_until_newline_are_lines(sample: Command) -> None:
    """One line per sample, without empty lines."""
    out = sample("--prompt", "a ", "--num-samples", "9", "--until-newline", "--seed", "1").out
    assert [line[:2] for line in out.splitlines()] == ["a "] * 9


@pytest.mark.parametrize(
    ("options", "between"),
    [
        (("-n", "30"), "\n--\n"),
        (("--until-newline",), "\n--\n"),
        (("-n", "30", "-t", "0.5,1"), "\n--\n"),
    ],
)
def test_a_separator_is_a_line_between_texts(
    sample: Command, options: tuple[str, ...], between: str
) -> None:
    """--separator replaces the default separation of the texts."""
    fixed = ("--prompt", "the", "--num-samples", "2", "--seed", "1", *options)
    texts = [each["prompt"] + each["text"] for each in objects(sample(*fixed, "--json"))]
    assert sample(*fixed, "--separator", "--").out == between.join(texts) + "\n"


@pytest.mark.parametrize("given", [("-t", "0,1.5"), ("-t", "0", "--temperature", "1.5")])
def test_several_temperatures(sample: Command, given: tuple[str, ...]) -> None:
    """Each has the samples of that temperature alone, with the same seed."""
    fixed = ("--prompt", "the", "--num-samples", "2", "--seed", "1", "-n", "30", "--json")
    together = objects(sample(*fixed, *given))
    alone = [each for t in ("0", "1.5") for each in objects(sample(*fixed, "-t", t))]
    assert together == alone
    assert [each["settings"]["temperature"] for each in together] == [0, 0, 1.5, 1.5]
    assert [each["sample"] for each in together] == [0, 1, 0, 1]


# JSON


def test_json_describes_each_sample(sample: Command, model: Path) -> None:
    """One object per sample has the text, its probability, the reason of its end and the model."""
    options = ("--prompt", "the ", "--seed", "5", "-n", "40", "--num-samples", "2")
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


@pytest.mark.parametrize("prompt", ["", "the cat", "mat.\n"])
def test_json_agrees_with_score(
    sample: Command, chargen: Command, model: Path, prompt: str
) -> None:
    """The log-probability equals that of `chargen score`, with any filters."""
    (one,) = objects(
        sample("--json", "--prompt", prompt, "-t", "0.5", "--top-p", "0.9", "--min-p", "0.1")
    )
    outcome = chargen("score", "-m", str(model), "--json", "-p", prompt, one["text"])
    score = json.loads(outcome.out)
    # 200 characters, each with a float32 rounding error of about 1e-6.
    assert score["log_probability"] == pytest.approx(one["log_probability"], abs=1e-3)
    assert score["bits_per_character"] == pytest.approx(one["bits_per_character"], abs=1e-5)


@pytest.mark.parametrize(
    ("reason", "options"),
    [
        ("length", ("-n", "3")),
        ("newline", ("--until-newline", "-n", "0")),
        ("lines", ("--max-lines", "2")),
        ("sentences", ("--max-sentences", "2")),
        ("stop", ("--stop", "\n", "-n", "0")),
        ("confidence", ("--confidence", "1")),
    ],
)
def test_json_has_the_reason(sample: Command, reason: str, options: tuple[str, ...]) -> None:
    """An empty text has probability 1 and no bits per character."""
    (one,) = objects(sample("--json", "--seed", "1", *options))
    assert one["stop_reason"] == reason
    assert (one["text"] == "") == (one["bits_per_character"] is None)
    assert (one["text"] == "") == (one["log_probability"] == 0) == (reason == "confidence")


# Ctrl-C


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after 50 characters of all samples together."""
    generate = generation.generate

    def until_interrupted(*arguments: Any, **options: Any) -> Iterator[Drawn | Stopped]:
        yield from islice(generate(*arguments, **options), 50)
        raise KeyboardInterrupt

    monkeypatch.setattr(generation, "generate", until_interrupted)


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_prints_incomplete_samples(chargen: Command, model: Path) -> None:
    """Two unlimited samples of 25 characters each are printed, with exit status 130."""
    options = ("sample", "-m", str(model), "-p", "the", "-n", "0", "--num-samples", "2")
    outcome = chargen(*options)
    assert outcome.status == 130
    assert outcome.err.strip() == ""
    assert re.fullmatch(r"the.{25}\n\nthe.{25}\n", outcome.out, flags=re.DOTALL)
    outcome = chargen(*options, "--json")
    assert outcome.status == 130
    assert outcome.err.strip() == ""
    for each in objects(outcome):
        assert each["stop_reason"] == "interrupted"
        assert len(each["text"]) == 25
        assert each["log_probability"] < 0


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_keeps_complete_samples(chargen: Command, model: Path) -> None:
    """All samples are printed in order, with the reason of those that had ended."""
    options = ("-n", "0", "--num-samples", "9", "--seed", "2", "--stop", "o")
    found = objects(chargen("sample", "-m", str(model), *options, "--json"))
    assert [each["sample"] for each in found] == list(range(9))
    assert {each["stop_reason"] for each in found} == {"stop", "interrupted"}
