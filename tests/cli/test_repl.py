"""Tests of `chargen repl` without a terminal."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.outcome import Command, Outcome


@pytest.fixture
def script(chargen: Command, model: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `chargen repl` with the tiny model, a seed and a script on standard input."""

    def call(lines: str | bytes, *options: str) -> Outcome:
        data = lines.encode() if isinstance(lines, str) else lines
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        seed = () if "--seed" in options else ("--seed", "3")
        return chargen("repl", "-m", str(model), *seed, *options)

    return call


def test_each_line_of_a_script_is_finished(script: Command) -> None:
    """The output has one line per line of input, including empty and unterminated ones."""
    outcome = script("the cat\n\na dog", "-n", "12")
    assert (outcome.status, outcome.err) == (0, "")
    first, _, last, rest = outcome.out.split("\n")
    assert first.startswith("the cat")
    assert last.startswith("a dog")
    assert rest == ""


def test_an_answer_of_limited_length_ends_with_a_newline(script: Command) -> None:
    """--length limits the answer, not the whole line."""
    out = script("the\n", "-n", "4", "-t", "0").out
    assert out.startswith("the")
    assert len(out) == len("the") + 4 + len("\n")
    assert out.endswith("\n")


def test_the_lines_of_a_script_are_one_text(script: Command, here: Path) -> None:
    """The printed text is the text of the session until /reset."""
    out = script("the cat\na dog\n/save text.txt\n").out
    text = (here / "text.txt").read_text()
    assert out == text + f"saved {len(text)} characters to text.txt\n"
    outcome = script("the cat\n/reset\n/save other.txt\n")
    assert outcome.err == "chargen: error: there is no text to save yet\n"
    assert not Path("other.txt").exists()


def test_errors_do_not_end_a_script(script: Command) -> None:
    """Errors are printed to standard error and set the exit status; /quit ends the script."""
    outcome = script("/nope\n/set top_p 2\nthe cat\n/quit\nthe cat\n")
    assert outcome.status == 1
    assert outcome.err == (
        "chargen: error: unknown command /nope;"
        " see /help, or start the line with // to enter text\n"
        "chargen: error: /set top_p must be a number between 0 and 1, got 2.0"
        " (1 keeps all, 0.9 is a good start)\n"
    )
    assert outcome.out.startswith("the cat")
    assert outcome.out.count("\n") == 1


def test_unknown_characters_are_warned_about(script: Command) -> None:
    """The line is finished nevertheless."""
    outcome = script(b"the \xe9\xf0\x9f\x98\x80\n")
    assert outcome.status == 0
    assert outcome.out.startswith("the \ufffd\U0001f600")
    assert outcome.err == (
        "chargen: warning: the model does not know these characters in the line: \U0001f600\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-t", "-1"), "--temperature must be a number, 0 or more, got -1"),
        (("-n", "-1"), "--length must be a whole number, 0 or more"),
        (("--confidence", "2"), "--confidence must be a number between 0 and 1"),
        (("--seed", "-1"), "--seed must be a whole number"),
        (("-n", "x"), "'x' is not a valid int"),
        (
            ("--repetition-last", "5"),
            "--repetition-last has no effect without --repetition-penalty",
        ),
    ],
)
def test_a_wrong_option_is_an_error(
    script: Command, options: tuple[str, ...], message: str
) -> None:
    """The error is one line, the exit status is 2, and nothing is generated."""
    outcome = script("the cat\n", *options)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_missing_model_is_an_error(chargen: Command) -> None:
    """The message names the folder."""
    outcome = chargen("repl", "-m", "nowhere")
    assert outcome.status == 1
    assert outcome.err.startswith("chargen: error: there is no model nowhere (available: ")


def test_a_closed_standard_input_is_an_empty_script(
    chargen: Command, script: Command, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is an error, and neither prints anything."""
    assert script("") == chargen("repl", "-m", str(model))
    monkeypatch.setattr(sys, "stdin", None)
    outcome = chargen("repl", "-m", str(model))
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_a_script_stops_when_its_output_is_closed(
    launch: Callable[..., subprocess.Popen[bytes]], model: Path, here: Path
) -> None:
    """The script ends silently, without importing torch, matplotlib or prompt_toolkit."""
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
