"""Tests of the terminal: keys are pressed, and the screen is compared with a transcript."""

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import get_cwidth

from chargen.repl.session import Session
from chargen.repl.terminal import Terminal, TolerantHistory

if TYPE_CHECKING:
    from tests.repl.conftest import CountingEngine

HEAD = """\
Model abc. Press Enter to let the model finish your line, Tab to accept the
suggestion. Type /help for all keys and commands.
"""
Play = Callable[..., str]


def test_enter_lets_the_model_finish_the_line(session: Session, play: Play) -> None:
    """The typed text and the answer are on one line; an empty line gets an answer too."""
    assert play(session, "ab", "\r", "\r") == HEAD + "> abc de\n> abc de\n"
    assert session.text == "abc de\nabc de\n"


@pytest.mark.parametrize("key", ["\t", "\x1b[C", "\x05"], ids=["tab", "right", "ctrl-e"])
def test_a_key_accepts_the_suggestion(session: Session, play: Play, key: str) -> None:
    """Tab, Right and Ctrl-E insert the whole suggestion."""
    suggestions: list[str] = []
    assert play(session, "ab", key, "\r", suggestions=suggestions) == HEAD + "> abc de\n"
    assert suggestions[:3] == ["abc de", "c de", ""]
    assert session.turns[0].typed == "abc de"


@pytest.mark.parametrize("key", ["\x1b[1;3C", "\x1bf"], ids=["alt-right", "alt-f"])
def test_a_key_accepts_one_word(session: Session, play: Play, key: str) -> None:
    """Alt-Right and Alt-F insert the next word and keep the rest as a suggestion."""
    suggestions: list[str] = []
    play(session, "a", key, "\r", suggestions=suggestions)
    assert suggestions[1:3] == ["bc de", "de"]
    assert session.turns[0].typed == "abc "


def test_there_is_no_suggestion_within_the_line_or_for_a_command(
    session: Session, play: Play
) -> None:
    """Before the end of the line Right moves the cursor; a command gets no suggestion."""
    play(session, "ab", "\x1b[D", "\x1b[C", "\r")
    assert session.turns[0].typed == "ab"
    suggestions: list[str] = []
    play(session, "/top 1", "\x03", "//", "x", suggestions=suggestions)
    assert suggestions[1] == ""


def test_there_is_no_suggestion_below_the_confidence(session: Session, play: Play) -> None:
    """After an unpredictable character nothing is suggested; after deleting it, it is again."""
    suggestions: list[str] = []
    play(session, "abx", "\x7f", suggestions=suggestions)
    assert suggestions[1:3] == ["", "c de"]


def test_ctrl_c_clears_the_line(session: Session, play: Play) -> None:
    """Nothing is generated, and the toolbar says how to quit."""
    toolbars: list[str] = []
    assert play(session, "ab", "\x03", "a", "\r", toolbars=toolbars) == HEAD + "> abc de\n"
    assert toolbars[2].startswith("Ctrl-D quits")
    assert session.text == "abc de\n"


def test_ctrl_c_stops_the_model_and_keeps_its_text(session: Session, play: Play) -> None:
    """The next prompt shows that the next line continues the interrupted one."""
    engine: CountingEngine = session.reader.engine  # type: ignore[assignment]
    session.settings = replace(session.settings, confidence=1)
    # The steps read the start of the text, "a" and "b"; the step that reads "c" is interrupted.
    engine.interrupt_at = 4
    assert play(session, "a", "\r", "\r") == HEAD + "> abc\n\u2026  de\n"
    assert session.text == "abc de\n"


def test_commands_and_errors_are_printed_on_their_own_lines(session: Session, play: Play) -> None:
    """The command is shown as typed, its output below; an error is one line."""
    lines = ["/set seed 5\r", "/set seed x\r", "/file\r", "ab\r", "/undo\r", "/quit\r"]
    allowed = "a whole number between 0 and 2**63 - 1"
    assert play(session, *lines) == HEAD + (
        "> /set seed 5\nseed 5\n"
        f"> /set seed x\nerror: /set seed must be {allowed}, got 'x'\n"
        "> /file\nerror: /file needs the name of a text file\n"
        "> abc de\n"
        "> /undo\nremoved 7 characters; the text is empty\n"
        "> /quit\n"
    )


def test_a_pasted_text_keeps_its_lines(session: Session, play: Play) -> None:
    """Newlines in a pasted text are part of the line; Alt-Enter types one."""
    assert play(session, "\x1b[200~abc\r\na\x1b[201~", "\r") == HEAD + "> abc\nabc de\n"
    assert play(session, "x", "\x1b\r", "ab", "\r") == HEAD + "> x\nabc de\n"
    assert session.text == "abc\nabc de\nx\nabc de\n"


