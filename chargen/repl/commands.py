"""What a line that begins with a slash does. A command yields the text that it shows."""

from __future__ import annotations

import difflib
import os
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chargen.errors import ChargenError, OptionError
from chargen.evaluation.surprisal import surprisals
from chargen.evaluation.units import bits_per_character
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint, newest
from chargen.model.storage import write_file
from chargen.repl.session import Pieces, Session, cleaned
from chargen.repl.settings import SETTINGS, changed, check_name, value_of
from chargen.text.corpus import read_file
from chargen.text.shown import bar

_RULE = """\
Enter: the model writes your line on to its end; on an empty line it writes the next one. All
that you and it wrote is one text, nothing between: a line after the mark > begins a new line, a
line after the mark \u2026 goes on within the last one.
"""
_KEYS = {
    "Right, Tab": "take the whole of what stands in grey",
    "Alt-Right, Alt-F": "take a word of it",
    "Alt-Enter": "a line break within what you type",
    "Ctrl-C": "stop the model and keep what it wrote; clear the line",
    "Ctrl-D": "leave",
    "//": "at the beginning of a line: a slash that is no command",
}
_LONG = 10_000
_PLACES = 5


def is_command(line: str) -> bool:
    """Whether a line is a command; two slashes begin a line of text with one."""
    return line.startswith("/") and not line.startswith("//")


def as_text(line: str) -> str:
    """The text that a line that is no command stands for."""
    return line[1:] if line.startswith("//") else line


def run(session: Session, line: str) -> Pieces:
    """Do what the line says. Raises OptionError where it says nothing known, EOFError to leave."""
    name, _, argument = cleaned(line)[1:].strip().partition(" ")
    argument = argument.strip()
    command = COMMANDS.get(name)
    if command is None:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean /{near[0]}?" if near else "/help lists them, // begins a text"
        raise OptionError(f"there is no command /{name} ({hint})")
    if argument and not command.takes:
        raise OptionError(f"/{name} takes nothing, got {argument!r}")
    return command.run(session, argument)


def picture(character: str) -> str:
    """A character as a picture of itself where it is blank."""
    return {"\n": "\u23ce", " ": "\u2423", "\t": "\u21e5"}.get(character, character)


def _help(session: Session, _: str) -> Pieces:
    yield _wrapped(_RULE)
    shown = {f"/{name} {c.takes}".strip(): c.does for name, c in COMMANDS.items()}
    for rows in (_KEYS, shown):
        yield "\n" + _table(rows)


def _set(session: Session, argument: str) -> Pieces:
    name, given, text = argument.partition(" ")
    if not argument:
        yield _settings(session)
        return
    check_name(name)
    if given or name == "stop":
        session.settings = changed(session.settings, name, text.strip())
    yield f"{name} {value_of(session.settings, name)}\n"


def _show(session: Session, _: str) -> Pieces:
    config = session.reader.engine.config
    size = f"{config.cell} {config.num_layers}x{config.hidden_size}, {config.vocab_size} characters"
    lines = ", each line a text of its own" if session.reader.lines else ""
    yield f"model {session.name} ({size}{lines})\ntext  {len(session.text):,} characters\n"
    yield _settings(session)


def _settings(session: Session) -> str:
    values = {name: value_of(session.settings, name) for name in SETTINGS}
    wide = max(map(len, values.values()))
    return _table({name: f"{value:{wide}}  {SETTINGS[name]}" for name, value in values.items()})


def _top(session: Session, argument: str) -> Pieces:
    if not (argument or "10").isdecimal() or len(argument) > 7:
        raise OptionError(f"/top takes a whole number, got {argument!r:.40}")
    for character, probability in session.reader.likeliest(session.context, int(argument or 10)):
        yield f"{picture(character)} {probability:.3f} {bar(probability, 40)}\n"


def _reset(session: Session, _: str) -> Pieces:
    session.reset()
    yield "a new text begins (/undo brings the old one back)\n"


def _undo(session: Session, _: str) -> Pieces:
    turn = session.undo()
    count = len(turn.typed + turn.written)
    what = "the reset" if turn.kind == "reset" else f"{count:,} characters"
    yield f"took back {what}; the text {_end(session)}\n"


def _regen(session: Session, _: str) -> Pieces:
    typed = session.turns[-1].typed if session.turns else ""
    answer = session.regenerate()
    first = next(answer, "")
    yield typed + first
    yield from answer


