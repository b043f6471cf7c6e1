"""A section of the page: a heading, what is seen, a figure, how it was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from chargen.report import markup
from chargen.report.figures import canvas
from chargen.report.style import Look


@dataclass(frozen=True)
class Picture:
    """A figure under a name. draw: called with whether it is to be narrow."""

    name: str
    draw: Callable[[bool], Figure]

    def inline(self, said: str) -> str:
        """Both of its forms, of which the page shows the one that fits the screen."""
        alternative = markup.text(said)
        wide = canvas.inline(self.draw(False), f"{self.name}-wide", alternative, "wide")
        narrow = canvas.inline(self.draw(True), f"{self.name}-narrow", alternative, "narrow")
        return f"<figure>{wide}{narrow}</figure>"


@dataclass(frozen=True)
class Section:
    """One part of the page.

    question: a line under the heading that says why one would look; seen, how: sentences;
    table: ready HTML below the figure.
    """

    name: str
    heading: str
    question: str = ""
    seen: tuple[str, ...] = field(default_factory=tuple)
    picture: Picture | None = None
    how: str = ""
    table: str = ""

    def html(self, known: Mapping[str, Look]) -> str:
        """The section as a part of the page."""
        seen = [one for one in self.seen if one]
        said = "".join(f'<p class="seen">{markup.prose(one, known)}</p>' for one in seen)
        how = ""
        if self.how:
            how = f'<p class="how"><b>How it was measured.</b> {markup.prose(self.how, known)}</p>'
        question = f'<p class="question">{markup.prose(self.question, known)}</p>'
        body = f'<div class="alone">{said}{how}</div>' if said or how else ""
        if self.picture is not None:
            drawn = self.picture.inline(" ".join(seen) or self.heading)
            body = f'<div class="pair"><div class="said">{said}</div><div>{drawn}{how}</div></div>'
        return (
            f'<section id="{self.name}"><h2>{markup.text(self.heading)}</h2>'
            f"{question if self.question else ''}{body}{self.table}</section>"
        )
