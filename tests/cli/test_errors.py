"""Every mistake is told in one line, with the right exit status, before anything is written."""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chargen.cli.main import COMMANDS

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

WRONG_USE, FAILED = 2, 1
ENDLESS = "1" + 400 * "0"


# Texts.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "bad.txt is empty"),
        (b"\xef\xbb\xbf", "bad holds 0 characters; training takes two or more"),
        (b"a", "bad holds 1 character; training takes two or more"),
        (b"aaaa", "bad holds one distinct character, 'a'; training takes two or more"),
        (b"\n\r\n\r", r"bad holds one distinct character, '\n'; training takes two or more"),
        (
            b"caf\xe9 au lait",
            "bad.txt is not UTF-8: byte 0xE9 at offset 3 (try --encoding latin-1)",
        ),
        (b"cut \xe2\x82", "bad.txt is not UTF-8: byte 0xE2 at offset 4 (try --encoding latin-1)"),
        (b"\xff\xfea\0b\0", "bad.txt is not UTF-8: byte 0xFF at offset 0 (try --encoding utf-16)"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "(it looks like a binary file)"),
        (bytes(range(256)) * 8, "(it looks like a binary file)"),
        (b"\1\2\3\4" * 100, "bad.txt looks like a binary file: 400 of its first 400 characters"),
    ],
)
def test_a_text_of_no_use_is_refused(
    here: Path, refused: Callable[..., str], content: bytes, said: str
) -> None:
    """Empty, too short, of one character, wrongly encoded, binary: the message says which."""
    (here / "bad.txt").write_bytes(content)
    assert said in refused(FAILED, "train", "bad.txt")


def test_a_byte_is_named_by_its_place_in_the_file(here: Path, refused: Callable[..., str]) -> None:
    """The offset counts bytes from the start of the file, and the file is the one at fault."""
    (here / "good.txt").write_text("good\n")
    (here / "bad.txt").write_bytes("é\n".encode() * 500 + b"\xe9!\n")
    said = refused(FAILED, "train", "good.txt", "bad.txt")
    assert said == "bad.txt is not UTF-8: byte 0xE9 at offset 1500 (try --encoding latin-1)"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.txt", "nowhere.txt does not exist (name a text file, a folder or -)"),
        ("text.txt/below", "text.txt/below cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
        ("caf\udce9.txt", "does not exist"),
    ],
)
def test_a_missing_text_is_named(
    text: str, refused: Callable[..., str], path: str, said: str
) -> None:
    """Whatever is wrong with a path, the message names it."""
    assert said in refused(FAILED, "train", path)


def test_a_folder_without_texts_is_refused(here: Path, refused: Callable[..., str]) -> None:
    """Only .txt files are taken from a folder, and an empty one has none."""
    (here / "folder").mkdir()
    (here / "folder" / "notes.md").write_text("no text")
    (here / "folder" / "below.txt").mkdir()
    said = refused(FAILED, "train", "folder")
    assert said == "folder is a folder without .txt files (name the files themselves)"


@pytest.mark.parametrize("encoding", ["klingon", "", "rot13", "base64", "\udcff"])
def test_an_unknown_encoding_is_refused(
    text: str, refused: Callable[..., str], encoding: str
) -> None:
    """A name that is no text encoding is a wrong value of the option."""
    said = refused(WRONG_USE, "train", text, "--encoding", encoding)
    assert said.startswith("--encoding")
    assert "not a text encoding" in said


@pytest.mark.parametrize(
    ("content", "options"), [("abc", ()), ("one line\n" * 5, ("--lines",))], ids=["text", "lines"]
)
def test_a_held_out_part_that_leaves_nothing_is_refused(
    here: Path, refused: Callable[..., str], content: str, options: tuple[str, ...]
) -> None:
    """A text of three characters has none to spare, nor a text of one distinct line."""
    (here / "text.txt").write_text(content)
    said = refused(FAILED, "train", "text.txt", "--val-fraction", "0.5", *options)
    assert said.startswith("--val-fraction 0.5 of text (")
    assert "leaves a part with nothing to predict" in said


