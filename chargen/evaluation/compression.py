"""The size of a compressed text, which shows how much of it is repetition."""

from __future__ import annotations

import bz2
import math

from chargen.text.corpus import Corpus

_MAX_CHARACTERS = 1 << 20


def compressed_nats(corpus: Corpus) -> float:
    """Return the size of the start of a text after bzip2 compression, in nats per character."""
    compressor, characters, size = bz2.BZ2Compressor(), 0, 0
    for piece in corpus.pieces():
        size += len(compressor.compress(piece.encode("utf-8")))
        characters += len(piece)
        if characters >= _MAX_CHARACTERS:
            break
    size += len(compressor.flush())
    return 8 * size * math.log(2) / characters
