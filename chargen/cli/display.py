"""Text on a terminal: probabilities as colours, surprisal as digits, JSON."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from chargen.cli.output import is_utf8
from chargen.text.display import text_width

# Minimum probability and colour of the 256-colour palette. The colours are readable on black and on
# white, and distinguishable with red-green colour blindness.
_COLOURS = ((0.9, 67), (0.5, 73), (0.2, 179), (0.05, 208), (0.0, 161))

# The colour map viridis, whose lightness increases evenly.
_SHADES = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def colours_wanted(out: TextIO) -> bool:
    """Return whether an output is a terminal with colours, and NO_COLOR (no-color.org) is unset.

    The legacy Windows console prints escape sequences literally; newer terminals set an environment
    variable.
    """
    if os.name == "nt" and not {"WT_SESSION", "TERM", "TERM_PROGRAM"} & set(os.environ):
        return False
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def colour_depth(out: TextIO) -> int:
    """Return the bits per colour of an output: 24, 8 for 256 colours, 0 without colours.

    COLORTERM announces 24 bits.
    """
    if not colours_wanted(out):
        return 0
    return 24 if os.environ.get("COLORTERM") in ("truecolor", "24bit") else 8


def shaded(text: str, value: float, depth: int) -> str:
    """Return a text on a background that shows a value from 0 (dark) to 1 (light)."""
    if not depth:
        return text
    at = min(max(value, 0.0), 1.0) * (len(_SHADES) - 1)
    k = min(int(at), len(_SHADES) - 2)
    red, green, blue = (
        round(low + (high - low) * (at - k))
        for low, high in zip(_SHADES[k], _SHADES[k + 1], strict=True)
    )
    if depth == 24:
        background = f"2;{red};{green};{blue}"
    else:  # the cube of 6 x 6 x 6 colours in the palette
        background = f"5;{16 + 36 * _sixth(red) + 6 * _sixth(green) + _sixth(blue)}"
    ink = 231 if at < 0.6 * (len(_SHADES) - 1) else 16  # white, black
    return f"\x1b[38;5;{ink};48;{background}m{text}\x1b[0m"


def coloured(character: str, probability: float) -> str:
    """Return a character in the colour of its probability."""
    colour = next(colour for least, colour in _COLOURS if probability >= least)
    return f"\x1b[38;5;{colour}m{character}\x1b[0m"


def marked(text: str) -> str:
    """Return a text in inverse colours."""
    return f"\x1b[7m{text}\x1b[0m"


def legend() -> str:
    """Return one line that explains the colours."""
    return "probability: " + " ".join(shown for shown, _ in probability_colours())


def probability_colours() -> Iterator[tuple[str, int]]:
    """Yield the least probability of each colour, in this colour, and its columns."""
    for least, _ in _COLOURS:
        text = f"{least:g}+"
        yield coloured(text, least), len(text)


def digits(columns: Iterable[str], nats: Iterable[float]) -> str:
    """Return the rounded surprisal in bits below each character; 0 is a dot, 9 is 9 or more."""
    bits = (min(9, round(n / math.log(2))) for n in nats)
    return "".join(
        (f"{b}" if b else "\u00b7").ljust(text_width(shown))
        for shown, b in zip(columns, bits, strict=True)
    )


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return the lines of a text; words such as "one-hot" stay whole.

    indent: of all lines but the first.
    """
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def fitted(text: str, out: TextIO, indent: str = "  ") -> str:
    """Return a message whose lines end at words of a terminal, and are unchanged in a pipe.

    indent: of the continuation of a line.
    """
    if not out.isatty():
        return text
    width = terminal_width()
    lines = (wrapped(line, width, indent) or [""] for line in text.split("\n"))
    return "\n".join(part for each in lines for part in each)


def terminal_width(most: int = 10_000) -> int:
    """Return the columns of the terminal, 80 without one, at least 20 and at most `most`."""
    return max(20, min(most, shutil.get_terminal_size().columns))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON in UTF-8 or ASCII, without control characters.

    It is ASCII if standard output has another encoding, as JSON must not be written in that.
    """
    text = json.dumps(value, ensure_ascii=not is_utf8(sys.stdout), indent=indent)
    controls = "[\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
    return re.sub(controls, lambda match: f"\\u{ord(match[0]):04x}", text)


def _sixth(level: int) -> int:
    """Return the nearest of the six levels 0, 95, 135, 175, 215 and 255 of the palette."""
    return 0 if level < 48 else 1 if level < 115 else (level - 35) // 40
