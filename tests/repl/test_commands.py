"""Tests of the slash commands, most of them as whole transcripts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import ChargenError, CommandError
from chargen.generation.context import Reader
from chargen.repl.commands import COMMANDS, as_text, error_line, is_command, run
from chargen.repl.session import Session
from chargen.repl.settings import SETTINGS, SessionSettings, model_defaults


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def say(session: Session, line: str) -> str:
    """Return everything that a command prints."""
    return "".join(run(session, line))


def replay(session: Session, transcript: str) -> str:
    """Type the lines of a transcript that start with "> ", and return the real transcript."""
    printed = ""
    for line in transcript.splitlines():
        if not line.startswith("> "):
            continue
        printed += line + "\n"
        typed = line.removeprefix("> ")
        try:
            if is_command(typed):
                printed += say(session, typed)
            else:
                printed += as_text(typed) + "".join(session.respond(as_text(typed)))
        except ChargenError as error:
            printed += f"error: {error_line(error)}"
        printed += "" if printed.endswith("\n") else "\n"
    return printed


SESSION = """\
> ab
abc de
> /regen
abc de
> /undo
removed 7 characters; the text is empty
> ab
abc de
> /set length 2
length 2
> a
abc
> /undo
removed 3 characters; the text ends with "abc de⏎"
> /set length 0
length 0
> /file new.txt
appended 1 character; the text ends with "abc de⏎a"
> /top 2
b 1.000 ████████████████████████████████████████
⏎ 0.000
> /undo
removed 1 character; the text ends with "abc de⏎"
> /save text.txt
saved 7 characters to text.txt
> /save text.txt
error: text.txt exists; /save! text.txt replaces it
> /save! text.txt
saved 7 characters to text.txt
> /file foreign.txt
appended 4 characters; the text ends with "abc de⏎ab明x"; the model does not know 明
> /score ab
2 characters: 1.792 bits per character (1.242 nats), perplexity 3.46
most surprising characters (with their probability):
  1: "abc de⏎ab明x" then "a" (0.083); expected "⏎" (0.08)
  2: "abc de⏎ab明xa" then "b" (1); expected "b" (1.00)
> /reset
started a new text (/undo restores the previous one)
> /file new.txt
appended 1 character; the text ends with "a"
> /score
1 character: 0.000 bits per character (0.000 nats), perplexity 1.00
most surprising characters (with their probability):
  1: "" then "a" (1); expected "a" (1.00)
