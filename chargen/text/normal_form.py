"""Unicode normal forms: é as one character (NFC) or as e and a combining accent (NFD)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
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


def form_of(texts: Iterable[str]) -> str:
    """Return the normal form that all texts are in: "nfc", "nfd", "both" or "neither"."""
    possible = dict(_FORMS)
    for text in texts:
        for form, name in list(possible.items()):
            if not unicodedata.is_normalized(name, text):
                del possible[form]
    return "both" if len(possible) == len(_FORMS) else next(iter(possible), "neither")