def test_an_empty_standard_input_is_refused(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is called by its name, also where there is none at all."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert refused(FAILED, "train", "-") == "standard input is empty"
    monkeypatch.setattr(sys, "stdin", None)
    assert refused(FAILED, "train", "-").startswith("standard input ")


# Options.

NUMBERS = {
    "--min-count": ["0", "-1"],
    "--val-fraction": ["nan", "-0.1", "0.95", "1", "inf"],
    "--minutes": ["nan", "0", "-1", "inf"],
    "--epochs": ["nan", "0", "-1", "inf"],
    "--steps": ["0", "-5", ENDLESS],
    "--embedding-size": ["0", "-1", "1000000000", "1" + 24 * "0", ENDLESS],
    "--hidden-size": ["0", "-1", "1000000000", "1" + 24 * "0", ENDLESS],
    "--num-layers": ["0", "-1", "1000000000", "1" + 24 * "0", ENDLESS],
    "--dropout": ["nan", "-0.1", "1", "inf"],
    "--batch-size": ["0", "-1", "1000000000", ENDLESS],
    "--sequence-length": ["0", "-1", "1000000000", ENDLESS],
    "--learning-rate": ["nan", "0", "-1", "inf", "1e9"],
    "--patience": ["0", "-1", ENDLESS],
    "--save-every": ["nan", "-1", "inf"],
    "--seed": ["-1", str(2**63), ENDLESS],
}
SAMPLE_NUMBERS = {
    "--length": ["-1"],
    "--num-samples": ["0", "-1"],
    "--temperature": ["nan", "-1", "inf", "-inf"],
    "--top-k": ["-1", "-" + ENDLESS],
    "--top-p": ["nan", "-0.1", "1.1", "inf"],
    "--min-p": ["nan", "-0.1", "1.1", "inf"],
    "--repetition-penalty": ["nan", "0", "-1", "inf", "1e-320", "1e308"],
    "--threshold": ["nan", "-0.1", "1.1", "inf"],
    "--confidence": ["nan", "-0.1", "1.1", "inf"],
    "--seed": ["-1", str(2**63), ENDLESS],
}


def cases(table: dict[str, list[str]]) -> list[object]:
    """An option with each of its values; the endless ones have a name of their own."""
    return [
        pytest.param(option, value, id=f"{option} {value.replace(ENDLESS, 'endless')}")
        for option, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("option", "value"), cases(NUMBERS))
def test_a_number_out_of_range_is_refused_for_training(
    text: str, refused: Callable[..., str], option: str, value: str
) -> None:
    """The message begins with the option; NaN, nothing, negatives and absurd sizes are no crash."""
    budget = [] if option in ("--minutes", "--epochs", "--steps") else ["--steps", "3"]
    said = refused(
        WRONG_USE,
        "train",
        text,
        option,
        value,
        *budget,
        "--device",
        "cpu",
        "--precision",
        "float32",
    )
    assert said.startswith(option)


def test_a_seed_out_of_range_is_refused_before_lines_are_drawn(
    text: str, refused: Callable[..., str]
) -> None:
    """Held-out lines are drawn by a seed that was checked."""
    said = refused(
        WRONG_USE, "train", text, "--lines", "--val-fraction", "0.2", "--steps", "3", "--seed", "-1"
    )
    assert said.startswith("--seed")


@pytest.mark.parametrize(("option", "value"), cases(SAMPLE_NUMBERS))
def test_a_number_out_of_range_is_refused_for_sampling(
    refused: Callable[..., str], option: str, value: str
) -> None:
    """The option is looked at before a model is looked for."""
    assert refused(WRONG_USE, "sample", option, value).startswith(option)


@pytest.mark.parametrize("value", ["nan", "0", "-1", "inf"])
def test_a_number_out_of_range_is_refused_for_measuring(
    refused: Callable[..., str], value: str
) -> None:
    """A benchmark takes some seconds, not none and not for ever."""
    assert refused(WRONG_USE, "bench", "--seconds", value).startswith("--seconds")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--steps", "many"),
        ("--steps", "1.5"),
        ("--dropout", "much"),
        ("--preset", "huge"),
        ("--cell", "transformer"),
        ("--encoder", "bpe"),
        ("--precision", "float8"),
        ("--device", "tpu"),
    ],
)
def test_a_value_of_another_kind_is_refused(
    text: str, refused: Callable[..., str], option: str, value: str
) -> None:
    """What is no number, and what is none of the choices, is named with its option."""
    said = refused(WRONG_USE, "train", text, option, value)
    assert option in said
    assert repr(value) in said
    assert said.endswith("(see chargen train --help)")


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        (("--minutes", "1", "--steps", "5"), "--minutes and --steps are two budgets: choose one"),
        (("--epochs", "1", "--steps", "5"), "--epochs and --steps are two budgets: choose one"),
        (("--steps", "5", "--minutes", "1"), "--minutes and --steps are two budgets: choose one"),
    ],
)
def test_two_budgets_are_refused(
    text: str, refused: Callable[..., str], budgets: tuple[str, ...], said: str
) -> None:
    """A run ends once."""
    assert said in refused(WRONG_USE, "train", text, *budgets)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frobnicate",), "there is no command 'frobnicate'; there are train, "),
        (("smaple",), "there is no command 'smaple'; did you mean sample?"),
        (("--frobnicate",), "No such option"),
        (("train", "text.txt", "--frobnicate"), "No such option"),
        (("train",), "Missing argument 'TEXT...'"),
        (("sample", "text.txt"), "Got unexpected extra argument"),
        (("info", "--frobnicate"), "No such option"),
    ],
)
def test_a_wrong_use_is_refused(
    text: str, refused: Callable[..., str], arguments: tuple[str, ...], said: str
) -> None:
    """Unknown commands and options, missing and needless arguments: one line and a hint."""
    message = refused(WRONG_USE, *arguments)
    assert said in message
    assert "--help)" in message


