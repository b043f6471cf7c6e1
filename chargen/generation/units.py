"""Sentences, lines and paragraphs: finding where they end while characters arrive one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod

TERMINATORS = ".!?\u2026"
CJK_TERMINATORS = "\u3002\uff01\uff1f"
ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "St", "Prof", "e.g", "i.e", "vs")

_CLOSING = (
    "\"')]}\u00ab\u00bb\u2018\u2019\u201c\u201d\u2039\u203a\u3009\u300b\u300d\u300f\u3011\uff09"
)
_LONGEST_ABBREVIATION = max(map(len, ABBREVIATIONS))


class Unit(ABC):
    """Finds the ends of the units of a text.

    held: how many of the last characters do not belong to the unit if the next one ends it.
    """

    held = 0

    def read(self, prompt: str) -> None:
        """Read a text whose last unit may be incomplete."""
        for character in prompt:
            self.push(character)

    @abstractmethod
    def push(self, character: str) -> int | None:
        """Add a character. If a unit has ended, return how many characters follow its end."""


class Line(Unit):
    """A line ends with a newline. It may be empty."""

    def push(self, character: str) -> int | None:
        return 1 if character == "\n" else None


class Paragraph(Unit):
    """A paragraph ends with a newline and a blank line, which has at most spaces and tabs.

    Blank lines before its first character are not an end.
    """

    def __init__(self) -> None:
        self._has_text = False
        self._line_is_blank = False  # so far

    def push(self, character: str) -> int | None:
        held, self.held = self.held, 0
        if character != "\n":
            self._line_is_blank &= character.isspace()
            self._has_text |= not character.isspace()
        elif self._line_is_blank and self._has_text:
            self._has_text = False
            return held + 1
        else:
            self.held = int(self._has_text)
            self._line_is_blank = True
        return None


class Sentence(Unit):
    """A sentence ends with terminators and the closing quotes and brackets that follow them.

    White space must follow, except after a Chinese or Japanese terminator: "3.14" has no end. Any
    number of terminators are one end, as in "...". The sentence must contain a letter. A single
    dot after one of the abbreviations or after an initial (a capital letter other than I) is not
    an end.
    """

    def __init__(self) -> None:
        self._has_letter = False
        self._before = ""  # the last characters before the terminators
        self._terminators = ""
        self._closing = ""

    def read(self, prompt: str) -> None:
        super().read(prompt)
        if self._terminators:  # the prompt ends with a complete sentence
            self._has_letter = False

    def push(self, character: str) -> int | None:
        if self._terminators and character in _CLOSING:
            self._closing += character
            return None
        if character in TERMINATORS + CJK_TERMINATORS:
            self._terminators += character
            return None
        ended = self._ends_before(character)
        text = self._before + self._terminators + self._closing + character
        self._before = text[-_LONGEST_ABBREVIATION - 1 :]
        self._terminators = self._closing = ""
        self._has_letter = character.isalpha() or (self._has_letter and not ended)
        return 1 if ended else None

    def _ends_before(self, character: str) -> bool:
        if not self._terminators or not self._has_letter:
            return False
        if not set(self._terminators).isdisjoint(CJK_TERMINATORS):
            return True
        is_abbreviated = self._terminators == "." and not self._closing and _is_short(self._before)
        return character.isspace() and not is_abbreviated


def _is_short(text: str) -> bool:
    """Return whether a text ends with an abbreviation or an initial, without its dot."""
    for word in (*ABBREVIATIONS, text[-1:]):
        if text.endswith(word) and not text[: -len(word)][-1:].isalnum():
            return word in ABBREVIATIONS or (word.isupper() and word != "I")
    return False
