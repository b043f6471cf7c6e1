"""Formatting of numbers, lists and untrusted text in the report."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

SPACE = "\N{NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"
BITS = f"bits{SPACE}per character"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Control and format characters (which include the marks that change the direction of text),
# halves of surrogate pairs, line and paragraph separators, and unassigned characters.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"})


def count(number: int) -> str:
    """Format 3200 as "3,200"."""
    return f"{number:,}"


def characters(number: int) -> str:
    """Format 1 as "1 character" and 3200 as "3,200 characters"."""
    return f"{number:,}{SPACE}character{'' if number == 1 else 's'}"


def bits(number: float | None, digits: int = 3) -> str:
    """Format bits per character; a dash where there is no number."""
    if number is None or not math.isfinite(number):
        return MISSING
    return f"{number:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float | None) -> str:
    """Format a share in percent with two or three significant digits.

    A share below 1 is never rounded to 100 %, and one above 0 never to 0 %.
    """
    if share is None or not math.isfinite(share):
        return MISSING
    number = share * 100
    if 0 < number < 0.01:
        digits, exponent = f"{number:.0e}".split("e")
        raised = str(int(exponent)).translate(SUPERSCRIPTS)
        return f"{digits}{SPACE}\N{MULTIPLICATION SIGN}{SPACE}10{raised}{SPACE}%"
    if 99.95 <= number < 100:
        return f"more than 99.9{SPACE}%"
    decimals = 0 if number == 0 or 9.95 <= number < 99.5 or number == 100 else 1
    if 0 < number < 0.95:
        decimals = 2
    return f"{number:.{decimals}f}{SPACE}%"


def significant(number: float) -> str:
    """Format a number with up to four significant digits."""
    return f"{number:.4g}" if math.isfinite(number) else MISSING


def duration(seconds: float) -> str:
    """Format 95 as "95 s", 1500 as "25 min" and 20000 as "5 h 33 min"."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 600:
        return f"{seconds:.{1 if seconds < 9.95 else 0}f}{SPACE}s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes}{SPACE}min"
    return f"{minutes // 60}{SPACE}h {minutes % 60}{SPACE}min"


def listing(items: Sequence[str]) -> str:
    """Join ["a", "b", "c"] as "a, b and c"."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def capital(sentence: str) -> str:
    """Return the sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


def visible(text: str, lines: bool = False) -> str:
    """Replace characters that are invisible or that move other text.

    lines: keep line breaks, for boxes that show them; otherwise they are shown as an arrow.
    Control characters become their pictures (from U+2400), other characters their code points.
    """
    return "".join(_visible(character, lines) for character in text)


def _visible(character: str, lines: bool) -> str:
    if character == "\n":
        return character if lines else "↵"
    if character < " ":
        return chr(0x2400 + ord(character))
    if unicodedata.category(character) in HIDDEN_CATEGORIES:
        return f"\u2039{ord(character):04X}\u203a"
    return character
