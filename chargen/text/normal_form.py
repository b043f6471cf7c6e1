"""Unicode normal forms: é as one character (NFC) or as e and a combining accent (NFD)."""

from __future__ import annotations

import unicodedata
from typing import Literal

from chargen.errors import OptionError

UNCHANGED = "none"
NORMAL_FORMS = ("nfc", "nfd", UNCHANGED)

_FORMS: dict[str, Literal["NFC", "NFD"]] = {"nfc": "NFC", "nfd": "NFD"}


def check_form(form: str) -> str:
    """Return a normal form or "none". Raises OptionError for another name."""
    if form not in NORMAL_FORMS:
        raise OptionError("normalize", form, f"one of {', '.join(NORMAL_FORMS)}")
    return form


def in_form(text: str, form: str) -> str:
    """Return a text in a normal form, or unchanged for "none". Raises OptionError."""
    check_form(form)
    return text if form == UNCHANGED else unicodedata.normalize(_FORMS[form], text)


class FormDetector:
    """Finds the normal form that all texts are in."""

    def __init__(self) -> None:
        self._possible = dict(_FORMS)

    def add(self, text: str) -> None:
        """Check a text, or a piece of one that ends at a `last_boundary`."""
        for form, name in list(self._possible.items()):
            if not unicodedata.is_normalized(name, text):
                del self._possible[form]

    @property
    def form(self) -> str:
        """The normal form: "nfc", "nfd", "both" or "neither"."""
        if len(self._possible) == len(_FORMS):
            return "both"
        return next(iter(self._possible), "neither")


def last_boundary(text: str) -> int:
    """Return the position of the last character that combines with none before it; 0 if none.

    In every normal form, the text up to there and the rest can be converted separately.
    """
    for at in range(len(text) - 1, 0, -1):
        if not _can_combine(text[at]):
            return at
    return 0


def _can_combine(character: str) -> bool:
    """Return whether a character can change, or be changed by, the ones before it.

    Besides marks, these are the vowels and final consonants of Hangul, and vowels of Kirat Rai.
    """
    return (
        unicodedata.combining(character) != 0
        or unicodedata.category(character)[0] == "M"
        or "\u1160" <= character <= "\u11ff"
        or "\ud7b0" <= character <= "\ud7ff"
        or "\U00016d40" <= character <= "\U00016d7f"
    )
