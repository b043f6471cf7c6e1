"""A figure of the activations of a layer: every unit at every character of a text."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from chargen.report.charts import SETTINGS
from chargen.report.images import png

_MAX_LABELS = 120  # characters below the figure
_WIDTH, _MIN_WIDTH, _MAX_WIDTH, _PANEL = 9, 400, 1200, 90  # points: of a character, of the figure


@mpl.rc_context(SETTINGS)
def draw(characters: Sequence[str], panels: Mapping[str, Any]) -> bytes:
    """Return a PNG with a panel for each array [T, H], by its title.

    Values from 0 to 1 are drawn from dark to light, other values from -m (blue) to m (red).
    """
    width = min(max(_MIN_WIDTH, _WIDTH * len(characters) + 110), _MAX_WIDTH)
    height = _PANEL * len(panels) + 30
    figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
    found = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, values) in zip(found, panels.items(), strict=True):
        low, high = float(values.min()), float(values.max())
        largest = max(abs(low), abs(high)) or 1.0
        shares = low >= 0 and high <= 1
        image = axes.imshow(
            values.T,
            aspect="auto",
            interpolation="nearest",
            cmap="viridis" if shares else "RdBu_r",
            vmin=0 if shares else -largest,
            vmax=1 if shares else largest,
        )
        axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold")
        axes.set_ylabel("unit")
        figure.colorbar(image, ax=axes, pad=0.01)
    if len(characters) <= _MAX_LABELS:
        found[-1].set_xticks(range(len(characters)), characters)
    else:
        found[-1].set_xlabel("character")
    with warnings.catch_warnings():  # a character that the font lacks becomes a box
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        return png(figure, dots_per_inch=math.ceil(160 * min(1, 800 / width)))
