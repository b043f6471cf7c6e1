"""Completion of slash commands and their arguments. Only the terminal imports it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from chargen.model.find import names
from chargen.repl.commands import COMMANDS, is_command
from chargen.repl.settings import SETTINGS


class CommandCompleter(Completer):
    """Completes slash commands, settings after /set, names of models, and paths."""

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        text = document.text_before_cursor
        if not is_command(text):
            return
        name, space, argument = text[1:].partition(" ")
        if not space:
            rows = {each: command.help for each, command in COMMANDS.items()}
            yield from _starting_with(name, rows)
        elif name == "set":
            if " " not in argument:
                rows = {name: each.help for name, each in SETTINGS.items()}
                yield from _starting_with(argument, rows)
        elif name in ("save", "save!", "file", "load"):
            if name == "load":
                yield from _starting_with(argument, dict.fromkeys(names(), "model"))
            paths = PathCompleter(
                only_directories=name == "load", expanduser=True, file_filter=_is_not_hidden
            )
            for path in paths.get_completions(Document(argument), event):
                ending = "/" if path.display_text.endswith("/") else ""
                yield Completion(path.text + ending, display=path.display)


def _is_not_hidden(path: str) -> bool:
    return not Path(path).name.startswith(".")


def _starting_with(start: str, rows: dict[str, str]) -> Iterator[Completion]:
    for name, description in rows.items():
        if name.startswith(start):
            yield Completion(name, -len(start), display_meta=description)
