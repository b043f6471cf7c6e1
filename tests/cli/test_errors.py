"""Tests of errors: one line on standard error, the exit status, and nothing written."""

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from chargen.cli.main import COMMANDS
from chargen.cli.options import flag
from chargen.comparison.options import ComparisonOptions
from chargen.evaluation.inspection import InspectionSettings
from chargen.generation.settings import GenerationSettings
from chargen.options import options_of
from chargen.training.options import TrainingOptions
from tests.cli.outcome import Command, Refused

FAILURE, USAGE_ERROR = 1, 2


# Texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.txt is empty"),
        (b"\xef\xbb\xbf", "bad has 0 characters; training needs at least 2"),
        (b"a", "bad has 1 character; training needs at least 2"),
        (b"aaaa", "bad has one distinct character, a; training needs at least 2"),
        (b"\n\r\n\r", "bad has one distinct character, newline; training needs at least 2"),
        (b"C\xe6sar", 'its encoding is uncertain: cp1252 ("C\u00e6sar"), cp1257 ("C\u0119sar")'),
        (
            b"\xff\xfea\0b",
            "bad.txt is not UTF-16: byte 0x62 at offset 4 (the file is damaged",
        ),
        (
            "\u00e9\n".encode() * 500 + b"\xe9!\n",
            "bad.txt is not UTF-8: byte 0xE9 at offset 1500, but most of it is (repair the file",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "(it looks like a binary file)"),
        (bytes(range(256)) * 8, "(it looks like a binary file)"),
        (b"\1\2\3\4" * 100, "bad.txt looks like a binary file: 400 of its first 400 characters"),
    ],
)
def test_an_unusable_text_is_refused(
    here: Path, refused: Refused, content: bytes, message: str
) -> None:
    """The message says whether a text is empty, too short, wrongly encoded or binary."""
    (here / "bad.txt").write_bytes(content)
    assert message in refused(FAILURE, "train", "bad.txt")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.txt", "nowhere.txt does not exist (pass a text file, a folder or -)"),
        ("text.txt/below", "text.txt/below cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
        ("caf\udce9.txt", "does not exist"),
        ("folder", "folder is a folder without texts that match **/*.txt, 1 skipped (1 not "),
    ],
)
def test_a_missing_text_is_named(
    here: Path, text: str, refused: Refused, path: str, message: str
) -> None:
    """The message names the path; a folder needs files that end in .txt."""
    (here / "folder" / "below.txt").mkdir(parents=True)
    (here / "folder" / "notes.md").write_text("no text")
    assert message in refused(FAILURE, "train", text, path)


@pytest.mark.parametrize("stdin", [io.BytesIO(b""), None])
def test_an_empty_standard_input_is_refused(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, stdin: io.BytesIO | None
) -> None:
    """A closed standard input is refused, too."""
    monkeypatch.setattr(sys, "stdin", stdin and io.TextIOWrapper(stdin))
    assert refused(FAILURE, "train", "-").startswith("standard input ")


@pytest.mark.parametrize("encoding", ["klingon", "", "rot13", "base64", "\udcff"])
def test_an_unknown_encoding_is_refused(text: str, refused: Refused, encoding: str) -> None:
    """Only encodings of text are allowed."""
    message = refused(USAGE_ERROR, "train", text, "--encoding", encoding)
    assert message.startswith("--encoding must be auto or a text encoding that Python supports")


@pytest.mark.parametrize(
    ("content", "options"), [("abc", ()), ("one line\n" * 5, ("--lines",))], ids=["text", "lines"]
)
def test_a_split_needs_two_parts_that_can_be_predicted(
    here: Path, refused: Refused, content: str, options: tuple[str, ...]
) -> None:
    """Three characters, or copies of one line, cannot be split."""
    (here / "short.txt").write_text(content)
    message = refused(USAGE_ERROR, "train", "short.txt", "--val-fraction", "0.5", *options)
    assert message.startswith(
        ("--val-fraction 0.5 leaves too few characters of short (", "--val-fraction 0.5 needs two")
    )


# Options


def numbers_out_of_bounds() -> list[Any]:
    """Return command, option and value: the next value beyond a bound, NaN and huge numbers."""
    commands = {
        ("train", "text.txt"): TrainingOptions,
        ("sample",): GenerationSettings,
        ("repl",): GenerationSettings,
        ("compare", "--task", "recall"): ComparisonOptions,
        ("inspect", "-p", "the"): InspectionSettings,
    }
    cases = []
    for command, options in commands.items():
        for name, each in options_of(options).items():
            if each.kind not in ("int", "float"):
                continue
            low = each.minimum if each.minimum is not None else each.above
            assert low is not None
            values = [f"{low - 1}", "1" + 400 * "0" if each.kind == "int" else "nan"]
            if each.kind == "int" and each.maximum is None:
                del values[1]
            cases += [
                pytest.param(command, each, value, id=f"{command[0]} {name} {value[:9]}")
                for value in values
            ]
    return cases


