"""Predict what follows the line that is being typed, in small steps.

The steps are small so that the terminal can react to a key between two of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chargen.generation.context import Context, Reader
from chargen.text.display import visible

MAX_SUGGESTION = 60
NUM_CHARACTERS = 5

# Characters of a pasted text that are read in one step: 20 ms for a 2x1024 LSTM.
_STEP_LENGTH = 16
# The number of cached contexts; one takes 16 kB for a 2x1024 LSTM.
_MAX_CONTEXTS = 512


class Prediction(NamedTuple):
    """What the model predicts after a line.

    next_characters: the most likely next characters and their probabilities; None until the whole
    line has been read.
    suggestion: the greedy continuation, as far as it has been computed.
    """

    next_characters: list[tuple[str, float]] | None
    suggestion: str


class Line:
    """A line after a context; caches the contexts after its prefixes.

    Typing a character costs one step of the engine, deleting one costs nothing.
    """

    def __init__(self, reader: Reader, base: Context) -> None:
        self._reader = reader
        self._text = ""  # the longest text with cached prefixes
        self._contexts = {0: base}  # by length of the prefix

    def context_after(self, text: str) -> Context:
        """Read the line and return the context after it."""
        for _ in self._read(text):
            pass
        return self._contexts[len(text)]

    def predict(self, text: str, confidence: float) -> Iterator[Prediction]:
        """Yield the prediction after each step of work; the last one is complete.

        The suggestion is the greedy continuation. It ends before the first character with a
        probability below `confidence`, and before a newline, tab or control character.
        """
        for _ in self._read(text):
            yield Prediction(None, "")
        next_characters = self._reader.next_characters(self._contexts[len(text)], NUM_CHARACTERS)
        suggestion = ""
        character, probability = next_characters[0]
        while True:
            yield Prediction(next_characters, suggestion)
            if len(suggestion) == MAX_SUGGESTION or probability < confidence:
                return
            if character in "\n\t" or visible(character) != character:
                return
            suggestion += character
            context = self.context_after(text + suggestion)
            ((character, probability),) = self._reader.next_characters(context, 1)

    def _read(self, text: str) -> Iterator[None]:
        if not self._text.startswith(text):
            if not text.startswith(self._text):
                kept = {n: c for n, c in self._contexts.items() if self._text[:n] == text[:n]}
                self._contexts = kept
            self._text = text
        length = max(length for length in self._contexts if length <= len(text))
        context = self._contexts[length]
        while length < len(text):
            piece = text[length : length + _STEP_LENGTH]
            context = self._reader.read(piece, context)
            length += len(piece)
            self._contexts[length] = context
            while len(self._contexts) > _MAX_CONTEXTS:
                del self._contexts[next(length for length in self._contexts if length)]
            yield
