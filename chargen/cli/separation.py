"""What separates the texts of one call of `chargen sample`."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.text.kind import LINE, STREAM, TextKind


@dataclass
class Separation:
    """Separates texts by a line, by labels on a terminal, or else as their kind requires.

    kind: what a text is. samples, temperatures: how many samples there are for each temperature,
    and how many temperatures. separator: the line between two texts, if the user set one.
    terminal: whether the texts are printed on a terminal.
    """

    kind: TextKind
    samples: int
    temperatures: int = 1
    separator: str | None = None
    terminal: bool = False
    _last: str | None = None

    def before(self, number: int, temperature: float, text: str) -> str:
        """Return what is printed before a text. number: of the sample, from 0."""
        last, self._last = self._last, text
        if self.separator is not None:
            return "" if last is None else self.separator + "\n"
        if self.terminal:
            return self._label(number, temperature)
        # In a pipe, lines stay lines, and so do documents and cells of one line.
        is_apart = self.kind == STREAM or (self.kind != LINE and "\n" in (last or "") + text)
        return "\n" if is_apart and last is not None else ""

    def _label(self, number: int, temperature: float) -> str:
        parts = []
        if self.samples > 1 and self.kind != LINE:
            parts.append(f"{number + 1}")
        if self.temperatures > 1 and (number == 0 or self.kind != LINE):
            parts.append(f"temperature {temperature:g}")
        return f"--- {', '.join(parts)} ---\n" if parts else ""
