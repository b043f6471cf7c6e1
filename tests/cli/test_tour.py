"""Tests of the command that shows the lecture."""

import re
import shlex
from collections.abc import Callable
from math import ceil
from pathlib import Path

import pytest

from chargen.cli.tour_view import lines
from chargen.text.display import text_width
from chargen.tour.lecture import SCREENS, screens
from tests.cli.outcome import Command, Refused

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


def test_a_screen_fits_a_terminal() -> None:
    """Each screen and the line below it fit 30 rows of 80 columns."""
    for make in SCREENS:
        shown = lines(make(), "1 of 7", 80, 0)
        assert sum(max(1, ceil(text_width(line) / 80)) for line in shown) < 30


def test_a_narrow_terminal_breaks_no_word() -> None:
    """In 20 columns, the text above the first table fits the width; a table needs 40."""
    shown = list(lines(SCREENS[6](), "7 of 7", 20, 0))
    table = next(k for k, line in enumerate(shown) if line.startswith("place  "))
    assert max(map(text_width, shown[:table])) <= 20
    assert max(map(text_width, shown[table : table + 4])) <= 40


def test_one_screen_is_shown(chargen: Command) -> None:
    """With a number, only this screen is printed; words are not split at their hyphens."""
    outcome = chargen("tour", "5")
    assert (outcome.status, TITLE.findall(outcome.out)) == (0, ["5"])
    assert not re.search(r"\w-\n", outcome.out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("8",), "SCREEN must be a whole number between 1 and 7, got 8"),
        (("x",), "SCREEN must be a whole number between 1 and 7, got x"),
        (("0",), "SCREEN must be a whole number between 1 and 7, got 0"),
        (("1", "--no-pause"), "--no-pause has no effect with SCREEN"),
        (("1", "--html", "x.html"), "SCREEN has no effect with --html"),
    ],
)
def test_a_wrong_screen_is_refused(
    refused: Refused, options: tuple[str, ...], message: str
) -> None:
    """One line says what is allowed."""
    assert refused(2, "tour", *options).startswith(message)


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


def test_a_page_is_written(chargen: Command, here: Path) -> None:
    """With --html, one line tells the file and its size, and no screen is printed."""
    outcome = chargen("tour", "--html", "lecture.html")
    page = (here / "lecture.html").read_text("utf-8")
    size = (here / "lecture.html").stat().st_size / 1e6
    line = f"page      lecture.html ({size:.1f} MB; open it in a browser)\n"
    assert (outcome.status, outcome.out, outcome.err) == (0, line, "")
    assert size < 1
    for screen in screens():
        assert f". {screen.title}</h2>" in page


@pytest.mark.parametrize(
    ("status", "options", "message"),
    [
        (1, ("--html", "mine.html"), "mine.html exists (choose another file)"),
        (2, ("--html", ""), "--html must be the name of a file, got ''"),
        (2, ("--html", "x.html", "--no-pause"), "--no-pause has no effect with --html"),
        (1, ("--html", "no/x.html"), "no/x.html cannot be written: No such file"),
    ],
)
def test_a_page_never_replaces_a_file(
    refused: Refused, here: Path, status: int, options: tuple[str, ...], message: str
) -> None:
    """A mistake is one line, and every file stays."""
    (here / "mine.html").write_text("mine")
    assert refused(status, "tour", *options).startswith(message)


def test_enter_goes_on_and_q_ends(on_terminal: Callable[..., str]) -> None:
    """On a terminal, the command waits after each screen."""
    shown = on_terminal("tour", typed=b"\nq\n", NO_COLOR="1")
    assert re.findall(r"(\d) of 7: ", shown) == ["1", "2"]
    assert shown.count("q and Enter to quit") == 2


def test_the_end_of_the_input_ends(on_terminal: Callable[..., str]) -> None:
    """Ctrl-D after a screen quits, as q does."""
    shown = on_terminal("tour", typed=b"\x04", NO_COLOR="1")
    assert re.findall(r"(\d) of 7: ", shown) == ["1"]


def test_no_pause_does_not_wait(on_terminal: Callable[..., str]) -> None:
    """With --no-pause, a terminal shows all screens at once."""
    shown = on_terminal("tour", "--no-pause", typed=b"", NO_COLOR="1")
    assert "quit" not in shown
    assert len(re.findall(r"\d of 7: ", shown)) == len(SCREENS)
