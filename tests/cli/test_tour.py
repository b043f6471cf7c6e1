"""Tests of the command that shows the lecture."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.cli.heat_map import text_width
from chargen.cli.tour_view import lines
from chargen.tour.lecture import SCREENS, screens
from tests.cli.outcome import Command

TITLE = re.compile(r"^(\d) of 7: ", re.MULTILINE)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_pipe_gets_all_screens(
    chargen: Command, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe, the command never waits and prints no colours; every line fits the width.

    Commands to try are longer: they can be copied as one line.
    """
    monkeypatch.setenv("COLUMNS", str(width))
    outcome = chargen("tour")
    assert outcome.status == 0, outcome.err
    assert TITLE.findall(outcome.out) == list("1234567")
    assert "\x1b" not in outcome.out
    printed = [line for line in outcome.out.splitlines() if not line.startswith("  chargen ")]
    assert max(map(text_width, printed)) <= width
    assert any(text_width(line) > width / 2 for line in printed)


def test_the_readme_shows_the_output(repository: Path) -> None:
    """The excerpt in README.md is what the command prints."""
    section = (repository / "README.md").read_text("utf-8").split("\n## Lecture\n")[1]
    excerpt = section.split("```\n")[2]
    assert excerpt in "".join(f"{line}\n" for line in lines(SCREENS[5](), "6 of 7", 80, 0))


def test_commands_to_try_work(chargen: Command) -> None:
    """Each command on the screens runs as it is printed."""
    for screen in screens():
        for each in screen.commands:
            program, *arguments = shlex.split(each.line)
            assert program == "chargen"
            outcome = chargen(*arguments)
            assert outcome.status == 0, outcome.err


@pytest.fixture
def keyboard(here: Path) -> Callable[..., str]:
    """The command on a terminal: it is called with what is typed, and returns what is shown."""
    if not hasattr(os, "openpty"):
        pytest.skip("needs pseudo-terminals")

    def call(typed: bytes, *options: str) -> str:
        terminal, inside = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "chargen", "tour", *options],
            cwd=here,
            env={**os.environ, "TERM": "xterm-256color"},
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        os.write(terminal, typed)
        seen = b""
        while True:
            try:
                part = os.read(terminal, 1 << 16)
            except OSError:  # Linux: the other side is closed
                break
            if not part:
                break
            seen += part
        os.close(terminal)
        assert process.wait() == 0
        return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode())

    return call


def test_enter_goes_on_and_q_ends(keyboard: Callable[..., str]) -> None:
    """On a terminal, the command waits after each screen."""
    shown = keyboard(b"\nq\n")
    assert re.findall(r"(\d) of 7: ", shown) == ["1", "2"]
    assert shown.count("q and Enter to quit") == 2


def test_the_end_of_the_input_ends(keyboard: Callable[..., str]) -> None:
    """Ctrl-D after a screen quits, as q does."""
    assert re.findall(r"(\d) of 7: ", keyboard(b"\x04")) == ["1"]


def test_no_pause_does_not_wait(keyboard: Callable[..., str]) -> None:
    """With --no-pause, a terminal shows all screens at once."""
    shown = keyboard(b"", "--no-pause")
    assert "quit" not in shown
    assert len(re.findall(r"\d of 7: ", shown)) == len(SCREENS)
