"""Statistics of a generated text: rhymes, known words, closed brackets, copied passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from chargen.errors import CorpusError
from chargen.evaluation.bracket_matching import match_brackets
from chargen.evaluation.copying import longest_copy
from chargen.evaluation.intervals import wilson
from chargen.evaluation.records import Coherence, Interval
from chargen.text.decoding import AUTO
from chargen.text.reading import Report, ignore, read_file

MAX_DISTANCE = 12
MIN_WORDS = 20

Families = Mapping[str, frozenset[str]]

_WORD = re.compile(r"[^\W\d_]+")


def coherence(lines: Sequence[str], corpus: str, families: Families | None) -> Coherence:
    """Measure generated lines, given the corpus that the model was trained on.

    A word is a run of letters; case does not matter. Brackets and quotation marks must be closed
    in their line. The longest copy is a passage within one line. See `kept_rhyme` for rhymes.
    """
    known = set(words(corpus))
    written = [word for line in lines for word in words(line)]
    opened = [closed is not None for line in lines for _, closed in match_brackets(line)]
    return Coherence(
        kept_rhyme(lines, families) if families else (),
        sum(word in known for word in written) / len(written) if written else None,
        sum(opened) / len(opened) if opened else None,
        longest_copy(lines, corpus),
    )


def kept_rhyme(lines: Iterable[str], families: Families) -> tuple[Interval, ...]:
    """Return the share of words that are in the family of their line's first rhyme word.

    The result has one Wilson interval for each distance d = 1, 2 ... 12 in words from the first
    rhyme word, as long as at least 20 lines have a word at that distance. Lines without a rhyme
    word do not count. All words count, including those of no family, so the corpus itself is not
    near 1. Counting only rhyme words would leave too few words of a network that cannot spell: a
    bigram model of `corpora/rhymes.txt` writes one to four per distance in 500 lines.
    """
    family = {word: name for name, members in families.items() for word in members}
    kept: list[list[bool]] = [[] for _ in range(MAX_DISTANCE)]
    for line in lines:
        owners = [family.get(word) for word in words(line)]
        first = next((k for k, owner in enumerate(owners) if owner is not None), len(owners))
        for d, owner in enumerate(owners[first + 1 : first + 1 + MAX_DISTANCE]):
            kept[d].append(owner == owners[first])
    enough = takewhile(lambda found: len(found) >= MIN_WORDS, kept)
    return tuple(wilson(sum(found), len(found)) for found in enough)


def read_rhyme_families(path: Path, *, encoding: str = AUTO, report: Report = ignore) -> Families:
    """Read words that rhyme: one family per line, such as `-ay: play day stay`.

    Empty lines and lines that begin with # are ignored. encoding, report: as for `read_file`,
    whose errors are raised.
    """
    families: dict[str, frozenset[str]] = {}
    text = read_file(path, encoding=encoding, report=report)
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, members = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not colon or not words(members) or name.strip() in families:
            raise CorpusError(
                f"{path}, line {number}: expected a new family such as `-ay: play day stay`,"
                f" got {line!r:.60}"
            )
        families[name.strip()] = frozenset(words(members))
    if not families:
        raise CorpusError(f"{path} has no rhymes (expected lines such as `-ay: play day stay`)")
    return families


def words(text: str) -> list[str]:
    """Return the runs of letters of a text in lower case; "Jake's" has the words jake and s."""
    return _WORD.findall(text.lower())
