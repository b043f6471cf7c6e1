"""What a line that begins with a slash may go on with. Loaded by the terminal alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from chargen.model.checkpoint import DEFAULT_ROOT, MODEL
from chargen.repl.commands import COMMANDS, is_command
from chargen.repl.settings import SETTINGS


class CommandCompleter(Completer):
    """Completes slash commands, the settings after /set, paths where a file or model is due."""

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        """What may stand at the cursor."""
        text = document.text_before_cursor
        if not is_command(text):
            return
        name, space, argument = text[1:].partition(" ")
        if not space:
            rows = {each: command.does for each, command in COMMANDS.items()}
            yield from _beginning_with(name, rows)
        elif name == "set":
            if " " not in argument:
                yield from _beginning_with(argument, SETTINGS)
        elif name in ("save", "save!", "file", "load"):
            if name == "load":
                models = sorted(file.parent for file in Path(DEFAULT_ROOT).glob(f"*/{MODEL}"))
                yield from _beginning_with(argument, {str(each): "a model" for each in models})
            paths = PathCompleter(
                only_directories=name == "load", expanduser=True, file_filter=_is_shown
            )
            for path in paths.get_completions(Document(argument), event):
                ending = "/" if path.display_text.endswith("/") else ""
                yield Completion(path.text + ending, display=path.display)


def _is_shown(path: str) -> bool:
    return not Path(path).name.startswith(".")


def _beginning_with(start: str, rows: dict[str, str]) -> Iterator[Completion]:
    for name, meaning in rows.items():
        if name.startswith(start):
            yield Completion(name, -len(start), display_meta=meaning)