> /undo
removed 1 character; the text is empty
> /undo
restored the previous text; the text ends with "abc de⏎ab明x"
"""


def test_a_session_prints_this_transcript(session: Session, here: Path) -> None:
    """Lines, answers and commands print exactly this."""
    (here / "new.txt").write_text("a")
    (here / "foreign.txt").write_bytes("ab明x".encode())
    assert replay(session, SESSION) == SESSION
    assert (here / "text.txt").read_text() == "abc de\n"


ERRORS = """\
> /hlep
error: unknown command /hlep; did you mean /help?
> /xyzzy
error: unknown command /xyzzy; see /help, or start the line with // to enter text
> /
error: unknown command /; see /help, or start the line with // to enter text
> /reset now
error: /reset takes no argument, got 'now'
> /set temprature 1
error: unknown setting temprature; did you mean temperature?
> /set lenth 1
error: unknown setting lenth; did you mean length?
> /set xyzzy
error: unknown setting xyzzy; /set lists all
> /set temperature x
error: /set temperature must be a number, 0 or more, got 'x' (0 is greedy, 0.8 is a good start)
> /set temperature -1
error: /set temperature must be a number, 0 or more, got -1.0 (0 is greedy, 0.8 is a good start)
> /set top_k 1.5
error: /set top_k must be a whole number, 0 or more, got '1.5'
> /set top_p nan
error: /set top_p must be a number between 0 and 1, got nan (1 keeps all, 0.9 is a good start)
> /set until_newline maybe
error: /set until_newline must be on or off, got 'maybe'
> /top 9999999999999999999
error: /top takes a whole number, got '9999999999999999999'
> /top x
error: /top takes a whole number, got 'x'
> /undo
error: there is nothing to undo
> /regen
error: there is no answer to regenerate
> /save
error: /save needs a file name
> /save x
error: there is no text to save yet
> /score
error: there is no text to score yet; /score TEXT scores another text
> /file
error: /file needs the name of a text file
> /load a\0b
error: a file name cannot contain a NUL character
"""


def test_errors_print_this_transcript(session: Session) -> None:
    """Each error is one line that says what to do, and the session does not change."""
    before = session.settings
    assert replay(session, ERRORS) == ERRORS
    assert (session.settings, session.turns) == (before, [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/file nowhere", "nowhere does not exist"),
        ("/load nowhere", "there is no model nowhere (available: "),
        ("/load ~nobody-of-that-name", "there is no model ~nobody-of-that-name (available: "),
        ("/load a/b", "there is no model a/b (available: "),
    ],
)
def test_a_missing_file_or_model_is_an_error(session: Session, line: str, message: str) -> None:
    """The message names the path."""
    with pytest.raises(ChargenError) as caught:
        say(session, line)
    assert str(caught.value).startswith(message)


def test_two_slashes_start_a_line_of_text() -> None:
    """One slash at the start is a command; elsewhere a slash is text."""
    lines = ["/help", "//help", " /help", "a/b", ""]
    assert [is_command(line) for line in lines] == [True, False, False, False, False]
    assert [as_text(line) for line in lines[1:]] == ["/help", " /help", "a/b", ""]


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("temperature", "0.3", 0.3),
        ("top_k", "5", 5),
        ("repetition_last", "32", 32),
        ("length", "0", None),
        ("length", "70", 70),
        ("until_newline", "off", False),
        ("stop", "", ()),
        ("seed", "9", 9),
    ],
)
def test_a_setting_is_shown_as_it_is_typed(
    session: Session, name: str, typed: str, value: object
) -> None:
    """/set prints the new value in the form in which it is typed."""
    assert say(session, f"/set {name} {typed}") == f"{name} {typed}".rstrip() + "\n"
    assert getattr(session.settings, name) == value


MAXIMA = """\
> /set max-sentences 2
max_sentences 2
length 20000
until_newline off
> /set max_sentences 0
max_sentences 0
length 200
until_newline on
> /set length 50
length 50
> /set max_lines 3
max_lines 3
until_newline off
> /set until_newline on
until_newline on
> /set max_lines 0
max_lines 0
> /set length 200
length 200
> /set stop a\\n
stop a\\n
length 10000
"""


def test_a_maximum_changes_the_defaults(session: Session) -> None:
    """A maximum replaces the newline and the default length as the end of an answer."""
    assert replay(session, MAXIMA) == MAXIMA


def test_help_and_settings_list_everything(session: Session) -> None:
    """/help has a line for each command, /set and /show for each setting."""
    help_text, settings = say(session, "/help"), say(session, "/set")
    assert all(f"\n/{name}" in help_text for name in COMMANDS)
    assert [row.split()[0] for row in settings.splitlines() if row[0] != " "] == list(SETTINGS)
    assert say(session, "/show") == (
        f"model: abc (feedforward 1x12, 12 characters)\ntext: 0 characters\n{settings}"
    )


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and modes differ on Windows")
def test_save_keeps_links_modes_and_pipes(session: Session, here: Path) -> None:
    """/save! writes through a link, keeps the mode of a file, and refuses a pipe."""
    list(session.respond("ab"))
    target, link, pipe = here / "target", here / "link", here / "pipe"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    os.mkfifo(pipe)
    say(session, f"/save! {link}")
    assert link.is_symlink()
    assert target.read_text() == session.text
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="is not a regular file; choose another name"):
        say(session, f"/save! {pipe}")
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["no/folder/x", "x" * 300, "\udce9/x", "a\0b", "~nobody/x"])
def test_an_impossible_file_name_is_an_error(session: Session, here: Path, name: str) -> None:
    """The text stays, and no file is left behind."""
    list(session.respond("ab"))
    with pytest.raises(ChargenError):
        say(session, f"/save {name}")
    assert list(here.iterdir()) == []
    assert session.text == "abc de\n"


def test_files_are_decoded(session: Session, here: Path) -> None:
    """Newlines are normalised; a file that is not UTF-8 is refused."""
    (here / "a.txt").write_bytes(b"abc de\r\nab")
    say(session, "/file a.txt")
    assert session.text == "abc de\nab"
    (here / "a.txt").write_bytes(b"abc\xff")
    with pytest.raises(ChargenError, match="UTF-8"):
        say(session, "/file a.txt")


def test_a_file_is_divided_in_its_encoding(poems: Reader, here: Path) -> None:
    """The encoding is a setting, and the boundary of documents is not part of a file."""
    (here / "a.txt").write_bytes("a\n%\nab".encode("utf-16-le"))
    session = Session(poems, SessionSettings(seed=1), name="poems")
    assert say(session, "/set encoding utf-16-le") == "encoding utf-16-le\n"
    say(session, "/file a.txt")
    assert session.text == "a\x1eab"


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (b"abc\xe9", "utf-8", "(try /set encoding auto)"),
        (b"C\xe6sar", "auto", "(choose the one that gives readable text with /set encoding)"),
        ("d\xe9j\xe0 vu, cr\xe8me br\xfbl\xe9e, \xe9t\xe9\n".encode("cp1252") * 9, "auto",
         "a.txt: decoded as cp1252 (/set encoding overrides it)"),
        (b"don\x92t", "latin-1", "not latin-1 (try /set encoding cp1252 or auto)"),
        (b"abc", "klingon", "/set encoding must be auto or a text encoding that Python supports"),
    ],
)  # fmt: skip
def test_advice_about_encodings_can_be_typed(
    session: Session, here: Path, content: bytes, encoding: str, said: str
) -> None:
    """Errors, notes and warnings name the setting of the session."""
    (here / "a.txt").write_bytes(content)
    try:
        shown = say(session, f"/set encoding {encoding}") + say(session, "/file a.txt")
    except ChargenError as error:
        shown = error_line(error)
    assert said in shown


def test_file_does_not_read_standard_input(session: Session, here: Path) -> None:
    """/file rejects standard input, which provides the commands, and no message suggests it."""
    for argument in ("-", str(here), "absent.txt"):
        with pytest.raises(ChargenError) as caught:
            say(session, f"/file {argument}")
        assert " or -" not in str(caught.value)


def test_load_switches_the_model(
    session: Session, here: Path, make_model: Callable[..., Path]
) -> None:
    """A model is named by its folder in ./checkpoints; a damaged model changes nothing."""
    list(session.respond("ab"))
    folder = make_model(here / "checkpoints" / "other")
    assert say(session, "/load other") == "switched to other; the model does not know a, c, d\n"
    reader = session.reader
    assert (session.text, session.name) == ("abc de\n", "other")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ChargenError):
        say(session, "/load other")
    assert session.reader is reader


def test_quit_raises_end_of_file(session: Session) -> None:
    """/quit ends the session like the end of the input."""
    with pytest.raises(EOFError):
        say(session, "/quit")


def test_documents_are_saved_with_their_separator(poems: Reader, here: Path) -> None:
    """/file splits a text file like the training text, and its last document can be continued."""
    settings = SessionSettings(seed=1, temperature=0, **model_defaults(poems, SessionSettings()))
    session = Session(poems, settings, name="poems")
    list(session.respond(""))
    list(session.respond("b"))
    say(session, "/save it.txt")
    assert (here / "it.txt").read_text() == "ab\nc\n%\nb\nc\n%\n"
    say(session, "/reset")
    say(session, "/file it.txt")
    assert session.text == "ab\nc\x1eb\nc"
    assert "each document between lines '%' is a separate text" in say(session, "/show")
    assert "on an empty line it writes a new text" in " ".join(say(session, "/help").split())
