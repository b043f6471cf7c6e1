"""A figure of the activations of a layer: every unit at every character of a text."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from chargen.report.charts import SETTINGS
from chargen.report.images import png
from chargen.report.theme import INK

_MAX_LABELS = 120  # characters below the figure
_WIDTH, _MIN_WIDTH, _MAX_WIDTH, _PANEL = 9, 400, 1200, 90  # points: of a character, of the figure
# The share of signed values within the colours: a few large ones would make all others pale.
_WITHIN = 0.98


@dataclass(frozen=True)
class Panel:
    """An array [T, H] and its title. held_from: the character from which the gate is held."""

    title: str
    values: Any
    held_from: int | None = None


@mpl.rc_context(SETTINGS)
def draw(title: str, characters: Sequence[str], panels: Sequence[Panel]) -> bytes:
    """Return a PNG with the panels below each other.

    Values from 0 to 1 are drawn from dark to light, other values from -m (blue) to m (red).
    """
    width = min(max(_MIN_WIDTH, _WIDTH * len(characters) + 110), _MAX_WIDTH)
    height = _PANEL * len(panels) + 60
    figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5)
    found = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(found, panels, strict=True):
        values = panel.values
        largest = float(abs(values).max()) or 1.0
        shares = float(values.min()) >= 0 and largest <= 1
        bound = 1.0 if shares else largest
        if largest > 1:
            sizes = abs(values).flatten()
            sizes.sort()
            bound = float(sizes[int(_WITHIN * (len(sizes) - 1))]) or largest
        image = axes.imshow(
            values.T,
            aspect="auto",
            interpolation="nearest",
            # The ends of coolwarm are bright enough to tell apart; those of RdBu are nearly black.
            cmap="viridis" if shares else "coolwarm",
            vmin=0 if shares else -bound,
            vmax=bound,
        )
        axes.set_title(panel.title, loc="left", fontsize=9.5, fontweight="bold")
        axes.set_ylabel("units")
        axes.set_yticks([])  # they are sorted, so that a place is not the number of a unit
        if panel.held_from is not None:
            axes.axvline(panel.held_from - 0.5, color="white", linewidth=3)
            axes.axvline(panel.held_from - 0.5, color=INK.light, linewidth=1.5, linestyle="--")
        figure.colorbar(image, ax=axes, pad=0.01, extend="both" if bound < largest else "neither")
    if len(characters) <= _MAX_LABELS:
        found[-1].set_xticks(range(len(characters)), characters)
    else:
        found[-1].set_xlabel("character")
    with warnings.catch_warnings():  # a character that the font lacks becomes a box
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        return png(figure, dots_per_inch=math.ceil(160 * min(1, 800 / width)))
