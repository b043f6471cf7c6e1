"""The line that is being typed: what the model makes of it, a step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chargen.generation.context import Context, Reader
from chargen.text.shown import visible

LONGEST_GHOST = 60
SHOWN = 5

# So many characters of a pasted text are read before a key can get in: 20 ms of a 2x1024 LSTM.
_PIECE = 16
# The contexts that are kept; of a 2x1024 LSTM one takes 16 kB.
_MOST_CONTEXTS = 512


class Thought(NamedTuple):
    """What the model makes of a line so far.

    likeliest: the next characters and their probabilities; None while the line is being read.
    ghost: what it would go on with, as far as it is known and confident.
    """

    likeliest: list[tuple[str, float]] | None
    ghost: str


class Line:
    """A line that goes on from a context, and the contexts after its beginnings.

    One more character costs one step of the engine, one less a look-up.
    """

    def __init__(self, reader: Reader, base: Context) -> None:
        self._reader = reader
        self._text = ""  # the longest text whose beginnings may be known
        self._contexts = {0: base}  # by the length of the beginning

    def whole(self, text: str) -> Context:
        """The context after the line."""
        for _ in self._read(text):
            pass
        return self._contexts[len(text)]

    def think(self, text: str, confidence: float) -> Iterator[Thought]:
        """Yield after each bit of work what is known of the line; the last is everything.

        The ghost is what greedy writing adds until its next character would be less probable than
        `confidence`, or is a newline or another character that cannot be seen.
        """
        for _ in self._read(text):
            yield Thought(None, "")
        likeliest = self._reader.likeliest(self._contexts[len(text)], SHOWN)
        ghost = ""
        character, probability = likeliest[0]
        while True:
            yield Thought(likeliest, ghost)
            if len(ghost) == LONGEST_GHOST or probability < confidence:
                return
            if character in "\n\t" or visible(character) != character:
                return
            ghost += character
            context = self.whole(text + ghost)
            ((character, probability),) = self._reader.likeliest(context, 1)

    def _read(self, text: str) -> Iterator[None]:
        self._keep(text)
        at = max(length for length in self._contexts if length <= len(text))
        context = self._contexts[at]
        while at < len(text):
            piece = text[at : at + _PIECE]
            context = self._reader.read(piece, context)
            at += len(piece)
            self._contexts[at] = context
            while len(self._contexts) > _MOST_CONTEXTS:
                del self._contexts[next(length for length in self._contexts if length)]
            yield

    def _keep(self, text: str) -> None:
        """Forget what is not a beginning of the text; what goes on from it stays known."""
        if self._text.startswith(text):
            return
        if not text.startswith(self._text):
            pairs = enumerate(zip(self._text, text, strict=False))
            same = next(k for k, (old, new) in pairs if old != new)
            self._contexts = {n: c for n, c in self._contexts.items() if n <= same}
        self._text = text
