"""A text that a user and a model write in turns, independent of any terminal.

The text is everything that was typed and generated, joined without separators. If an answer ends
with a newline or with the boundary of a separate text, this is part of the text, and the next line
starts a new line or a new text. If it ends for another reason, the next line continues the current
line.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from chargen.errors import CommandError
from chargen.generation.context import Context, Reader
from chargen.generation.generate import generate, random_seed
from chargen.generation.records import Drawn
from chargen.model.engine import Floats, Ids, States
from chargen.options import MAX_SEED
from chargen.repl.line import Line, Prediction
from chargen.repl.settings import SessionSettings, model_defaults
from chargen.text.decoding import normalise

# A generator of text to print; it may be closed before its end.
TextStream = Generator[str, None, None]

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Turn:
    """One step of a session.

    kind: "answer" for a typed line and the model's answer, "append" for an appended text, "reset"
    for the start of a new text. context: the context after the turn.
    """

    kind: Literal["answer", "append", "reset"]
    typed: str
    answer: str
    context: Context


class Session:
    """A model, its settings and the turns of the text so far.

    whole_lines: end every answer with a newline, as a script expects.
    """

    def __init__(
        self,
        reader: Reader,
        settings: SessionSettings,
        *,
        name: str,
        whole_lines: bool = False,
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
        """Everything that was typed and generated since the last reset."""
        parts: list[str] = []
        for turn in reversed(self.turns):
            if turn.kind == "reset":
                break
            parts += turn.answer, turn.typed
        return "".join(reversed(parts))

    @property
    def context(self) -> Context:
        """The context after the text."""
        return self.turns[-1].context if self.turns else self.reader.start

    @property
    def at_line_start(self) -> bool:
        """Whether the next typed line starts a new line of the text."""
        return self.text[-1:] in ("", "\n", self.reader.kind.boundary)

    def known(self, line: str) -> str:
        """Return a typed text as the model reads it, in the model's Unicode normal form."""
        return self.reader.vocabulary.known_form(clean(line))

    def predict(self, line: str) -> Iterator[Prediction]:
        """Predict what follows a line that is being typed; see `Line.predict`."""
        return self._line.predict(self.known(line), self.settings.confidence)

    def respond(self, line: str) -> TextStream:
        """Yield the model's answer to a line; line and answer become part of the text.

        If the generator is closed or interrupted, the characters generated so far are kept.
        """
        typed = self.known(line)
        prompt = self.text + typed
        context = self._line.context_after(typed)
        settings = replace(self.settings, confidence=0.0)
        assert settings.seed is not None
        self.settings = replace(self.settings, seed=(settings.seed + 1) % (MAX_SEED + 1))
        recorder = RecordingReader(
            self.reader, context, max_discarded=max(map(len, settings.stop_texts), default=1)
        )
        answer = ""
        try:
            for record in generate(recorder, settings, prompt, context=context):
                if isinstance(record, Drawn):
                    answer += record.character
                    yield record.character
                elif record.reason == "end":
                    boundary = self.reader.kind.boundary
                    blank_line = boundary != "\n" and "\n" in typed + answer
                    answer += boundary
                    yield "\n\n" if blank_line else "\n"
                elif record.reason == "newline" or self._whole_lines:
                    answer += "\n"
                    yield "\n"
        finally:
            turn = Turn("answer", typed, answer, recorder.context_after(answer))
            self._set_turns([*self.turns, turn])

    def regenerate(self) -> TextStream:
        """Generate the last answer again with the next seed."""
        if not self.turns or self.turns[-1].kind != "answer":
            raise CommandError("there is no answer to regenerate")
        *before, turn = turns = self.turns
        self._set_turns(before)
        try:
            yield from self.respond(turn.typed)
        finally:
            if self.turns is before:  # interrupted before the first character
                self._set_turns(turns)

    def append(self, text: str) -> None:
        """Append a text without an answer."""
        text = self.known(text)
        turn = Turn("append", text, "", self.reader.read(text, self.context))
        self._set_turns([*self.turns, turn])

    def reset(self) -> None:
        """Start a new text."""
        self._set_turns([*self.turns, Turn("reset", "", "", self.reader.start)])

    def undo(self) -> Turn:
        """Remove the last turn and return it."""
        if not self.turns:
            raise CommandError("there is nothing to undo")
        *before, turn = self.turns
        self._set_turns(before)
        return turn

    def load(self, reader: Reader, name: str) -> None:
        """Switch to another model, which reads the text so far, with its own boundary."""
        turns: list[Turn] = []
        context = reader.start
        old, new = self.reader.kind.boundary, reader.kind.boundary
        for turn in self.turns:
            context = reader.start if turn.kind == "reset" else context
            typed, answer = turn.typed, turn.answer
            if old != "\n":  # a newline also separates the lines of a document
                typed, answer = typed.replace(old, new), answer.replace(old, new)
            context = reader.read(typed + answer, context)
            turns.append(Turn(turn.kind, typed, answer, context))
        before, after = model_defaults(self.reader), model_defaults(reader)
        kept = [each for each in before if getattr(self.settings, each) != before[each]]
        changed = {each: value for each, value in after.items() if each not in kept}
        self.settings = replace(self.settings, **changed)
        self.reader, self.name = reader, name
        self._set_turns(turns)

    def _set_turns(self, turns: list[Turn]) -> None:
        self.turns = turns
        self._line = Line(self.reader, self.context)


class RecordingReader(Reader):
    """A reader that records the contexts of its last steps.

    It returns the context after an answer without reading the answer again. max_discarded: the
    largest number of characters that are read but do not become part of the answer.
    """

    def __init__(self, reader: Reader, context: Context, *, max_discarded: int) -> None:
        super().__init__(reader.engine, reader.vocabulary, kind=reader.kind)
        self.start = reader.start
        self._contexts = deque([context], maxlen=max_discarded + 2)
        self._num_steps = 0

    def step(self, ids: Ids, states: States) -> tuple[Floats, States]:
        logits, states = super().step(ids, states)
        self._num_steps += 1
        self._contexts.append(Context(states, logits))
        return logits, states

    def context_after(self, answer: str) -> Context:
        """Return the context after an answer that differs from the steps only at its end."""
        known = min(len(answer), self._num_steps)
        return self.read(answer[known:], self._contexts[known - self._num_steps - 1])


def clean(line: str) -> str:
    """Normalise newlines, and replace lone surrogates with U+FFFD."""
    return _SURROGATE.sub("\ufffd", normalise(line))
