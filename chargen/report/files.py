"""The files of a report: the page, which loads nothing and runs no script, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from chargen.comparison.result import Comparison
from chargen.report import images, sentences, tables
from chargen.report.charts import SETTINGS
from chargen.report.formatting import percent, visible
from chargen.report.sections import Section, sections
from chargen.report.theme import ROLES, Styles, styles

REPORT, MAIN = "report.html", "main.png"
FOLDER = Path(__file__).parent
_NO_LINKS: Mapping[str, str] = MappingProxyType({})


@mpl.rc_context(SETTINGS)
def files(comparison: Comparison, links: Mapping[str, str] = _NO_LINKS) -> dict[str, bytes]:
    """Return the page and each figure as PNG and SVG, by path within the comparison's folder.

    The same comparison always produces the same bytes. main.png is the figure of the first section.
    links: titles of other pages in the folder, by their file names.
    """
    looks = styles(comparison)
    found = sections(comparison, looks)
    made, inline = {}, {}
    for section in found:
        if section.figure is not None:
            svg = images.svg(section.figure, section.name)
            inline[section.name] = images.inline(svg, section.sentence)
            made[f"figures/{section.name}.svg"] = svg.encode()
            made[f"figures/{section.name}.png"] = images.png(section.figure)
    if found and found[0].figure is not None:
        made[MAIN] = images.png(found[0].figure, dots_per_inch=240)
    return {REPORT: _page(comparison, looks, found, inline, links), **made}


def _page(
    comparison: Comparison,
    styles: Styles,
    sections: list[Section],
    figures: dict[str, Markup],
    links: Mapping[str, str],
) -> bytes:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    kind = comparison.text_kind
    letters = {" ": "\u2423"} | ({} if kind.boundary == "\n" else {kind.boundary: "end"})
    environment.filters |= {
        "lines": _lines,
        "percent": percent,
        "letter": lambda letter: letters.get(letter, letter),
    }
    text = environment.get_template("report.html.j2").render(
        comparison=comparison,
        text=comparison.text,
        text_kind=kind,
        styles=styles,
        title=sentences.headline(comparison, styles),
        facts=sentences.facts(comparison),
        networks=tables.networks(comparison),
        sections=sections,
        figures=figures,
        links=links,
        css=Markup((FOLDER / "report.css").read_text(encoding="utf-8")),
        roles=ROLES,
    )
    return text.lstrip().encode()


def _finalize(value: Any) -> Any:
    """Replace control characters in every text of the template, before it is escaped."""
    return value if isinstance(value, Markup) else visible(str(value))


def _lines(text: str) -> Markup:
    """Keep the line breaks of a text that is shown in a box."""
    return escape(visible(text, lines=True))
