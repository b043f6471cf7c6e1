"""Stop texts: detecting them while characters arrive one at a time."""

from __future__ import annotations

from chargen.generation.records import Drawn


class StopMatcher:
    """Holds characters back while they may be the beginning of a stop text."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = sorted(texts, key=len, reverse=True)
        self._longest = max(map(len, texts), default=1)
        self._pending: list[Drawn] = []

    def push(self, drawn: Drawn) -> tuple[list[Drawn], str | None]:
        """Add a character. Return the released ones, and the stop text if one is complete.

        If several stop texts are complete, the longest one is returned.
        """
        pending = self._pending
        pending.append(drawn)
        text = "".join(each.character for each in pending)
        for stop in self._texts:
            if text.endswith(stop):
                return pending[: -len(stop)], stop
        tail = next(
            k
            for k in range(min(self._longest - 1, len(text)), -1, -1)
            if k == 0 or any(stop.startswith(text[-k:]) for stop in self._texts)
        )
        released = pending[: len(pending) - tail]
        self._pending = pending[len(pending) - tail :]
        return released, None

    def flush(self) -> list[Drawn]:
        """Return the characters that are still held back."""
        return self._pending
