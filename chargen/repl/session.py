"""A text that a person and a model write together, without a terminal.

The text is what was typed and what the model wrote, end to end, nothing between: a line goes on
exactly where the text stands. Where the model ends at a newline the newline belongs to the text,
so the next line begins a new one; where it ends for another reason, within a line.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from chargen.errors import OptionError
from chargen.generation.context import Context, Reader
from chargen.generation.generate import generate, random_seed
from chargen.generation.sampler import MOST_SEED
from chargen.generation.settings import Settings
from chargen.model.engine import Floats, Ids, States
from chargen.records import Drawn
from chargen.repl.line import Line, Thought
from chargen.text.corpus import normalise

# What is shown piece by piece, and may be closed before its end.
Pieces = Generator[str, None, None]

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Turn:
    """One step of a session and the context after it.

    kind: "answered", a line and what the model wrote; "read", a text that was only read; "reset".
    """

    kind: Literal["answered", "read", "reset"]
    typed: str
    written: str
    after: Context


class Session:
    """A reader, settings, and the turns that made the text.

    settings.confidence is that of the ghost; settings.seed is the next text's, and each text
    takes the one after it. whole_lines: a line is finished in any case, with a newline after
    whatever the model wrote, as in a script, whose next line has nothing to do with it.
    """

    def __init__(
        self, reader: Reader, settings: Settings, *, name: str, whole_lines: bool = False
    ) -> None:
        if settings.seed is None:
            settings = replace(settings, seed=random_seed())
        self.reader = reader
        self.settings = settings
        self.name = name
        self.turns: list[Turn] = []
        self._whole_lines = whole_lines
        self._line = Line(reader, reader.start)

    @property
    def text(self) -> str:
        """Everything that was typed and written since the last reset."""
        parts: list[str] = []
        for turn in reversed(self.turns):
            if turn.kind == "reset":
                break
            parts += turn.written, turn.typed
        return "".join(reversed(parts))

    @property
    def context(self) -> Context:
        """The end of the text."""
        return self.turns[-1].after if self.turns else self.reader.start

    @property
    def at_line_start(self) -> bool:
        """Whether the next line begins a new one."""
        return self.text[-1:] in ("", "\n")

    def think(self, line: str) -> Iterator[Thought]:
        """What the model makes of a line that is being typed; see `Line.think`."""
        return self._line.think(cleaned(line), self.settings.confidence)

    def respond(self, line: str) -> Pieces:
        """Yield what the model writes on from the line; both belong to the text.

        Closed or interrupted, what was written until then stays.
        """
        typed = cleaned(line)
        settings = self.settings
        assert settings.seed is not None
        context = self._line.whole(typed)
        before = self.text + typed if settings.repetition else ""
        sampler = settings.sampler(self.reader, before)
        stopping = replace(settings.stopping, confidence=0.0)
        self.settings = replace(
            settings, seed=settings.seed + 1 if settings.seed < MOST_SEED else 0
        )
        tape = _Tape(self.reader, context, room=max(map(len, stopping.texts), default=0))
        written = ""
        try:
            for record in generate(tape, sampler, context, stopping):
                if isinstance(record, Drawn):
                    written += record.character
                    yield record.character
                elif record.reason == "newline" or self._whole_lines:
                    written += "\n"
                    yield "\n"
        finally:
            self._add(Turn("answered", typed, written, tape.after(written)))

    def regenerate(self) -> Pieces:
        """Write the last answer anew, with the next seed."""
        turn = self._last()
        if turn.kind != "answered":
            raise OptionError("the last thing was no answer, so there is none to write anew")
        count = len(self.turns)
        self._drop()
        try:
            yield from self.respond(turn.typed)
        finally:
            if len(self.turns) < count:  # interrupted before it began
                self._add(turn)

    def read(self, text: str) -> None:
        """Put a text behind the text, with nothing written after it."""
        text = cleaned(text)
        self._add(Turn("read", text, "", self.reader.read(text, self.context)))

    def reset(self) -> None:
        """Begin a new text."""
        self._add(Turn("reset", "", "", self.reader.start))

    def undo(self) -> Turn:
        """Take the last turn back, a reset too, and return it."""
        turn = self._last()
        self._drop()
        return turn

    def load(self, reader: Reader, name: str) -> None:
        """Go on with another model, which reads the text so far."""
        turns: list[Turn] = []
        context = reader.start
        for turn in self.turns:
            context = (
                reader.start
                if turn.kind == "reset"
                else reader.read(turn.typed + turn.written, context)
            )
            turns.append(replace(turn, after=context))
        self.reader, self.name, self.turns = reader, name, turns
        self._line = Line(reader, self.context)

    def _last(self) -> Turn:
        if not self.turns:
            raise OptionError("nothing was written yet, so there is nothing to take back")
        return self.turns[-1]

    def _add(self, turn: Turn) -> None:
        self.turns.append(turn)
        self._line = Line(self.reader, self.context)

    def _drop(self) -> None:
        self.turns.pop()
        self._line = Line(self.reader, self.context)


class _Tape(Reader):
    """A reader that remembers the last contexts it stepped through.

    When writing ends, the context after the last character that stays is at hand, and reading
    the answer again is saved. room: so many characters may have been stepped through in vain.
    """

    def __init__(self, reader: Reader, begin: Context, *, room: int) -> None:
        super().__init__(reader.engine, reader.vocabulary, lines=reader.lines)
        self.start = reader.start
        self._contexts = deque([begin], maxlen=room + 2)
        self._steps = 0

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        """Read one character, and remember where that led."""
        logits, states = super().step(ids, states)
        self._steps += 1
        self._contexts.append(Context(states, logits))
        return logits, states

    def after(self, text: str) -> Context:
        """The context after a text that is what was stepped through, but for its end."""
        known = min(len(text), self._steps)
        return self.read(text[known:], self._contexts[known - self._steps - 1])


def cleaned(line: str) -> str:
    """A typed line with newlines as in a corpus and U+FFFD for what is half a character."""
    return _SURROGATE.sub("\ufffd", normalise(line))
