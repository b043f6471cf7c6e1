"""Texts as people have them, on the command line: encodings, folders and normal forms."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.outcome import Command, Refused

USAGE_ERROR = 2
FRENCH = "Crème brûlée très réussie, déjà vu à la fête.\n" * 20
DECODED = "menu.txt: decoded as cp1252 (--encoding overrides it)"


@pytest.fixture
def menu(here: Path) -> str:
    """A French text in cp1252."""
    (here / "menu.txt").write_bytes(FRENCH.encode("cp1252"))
    return "menu.txt"


@pytest.fixture
def french(here: Path, make_model: Callable[..., Path]) -> str:
    """A model that knows the characters of the text."""
    return str(make_model(here / "french", FRENCH))


def test_a_legacy_text_is_trained_on_and_resumed(
    here: Path, menu: str, chargen: Command, quick: tuple[str, ...]
) -> None:
    """Each command says how the text was decoded; the characters are those of the text."""
    outcome = chargen("train", menu, *quick, "-o", "out", "--normalize", "nfd")
    assert outcome.status == 0, outcome.err
    assert outcome.err.splitlines()[0] == DECODED
    config = json.loads((here / "out" / "config.json").read_text())
    assert config["corpus"]["normal_form"] == config["corpus"]["normalize"] == "nfd"
    resumed = chargen("train", menu, "-o", "out", "--resume", "--steps", "2")
    assert resumed.status == 0, resumed.err
    message = chargen("train", menu, "-o", "out", "--resume", "--normalize", "nfc").err
    assert "--normalize nfc differs from the run to resume, which has nfd" in message


@pytest.mark.parametrize(
    "command",
    ["score --file menu.txt", "sample -n 5 --file menu.txt", "inspect --unfold --file menu.txt"],
)
def test_commands_read_the_text_of_their_model(
    menu: str, french: str, chargen: Command, command: str
) -> None:
    """The encoding is detected, and nothing is unknown."""
    outcome = chargen(*command.split(), "-m", french)
    assert outcome.status == 0
    assert outcome.err.splitlines() == [DECODED]
    explicit = chargen(*command.split(), "-m", french, "--encoding", "cp1252")
    assert explicit.err == ""


def test_an_encoding_needs_a_file(french: str, refused: Refused) -> None:
    """No option is ignored."""
    for command in ("score x", "sample -p x", "inspect -p x"):
        message = refused(USAGE_ERROR, *command.split(), "-m", french, "--encoding", "cp1252")
        assert message.startswith("--encoding has no effect without --file")
    message = refused(USAGE_ERROR, "sample", "-m", french, "--keep-newline")
    assert message.startswith("--keep-newline has no effect without --file")


def test_rhymes_are_read_in_the_encoding(here: Path, text: str, chargen: Command) -> None:
    """The encoding is detected and reported, unless --encoding names one."""
    (here / "rhymes.txt").write_bytes(b"-e: caf\xe9 th\xe9\n")
    command = ("compare", text, "--rhymes", "rhymes.txt")
    decoded, too_short = chargen(*command).err.splitlines()
    assert decoded == "rhymes.txt: decoded as cp1252 (--encoding overrides it)"
    assert too_short.startswith("chargen: error: text has 1,440 characters; a comparison needs")
    assert chargen(*command, "--encoding", "latin-1").err == too_short + "\n"
    message = chargen(*command, "--encoding", "ascii").err
    assert message.startswith("chargen: error: rhymes.txt is not ASCII: byte 0xE9 at offset 7 ")


def test_a_pattern_needs_a_folder(menu: str, refused: Refused) -> None:
    """The option is named as it is typed."""
    message = refused(USAGE_ERROR, "train", menu, "--glob", "*.md")
    assert message == "--glob has no effect without a folder"


def test_the_last_newline_is_kept_on_request(here: Path, french: str, chargen: Command) -> None:
    """Without the option, the model continues the last line."""
    (here / "prompt.txt").write_text("Crème\n", encoding="utf-8")
    arguments = ("sample", "-m", french, "--file", "prompt.txt", "--json", "-n", "1")
    prompts = [
        json.loads(chargen(*arguments, *more).out)["prompt"] for more in ((), ("--keep-newline",))
    ]
    assert prompts == ["Crème", "Crème\n"]


def test_a_decomposed_prompt_is_known(french: str, chargen: Command) -> None:
    """It takes the form of the model, in sample, score and inspect."""
    prompt = unicodedata.normalize("NFD", "fête")
    for command in (("sample", "-n", "1", "-p"), ("score",), ("inspect", "--unfold", "-p")):
        outcome = chargen(*command, prompt, "-m", french)
        assert outcome.status == 0
        assert outcome.err == ""


@pytest.mark.parametrize(
    ("prompt", "warning"),
    [
        (r"X:1\n", r"1, :, X, \, n (for a newline or tab, use $'...' in the shell, or --file)"),
        ("fête\u200d", "U+200D ZERO WIDTH JOINER"),
    ],
)
def test_unseen_characters_are_named(
    french: str, chargen: Command, prompt: str, warning: str
) -> None:
    """An escape sequence that the shell kept is explained."""
    err = chargen("sample", "-m", french, "-n", "1", "-p", prompt).err
    assert err.rstrip("\n").endswith(warning)
