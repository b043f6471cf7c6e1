"""How much of a text stands letter by letter in another.

Shapes: N characters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

# Odd, so that it has an inverse modulo 2**64; otherwise by chance.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_TABLE_BITS = np.uint64(22)


def longest_copy(lines: Sequence[str], corpus: str) -> int:
    """The length of the longest stretch within one line that occurs in the corpus.

    Each length is tried with a hash of every stretch so long on both sides, all at numpy's
    speed, and a hit is looked up in the corpus itself, so the result is exact. Which lengths: a
    stretch that occurs holds shorter ones that do, so bisection finds the longest.
    Source: Karp and Rabin 1987.
    """
    text = "".join(lines)
    ends = np.repeat(np.cumsum([len(line) for line in lines]), [len(line) for line in lines])
    written, read = _Hashes(text), _Hashes(corpus)
    low, high = 0, min(max(map(len, lines), default=0), len(corpus))
    while low < high:
        length = (low + high + 1) // 2
        starts = np.flatnonzero(ends - np.arange(len(ends)) >= length)
        if _occurs(text, starts, corpus, written.of(length)[starts], read.of(length), length):
            low = length
        else:
            high = length - 1
    return low


def _occurs(
    text: str, starts: npt.NDArray[np.int64], corpus: str, written: Words, read: Words, length: int
) -> bool:
    """Whether any of the stretches of `text` at `starts` stands in the corpus."""
    # A table by the upper bits passes over nearly all of the corpus without sorting it.
    shift = np.uint64(64) - _TABLE_BITS
    table = np.zeros(1 << int(_TABLE_BITS), bool)
    table[written >> shift] = True
    alike = np.isin(written, read[table[read >> shift]])
    return any(text[start : start + length] in corpus for start in starts[alike].tolist())


class _Hashes:
    """The hash of each stretch of a text: its code points as digits to a base, modulo 2**64."""

    def __init__(self, text: str) -> None:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        digits = codes.astype(np.uint64) + np.uint64(1)
        self._sums = np.concatenate(
            [np.zeros(1, np.uint64), np.cumsum(digits * _powers(_BASE, len(text)), dtype=np.uint64)]
        )
        self._shifts = _powers(_INVERSE, len(text))

    def of(self, length: int) -> Words:
        """[max(0, N - length + 1)]: the hash of the stretch that begins at each place."""
        sums = self._sums[length:] - self._sums[: len(self._sums) - length]
        hashes: Words = sums * self._shifts[: len(sums)]
        return hashes


def _powers(base: int, count: int) -> Words:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)
