"""Tests of the encoding of standard output: no character is lost, and JSON stays JSON."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.outcome import Command, Outcome

PROMPT = "\u00e9\u201c\u65e5\U0001f600"
LOCALE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}

_PRINTING = ("score -m {} \u65e5", "inspect -m {} -p \u65e5", "info {}", "models")


def call(model: Path, *options: str, **environment: str) -> tuple[bytes, str]:
    """Return the bytes and the messages of `chargen sample` with a prompt from a file."""
    (model.parent / "prompt.txt").write_text(PROMPT, "utf-8")
    inherited = {k: v for k, v in os.environ.items() if k[:6] != "PYTHON" or k == "PYTHONPATH"}
    fixed = ("sample", "-m", str(model), "-n", "0", "--stop", "t", "--file", "prompt.txt")
    done = subprocess.run(
        [sys.executable, "-m", "chargen", *fixed, *options],
        cwd=model.parent,
        env=inherited | environment,
        capture_output=True,
        check=True,
    )
    return done.stdout, done.stderr.decode("ascii", "replace")


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, LOCALE, {"PYTHONUTF8": "0"}])
def test_a_locale_without_an_encoding_means_utf_8(model: Path, environment: dict[str, str]) -> None:
    """Text is written as UTF-8, without a warning."""
    out, err = call(model, **environment)
    assert out.decode("utf-8").startswith(PROMPT)
    assert "standard output" not in err


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("cp1252", "\u00e9\u201c\\u65e5\\U0001f600"),
        ("latin-1", "\u00e9\\u201c\\u65e5\\U0001f600"),
        ("ascii", "\\u00e9\\u201c\\u65e5\\U0001f600"),
    ],
)
def test_a_chosen_encoding_is_used(model: Path, encoding: str, expected: str) -> None:
    """Characters that it lacks are written as escapes, and one warning lists them."""
    out, err = call(model, PYTHONIOENCODING=encoding)
    assert out.decode(encoding).startswith(expected)
    assert err.count("standard output is ") == 1
    assert err.endswith(" (set PYTHONIOENCODING=utf-8 to write UTF-8)\n")
    out, err = call(model, "--json", PYTHONIOENCODING=encoding)
    assert json.loads(out.decode("ascii"))["prompt"] == PROMPT
    assert "standard output" not in err


@pytest.fixture
def in_latin_1(chargen: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with a standard output in ISO 8859-1."""

    def run(*arguments: str) -> Outcome:
        out = io.TextIOWrapper(io.BytesIO(), "latin-1")
        monkeypatch.setattr(sys, "stdout", out)
        outcome = chargen(*arguments)
        return Outcome(outcome.status, out.buffer.getvalue().decode("latin-1"), outcome.err)

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        *(f"{command}{json}" for json in ("", " --json") for command in _PRINTING),
        "train text.txt --steps 1 --hidden-size 4 --init-from none --prompt \u65e5",
        "repl -m {} --temperature 0",
    ],
)
def test_every_command_escapes(
    here: Path,
    model: Path,
    in_latin_1: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
) -> None:
    """No text becomes a question mark, and JSON is ASCII."""
    folder = shutil.copytree(model, here / "checkpoints" / "\u65e5")
    (here / "text.txt").write_text("\u65e5\u672c\n" * 99, "utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\u65e5".encode()), "utf-8"))
    outcome = in_latin_1(*arguments.format(folder).split())
    is_json = arguments.endswith("--json")
    assert outcome.status == 0
    assert "\\u65e5" in outcome.out
    assert "?" not in outcome.out
    assert outcome.err.count("standard output is latin-1") == (0 if is_json else 1)
    if is_json:
        assert outcome.out.isascii()
