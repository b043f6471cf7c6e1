"""Variants of a corpus's layout, punctuation and case, for a model that others start from.

A model that has read hard-wrapped books only predicts a newline after 70 characters, wherever
it is used. Varied passages teach it the layouts that other texts have.
"""

# ruff: noqa: RUF001 - typographic punctuation is the subject of this file

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from chargen.text.corpus import Corpus

_PASSAGE = 3_000  # characters of a passage, about; each is varied separately
_BLANK_LINES = re.compile(r"\n{2,}")
_SENTENCE_END = re.compile(r"(?<=[.!?])([\"'”’)]*)\s+(?=[\"'“‘(]*[A-Z])")
_SMART_OPENING = re.compile(r"(^|[\s(\[{—–-])([\"'])", re.MULTILINE)
_DASH = re.compile(r"\s*(?:—|--+|\s–\s)\s*")
_ITALICS = re.compile(r"_([^_\n]{1,200}?)_")
_NUMBERS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20",
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "hundred": "100",
}  # fmt: skip
_NUMBER = re.compile(rf"\b({'|'.join(_NUMBERS)})\b")

Variant = Callable[[str], str]


def augment(corpus: Corpus, seed: int) -> Corpus:
    """Return the corpus as passages, each a separate text with a layout and spelling of its own.

    The draws depend on the seed only. Passages keep their order, so a validation set at the end
    of the corpus has the same content as without augmentation.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, corpus.num_texts]))
    varied = (
        _vary(passage, random)
        for start, stop in corpus.spans().tolist()
        for passage in _passages(corpus.pieces(start + 1, stop))
    )
    return Corpus.of(varied, name=corpus.name)


def _passages(pieces: Iterable[str]) -> Iterator[str]:
    """Cut the pieces of a text at blank lines into passages of about `_PASSAGE` characters."""
    parts: list[str] = []
    size = 0
    for paragraph in _paragraphs(pieces):
        parts.append(paragraph)
        size += len(paragraph)
        if size >= _PASSAGE:
            yield "\n\n".join(parts)
            parts, size = [], 0
    if parts:
        yield "\n\n".join(parts)


def _paragraphs(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the paragraphs of a text, without the newlines around it."""
    rest, is_start = "", True
    for piece in pieces:
        rest += piece
        if is_start:
            rest = rest.lstrip("\n")
            is_start = not rest
        text = rest.rstrip("\n")
        *paragraphs, last = _BLANK_LINES.split(text)
        yield from paragraphs
        rest = last + rest[len(text) :]  # both can continue in the next piece
    yield rest.rstrip("\n")


def _vary(passage: str, random: np.random.Generator) -> str:
    """Apply a random variant of each kind."""
    for variants in (_ITALIC_VARIANTS, _QUOTES, _DASHES, _DIGITS, _LAYOUTS, _CASES):
        weights = np.array([weight for weight, _ in variants], float)
        chosen = random.choice(len(variants), p=weights / weights.sum())
        passage = variants[chosen][1](passage)
    return passage + "\n"


def _unchanged(text: str) -> str:
    return text


def _is_verse(paragraph: str) -> bool:
    """Return whether the lines of a paragraph are not the result of wrapping.

    Wrapped lines are long and reach to the left margin, except for the last.
    """
    lines = paragraph.split("\n")
    if len(lines) == 1:
        return False
    short = sum(len(line.strip()) < 50 or line[:1] == " " for line in lines[:-1])
    return 2 * short > len(lines) - 1


def _unwrapped(paragraph: str) -> str:
    return paragraph if _is_verse(paragraph) else " ".join(paragraph.split())


def _each(change: Callable[[str], str], between: str = "\n\n") -> Variant:
    return lambda text: between.join(change(part) for part in text.split("\n\n"))


def _wrapped(width: int) -> Variant:
    def wrap(paragraph: str) -> str:
        if _is_verse(paragraph):
            return paragraph
        return textwrap.fill(" ".join(paragraph.split()), width, break_on_hyphens=False)

    return _each(wrap)


def _sentences(prefix: str) -> Variant:
    """Return the variant with one sentence per line. prefix: "#" numbers the lines."""

    def split(text: str) -> str:
        lines = [
            line.strip()
            for part in text.split("\n\n")
            for line in _SENTENCE_END.sub(r"\1\n", _unwrapped(part)).split("\n")
        ]
        if prefix == "#":
            return "\n".join(f"{k}. {line}" for k, line in enumerate(lines, start=1))
        return "\n".join(prefix + line for line in lines)

    return split


def _straight(text: str) -> str:
    return text.translate(str.maketrans("“”‘’", "\"\"''"))


def _typographic(text: str) -> str:
    opening = {'"': "“", "'": "‘"}
    text = _SMART_OPENING.sub(lambda match: match[1] + opening[match[2]], text)
    return text.replace('"', "”").replace("'", "’")


def _dashes(dash: str) -> Variant:
    return lambda text: _DASH.sub(dash, text)


def _digits(text: str) -> str:
    return _NUMBER.sub(lambda match: _NUMBERS[match[1]], text)


# Each kind of variant with the weights of its members. The layouts of the books themselves stay
# the most frequent ones.
_ITALIC_VARIANTS: list[tuple[float, Variant]] = [
    (1, _unchanged),
    (4, lambda text: _ITALICS.sub(r"\1", text)),
]
_QUOTES: list[tuple[float, Variant]] = [(2, _unchanged), (5, _straight), (3, _typographic)]
_DASHES: list[tuple[float, Variant]] = [
    (5, _unchanged),
    (2, _dashes("—")),
    (2, _dashes("--")),
    (1, _dashes(" - ")),
    (1, _dashes(" – ")),
]
_DIGITS: list[tuple[float, Variant]] = [(9, _unchanged), (1, _digits)]
_LAYOUTS: list[tuple[float, Variant]] = [
    (6, _unchanged),
    (5, _each(_unwrapped)),
    (3, _each(_unwrapped, "\n")),
    (1, _wrapped(40)),
    (1, _wrapped(60)),
    (1, _wrapped(80)),
    (3, _sentences("")),
    (0.5, _sentences("- ")),
    (0.5, _sentences("#")),
]
_CASES: list[tuple[float, Variant]] = [(17, _unchanged), (2, str.lower), (0.4, str.upper)]
