"""How much one text copies from another: the longest passage, the share of all passages, and where.

Shapes: N characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

# An arbitrary odd number: it has an inverse modulo 2**64.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_TABLE_BITS = np.uint64(22)
_CHUNK = 1 << 20  # characters that are hashed at a time


def longest_copy(lines: Sequence[str], corpus: str) -> int:
    """Return the length of the longest passage within one line that occurs in the corpus.

    Bisection finds the length, since every part of a copied passage is copied too. For each
    length, the hashes of all passages of that length in both texts are compared; a match is
    verified in the corpus, so the result is exact.
    Source: Karp and Rabin 1987.
    """
    text = "".join(lines)
    ends = np.repeat(np.cumsum([len(line) for line in lines]), [len(line) for line in lines])
    written_hashes, corpus_hashes = _hasher(text), _hasher(corpus)
    low, high = 0, min(max(map(len, lines), default=0), len(corpus))
    while low < high:
        length = (low + high + 1) // 2
        starts = np.flatnonzero(ends - np.arange(len(ends)) >= length)
        written, read = written_hashes(length)[starts], corpus_hashes(length)
        matching = starts[np.isin(written, read[_maybe_among(read, written)])]
        if any(text[start : start + length] in corpus for start in matching.tolist()):
            low = length
        else:
            high = length - 1
    return low


def copied_share(samples: Iterable[str], text: str, length: int) -> float:
    """Return the share of the passages of `length` characters in the samples that occur in `text`.

    Every position of a sample starts a passage, except the last `length` - 1. Without any passage
    the share is 0.
    """
    passages = Counter(
        sample[start : start + length]
        for sample in samples
        for start in range(len(sample) - length + 1)
    )
    if not passages:
        return 0.0
    found = sum(passages[passage] for passage in occurring(passages, [text], length))
    return found / passages.total()


def copied_places(samples: Sequence[str], texts: Iterable[str], length: int) -> list[set[int]]:
    """Return the positions in each sample that lie in copied stretches.

    A stretch is copied if it has `length` characters or more and occurs in one of the texts.
    """
    starts = [range(len(sample) - length + 1) for sample in samples]
    passages = {
        sample[start : start + length]
        for sample, each in zip(samples, starts, strict=True)
        for start in each
    }
    found = occurring(passages, texts, length)
    return [
        {
            place
            for start in each
            if sample[start : start + length] in found
            for place in range(start, start + length)
        }
        for sample, each in zip(samples, starts, strict=True)
    ]


def occurring(passages: Collection[str], texts: Iterable[str], length: int) -> set[str]:
    """Return the passages, all of `length` characters, that occur in at least one of the texts.

    The texts are hashed in chunks: the memory needed does not depend on their length. The result
    is exact. Source: Karp and Rabin 1987.
    """
    copied: set[str] = set()
    if not passages:
        return copied
    wanted = np.unique(_hasher("".join(passages))(length)[::length])
    for text in texts:
        for start in range(0, len(text) - length + 1, _CHUNK):
            chunk = text[start : start + _CHUNK + length - 1]
            read = _hasher(chunk)(length)
            places = np.flatnonzero(_maybe_among(read, wanted))
            places = places[np.isin(read[places], wanted)]
            copied.update(chunk[place : place + length] for place in places.tolist())
    return copied.intersection(passages)  # removes hash collisions


def _maybe_among(hashes: Words, wanted: Words) -> npt.NDArray[np.bool_]:
    """Return which hashes may be among the wanted ones, by their upper bits.

    This excludes nearly all passages of a long text without sorting their hashes.
    """
    shift = np.uint64(64) - _TABLE_BITS
    table = np.zeros(1 << int(_TABLE_BITS), bool)
    table[wanted >> shift] = True
    among: npt.NDArray[np.bool_] = table[hashes >> shift]
    return among


def _hasher(text: str) -> Callable[[int], Words]:
    """Return a function from a length to the hashes [N - length + 1] of all passages that long.

    A hash takes the code points as digits of a number, modulo 2**64.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    digits = (codes.astype(np.uint64) + np.uint64(1)) * _powers(_BASE, len(text))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(digits, dtype=np.uint64)])
    shifts = _powers(_INVERSE, len(text))

    def hashes(length: int) -> Words:
        passages = sums[length:] - sums[: len(sums) - length]
        shifted: Words = passages * shifts[: len(passages)]
        return shifted

    return hashes


def _powers(base: int, count: int) -> Words:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)
