"""What slash commands do and say."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import ChargenError, OptionError
from chargen.repl.commands import COMMANDS, as_text, is_command, run
from chargen.repl.session import Session
from chargen.repl.settings import SETTINGS, changed, value_of


def say(session: Session, line: str) -> str:
    """All that a command shows."""
    return "".join(run(session, line))


def test_two_slashes_begin_a_text() -> None:
    """One slash begins a command, two a text with one, and elsewhere a slash is a slash."""
    assert [is_command(line) for line in ("/help", "//help", " /help", "a/b", "")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert [as_text(line) for line in ("//help", "//", "a//b", "")] == ["/help", "/", "a//b", ""]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/hlep", "there is no command /hlep (did you mean /help?)"),
        ("/", "there is no command / (/help lists them, // begins a text)"),
        ("/xyzzy", "there is no command /xyzzy (/help lists them, // begins a text)"),
        ("/reset now", "/reset takes nothing, got 'now'"),
        ("/set temprature 1", "there is no setting temprature (did you mean temperature?)"),
        ("/set top-k 1", "there is no setting top-k (did you mean top_k?)"),
        ("/set temperature x", "temperature must be a number, got 'x'"),
        (
            "/set temperature -1",
            "temperature must be 0 or more, got -1 (0 is greedy, 0.8 is a good start)",
        ),
        ("/set top_k 1.5", "top_k must be a whole number, got '1.5'"),
        ("/set top_p nan", "top_p must lie between 0 and 1, got nan"),
        ("/set until_newline maybe", "until_newline is on or off, got 'maybe'"),
        ("/set seed -1", "2**63 - 1, got -1"),
        ("/top 9999999999999999999", "/top takes a whole number, got '9999999999999999999'"),
        ("/top x", "/top takes a whole number, got 'x'"),
        ("/undo", "nothing was written yet"),
        ("/regen", "nothing was written yet"),
        ("/save", "/save takes the name of a file"),
        ("/save x", "there is no text yet to save"),
        ("/score", "there is no text yet to score"),
        ("/load ~nobody-of-that-name", "nobody-of-that-name does not exist"),
        ("/load a\0b", "NUL"),
        ("/file", "/file takes the name of a text file"),
        ("/file nowhere.txt", "nowhere.txt does not exist"),
        ("/load nowhere", "nowhere does not exist"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    session: Session, line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names what came and what helps; text and settings stay."""
    monkeypatch.chdir(tmp_path)
    before = session.settings
    with pytest.raises(ChargenError) as error:
        say(session, line)
    assert said in str(error.value)
    assert "--" not in str(error.value)
    assert (session.settings, session.text, session.turns) == (before, "", [])


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("temperature", "0.3", 0.3),
        ("top_k", "5", 5),
        ("top_p", "0.9", 0.9),
        ("min_p", "0.05", 0.05),
        ("threshold", "0.5", 0.5),
        ("repetition_penalty", "1.2", 1.2),
        ("repetition_last", "32", 32),
        ("length", "0", None),
        ("length", "70", 70),
        ("until_newline", "off", False),
        ("stop", "a\\n", ("a\n",)),
        ("stop", "", ()),
        ("confidence", "0.7", 0.7),
        ("seed", "9", 9),
    ],
)
def test_every_setting_is_set_and_shown_as_it_was_typed(
    session: Session, name: str, typed: str, value: object
) -> None:
    """/set takes it, and /show shows it so that it could be typed again."""
    say(session, f"/set {name} {typed}")
    assert getattr(session.settings, name) == value
    again = changed(session.settings, name, value_of(session.settings, name))
    assert again == session.settings
    rows = [row.split() for row in say(session, "/show").splitlines()]
    row = next(row for row in rows if row[0] == name)
    assert row[1] == typed or not typed


def test_set_without_a_value_tells(session: Session) -> None:
    """/set alone lists all settings, /set NAME one, and neither changes any."""
    before = session.settings
    rows = [row for row in say(session, "/set").splitlines() if not row.startswith(" ")]
    assert [row.split()[0] for row in rows] == list(SETTINGS)
    assert say(session, "/set confidence") == "confidence 0.5\n"
    assert session.settings == before


