"""How text is shown to a person: what cannot be seen made visible, a share as a bar."""

from __future__ import annotations


def visible(text: str) -> str:
    """The text with each control character but the newline and the tab as a picture of it.

    A model of a file that holds an escape would otherwise steer the terminal it writes to.
    """
    return "".join(map(_visible, text)) if not text.isprintable() else text


def bar(share: float, width: int) -> str:
    """A bar of so many columns where the share is 1, in eighths of a column."""
    eighths = round(share * width * 8)
    return (
        "\u2588" * (eighths // 8)
        + " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"[eighths % 8].strip()
    )


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20 and character not in "\n\t":
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    # C1 controls steer too, and the marks that turn the direction of text can hide what it says.
    if 0x80 <= code < 0xA0 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
        return f"<{code:04X}>"
    return character