def test_the_toolbar_shows_probabilities(session: Session, play: Play) -> None:
    """Five next characters with probabilities, then model and settings; unknown ones first."""
    toolbars: list[str] = []
    play(session, "abc", "\x03", "\U0001f600\u0301ab", "\r", toolbars=toolbars)
    assert toolbars[1].startswith("\u2423 \u2588\u2588\u2588\u25881.0  ")
    assert toolbars[1].count(".00") == 4
    assert toolbars[1].endswith("  abc  temperature 0.8")
    assert toolbars[3].startswith("unknown: U+0301 COMBINING ACUTE ACCENT, \U0001f600  ")
    assert session.text == "\U0001f600\u0301abc de\n"


def test_control_characters_are_made_visible(session: Session, play: Play) -> None:
    """Typed text and error messages cannot send commands to the terminal."""
    printed = play(session, "\x1b[200~a\x9b31m\x1b[201~", "\r", "\x1b[200~/\x07\x1b[201~", "\r")
    assert "a<009B>31m" in printed
    assert "error: unknown command /\u2407" in printed


def test_a_dumb_terminal_gets_no_escapes(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines are read and answers are printed without an editor."""
    monkeypatch.setenv("TERM", "dumb")
    written: list[str] = []

    class Screen(DummyOutput):
        def write(self, data: str) -> None:
            written.append(data)

        write_raw = write

    keyboard.send_text("ab\r\x04")
    with create_app_session(input=keyboard, output=Screen()):
        Terminal(session).run()
    assert "".join(written).replace("\r", "") == HEAD + "> ab\nc de\n> \n"


def test_tab_completes_a_command(session: Session, play: Play) -> None:
    """On a line that starts with a slash, Tab completes the command."""
    assert play(session, "/qu", "\t", "\r").endswith("> /quit\n")


def test_history_is_kept_between_sessions(tmp_path: Path) -> None:
    """Lines are stored newest first, lone surrogates as "?", in a folder that is created."""
    file = tmp_path / "state" / "chargen" / "history"
    assert list(TolerantHistory(file).load_history_strings()) == []
    TolerantHistory(file).append_string("one\ntwo")
    TolerantHistory(file).append_string("\udce9")
    assert list(TolerantHistory(file).load_history_strings()) == ["?", "one\ntwo"]


def test_an_unusable_history_is_kept_in_memory(tmp_path: Path) -> None:
    """Errors of the history file do not interrupt the session."""
    (tmp_path / "state").touch()
    (tmp_path / "folder").mkdir()
    for file in (tmp_path / "state" / "history", tmp_path / "folder"):
        history = TolerantHistory(file)
        assert list(history.load_history_strings()) == []
        history.append_string("one")
        assert history.get_strings() == ["one"]


@pytest.mark.parametrize(
    ("columns", "name", "ending"),
    [
        (80, "rhymes", "  rhymes  temperature 0.8"),
        (80, "a-long-name-of-a-model", "  a-l\u2026del  temperature 0.8"),
        (100, "a-long-name-of-a-model", "  a-long-\u2026a-model  temperature 0.8  length 200"),
        (140, "a-long-name-of-a-model", "temperature 0.8  length 200  confidence 0.5"),
        (40, "a-long-name-of-a-model", "  a-l\u2026el"),
    ],
)
def test_a_long_name_leaves_room_for_the_settings(
    session: Session,
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
    name: str,
    ending: str,
) -> None:
    """The name is shortened in its middle, and the toolbar fits its line."""
    monkeypatch.setattr(DummyOutput, "get_size", lambda _: Size(rows=24, columns=columns))
    session.name = name
    toolbars: list[str] = []
    play(session, "abc", toolbars=toolbars)
    assert toolbars[1].endswith(ending)
    assert get_cwidth(toolbars[1]) < columns


def test_lines_are_wrapped_at_words(
    session: Session, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typed line and its answer continue on an indented line, and no word is broken."""
    monkeypatch.setattr(DummyOutput, "get_size", lambda _: Size(rows=15, columns=18))
    printed = play(session, "abc xyz xyz ab", "\r", "xyz xyz xyz xyza", "\r")
    assert printed.endswith("> abc xyz xyz abc\n  de\n> xyz xyz xyz\n  xyzabc de\n")


def test_enter_on_an_empty_line_says_what_it_did(session: Session, play: Play) -> None:
    """The toolbar shows how much the model wrote, until the next key."""
    toolbars: list[str] = []
    play(session, "\r", "a", "\r", toolbars=toolbars)
    assert toolbars[1].startswith("the model wrote 6 characters (/undo)  a")
    assert "wrote" not in toolbars[2] + toolbars[3]
    session.append("abc de")
    play(session, "\r", toolbars=toolbars)
    assert toolbars[-2].startswith("the model wrote an empty line (/undo)  ")


def test_a_terminal_without_a_character_shows_its_escape(
    session: Session, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """prompt_toolkit would write a question mark."""
    out = io.TextIOWrapper(io.BytesIO(), "latin-1", errors="backslashreplace")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        shown = play(session, "\u00e9\u65e5ab", "\r")
    assert "> \u00e9\\u65e5abc de\n" in shown
