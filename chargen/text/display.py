"""Readable text: symbols for invisible characters, and bars for shares."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

# C0 and C1 control characters, and marks that change the direction of text and can hide its
# content.
_SYMBOLS = (
    {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
    | {0x7F: "\u2421"}
    | {
        code: f"<{code:04X}>"
        for code in (*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    }
)

# Marks that are invisible on their own: variation selectors and joiners.
_INVISIBLE_MARKS = frozenset(
    map(chr, (0x034F, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)

_SHORT_NAMES = {" ": "space", "\n": "newline", "\t": "tab", ",": "comma"}
# Combining marks; format, control, private and unassigned characters; surrogates; separators.
_UNSEEN = frozenset(("Mn", "Me", "Mc", "Cf", "Cc", "Co", "Cn", "Cs", "Zs", "Zl", "Zp"))
_NAMELESS = {"Cc": "control character", "Co": "private use", "Cs": "lone surrogate"}


def visible(text: str) -> str:
    """Return the text with a symbol for each control character except newline and tab.

    A model that was trained on escape sequences could otherwise control the terminal.
    """
    return text.translate(_SYMBOLS)


def printable(name: str) -> str:
    """Return the name of a file, with escape sequences if it has characters that do not print."""
    return name if name.isprintable() else ascii(name)[1:-1]


def one_line(text: str) -> str:
    """Return a printable form of the text on one line, with symbols for newlines and tabs."""
    return visible(text.replace("\n", "\u23ce").replace("\t", "\u21e5"))


def visible_character(character: str, *, space: str = "\u2423") -> str:
    """Return a printable form of one character that is readable on its own.

    A combining mark is shown on a dotted circle, an invisible character as its code point.
    space: the form of a space.
    """
    if character == " ":
        return space
    category = unicodedata.category(character)
    if category == "Cf" or character in _INVISIBLE_MARKS:
        return f"<{ord(character):04X}>"
    if category.startswith("M"):
        return "\u25cc" + character
    return ascii(character)[1:-1] if category == "Cs" else one_line(character)


def list_characters(characters: str, limit: int = 20) -> str:
    """List characters with commas between them; after `limit` of them, only count the rest.

    An invisible or combining character is listed by its code point and name.
    """
    shown = ", ".join(map(readable_character, characters[:limit]))
    more = len(characters) - limit
    return f"{shown} and {more} more" if more > 0 else shown


def readable_character(character: str) -> str:
    """Return a character, or its name if it is invisible or looks like a part of the message."""
    if character in _SHORT_NAMES:
        return _SHORT_NAMES[character]
    return character_name(character) if unicodedata.category(character) in _UNSEEN else character


def character_name(character: str) -> str:
    """Return the code point and the name of a character: "U+200D ZERO WIDTH JOINER"."""
    category = unicodedata.category(character)
    name = unicodedata.name(character, _NAMELESS.get(category, "unassigned"))
    return f"U+{ord(character):04X} {name}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: "1 character", "1,234 characters"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def bar(share: float, width: int) -> str:
    """Return a bar in eighths of a column. width: the columns of a share of 1."""
    eighths = round(share * width * 8)
    return (
        "\u2588" * (eighths // 8)
        + " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"[eighths % 8].strip()
    )


def clusters(text: str) -> Iterator[str]:
    """Yield the grapheme clusters of a text: letters with their marks, and whole emoji.

    Source: Unicode Standard Annex 29, extended grapheme clusters.
    """
    if text.isascii():  # a newline after a carriage return does not occur in a normalised text
        return iter(text)
    from wcwidth import iter_graphemes

    return iter_graphemes(text)


def extends(cluster: str, character: str) -> bool:
    """Return whether a character belongs to the cluster before it."""
    return not character.isascii() and len(list(clusters(cluster + character))) == 1


def text_width(text: str) -> int:
    """Return the columns of a text on a terminal; Chinese characters and emoji have two."""
    return sum(map(_cluster_width, clusters(text)))


def shortened(text: str, width: int) -> str:
    """Return a text in at most `width` columns; an ellipsis replaces the middle.

    The beginning and the end of a name distinguish it: poems-of-spring-2 from poems-of-spring-3.
    """
    if text_width(text) <= width:
        return text
    parts = list(clusters(text))
    half = (len(parts) + 1) // 2
    start, end = parts[:half], parts[half:]
    while text_width("".join(start)) + 1 + text_width("".join(end)) > max(1, width):
        if text_width("".join(start)) > text_width("".join(end)):
            start.pop()
        else:
            end.pop(0)
    return f"{''.join(start)}\u2026{''.join(end)}" if width > 0 else ""


def _cluster_width(cluster: str) -> int:
    if cluster.isascii():
        return len(cluster)
    from wcwidth import wcswidth

    has_no_columns = unicodedata.category(cluster[0]) in ("Mn", "Mc", "Me", "Cf")
    return max(wcswidth(cluster), 0 if has_no_columns else 1)