def _save(session: Session, argument: str, *, over: bool = False) -> Pieces:
    if not argument:
        raise OptionError("/save takes the name of a file")
    text = session.text
    if not text:
        raise OptionError("there is no text yet to save")
    path = _path(argument)
    if os.path.lexists(path) and not over:
        raise OptionError(f"{argument} exists (/save! {argument} writes over it)")
    path = Path(os.path.realpath(path))  # a link stays one
    if os.path.exists(path) and not os.path.isfile(path):
        raise OptionError(f"{argument} is no file that can be written over (name another)")
    write_file(path, text.encode("utf-8"))
    yield f"saved {len(text):,} characters to {argument}\n"


def _save_over(session: Session, argument: str) -> Pieces:
    return _save(session, argument, over=True)


def _load(session: Session, argument: str) -> Pieces:
    loaded = Checkpoint.load(_path(argument) if argument else newest())
    yield from _reading(len(session.text))
    name = loaded.folder.resolve().name
    session.load(Reader.of(loaded), name)
    yield f"{name} goes on{_never_seen(session, session.text)}\n"


def _file(session: Session, argument: str) -> Pieces:
    if not argument:
        raise OptionError("/file takes the name of a text file")
    text = read_file(_path(argument))
    yield from _reading(len(text))
    session.read(text)
    yield f"read {len(text):,} characters; the text {_end(session)}{_never_seen(session, text)}\n"


def _score(session: Session, argument: str) -> Pieces:
    text = cleaned(argument) or session.text
    if not text:
        raise OptionError("there is no text yet to score (/score TEXT scores one)")
    before = session.text if argument else ""
    nats = surprisals(session.reader, text, session.context if argument else None)
    bits = bits_per_character(float(nats.mean()))
    yield f"{bits:.3f} bits per character over {len(text):,}; the most surprising:\n"
    for k in np.argsort(-nats, kind="stable")[:_PLACES].tolist():
        past = _one_line((before + text[:k])[-24:])
        yield f"{bits_per_character(nats[k]):5.1f} bits  {past}[{_one_line(text[k])}]\n"


def _quit(session: Session, _: str) -> Pieces:
    raise EOFError


@dataclass(frozen=True)
class Command:
    """A slash command. takes: what is typed after it, shown in the help; empty for nothing."""

    takes: str
    does: str
    run: Callable[[Session, str], Pieces]


COMMANDS = {
    "help": Command("", "this", _help),
    "set": Command("NAME VALUE", "change a setting; alone: list them", _set),
    "show": Command("", "the model, the text's length, the settings", _show),
    "top": Command("[N]", "the most likely next characters", _top),
    "reset": Command("", "begin a new text", _reset),
    "undo": Command("", "take the last line and its answer back", _undo),
    "regen": Command("", "write the last answer anew, with the next seed", _regen),
    "save": Command("FILE", "write the text to a file", _save),
    "save!": Command("FILE", "... over one that exists", _save_over),
    "load": Command("[MODEL]", "go on with another model; alone: the newest", _load),
    "file": Command("FILE", "put a text file behind the text", _file),
    "score": Command("[TEXT]", "bits per character, of a text that follows or of all", _score),
    "quit": Command("", "leave", _quit),
}


def one_line(error: ChargenError) -> str:
    """What went wrong."""
    return " ".join(str(error).splitlines())


def _path(argument: str) -> Path:
    if "\0" in argument:
        raise OptionError("a name cannot hold the character NUL")
    return Path(os.path.expanduser(argument))  # pathlib's raises where there is no such user


def _reading(count: int) -> Pieces:
    if count > _LONG:
        yield f"reading {count:,} characters (Ctrl-C leaves it)\n"


def _never_seen(session: Session, text: str) -> str:
    unknown = session.reader.vocabulary.unknown(text)
    more = f" and {len(unknown) - 20} more" if len(unknown) > 20 else ""
    return f"; the model has never seen {' '.join(unknown[:20])}{more}" if unknown else ""


def _end(session: Session) -> str:
    text = session.text
    return f'ends with "{_one_line(text[-40:])}"' if text else "is empty"


def _one_line(text: str) -> str:
    return text.replace("\n", "\u23ce").replace("\t", "\u21e5")


def _table(rows: dict[str, str]) -> str:
    wide = max(map(len, rows)) + 2
    return "".join(
        _wrapped(what, f"{name:{wide}}", " " * min(wide, 24)) for name, what in rows.items()
    )


def _wrapped(text: str, first: str = "", then: str = "") -> str:
    """A paragraph in lines that the terminal does not break within a word."""
    width = min(100, max(20, shutil.get_terminal_size().columns - 1))
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=then) + "\n"