@pytest.mark.parametrize(("command", "declared", "value"), numbers_out_of_bounds())
def test_a_number_out_of_bounds_is_refused(
    text: str, refused: Refused, command: tuple[str, ...], declared: Any, value: str
) -> None:
    """The message names the option as it is typed, and the allowed values."""
    needed = {"repetition_last": ["--repetition-penalty", "2"], "start": ["--close", "use"]}
    other = needed.get(declared.name, [])
    message = refused(USAGE_ERROR, *command, *other, flag(declared), value)
    assert message.startswith(f"{flag(declared)} must be {declared.allowed}, got ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("sample --num-samples 0", "--num-samples must be a whole number, 1 or more, got 0"),
        ("bench --seconds 0", "--seconds must be "),
        ("bench --seconds nan", "--seconds must be "),
        ("sample --stop=", "--stop must be a string of at least one character, got ''"),
        ("sample --stop \ufeff", "--stop must be a string of at least one character, got ''"),
        (
            "sample --repetition-last 5",
            "--repetition-last has no effect without --repetition-penalty",
        ),
        ("sample -t 0.5,-1", "--temperature must be a number, 0 or more, got -1.0 (0 is greedy"),
        ("sample -t 0.5,,1", "Invalid value for '-t' / '--temperature': '' is not a valid float"),
        ("sample --json --separator x", "--json and --separator are mutually exclusive"),
        ("sample --include-stop", "--include-stop has no effect without --stop"),
        (
            "sample --until-newline --max-lines 2",
            "--until-newline and --max-lines are mutually exclusive",
        ),
        ("sample -p x --file y", "--prompt and --file are mutually exclusive"),
        ("sample --json --highlight", "--json and --highlight are mutually exclusive"),
        ("train - text.txt -", "- (standard input) can be read only once"),
        ("train text.txt --minutes 1 --steps 5", "--minutes and --steps are mutually exclusive"),
        ("train text.txt --steps 5 --epochs 1", "--epochs and --steps are mutually exclusive"),
        (
            "train text.txt --encoder one-hot --embedding-size 5",
            "--embedding-size has no effect with --encoder one-hot (omit one of them)",
        ),
        (
            "train text.txt --steps 3 --patience 3",
            "--patience needs a validation set (set --val-fraction, or omit --patience)",
        ),
        ("train text.txt --overwrite", "--overwrite needs -o FOLDER"),
        ("train text.txt --lines --val-fraction 0.2 --seed -1", "--seed must be "),
        # click's own messages
        ("train text.txt --steps many", "Invalid value for '--steps': 'many' is not a valid int"),
        ("train text.txt --steps 1.5", "Invalid value for '--steps': '1.5' is not a valid int"),
        ("train text.txt --dropout x", "Invalid value for '--dropout': 'x' is not a valid float"),
        ("train text.txt --preset huge", "Invalid value for '--preset': 'huge' is not one of "),
        ("train text.txt --cell foo", "Invalid value for '--cell': 'foo' is not one of "),
        ("compare --cells lstm,foo", "Invalid value for '--cells': 'foo' is not one of "),
        ("train text.txt --steps", "Option '--steps' requires an argument"),
        ("train text.txt --frobnicate", "No such option '--frobnicate'"),
        ("--frobnicate", "No such option '--frobnicate' (see chargen --help)"),
        ("train", "Missing argument 'TEXT...' (see chargen train --help)"),
        ("sample text.txt", "Got unexpected extra argument (text.txt; see chargen sample --help)"),
        ("frobnicate", "unknown command 'frobnicate'; available: train, sample, "),
        ("smaple", "unknown command 'smaple'; did you mean sample? (see chargen --help)"),
    ],
)
def test_a_usage_error_names_the_option(
    text: str, refused: Refused, arguments: str, message: str
) -> None:
    """No option is ignored, and each is named as it is typed."""
    assert refused(USAGE_ERROR, *arguments.split()).startswith(message)


# Model folders


def test_an_output_that_exists_is_refused(
    here: Path, text: str, model: Path, refused: Refused
) -> None:
    """The message names the options that resolve the conflict."""
    shutil.copytree(model, here / "out")
    message = refused(FAILURE, "train", text, "-o", "out", "--steps", "2")
    assert message == "out exists (use --resume or --overwrite, or choose another folder)"


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_folder_of_other_files_is_never_replaced(
    here: Path, text: str, refused: Refused, overwrite: list[str]
) -> None:
    """Only a model is replaced, also with --overwrite."""
    (here / "photos").mkdir()
    (here / "photos" / "holiday.jpg").write_bytes(b"dear")
    refused(FAILURE, "train", text, "-o", "photos", "--steps", "2", *overwrite)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("text.txt", "text.txt is a file, not a model folder"),
        ("text.txt/model", "text.txt/model cannot be created: Not a directory"),
        ("text.txt/a/b", "text.txt/a/b cannot be created: Not a directory"),
        ("x" * 300, "cannot be created: File name too long"),
        (None, "checkpoints/text cannot be created: Not a directory"),
    ],
)
def test_an_output_that_cannot_be_created_is_refused_before_training(
    here: Path, text: str, refused: Refused, output: str | None, message: str
) -> None:
    """The budget is unlimited: only an error before training ends this test."""
    options = []
    if output is None:
        (here / "checkpoints").write_text("a file")
    else:
        options = ["-o", output]
    assert message in refused(FAILURE, "train", text, "--epochs", "1e9", *options)


# Help and debugging


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(chargen: Command, command: str, option: str) -> None:
    """The help is printed with status 0."""
    outcome = chargen(command, option)
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: chargen {command} ")
    assert outcome.err == ""


def test_without_arguments_the_help_is_an_error(chargen: Command) -> None:
    """The help is printed to standard error."""
    outcome = chargen()
    assert outcome.status == USAGE_ERROR
    assert outcome.err.startswith("Usage: chargen ")
    assert all(command in outcome.err for command in COMMANDS)


@pytest.mark.parametrize("arguments", ["train nowhere.txt", "sample -t -1", "frob"])
def test_debug_shows_the_traceback(chargen: Command, arguments: str) -> None:
    """With --debug, the traceback precedes the same line."""
    plain, debugged = chargen(*arguments.split()), chargen("--debug", *arguments.split())
    assert debugged.status == plain.status != 0
    assert debugged.err.startswith("Traceback (most recent call last):")
    assert debugged.err.splitlines()[-1] == plain.err.rstrip("\n")
