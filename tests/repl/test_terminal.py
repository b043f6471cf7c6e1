"""The terminal: keys go in, and what stays on the screen is held against whole transcripts."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput
from prompt_toolkit.output import DummyOutput

from chargen.generation.context import Reader
from chargen.generation.settings import Settings
from chargen.repl.session import Session
from chargen.repl.terminal import Terminal, open_history

if TYPE_CHECKING:
    from tests.repl.conftest import CountingEngine

HEAD = "abc: Enter writes on, Tab takes the grey, /help tells the rest\n"
Play = Callable[..., str]


def test_enter_writes_the_line_to_its_end(session: Session, play: Play) -> None:
    """The typed line and what the model adds stand on one line, an empty line is one of its own."""
    assert play(session, "ab", "\r", "\r") == HEAD + "> abc de\n> abc de\n"
    assert session.text == "abc de\nabc de\n"


@pytest.mark.parametrize("key", ["\t", "\x1b[C", "\x05"], ids=["tab", "right", "end"])
def test_a_key_takes_the_ghost(session: Session, play: Play, key: str) -> None:
    """Tab, Right and Ctrl-E take all that stands in grey, and the model need not write it."""
    ghosts: list[str] = []
    assert play(session, "ab", key, "\r", ghosts=ghosts) == HEAD + "> abc de\n"
    assert ghosts[:3] == ["abc de", "c de", ""]
    assert session.turns[0].typed == "abc de"


@pytest.mark.parametrize("key", ["\x1b[1;3C", "\x1bf"], ids=["alt-right", "alt-f"])
def test_a_key_takes_a_word_of_the_ghost(session: Session, play: Play, key: str) -> None:
    """Alt-Right takes up to the next word, and what is left stands there on."""
    ghosts: list[str] = []
    play(session, "a", key, "\r", ghosts=ghosts)
    assert ghosts[1:3] == ["bc de", "de"]
    assert session.turns[0].typed == "abc "


def test_the_ghost_stands_behind_the_end_alone(session: Session, play: Play) -> None:
    """With the cursor in the line Right moves it; on a command there is no ghost."""
    play(session, "ab", "\x1b[D", "\x1b[C", "\r")
    assert session.turns[0].typed == "ab"
    ghosts: list[str] = []
    play(session, "/top 1", "\x03", "//", "x", ghosts=ghosts)
    assert ghosts[1] == ""


def test_a_line_that_the_model_does_not_know_has_no_ghost(session: Session, play: Play) -> None:
    """Below the confidence nothing is suggested; deleting brings the ghost back."""
    ghosts: list[str] = []
    play(session, "abx", "\x7f", ghosts=ghosts)
    assert ghosts[1:3] == ["", "c de"]


def test_ctrl_c_clears_the_line_and_hints(session: Session, play: Play) -> None:
    """Nothing is written, and the toolbar tells how to leave."""
    bars: list[str] = []
    assert play(session, "ab", "\x03", "a", "\r", bars=bars) == HEAD + "> abc de\n"
    assert bars[2].startswith("Ctrl-D leaves")
    assert session.text == "abc de\n"


def test_ctrl_c_stops_the_model_and_keeps_what_it_wrote(known: Reader, play: Play) -> None:
    """The next line goes on within the one that was cut, which the mark tells."""
    engine: CountingEngine = known.engine  # type: ignore[assignment]
    session = Session(known, Settings(until_newline=True, confidence=1, seed=1), name="abc")
    # Three steps are the text's beginning, "a" and "b"; the one that reads "c" does not end.
    engine.interrupt_at = 4
    assert play(session, "a", "\r", "\r") == HEAD + "> abc\n\u2026  de\n"
    assert session.text == "abc de\n"


def test_commands_and_mistakes_have_lines_of_their_own(session: Session, play: Play) -> None:
    """The command is shown as it was typed, then what it says; a mistake is one line."""
    printed = play(session, "/set seed 5\r", "/nope\r", "//\r", "/undo\r")
    assert printed == HEAD + (
        "> /set seed 5\nseed 5\n"
        "> /nope\nerror: there is no command /nope (/help lists them, // begins a text)\n"
        + printed.split("a text)\n")[1]
    )
    assert printed.endswith("characters; the text is empty\n")


def test_quit_leaves_at_once(session: Session, play: Play) -> None:
    """Nothing after it is read."""
    assert play(session, "/quit\r") == HEAD + "> /quit\n"


def test_a_pasted_text_keeps_its_lines(session: Session, play: Play) -> None:
    """Newlines within a paste belong to the text, and Alt-Enter types one."""
    assert play(session, "\x1b[200~abc\r\na\x1b[201~", "\r") == HEAD + "> abc\nabc de\n"
    assert play(session, "x", "\x1b\r", "ab", "\r") == HEAD + "> x\nabc de\n"
    assert session.text == "abc\nabc de\nx\nabc de\n"


def test_what_the_model_does_not_know_is_noted(session: Session, play: Play) -> None:
    """Emoji, marks that combine and half characters are named in the toolbar, and no error."""
    bars: list[str] = []
    play(session, "\U0001f600\u0301ab", "\r", bars=bars)
    assert bars[1].startswith("never seen: \u0301 \U0001f600")
    assert session.text == "\U0001f600\u0301abc de\n"


def test_the_toolbar_shows_the_next_characters(session: Session, play: Play) -> None:
    """Five of them with their probabilities, a space as a picture, then model and settings."""
    bars: list[str] = []
    play(session, "abc", bars=bars)
    assert bars[1].startswith("\u2423 \u2588\u2588\u2588\u25881.0  ")
    assert bars[1].count(".00") == 4
    assert bars[1].endswith("  abc  temperature 0.8  ")


def test_control_characters_are_shown_as_pictures(session: Session, play: Play) -> None:
    """Neither what is typed nor what a command repeats can steer the terminal."""
    printed = play(session, "\x1b[200~a\x9b31m\x1b[201~", "\r", "\x1b[200~/\x07\x1b[201~", "\r")
    assert "a<009B>31m" in printed
    assert "error: there is no command /\u2407" in printed


def test_a_dumb_terminal_gets_no_escapes(
    session: Session, keyboard: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a screen to draw on, lines go in and answers come out."""
    monkeypatch.setenv("TERM", "dumb")
    written: list[str] = []

    class Paper(DummyOutput):
        def write(self, data: str) -> None:
            written.append(data)

        write_raw = write

    keyboard.send_text("ab\r\x04")
    with create_app_session(input=keyboard, output=Paper()):
        Terminal(session).run()
    assert "".join(written).replace("\r", "") == HEAD + "> ab\nc de\n> \n"


def test_tab_completes_a_command(session: Session, play: Play) -> None:
    """On a line that begins with a slash Tab takes no ghost but the command it could be."""
    assert play(session, "/qu", "\t", "\r").endswith("> /quit\n")


def test_history_is_kept_for_the_next_time(tmp_path: Path) -> None:
    """Lines come back, newest first, lone surrogates do no harm, and the folder is made."""
    file = tmp_path / "state" / "chargen" / "history"
    history = open_history(file)
    history.append_string("one\ntwo")
    history.append_string("\udce9")
    assert list(open_history(file).load_history_strings()) == ["?", "one\ntwo"]


def test_without_a_place_for_it_history_lives_in_memory(tmp_path: Path) -> None:
    """A file where the folder should be, and a file that goes away, stop nobody from writing."""
    (tmp_path / "state").touch()
    assert isinstance(open_history(tmp_path / "state" / "history"), InMemoryHistory)
    history = open_history(tmp_path / "gone" / "history")
    (tmp_path / "gone" / "history").unlink()
    (tmp_path / "gone").rmdir()
    history.append_string("one")
    assert history.get_strings() == ["one"]
