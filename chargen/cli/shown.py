"""How text looks on a terminal: probabilities as colours, surprise as digits, JSON on a line."""

from __future__ import annotations

import json
import math
import os
import re
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

from chargen.text.shown import visible

# From what the model was sure of to what took it by surprise: the 256-colour palette, readable
# on black and on white, and told apart by those who do not see red and green.
_COLOURS = ((0.9, 67), (0.5, 73), (0.2, 179), (0.05, 208), (0.0, 161))


def colours_wanted(out: TextIO) -> bool:
    """Whether it is a terminal that shows colours, and nobody set NO_COLOR (no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(character: str, probability: float) -> str:
    """A character in the colour of its probability."""
    colour = next(colour for least, colour in _COLOURS if probability >= least)
    return f"\x1b[38;5;{colour}m{character}\x1b[0m"


def legend() -> str:
    """What the colours mean, in one line."""
    return "probability: " + " ".join(coloured(f"{least:g}+", least) for least, _ in _COLOURS)


def column(character: str) -> str:
    """A character as something that has a place of its own on a line, whatever stands beside it.

    A tab, a newline and what has no width become pictures; an accent that would sit on the
    character before it sits on a dotted circle.
    """
    if character in "\t\n":
        return "\u2409" if character == "\t" else "\u23ce"
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):
        return "\u25cc" + character
    return f"<{ord(character):04X}>" if category == "Cf" else visible(character)


def digits(columns: Iterable[str], nats: Iterable[float]) -> str:
    """Below each of the columns its surprise in bits, rounded, 9 for 9 or more; 0 is a dot."""
    bits = (min(9, round(n / math.log(2))) for n in nats)
    return "".join(
        (f"{b}" if b else "\u00b7").ljust(sum(map(_width, shown)))
        for shown, b in zip(columns, bits, strict=True)
    )


def json_line(value: Any) -> str:
    """It as JSON on one line, in which nothing steers a terminal either."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _width(character: str) -> int:
    """How many columns of a terminal it takes: Chinese characters and emoji take two."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
