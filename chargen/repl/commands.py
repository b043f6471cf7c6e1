"""The slash commands of a session. Each command yields the text to print."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chargen.errors import ChargenError, CommandError, FileError, OptionError
from chargen.evaluation.score import describe, quoted
from chargen.evaluation.surprisal import read
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from chargen.model.find import find, newest
from chargen.model.storage import write_file
from chargen.options import suggest
from chargen.repl.session import Session, TextStream, clean
from chargen.repl.settings import SETTINGS, change, format_value
from chargen.text.corpus import read_as
from chargen.text.display import bar, list_characters, plural, visible_character
from chargen.text.reading import Note

_INTRODUCTION = """\
Press Enter to let the model finish your line; on an empty line it writes the next one. The
suggestion in grey is the most likely text. Enter samples instead, so its text can differ (after
/set temperature 0 it is the most likely one, too). Everything that you and the model write is one
text. The prompt ">" starts a new line of the text, the prompt "\u2026" continues the current line.
"""
_SEPARATE_TEXTS = """\
Press Enter to let the model continue your text to its end; on an empty line it writes a new text.
Alt-Enter inserts a line break. The model was trained on separate texts, so it does not remember the
previous ones. The prompt ">" starts a new text or line, the prompt "\u2026" continues the current
line.
"""
_KEYS = {
    "Tab, Right": "accept the suggestion",
    "Alt-Right, Alt-F": "accept one word of the suggestion",
    "Alt-Enter": "insert a line break",
    "Ctrl-C": "clear the line; stop the model and keep its text",
    "Ctrl-D": "quit",
    "//": "at the start of a line: a text that starts with a slash",
}
_LONG_TEXT = 10_000
_MAX_BAR = 40
_MIN_COLUMN = 30  # a narrower column of help text starts at the left


def is_command(line: str) -> bool:
    """Return whether a line is a command; a line with two slashes is text."""
    return line.startswith("/") and not line.startswith("//")


def as_text(line: str) -> str:
    """Return the text of a line that is not a command."""
    return line[1:] if line.startswith("//") else line


def run(session: Session, line: str) -> TextStream:
    """Run a command line. Raises ChargenError if it is invalid, EOFError to quit."""
    name, _, argument = clean(line)[1:].strip().partition(" ")
    argument = argument.strip()
    command = COMMANDS.get(name)
    if command is None:
        hint = suggest(name, COMMANDS, "/") or "see /help, or start the line with // to enter text"
        raise CommandError(f"unknown command /{name}; {hint}")
    if argument and not command.argument:
        raise CommandError(f"/{name} takes no argument, got {argument!r}")
    return command.run(session, argument)


def wrapped(text: str, first: str = "", then: str = "") -> str:
    """Wrap a paragraph to the width of the terminal."""
    return textwrap.fill(text, _width(), initial_indent=first, subsequent_indent=then) + "\n"


def _help(session: Session, _: str) -> TextStream:
    yield wrapped(_INTRODUCTION if session.reader.kind.boundary == "\n" else _SEPARATE_TEXTS)
    commands = {f"/{name} {c.argument}".strip(): c.help for name, c in COMMANDS.items()}
    for rows in (_KEYS, commands):
        yield "\n" + _table(rows)


def _set(session: Session, argument: str) -> TextStream:
    name, space, text = argument.partition(" ")
    name = name.replace("-", "_")
    if not argument:
        yield _settings(session)
        return
    if name not in SETTINGS:
        hint = suggest(name, SETTINGS) or "/set lists all"
        raise CommandError(f"unknown setting {name}; {hint}")
    before = _values(session)
    if space or SETTINGS[name].multiple:
        session.settings = change(session.settings, name, text.strip(), session.reader)
    after = _values(session)
    for each in sorted(after, key=lambda each: each != name):
        if each == name or after[each] != before[each]:  # a default that follows the setting
            yield f"{each} {after[each]}".rstrip() + "\n"


def _show(session: Session, _: str) -> TextStream:
    config = session.reader.engine.config
    size = f"{config.cell} {config.num_layers}x{config.hidden_size}, {config.vocab_size} characters"
    kind = session.reader.kind
    texts = f", {kind.description}" if kind.separate else ""
    yield f"model: {session.name} ({size}{texts})\n"
    yield f"text: {plural(len(session.text), 'character')}\n"
    yield _settings(session)


def _values(session: Session) -> dict[str, str]:
    return {name: format_value(session.settings, name) for name in SETTINGS}


def _settings(session: Session) -> str:
    values = _values(session)
    width, names = max(map(len, values.values())), max(map(len, values))
    return _table(
        {f"{name:{names}}  {values[name]:{width}}": each.help for name, each in SETTINGS.items()}
    )


def _top(session: Session, argument: str) -> TextStream:
    if not (argument or "10").isdecimal() or len(argument) > 7:
        raise CommandError(f"/top takes a whole number, got {argument!r:.40}")
    for character, probability in session.reader.next_characters(
        session.context, int(argument or 10)
    ):
        shown = visible_character(character)
        length = min(_MAX_BAR, _width() - len(shown) - len(" 0.000 "))
        yield f"{shown} {probability:.3f} {bar(probability, length)}".rstrip() + "\n"


def _reset(session: Session, _: str) -> TextStream:
    session.reset()
    yield "started a new text (/undo restores the previous one)\n"


def _undo(session: Session, _: str) -> TextStream:
    turn = session.undo()
    if turn.kind == "reset":
        done = "restored the previous text"
    else:
        done = f"removed {plural(len(turn.typed + turn.answer), 'character')}"
    yield f"{done}; {_end_of_text(session)}\n"


def _regen(session: Session, _: str) -> TextStream:
    typed = session.turns[-1].typed if session.turns else ""
    answer = session.regenerate()
    first = next(answer, "")
    yield typed + first
    yield from answer


def _save(session: Session, argument: str, *, replace: bool = False) -> TextStream:
    if not argument:
        raise CommandError("/save needs a file name")
    text = session.text
    if not text:
        raise CommandError("there is no text to save yet")
    path = _path(argument)
    if os.path.lexists(path) and not replace:
        raise CommandError(f"{argument} exists; /save! {argument} replaces it")
    path = Path(os.path.realpath(path))  # follow a link instead of replacing it
    if os.path.exists(path) and not os.path.isfile(path):
        raise CommandError(f"{argument} is not a regular file; choose another name")
    write_file(path, session.reader.kind.saved(text).encode("utf-8"))
    yield f"saved {plural(len(text), 'character')} to {argument}\n"


def _load(session: Session, argument: str) -> TextStream:
    loaded = Checkpoint.load(find(_path(argument)) if argument else newest())
    yield from _announce_reading(len(session.text))
    session.load(Reader.of(loaded), loaded.name)
    yield f"switched to {session.name}{_unknown(session, session.text)}\n"


def _file(session: Session, argument: str) -> TextStream:
    if not argument:
        raise CommandError("/file needs the name of a text file")
    if argument == "-":
        raise CommandError("/file reads a file, not standard input")
    kind = session.reader.kind
    notes: list[Note] = []
    encoding = session.settings.encoding
    text = read_as(_path(argument), kind, encoding=encoding, report=notes.append)
    for note in notes:
        yield "warning: " * note.warning + note.message(_setting) + "\n"
    if kind.boundary != "\n":
        text = text.removesuffix(kind.boundary)  # the model can continue the last text
    yield from _announce_reading(len(text))
    session.append(text)
    appended = plural(len(text), "character")
    yield f"appended {appended}; {_end_of_text(session)}{_unknown(session, text)}\n"


def _score(session: Session, argument: str) -> TextStream:
    text = session.known(argument) or session.text
    if not text:
        raise CommandError("there is no text to score yet; /score TEXT scores another text")
    before = session.text if argument else ""
    reading = read(session.reader, text, session.context if argument else None)
    for line in describe(text, reading, session.reader.vocabulary, before):
        yield line + "\n"


def _quit(session: Session, _: str) -> TextStream:
    raise EOFError


@dataclass(frozen=True)
class Command:
    """A slash command. argument: its argument as shown in the help; empty if it takes none."""

    argument: str
    help: str
    run: Callable[[Session, str], TextStream]


COMMANDS = {
    "help": Command("", "show this help", _help),
    "set": Command("[NAME [VALUE]]", "show or change a setting [default: list all settings]", _set),
    "show": Command("", "show the model, the length of the text and the settings", _show),
    "top": Command("[N]", "show the N most likely next characters [default: 10]", _top),
    "reset": Command("", "start a new text", _reset),
    "undo": Command("", "undo the last line, /file or /reset", _undo),
    "regen": Command("", "generate the last answer again with the next seed", _regen),
    "save": Command("FILE", "save the text to a new file", _save),
    "save!": Command("FILE", "save the text, replacing a file", partial(_save, replace=True)),
    "load": Command("[MODEL]", "switch to another model [default: the newest]", _load),
    "file": Command("FILE", "append a text file", _file),
    "score": Command(
        "[TEXT]", "score TEXT as a continuation [default: score the whole text]", _score
    ),
    "quit": Command("", "quit", _quit),
}


def error_line(error: ChargenError) -> str:
    """Return the message of an error on one line, with settings named as they are typed."""
    message = str(error)
    if isinstance(error, OptionError | FileError):
        message = error.message(_setting)
    return " ".join(message.splitlines())


def _setting(name: str) -> str:
    return f"/set {name}"


def _path(argument: str) -> Path:
    if "\0" in argument:
        raise CommandError("a file name cannot contain a NUL character")
    return Path(os.path.expanduser(argument))  # Path.expanduser raises for an unknown user


def _announce_reading(count: int) -> TextStream:
    if count > _LONG_TEXT:
        yield f"reading {plural(count, 'character')} (Ctrl-C cancels)\n"


def _unknown(session: Session, text: str) -> str:
    unknown = session.reader.vocabulary.unknown(session.known(text))
    return f"; the model does not know {list_characters(unknown)}" if unknown else ""


def _end_of_text(session: Session) -> str:
    text = session.text
    return f"the text ends with {quoted(text[-40:])}" if text else "the text is empty"


def _table(rows: dict[str, str]) -> str:
    width = max(map(len, rows)) + 2
    indent = " " * (width if _width() - width >= _MIN_COLUMN else 4)
    return "".join(wrapped(text, f"{name:{width}}", indent) for name, text in rows.items())


def _width() -> int:
    return min(100, max(20, shutil.get_terminal_size().columns - 1))
