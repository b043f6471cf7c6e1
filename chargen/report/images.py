"""Figures as PNG, as SVG, and as an element of the page in the page's colours."""

from __future__ import annotations

import io
import re

from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from chargen.report.theme import ROLES


def png(figure: Figure, dots_per_inch: int = 160) -> bytes:
    """Return the figure as PNG."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, name: str) -> str:
    """Return the figure as an SVG file in the colours for white paper.

    name: the prefix of every id in it, which keeps ids unique where figures share a page.
    """
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure)
    figure.savefig(buffer, format="svg", metadata=metadata)
    return re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\1{name}-", buffer.getvalue())


def inline(svg: str, description: str) -> Markup:
    """Return the SVG file as an element of the page, in the page's colours.

    description: a text alternative for readers who cannot see the figure.
    """
    tag = svg[svg.index("<svg") :]
    size = tag.split('viewBox="')[1].split('"')[0]
    body = tag[tag.index(">") + 1 :].replace("xlink:href", "href")
    for role in ROLES:
        body = body.replace(role.light, f"var({role.variable})")
    head = Markup('<svg viewBox="{}" role="img" aria-label="{}">').format(size, description)
    return head + Markup(re.sub(r"\n\s*", "\n", body).strip())
