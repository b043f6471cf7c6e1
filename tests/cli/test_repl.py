"""`chargen repl` without a terminal, and what it loads."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

Script = Callable[..., "Outcome"]


@pytest.fixture
def script(
    chargen: Callable[..., "Outcome"], model: Path, monkeypatch: pytest.MonkeyPatch
) -> Script:
    """`chargen repl` with the tiny model, a seed, and lines on standard input."""

    def call(lines: str | bytes, *options: str) -> "Outcome":
        data = lines.encode() if isinstance(lines, str) else lines
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        return chargen("repl", "-m", str(model), "--seed", "3", *options)

    return call


def test_a_line_is_written_to_its_end(script: Script) -> None:
    """What was given, what the model adds, one newline; nothing else on either output."""
    outcome = script("the cat\n")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("the cat")
    assert outcome.out.count("\n") == 1
    assert outcome.out.endswith("\n")


def test_each_line_of_input_is_a_line_of_output(script: Script) -> None:
    """A last line without its newline counts, an empty one is the model's own."""
    lines = script("the cat\n\na dog", "-n", "12").out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("the cat")
    assert lines[2].startswith("a dog")


def test_no_input_is_no_output(script: Script) -> None:
    """An empty script has nothing to say, and that is no mistake."""
    outcome = script("")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_a_length_ends_a_line_too(script: Script) -> None:
    """Where the model comes to no newline, the line ends after so many characters."""
    out = script("the\n", "-n", "4", "-t", "0").out
    assert out.startswith("the")
    assert len(out) == len("the") + 4 + len("\n")
    assert out.endswith("\n")


def test_the_lines_are_one_text(script: Script, tmp_path: Path) -> None:
    """What is printed is the text, so a line goes on from all before it until /reset."""
    file = tmp_path / "text.txt"
    out = script(f"the cat\na dog\n/save {file}\n").out
    text = file.read_text()
    assert out == text + f"saved {len(text)} characters to {file}\n"
    forgot = script("the cat\n/reset\n/save gone.txt\n")
    assert forgot.err == "chargen: error: there is no text yet to save\n"
    assert not Path("gone.txt").exists()


def test_a_mistake_is_one_line_and_the_rest_goes_on(script: Script) -> None:
    """Errors go to standard error, the lines after them are answered, the status tells."""
    outcome = script("/nope\n/set seed x\nthe cat\n")
    assert outcome.status == 1
    assert outcome.err == (
        "chargen: error: there is no command /nope (/help lists them, // begins a text)\n"
        "chargen: error: seed must be a whole number, got 'x'\n"
    )
    assert outcome.out.startswith("the cat")


def test_quit_ends_a_script(script: Script) -> None:
    """Nothing after it is read."""
    assert script("/quit\nthe cat\n").out == ""


def test_what_is_not_utf_8_or_never_seen_is_warned_of(script: Script) -> None:
    """The line is written on all the same."""
    outcome = script(b"the \xe9\xf0\x9f\x98\x80\n")
    assert outcome.status == 0
    assert outcome.out.startswith("the \ufffd\U0001f600")
    assert outcome.err.startswith("chargen: warning: the model has never seen")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-t", "-1"), "--temperature must be 0 or more"),
        (("-n", "-1"), "--length must be"),
        (("--confidence", "2"), "--confidence must lie between 0 and 1"),
        (("--seed", "-1"), "--seed must"),
        (("-n", "x"), "'x' is not a valid int"),
    ],
)
def test_wrong_options_are_wrong_usage(script: Script, options: tuple[str, ...], said: str) -> None:
    """One line, exit status 2, and nothing is read."""
    outcome = script("the cat\n", *options)
    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_model_that_is_missing_is_told(chargen: Callable[..., "Outcome"]) -> None:
    """As by every command that takes one."""
    outcome = chargen("repl", "-m", "nowhere")
    assert outcome.status == 1
    assert outcome.err.startswith("chargen: error: nowhere does not exist")


def test_no_standard_input_is_an_empty_script(
    chargen: Callable[..., "Outcome"], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed one is as good as an empty one."""
    monkeypatch.setattr(sys, "stdin", None)
    assert chargen("repl", "-m", str(model)).status == 0


def test_a_reader_that_goes_away_ends_it_in_silence(
    launch: Callable[..., subprocess.Popen[bytes]], model: Path, here: Path
) -> None:
    """Like every program in a pipeline; and neither torch nor the terminal's library is loaded."""
    program = f"""
import io, sys
sys.stdin = io.StringIO("the cat\\n" * 100_000)
from chargen.cli.main import main
try:
    main(["repl", "-m", {str(model)!r}, "-n", "3"])
finally:
    found = {{"torch", "matplotlib", "prompt_toolkit"}} & set(sys.modules)
    print(sorted(found), file=sys.stderr)
"""
    process = launch(program=program)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"the cat")
    process.stdout.close()
    assert process.stderr.read() == b"[]\n"
    process.stderr.close()
    process.wait()
