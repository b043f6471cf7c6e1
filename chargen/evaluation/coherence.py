"""Whether a text keeps together: its rhymes, its words, its quotes and brackets, its copying."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from chargen.evaluation.closers import openers
from chargen.evaluation.copying import longest_copy
from chargen.evaluation.intervals import wilson
from chargen.records import Coherence, Interval

FURTHEST_WORD = 12
LEAST_WORDS = 20

Families = Mapping[str, frozenset[str]]

_WORD = re.compile(r"[^\W\d_]+")
_HEADING = re.compile(r"^#+ +`?(.*?)`? *$", re.MULTILINE)
_ROW = re.compile(r"^\| *(-\w+) *\|([^|\n]*)\| *$", re.MULTILINE)


def coherence(lines: Sequence[str], corpus: str, families: Families | None) -> Coherence:
    """Measure lines that were written beside the corpus that was learned.

    known_words: share of the words, runs of letters whatever their case, that occur in the
    corpus; not a number where there are none. closed: share of the opening quotes and brackets
    that are closed in their line; None where there are none. longest_copy: of a stretch within
    one line. kept_rhyme: see `kept_rhyme`.
    """
    known = set(words(corpus))
    written = [word for line in lines for word in words(line)]
    opened = [closed is not None for line in lines for _, closed in openers(line)]
    return Coherence(
        kept_rhyme(lines, families) if families else (),
        _share(sum(word in known for word in written), len(written)),
        _share(sum(opened), len(opened)) if opened else None,
        longest_copy(lines, corpus),
    )


def kept_rhyme(lines: Sequence[str], families: Families) -> tuple[Interval, ...]:
    """The share of words in the family of their line's first rhyme word, d words behind it.

    For d = 1, 2 ... 12, as far as 20 lines or more have a word there; Wilson intervals. A line
    gives one word at most to each d, and none if it has no rhyme word. All words count, those
    too that rhyme with nothing, so the corpus itself is not near 1. Of rhyme words alone it
    would be, but a network that cannot spell writes next to none: pairs of characters drawn
    as they are counted in `corpora/rhymes.txt` make one to four at a distance in 500 lines.
    """
    family = {word: name for name, members in families.items() for word in members}
    kept: list[list[bool]] = [[] for _ in range(FURTHEST_WORD)]
    for line in lines:
        owners = [family.get(word) for word in words(line)]
        first = next((k for k, owner in enumerate(owners) if owner is not None), len(owners))
        for d, owner in enumerate(owners[first + 1 : first + 1 + FURTHEST_WORD]):
            kept[d].append(owner == owners[first])
    heard = kept[: next((d for d, found in enumerate(kept) if len(found) < LEAST_WORDS), len(kept))]
    return tuple(wilson(sum(found), len(found)) for found in heard)


def rhyme_families(corpus: Path) -> Families | None:
    """The rhyme words of each family, from the README.md beside a corpus file.

    They stand under the heading that is the file's name, as rows `| -ay | play day ... |`. None
    where there are no such rows.
    """
    try:
        readme = (corpus.parent / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    headings = [*_HEADING.finditer(readme)]
    ends = [*(heading.start() for heading in headings[1:]), len(readme)]
    rows = [
        row
        for heading, end in zip(headings, ends, strict=bool(headings))
        if heading[1] == corpus.name
        for row in _ROW.finditer(readme, heading.end(), end)
    ]
    return {row[1]: frozenset(words(row[2])) for row in rows} or None


def words(text: str) -> list[str]:
    """The runs of letters of a text, in lower case: "Jake's" holds the word jake."""
    return _WORD.findall(text.lower())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