@pytest.mark.parametrize(
    "options",
    [
        ("--encoder", "one-hot", "--embedding-size", "5"),
        ("--patience", "3"),
        ("--overwrite",),
    ],
)
def test_an_option_without_effect_is_refused(
    text: str, refused: Callable[..., str], options: tuple[str, ...]
) -> None:
    """Nothing that is asked for is silently ignored.

    The one-hot encoder has no embedding; patience counts readings of a held-out part, which a
    short text does not have; and what is overwritten has to be named.
    """
    said = refused(WRONG_USE, "train", text, "--steps", "3", *options)
    assert options[-1 if len(options) == 1 else -2] in said


def test_an_option_without_its_value_is_refused(text: str, refused: Callable[..., str]) -> None:
    """The option is named."""
    assert "'--steps' requires an argument" in refused(WRONG_USE, "train", text, "--steps")


# Where a model goes.


def test_an_output_that_exists_is_refused(
    here: Path, text: str, model: Path, refused: Callable[..., str]
) -> None:
    """The message names the three ways on."""
    shutil.copytree(model, here / "out")
    said = refused(FAILED, "train", text, "-o", "out", "--steps", "2")
    assert said.startswith("out exists (--resume")
    assert "--overwrite" in said
    assert "-o names another" in said


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_folder_of_other_things_is_never_written_to(
    here: Path, text: str, refused: Callable[..., str], overwrite: list[str]
) -> None:
    """A mistyped -o is an error, also with --overwrite."""
    (here / "photos").mkdir()
    (here / "photos" / "holiday.jpg").write_bytes(b"dear")
    refused(FAILED, "train", text, "-o", "photos", "--steps", "2", *overwrite)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("text.txt", "text.txt exists"),
        ("text.txt/model", "text.txt/model cannot be made: a part of it is a file"),
        ("text.txt/a/b", "text.txt/a/b cannot be made: Not a directory"),
        ("x" * 300, "cannot be made: File name too long"),
    ],
)
def test_an_output_that_cannot_be_made_is_found_before_training(
    text: str, refused: Callable[..., str], output: str, said: str
) -> None:
    """The budget is endless: only an error before training lets this end."""
    assert said in refused(FAILED, "train", text, "-o", output, "--epochs", "1e9")


def test_a_default_output_that_cannot_be_made_is_found_before_training(
    here: Path, text: str, refused: Callable[..., str]
) -> None:
    """Where `checkpoints` is a file no model can go below it."""
    (here / "checkpoints").write_text("a file")
    assert "cannot be made" in refused(FAILED, "train", text, "--epochs", "1e9")


# What else there is.


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(chargen: Callable[..., "Outcome"], command: str) -> None:
    """--help and -h print the usage and succeed."""
    for flag in ("--help", "-h"):
        outcome = chargen(command, flag)
        assert outcome.status == 0
        assert outcome.out.startswith(f"Usage: chargen {command} ")
        assert outcome.err == ""


def test_without_arguments_the_help_is_shown(chargen: Callable[..., "Outcome"]) -> None:
    """It goes to standard error, and the status says that nothing was done."""
    outcome = chargen()
    assert outcome.status == WRONG_USE
    assert outcome.err.startswith("Usage: chargen ")
    assert all(command in outcome.err for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("train", "nowhere.txt"), FAILED),
        (("sample", "-t", "-1"), WRONG_USE),
        (("frob",), WRONG_USE),
    ],
)
def test_debug_shows_the_traceback(
    chargen: Callable[..., "Outcome"], arguments: tuple[str, ...], status: int
) -> None:
    """With --debug the same line comes last, after where it came from."""
    plain, debugged = chargen(*arguments), chargen("--debug", *arguments)
    assert debugged.status == plain.status == status
    assert debugged.err.startswith("Traceback (most recent call last):")
    assert debugged.err.splitlines()[-1] == plain.err.rstrip("\n")
