"""Numbers and names as a sentence holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence

SPACE = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"
WORDS = (
    "no", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


def count(number: int) -> str:
    """3200 is "3,200"."""
    return f"{number:,}"


def characters(number: int) -> str:
    """1 is "1 character", 3200 is "3,200 characters"."""
    return f"{count(number)}{SPACE}character{'' if number == 1 else 's'}"


def bits(number: float) -> str:
    """Bits per character with three decimals; a dash where there is no number."""
    return f"{number:.3f}" if math.isfinite(number) else NOTHING


def from_nats(nats: float) -> float:
    """Nats as bits. Source: Shannon 1948; 1 nat = 1/ln 2 bits."""
    return nats / math.log(2)


def percent(share: float) -> str:
    """A share in percent with the digits that say something; powers of ten for very small ones."""
    hundredths = share * 100
    if not math.isfinite(share):
        return NOTHING
    if share == 0:
        return f"0{SPACE}%"
    if abs(hundredths) < 0.01:
        return f"{power(hundredths)}{SPACE}%"
    if 99.95 <= hundredths < 100:
        return f"more than 99.9{SPACE}%"
    digits = 0 if hundredths >= 9.95 else 1 if hundredths >= 0.95 else 2
    text = f"{hundredths:.{digits}f}"
    if text == "100" and hundredths < 100:
        text = f"{hundredths:.1f}"
    return f"{text}{SPACE}%"


def power(number: float) -> str:
    """A power of ten with one digit before it, as in print."""
    digits, exponent = f"{number:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits}{SPACE}\N{MULTIPLICATION SIGN}{SPACE}10{raised}"


def measured(number: float) -> str:
    """A number of any size with three digits that count; a dash where it is not finite."""
    if not math.isfinite(number):
        return NOTHING
    if number and not 1e-3 <= abs(number) < 1e6:
        return power(number)
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def duration(seconds: float) -> str:
    """95 is "95 s", 1500 is "25 min", 20000 is "5 h 33 min"."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f}{SPACE}s"
    if seconds < 600:
        return f"{seconds:.0f}{SPACE}s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes}{SPACE}min"
    return f"{minutes // 60}{SPACE}h {minutes % 60}{SPACE}min"


def rate(number: float) -> str:
    """A learning rate: 0.004 is "0.004"."""
    return f"{number:.4g}"


def span(lag: int, least: bool) -> str:
    """A memory span in characters: "3,200 or more" where it held to the longest lag tried."""
    return f"{count(lag)} or more" if least else count(lag)


def word(number: int) -> str:
    """4 is "four"; above twelve, figures."""
    return WORDS[number] if number < len(WORDS) else count(number)


def listing(items: Sequence[str], joint: str = "and") -> str:
    """["a", "b", "c"] is "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def capital(sentence: str) -> str:
    """The sentence with a capital first letter."""
    return sentence[:1].upper() + sentence[1:]


def visible(text: str, lines: bool = False) -> str:
    """The text with every character that would not be seen, or would move others, made visible.

    lines: keep line ends as they are (for boxes that show them); else they are shown as an arrow.
    Control characters become their pictures (U+2400 and on); invisible, direction-changing and
    half characters become their number.
    """
    return "".join(_visible(character, lines) for character in text)


def quoted(text: str) -> str:
    """A short piece of text in quotation marks, its blanks visible where they stand alone."""
    shown = "␣" if text == " " else visible(text)
    return f"\N{LEFT DOUBLE QUOTATION MARK}{shown}\N{RIGHT DOUBLE QUOTATION MARK}"


def _visible(character: str, lines: bool) -> str:
    code = ord(character)
    if character == "\n":
        return character if lines else "↵"
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    hidden = (
        0x80 <= code < 0xA0
        or code in (0x00AD, 0x061C, 0xFEFF, 0xFFFE, 0xFFFF)
        or 0x200B <= code <= 0x200F
        or 0x2028 <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xD800 <= code < 0xE000
    )
    if not hidden:
        return character
    left, right = "\u2039", "\u203a"
    return f"{left}{code:04X}{right}"
