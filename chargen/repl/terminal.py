"""A session in a terminal, with a suggestion and a toolbar that follow each key.

The engine supports one thread, and a key must never wait for it. Therefore the engine runs in the
event loop of the terminal, a few milliseconds at a time. Partial results are displayed; a change
of the line cancels the work on the old one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.completion import generate_completions
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth, is_dumb_terminal

from chargen.errors import ChargenError
from chargen.repl.commands import as_text, error_line, is_command, run, wrapped
from chargen.repl.completion import CommandCompleter
from chargen.repl.line import Prediction
from chargen.repl.session import Session
from chargen.repl.settings import format_value
from chargen.repl.word_wrap import WordWrap
from chargen.text.display import (
    bar,
    list_characters,
    plural,
    shortened,
    visible,
    visible_character,
)

NEW_LINE, SAME_LINE = "> ", "\u2026 "

_TIME_SLICE = 0.004  # seconds of work before the event loop handles keys
_REDRAW_INTERVAL = 0.05  # seconds between two displays of a growing suggestion; one takes 5 ms
_BAR_WIDTH = 4
_GAP = "  "  # between the parts of the toolbar
_MIN_NAME = 6  # columns of a shortened name of a model
_SHOWN_SETTINGS = ("temperature", "length", "confidence")
_MAX_UNKNOWN = 8
_WORD = re.compile(r"\s*\S*\s*")
_STYLE = Style.from_dict(
    {
        # Italic distinguishes the suggestion without colours (NO_COLOR) too.
        "auto-suggestion": "ansibrightblack italic",
        "bottom-toolbar": "noreverse",
        "note": "bold",
        "probability": "ansicyan",
        "typed": "bold",
        "prompt-mark": "ansibrightblack",
        "error": "ansired",
    }
)


class Terminal:
    """Reads lines from a terminal and prints the answers, until the user quits."""

    def __init__(self, session: Session, *, history: History | None = None) -> None:
        self._session = session
        self._next_characters: list[tuple[str, float]] = []
        self._note = ""
        self._suggested = "", ""  # the last line with a suggestion, and the suggestion
        self._task: asyncio.Task[None] | None = None
        self._after_answer = ""  # the note of the next line
        self._prompt: PromptSession[str] = PromptSession(
            self._prompt_mark,
            completer=CommandCompleter(),
            complete_while_typing=Condition(self._is_command),
            bottom_toolbar=self._toolbar,
            erase_when_done=True,
            history=history,
            key_bindings=self._keys(),
            prompt_continuation=lambda width, _, wrapped: "" if wrapped else " " * width,
            style=_STYLE,
        )
        self._wrap = WordWrap(self._columns)
        self._dumb = is_dumb_terminal()
        self._prompt.default_buffer.on_text_changed += self._changed

    def run(self) -> None:
        """Answer lines until the user quits."""
        noun = "line" if self._session.reader.kind.boundary == "\n" else "text"
        self._write(
            wrapped(
                f"Model {self._session.name}. Press Enter to let the model finish your {noun}, Tab"
                " to accept the suggestion. Type /help for all keys and commands."
            )
        )
        while True:
            try:
                line = self._prompt.prompt(pre_run=self._begin)
                self._answer(line)
            except KeyboardInterrupt:
                self._end_line()
            except EOFError:
                return

    def _answer(self, line: str) -> None:
        if not self._dumb:  # a dumb terminal (TERM=dumb) still shows the typed line
            for style, text, *_ in self._prompt_mark():
                self._write(text, style)
            self._write(line, "class:typed")
        try:
            if is_command(line):
                self._write("\n")
                pieces = run(self._session, line)
            else:
                pieces = self._session.respond(as_text(line))
            with contextlib.closing(pieces):  # Ctrl-C may arrive between two pieces
                for piece in pieces:
                    self._write(piece)
            if not line:
                length = len(self._session.turns[-1].answer.removesuffix("\n"))
                wrote = plural(length, "character") if length else "an empty line"
                self._after_answer = f"the model wrote {wrote} (/undo)"
        except ChargenError as error:
            self._end_line()
            self._write(wrapped(f"error: {error_line(error)}"), "class:error")
        finally:
            self._end_line()

    def _write(self, text: str, style: str = "") -> None:
        # prompt_toolkit would write "?" for a character that the encoding lacks.
        encoding, errors = sys.stdout.encoding or "utf-8", sys.stdout.errors or "backslashreplace"
        shown = visible(text).encode(encoding, errors).decode(encoding)
        self._print(self._wrap.add(shown, style))

    def _end_line(self) -> None:
        if not self._wrap.at_line_start:
            self._write("\n")

    def _print(self, fragments: StyleAndTextTuples) -> None:
        output = self._prompt.output
        if any(style for style, *_ in fragments):
            print_formatted_text(FormattedText(fragments), end="", style=_STYLE, output=output)
        elif fragments:
            output.write("".join(text for _, text, *_ in fragments))
            output.flush()

    def _columns(self) -> int:
        return self._prompt.output.get_size().columns

    def _prompt_mark(self) -> StyleAndTextTuples:
        return [("class:prompt-mark", NEW_LINE if self._session.at_line_start else SAME_LINE)]

    def _begin(self) -> None:
        self._suggested = "", ""
        self._changed(self._prompt.default_buffer)
        self._note, self._after_answer = self._after_answer, ""

    def _changed(self, buffer: Buffer) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        line = buffer.text
        self._note = ""
        if is_command(line) or self._dumb or not self._prompt.app.is_running:
            return
        unknown = self._session.reader.vocabulary.unknown(self._session.known(line))
        if unknown:
            self._note = f"unknown: {list_characters(unknown, _MAX_UNKNOWN)}"
        before, suggestion = self._suggested
        if len(line) > len(before) and (before + suggestion).startswith(line):
            # The user typed the suggested text: keep the rest until the new prediction is ready.
            self._suggest(buffer, line, suggestion[len(line) - len(before) :])
        self._task = self._prompt.app.create_background_task(self._predict(buffer, line))

    async def _predict(self, buffer: Buffer, line: str) -> None:
        slice_end = time.monotonic() + _TIME_SLICE
        displayed = 0.0
        for prediction in self._session.predict(as_text(line)):
            last = prediction
            if (now := time.monotonic()) < slice_end:
                continue
            if now > displayed + _REDRAW_INTERVAL:
                self._display(buffer, line, last)
                displayed = now
            await asyncio.sleep(0)  # let the event loop handle keys
            slice_end = time.monotonic() + _TIME_SLICE
        self._display(buffer, line, last)

    def _display(self, buffer: Buffer, line: str, prediction: Prediction) -> None:
        if prediction.next_characters is not None:
            self._next_characters = prediction.next_characters
            self._suggest(buffer, line, prediction.suggestion)
        self._prompt.app.invalidate()

    def _suggest(self, buffer: Buffer, line: str, suggestion: str) -> None:
        self._suggested = line, suggestion
        buffer.suggestion = Suggestion(suggestion) if suggestion else None

    def _toolbar(self) -> StyleAndTextTuples:
        free = self._columns() - 1
        parts: list[StyleAndTextTuples] = []
        if self._note:
            parts.append([("class:note", shortened(self._note, free))])
        parts += [_probability(*each) for each in self._next_characters]
        toolbar: StyleAndTextTuples = []
        for part in parts:
            width = sum(get_cwidth(piece[1]) for piece in part) + len(_GAP)
            if width - len(_GAP) > free:
                break
            free -= width
            toolbar += [*part, ("", _GAP)]
        return [*toolbar, *self._name_and_settings(free)]

    def _name_and_settings(self, free: int) -> StyleAndTextTuples:
        """Return as many settings as fit next to at least the ends of the model's name."""
        name, settings = visible(self._session.name), self._session.settings
        shown = [f"{each} {format_value(settings, each)}" for each in _SHOWN_SETTINGS]
        least = min(get_cwidth(name), _MIN_NAME)
        for count in range(len(shown), 0, -1):
            text = _GAP.join(shown[:count])
            if (room := free - len(_GAP) - len(text)) >= least:
                return [("class:name", shortened(name, room)), ("", _GAP + text)]
        if len(shown[0]) <= free:
            return [("", shown[0])]
        return [("class:name", shortened(name, free))] if free >= least else []

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        has_suggestion = Condition(lambda: bool(self._suggestion()))

        # Right, Ctrl-E and Ctrl-F do the same in prompt_toolkit.
        @keys.add("tab", filter=has_suggestion)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text(self._suggestion())

        @keys.add("escape", "right", filter=has_suggestion)
        @keys.add("escape", "f", filter=has_suggestion)
        def _(event: KeyPressEvent) -> None:
            word = _WORD.match(self._suggestion())
            assert word is not None
            event.current_buffer.insert_text(word[0])

        @keys.add("tab", filter=Condition(self._is_command))
        def _(event: KeyPressEvent) -> None:
            state = event.current_buffer.complete_state
            if state is not None and len(state.completions) == 1:
                # The next Tab completes the argument.
                event.current_buffer.apply_completion(state.completions[0])
            else:
                generate_completions(event)

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.reset()
            self._begin()
            self._note = "Ctrl-D quits"

        return keys

    def _is_command(self) -> bool:
        return is_command(self._prompt.default_buffer.text)

    def _suggestion(self) -> str:
        """Return the suggestion; it is empty unless the cursor is at the end."""
        buffer = self._prompt.default_buffer
        at_end = buffer.document.is_cursor_at_the_end
        return buffer.suggestion.text if buffer.suggestion and at_end else ""


class TolerantHistory(FileHistory):
    """A history file that ignores errors, such as a full disk or a read-only folder."""

    def load_history_strings(self) -> Iterable[str]:
        with contextlib.suppress(OSError):
            return list(super().load_history_strings())
        return []

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            Path(os.fsdecode(self.filename)).parent.mkdir(0o700, parents=True, exist_ok=True)
            super().store_string(string)


def _probability(character: str, probability: float) -> StyleAndTextTuples:
    """Return a character and its probability in a fixed width, to keep the toolbar steady."""
    shown = visible_character(character)
    number = "1.0" if probability >= 0.995 else f"{probability:.2f}"[1:]
    padding = " " * max(0, 2 - get_cwidth(shown))
    return [
        ("", shown + padding),
        ("class:probability", f"{bar(probability, _BAR_WIDTH):<{_BAR_WIDTH}}"),
        ("", number),
    ]
