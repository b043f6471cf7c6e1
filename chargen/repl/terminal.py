"""The session on a terminal: lines are edited, the ghost and the toolbar follow each key.

The engine belongs to one thread, and a key must never wait for it. So it works in the loop that
takes the keys, a few milliseconds a turn, and what is known is shown; a key that changes the line
ends the work on the old one.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth, is_dumb_terminal

from chargen.errors import ChargenError
from chargen.repl.commands import as_text, is_command, one_line, picture, run
from chargen.repl.completion import CommandCompleter
from chargen.repl.line import Thought
from chargen.repl.session import Pieces, Session
from chargen.repl.settings import value_of
from chargen.text.shown import bar, visible

NEW_LINE, WITHIN = "> ", "\u2026 "

_TURN = 0.004  # seconds of work between two looks at the keyboard
_SHOW = 0.05  # seconds between two looks of the user at a ghost that grows: to draw takes 5 ms
_BAR = 4
_WORD = re.compile(r"\s*\S*\s*")
_STYLE = Style.from_dict(
    {
        # Without colours (NO_COLOR) the ghost must still not look typed.
        "auto-suggestion": "ansibrightblack italic",
        "bottom-toolbar": "noreverse",
        "note": "bold",
        "share": "ansicyan",
        "typed": "bold",
        "mark": "ansibrightblack",
        "error": "ansired",
    }
)


class Terminal:
    """Reads lines from a terminal and lets the session answer, until Ctrl-D."""

    def __init__(
        self,
        session: Session,
        *,
        history: Path | None = None,
        input: Input | None = None,  # noqa: A002 - the library's word
        output: Output | None = None,
    ) -> None:
        self._session = session
        self._likeliest: list[tuple[str, float]] = []
        self._note = ""
        self._shown = "", ""  # the line that was thought about last, and its ghost
        self._work: asyncio.Task[None] | None = None
        self._at_line_start = True
        self._prompt: PromptSession[str] = PromptSession(
            self._mark,
            completer=CommandCompleter(),
            complete_while_typing=Condition(self._on_command),
            bottom_toolbar=self._toolbar,
            erase_when_done=True,
            history=open_history(history),
            input=input,
            key_bindings=self._keys(),
            output=output,
            prompt_continuation=lambda width, _, wrapped: "" if wrapped else " " * width,
            style=_STYLE,
        )
        self._dumb = output is None and is_dumb_terminal()  # as the library has it
        self._prompt.default_buffer.on_text_changed += self._changed

    def run(self) -> None:
        """Answer line after line. Returns when the user leaves."""
        name = self._session.name
        self._write(f"{name}: Enter writes on, Tab takes the grey, /help tells the rest\n")
        while True:
            try:
                line = self._prompt.prompt(pre_run=self._begin)
                self._answer(line)
            except KeyboardInterrupt:
                self._end_line()
            except EOFError:
                return

    def _answer(self, line: str) -> None:
        if not self._dumb:  # where what was typed still stands there
            self._repeat(line)
        try:
            if is_command(line):
                self._write("\n")
                self._write_all(run(self._session, line))
            else:
                self._write_all(self._session.respond(as_text(line)))
        except ChargenError as error:
            self._end_line()
            self._print([("class:error", f"error: {visible(one_line(error))}")], end="\n")
        finally:
            self._end_line()

    def _repeat(self, line: str) -> None:
        """Show the line again, now without its ghost and ready to be written on."""
        self._at_line_start = False
        self._print([*self._mark(), ("class:typed", visible(line))], end="")

    def _write_all(self, pieces: Pieces) -> None:
        with contextlib.closing(pieces):  # Ctrl-C may come between two of them
            for piece in pieces:
                self._write(piece)

    def _write(self, text: str) -> None:
        self._prompt.output.write(visible(text))
        self._prompt.output.flush()
        self._at_line_start = text.endswith("\n")

    def _end_line(self) -> None:
        if not self._at_line_start:
            self._write("\n")

    def _print(self, fragments: StyleAndTextTuples, end: str) -> None:
        text = FormattedText(fragments)
        print_formatted_text(text, end=end, style=_STYLE, output=self._prompt.output)

    def _mark(self) -> StyleAndTextTuples:
        return [("class:mark", NEW_LINE if self._session.at_line_start else WITHIN)]

    def _begin(self) -> None:
        self._shown = "", ""
        self._changed(self._prompt.default_buffer)

    def _changed(self, buffer: Buffer) -> None:
        """Begin to think about the line as it now stands."""
        if self._work is not None:
            self._work.cancel()
            self._work = None
        line = buffer.text
        self._note = ""
        if is_command(line) or self._dumb or not self._prompt.app.is_running:
            return
        unknown = self._session.reader.vocabulary.unknown(line)
        if unknown:
            self._note = f"never seen: {visible(' '.join(unknown[:8]))}"
        before, ghost = self._shown
        if len(line) > len(before) and (before + ghost).startswith(line):
            # It came as expected: the rest of the ghost stays while the line is thought about.
            self._show(buffer, line, ghost[len(line) - len(before) :])
        self._work = self._prompt.app.create_background_task(self._think(buffer, line))

    async def _think(self, buffer: Buffer, line: str) -> None:
        until = time.monotonic() + _TURN
        shown = 0.0
        for thought in self._session.think(as_text(line)):
            last = thought
            if (now := time.monotonic()) < until:
                continue
            if now > shown + _SHOW:
                self._take(buffer, line, last)
                shown = now
            await asyncio.sleep(0)  # the keys' turn
            until = time.monotonic() + _TURN
        self._take(buffer, line, last)

    def _take(self, buffer: Buffer, line: str, thought: Thought) -> None:
        if thought.likeliest is not None:
            self._likeliest = thought.likeliest
            self._show(buffer, line, thought.ghost)
        self._prompt.app.invalidate()

    def _show(self, buffer: Buffer, line: str, ghost: str) -> None:
        self._shown = line, ghost
        buffer.suggestion = Suggestion(ghost) if ghost else None

    def _toolbar(self) -> StyleAndTextTuples:
        columns = self._prompt.output.get_size().columns
        settings = self._session.settings
        parts: list[StyleAndTextTuples] = [[("class:note", self._note)]] if self._note else []
        parts += [_share(character, share) for character, share in self._likeliest]
        parts.append([("class:name", visible(self._session.name))])
        for name in ("temperature", "length", "confidence"):
            parts.append([("", f"{name} {value_of(settings, name)}")])
        fitting: StyleAndTextTuples = []
        left = columns - 1
        for part in parts:
            wide = sum(get_cwidth(piece[1]) for piece in part) + 2
            if wide > left:
                break
            left -= wide
            fitting += [*part, ("", "  ")]
        return fitting

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        ghost = Condition(lambda: bool(self._ghost()))

        @keys.add("right", filter=ghost)
        @keys.add("tab", filter=ghost)
        @keys.add("c-e", filter=ghost)
        @keys.add("c-f", filter=ghost)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text(self._ghost())

        @keys.add("escape", "right", filter=ghost)
        @keys.add("escape", "f", filter=ghost)
        def _(event: KeyPressEvent) -> None:
            word = _WORD.match(self._ghost())
            assert word is not None
            event.current_buffer.insert_text(word[0])

        @keys.add("tab", filter=Condition(self._on_command))
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            state = buffer.complete_state
            if state is None:
                buffer.start_completion(insert_common_part=True)
            elif len(state.completions) == 1:  # the next Tab completes what comes behind it
                buffer.apply_completion(state.completions[0])
            else:
                buffer.complete_next()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.reset()
            self._begin()
            self._note = "Ctrl-D leaves"

        return keys

    def _on_command(self) -> bool:
        return is_command(self._prompt.default_buffer.text)

    def _ghost(self) -> str:
        """What stands in grey behind the cursor."""
        buffer = self._prompt.default_buffer
        at_end = buffer.document.is_cursor_at_the_end
        return buffer.suggestion.text if buffer.suggestion and at_end else ""


def open_history(file: Path | None) -> History:
    """The lines of former sessions; where their file cannot be written, of this one alone."""
    if file is None:
        return InMemoryHistory()
    try:
        file.parent.mkdir(0o700, parents=True, exist_ok=True)
        with open(file, "ab"):
            pass
    except OSError:
        return InMemoryHistory()
    return _Lines(str(file))


class _Lines(FileHistory):
    """A file that a full disk or a folder taken away does not make an error of."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(string)


def _share(character: str, share: float) -> StyleAndTextTuples:
    """A character and its probability, always as wide, so that nothing jumps."""
    shown = visible(picture(character))
    if not get_cwidth(shown):  # a combining mark takes a circle to stand on
        shown = "\u25cc" + shown
    number = "1.0" if share >= 0.995 else f"{share:.2f}"[1:]
    blank = " " * max(0, 2 - get_cwidth(shown))
    return [("", shown + blank), ("class:share", f"{bar(share, _BAR):<{_BAR}}"), ("", number)]