def test_help_names_every_command(session: Session) -> None:
    """Each has its line."""
    shown = say(session, "/help")
    assert all(f"\n/{name}" in shown for name in COMMANDS)


def test_top_shows_the_next_characters(session: Session) -> None:
    """The most likely first, blanks as pictures, as many as asked for."""
    list(session.respond("abc de"))
    session.undo()
    session.read("abc")
    first, second = say(session, "/top 2").splitlines()
    assert first.startswith("\u2423 1.000 \u2588")
    assert " 0.000" in second


def test_undo_regen_and_reset_tell_what_they_did(session: Session) -> None:
    """Each names what became of the text."""
    list(session.respond("ab"))
    assert say(session, "/regen") == "abc de\n"
    list(session.respond("a"))
    assert say(session, "/undo") == 'took back 7 characters; the text ends with "abc de\u23ce"\n'
    say(session, "/reset")
    assert session.text == ""
    assert say(session, "/undo") == 'took back the reset; the text ends with "abc de\u23ce"\n'
    assert say(session, "/undo") == "took back 7 characters; the text is empty\n"


def test_save_writes_the_text_and_spares_what_is_there(session: Session, tmp_path: Path) -> None:
    """A file that exists stays as it is unless the name of the command says otherwise."""
    list(session.respond("\u660e ab"))
    file = tmp_path / "my text.txt"
    say(session, f"/save {file}")
    assert file.read_bytes() == session.text.encode() == "\u660e abc de\n".encode()
    list(session.respond(""))
    with pytest.raises(OptionError, match="/save!"):
        say(session, f"/save {file}")
    assert file.read_text(encoding="utf-8") == "\u660e abc de\n"
    say(session, f"/save! {file}")
    assert file.read_text(encoding="utf-8") == "\u660e abc de\nabc de\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and modes are others there")
def test_save_writes_through_a_link_and_leaves_what_is_no_file(
    session: Session, tmp_path: Path
) -> None:
    """A link stays one, a private file stays private, and a pipe or device stays what it is."""
    list(session.respond("ab"))
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    os.mkfifo(pipe)
    say(session, f"/save! {link}")
    assert link.is_symlink()
    assert target.read_text() == session.text
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OptionError, match="is no file that can be written over"):
        say(session, f"/save! {pipe}")
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["no/folder/x", "x" * 300, "\udce9/x", "a\0b", "~nobody/x"])
def test_a_text_that_cannot_be_saved_is_told(
    session: Session, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with the name, it is one of our errors, and nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    list(session.respond("ab"))
    with pytest.raises(ChargenError):
        say(session, f"/save {name}")
    assert list(tmp_path.iterdir()) == []
    assert session.text == "abc de\n"


def test_a_file_goes_into_the_text(session: Session, tmp_path: Path) -> None:
    """What follows goes on from its end, and characters nobody taught are named."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"abc de\r\nab\xe6\x98\x8e")
    assert say(session, f"/file {file}").endswith("; the model has never seen \u660e\n")
    assert session.text == "abc de\nab\u660e"
    file.write_bytes(b"abc\xff")
    with pytest.raises(ChargenError, match="UTF-8"):
        say(session, f"/file {file}")


def test_load_takes_another_model(
    session: Session, tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """The other model goes on with the text; one that is damaged changes nothing."""
    list(session.respond("ab"))
    folder = make_model(tmp_path / "other")
    assert say(session, f"/load {folder}").startswith("other goes on")
    reader = session.reader
    assert (session.text, session.name) == ("abc de\n", "other")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ChargenError):
        say(session, f"/load {folder}")
    assert session.reader is reader


def test_score_finds_the_surprising_place(session: Session) -> None:
    """It stands first, in brackets behind what came before it; a given text follows the text."""
    list(session.respond("abx"))
    session.undo()
    session.read("abc de\nabx")
    head, first, *_ = say(session, "/score").splitlines()
    assert head.endswith("bits per character over 10; the most surprising:")
    assert first.endswith("abc de\u23ceab[x]")
    session.undo()
    session.read("abc d")
    assert say(session, "/score e").startswith("0.000 bits per character over 1;")
    assert session.text == "abc d"


def test_quit_leaves(session: Session) -> None:
    """As the end of the input does."""
    with pytest.raises(EOFError):
        say(session, "/quit")
