"""Where a sample ends: stop texts, and complete sentences, lines or paragraphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.generation.units import Line, Paragraph, Sentence, Unit

_READ = 1_000  # the last characters of the prompt, whose sentence and paragraph are continued


class Limit:
    """The largest number of units of a sample. reason: of its `Stopped` record."""

    def __init__(self, unit: Unit, count: int, reason: str) -> None:
        self._unit = unit
        self._left = count
        self.reason = reason

    @property
    def held(self) -> int:
        """How many of the last characters are cut off if the next one ends the sample."""
        return self._unit.held if self._left == 1 else 0

    def push(self, character: str) -> int | None:
        """Add a character. If it ends the sample, return how many characters are cut off."""
        cut = self._unit.push(character)
        self._left -= cut is not None
        return cut if self._left == 0 else None


def make_limits(settings: GenerationSettings, prompt: str) -> list[Limit]:
    """Return the limits of a sample that continues a prompt."""
    limits = []
    if settings.until_newline:
        limits.append(Limit(Line(), 1, "newline"))
    counts: list[tuple[type[Unit], int, str]] = [
        (Line, settings.max_lines, "lines"),
        (Sentence, settings.max_sentences, "sentences"),
        (Paragraph, settings.max_paragraphs, "paragraphs"),
    ]
    for make, count, reason in counts:
        if count:
            unit = make()
            unit.read(prompt[-_READ:])
            limits.append(Limit(unit, count, reason))
    return limits


class Stopper:
    """Ends a sample, and holds characters back that may not belong to it.

    stops: the texts that end the sample, with the reasons of its `Stopped` record. The sample ends
    before such a text, or after it if the text is one of `kept`.
    """

    def __init__(
        self, stops: Mapping[str, str], limits: Sequence[Limit] = (), kept: Sequence[str] = ()
    ) -> None:
        self._stops = dict(sorted(stops.items(), key=lambda each: -len(each[0])))
        self._longest = max(map(len, stops), default=1)
        self._limits = limits
        self._kept = kept
        self._pending: list[Drawn] = []

    def push(self, drawn: Drawn) -> Sequence[Drawn | Stopped]:
        """Add a character. Return the characters that are released, and the end of the sample.

        If several stop texts are complete, the longest one ends the sample.
        """
        pending = self._pending
        pending.append(drawn)
        text = "".join(each.character for each in pending)
        cuts = [(limit.push(drawn.character), limit.reason) for limit in self._limits]
        for stop, reason in self._stops.items():
            if text.endswith(stop):
                return self._end(0 if stop in self._kept else len(stop), reason)
        for cut, reason in cuts:
            if cut is not None:
                return self._end(min(cut, len(pending)), reason)
        held = next(
            k
            for k in range(min(self._longest - 1, len(text)), -1, -1)
            if k == 0 or any(stop.startswith(text[-k:]) for stop in self._stops)
        )
        held = max([held, *(min(limit.held, len(text)) for limit in self._limits)])
        released = pending[: len(pending) - held]
        self._pending = pending[len(pending) - held :]
        return released

    def flush(self) -> list[Drawn]:
        """Return the characters that are still held back."""
        return self._pending

    def _end(self, cut: int, reason: str) -> Sequence[Drawn | Stopped]:
        pending = self._pending
        kept, rest = pending[: len(pending) - cut], pending[len(pending) - cut :]
        ending = "".join(each.character for each in rest)
        return [*kept, Stopped(pending[-1].sample, reason, ending)]
