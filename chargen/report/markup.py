"""Pieces of HTML. Whatever comes from a text goes through `text` first."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from chargen.report import phrases
from chargen.report.style import Look


def text(raw: str, lines: bool = False) -> str:
    """The text without any meaning to a browser, and with nothing invisible in it."""
    return html.escape(phrases.visible(raw, lines), quote=True)


def prose(sentences: str, known: Mapping[str, Look]) -> str:
    """Sentences in which each network's name stands in its colour."""
    escaped = html.escape(sentences, quote=True)
    names = {html.escape(look.name, quote=True): look for look in known.values()}
    if not names:
        return escaped
    longest_first = sorted(names, key=len, reverse=True)
    pattern = rf"\b({'|'.join(re.escape(name) for name in longest_first)})(?![\w-])"
    return re.sub(pattern, lambda found: _colored(found[1], names[found[1]]), escaped)


def _colored(escaped: str, look: Look) -> str:
    return f'<b style="color:var({look.role.variable})">{escaped}</b>'


def named(look: Look) -> str:
    """The label of a network, in its colour."""
    return _colored(text(look.label), look)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table of ready cells, the first of each row its name, in a box that scrolls sideways."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(
            f'<td data-of="{re.sub("<[^>]*>", "", head[place])}">{cell}</td>'
            for place, cell in enumerate(row[1:], start=1)
        )
        + "</tr>"
        for row in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="table">'
        f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def bar(share: float, variable: str) -> str:
    """A bar as long as its share of the cell."""
    width = max(0.0, min(1.0, share)) * 100
    return (
        f'<span class="bar"><span style="width:{width:.1f}%;background:var({variable})">'
        "</span></span>"
    )


def listed(items: Sequence[str], kind: str = "") -> str:
    """A list of ready items."""
    return f'<ul class="{kind}">{"".join(f"<li>{item}</li>" for item in items)}</ul>'
