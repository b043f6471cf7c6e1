"""One look a cell, the same in every figure, table and sentence; and the colours of the paper.

Every colour has a role, and every role two values: on white and on dark paper. Figures are drawn
with the values for white; inside the page, each becomes a CSS variable with both.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargen.records import Comparison
from chargen.report import phrases


@dataclass(frozen=True)
class Role:
    """What a colour is for. variable: its name in CSS; light, dark: its value on either paper."""

    variable: str
    light: str
    dark: str


@dataclass(frozen=True)
class Look:
    """How a cell is named and drawn.

    name: within a sentence; label: in figures and tables; marker: the shape of its points, which
    tells it from the others where colours do not.
    """

    name: str
    label: str
    role: Role
    marker: str
    article: str = "a"

    @property
    def color(self) -> str:
        """Its colour in a figure."""
        return self.role.light


PAPER = Role("--paper", "#ffffff", "#15181d")
INK = Role("--ink", "#1c2026", "#e9ebee")
MUTED = Role("--muted", "#5a6370", "#a3acb8")
GRID = Role("--grid", "#e2e5ea", "#333a44")

# Four colours of Okabe and Ito (2008), the lighter ones darkened until a label in them has a
# contrast of 4.5 to the paper, as WCAG asks of text; a test holds that they stay apart for the
# three kinds of colour blindness.
LOOKS = {
    "lstm": Look("LSTM", "LSTM", Role("--lstm", "#c24a00", "#f58a42"), "o", "an"),
    "gru": Look("GRU", "GRU", Role("--gru", "#0069a8", "#58b4ea"), "s"),
    "rnn": Look("vanilla RNN", "RNN", Role("--rnn", "#00815f", "#2fc79b"), "^"),
    "feedforward": Look(
        "feed-forward network",
        "Feed-forward",
        Role("--feedforward", "#a4508a", "#e6a0cb"),
        "D",
    ),
}
SPARE = (
    (Role("--spare-1", "#7a6a00", "#e6d24a"), "v"),
    (Role("--spare-2", "#6b4fa3", "#b9a3ea"), "P"),
    (Role("--spare-3", "#8a4b32", "#d9a58f"), "X"),
    (Role("--spare-4", "#3f6b75", "#9cc3cc"), "*"),
)


def roles() -> list[Role]:
    """Every role there is."""
    cells = [look.role for look in LOOKS.values()]
    return [PAPER, INK, MUTED, GRID, *cells, *(role for role, _ in SPARE)]


def looks(comparison: Comparison) -> dict[str, Look]:
    """The look of each cell of the comparison; a cell unknown to this room gets a spare one."""
    names = list(comparison.cells)
    for task in comparison.tasks.values():
        names += [name for name in task.cells if name not in names]
    found = {}
    unknown = 0
    for name in names:
        if name in LOOKS:
            found[name] = LOOKS[name]
            continue
        role, marker = SPARE[unknown % len(SPARE)]
        shown = phrases.visible(name)
        found[name] = Look(shown, shown, role, marker)
        unknown += 1
    return found
