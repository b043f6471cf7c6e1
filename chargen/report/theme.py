"""The colours of the page and its figures, and the colour and marker of each network.

Every colour has a role, and every role has a value for the light and one for the dark theme.
Figures are drawn with the light values; in the page, each colour becomes a CSS variable with both.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

from chargen.comparison.result import Comparison
from chargen.report.formatting import visible


@dataclass(frozen=True)
class Role:
    """The role of a colour. variable: its name in CSS; light, dark: its value in each theme."""

    variable: str
    light: str
    dark: str


PAPER = Role("--paper", "#ffffff", "#15181d")
INK = Role("--ink", "#1c2026", "#e9ebee")
MUTED = Role("--muted", "#5a6370", "#a3acb8")
GRID = Role("--grid", "#e2e5ea", "#333a44")

# The first four are colours of Okabe and Ito (2008), the lighter ones darkened to a contrast of
# 4.5 to the background, which WCAG requires for text. A test checks that the colours can be
# distinguished with the three kinds of colour blindness; the markers differ as well.
SERIES = (
    (Role("--series-1", "#a4508a", "#e6a0cb"), "D"),
    (Role("--series-2", "#00815f", "#2fc79b"), "^"),
    (Role("--series-3", "#0069a8", "#58b4ea"), "s"),
    (Role("--series-4", "#c24a00", "#f58a42"), "o"),
    (Role("--series-5", "#7711cc", "#aa66ff"), "v"),
    (Role("--series-6", "#7a6a00", "#e6d24a"), "P"),
    (Role("--series-7", "#8a4b32", "#d9a58f"), "X"),
    (Role("--series-8", "#3f6b75", "#9cc3cc"), "*"),
)
ROLES = (PAPER, INK, MUTED, GRID, *(role for role, _ in SERIES))


@dataclass(frozen=True)
class Style:
    """The names, the colour and the marker of a network.

    label: its name in figures and tables; name: in a sentence; marker: the shape of its points.
    """

    label: str
    name: str
    description: str
    role: Role
    marker: str = ""

    @property
    def color(self) -> str:
        """The colour in a figure."""
        return self.role.light


Styles = dict[str, Style]
# The style of the text itself, where it is compared with the text of the networks.
TEXT = {"text": Style("The text", "the text itself", "", INK)}


def styles(comparison: Comparison) -> Styles:
    """Return the style of each network; colours follow the order of the networks."""
    found = {}
    for (cell, network), (role, marker) in zip(comparison.networks.items(), cycle(SERIES)):
        label, name = visible(network.label), visible(network.name)
        found[cell] = Style(label, name, network.description, role, marker)
    return found
