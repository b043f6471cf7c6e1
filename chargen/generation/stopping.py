"""When a text ends."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from chargen.errors import OptionError
from chargen.records import Drawn


@dataclass(frozen=True)
class Stopping:
    """What ends a sample; whichever comes first.

    length: so many characters; None for no end.
    stop: texts before which it ends; they are not part of it. The first to be complete counts,
    the longest of those that are complete at once.
    until_newline: end before a newline.
    confidence: end before the first character of which the network's best guess is less probable.
    Raises OptionError where a value is not allowed.
    """

    length: int | None = None
    stop: tuple[str, ...] = ()
    until_newline: bool = False
    confidence: float = 0.0

    def __post_init__(self) -> None:
        if self.length is not None and not (isinstance(self.length, Integral) and self.length >= 0):
            raise OptionError(f"--length must be a whole number, 0 or more, got {self.length}")
        if not 0 <= self.confidence <= 1:
            raise OptionError(f"--confidence must lie between 0 and 1, got {self.confidence:g}")
        if not all(self.stop):
            raise OptionError("--stop must be a text of at least one character, got ''")

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text before which a sample ends."""
        return (*self.stop, "\n") if self.until_newline else self.stop


class Held:
    """Characters that may be the beginning of a stop text, held back until that is known."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = sorted(texts, key=len, reverse=True)
        self._most = max(map(len, texts), default=1)
        self._characters: list[Drawn] = []

    def push(self, drawn: Drawn) -> tuple[list[Drawn], str | None]:
        """Take one more; what is sure to stay, and the stop text that was met."""
        held = self._characters
        held.append(drawn)
        text = "".join(each.character for each in held)
        for stop in self._texts:
            if text.endswith(stop):
                return held[: -len(stop)], stop
        tail = next(
            k
            for k in range(min(self._most - 1, len(text)), -1, -1)
            if k == 0 or any(stop.startswith(text[-k:]) for stop in self._texts)
        )
        sure = held[: len(held) - tail]
        self._characters = held[len(held) - tail :]
        return sure, None

    def rest(self) -> list[Drawn]:
        """What was held back and stays, since no more comes."""
        return self._characters
