"""Characters to ids and back.

A character is a Unicode code point. Its id is its place in the vocabulary; id 0 is U+FFFD, the
unknown character, which stands for every other one and is never sampled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chargen.errors import CheckpointError

UNKNOWN = "\ufffd"
UNKNOWN_ID = 0
_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Vocabulary:
    """The characters a model knows, in the order of their ids, U+FFFD first."""

    characters: str

    def __post_init__(self) -> None:
        assert self.characters[0] == UNKNOWN
        assert len(set(self.characters)) == len(self.characters)

    @classmethod
    def build(cls, pieces: Iterable[str], *, min_count: int = 1) -> Vocabulary:
        """Every character that occurs at least `min_count` times, by code point, and newline.

        The newline is what every text begins from, so it is known even where none occurs.
        """
        known = (_common(pieces, min_count) | {"\n"}) - {UNKNOWN}
        return cls(UNKNOWN + "".join(sorted(known)))

    def __len__(self) -> int:
        return len(self.characters)

    @property
    def dtype(self) -> npt.DTypeLike:
        """The smallest unsigned integer that holds every id."""
        return np.min_scalar_type(len(self) - 1)

    def encode(self, text: str) -> npt.NDArray[np.unsignedinteger]:
        """[len(text)] ids; a character that is not known, a lone surrogate too, becomes 0.

        One look-up in a table over all code points: a whole corpus costs numpy's speed.
        """
        ids: npt.NDArray[np.unsignedinteger] = self._table[_codes(text)]
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of `ids`."""
        return "".join([self.characters[k] for k in ids])

    def unknown(self, text: str) -> str:
        """The distinct characters of `text` that the vocabulary does not hold, sorted."""
        return "".join(sorted(set(text).difference(self.characters)))

    def extended(self, pieces: Iterable[str], *, min_count: int = 1) -> Vocabulary:
        """This vocabulary and, behind its own ids, what `pieces` holds beyond it."""
        new = _common(pieces, min_count).difference(self.characters)
        return Vocabulary(self.characters + "".join(sorted(new)))

    def to_json(self) -> bytes:
        """The `tokenizer.json` of Hugging Face `tokenizers` that encodes and decodes the same."""
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

        tokenizer = Tokenizer(
            models.WordLevel({c: k for k, c in enumerate(self.characters)}, unk_token=UNKNOWN)
        )
        # (?m:.) because a plain dot skips newlines, and (?s) is refused by the regex engine.
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(?m:.)"), "isolated")
        tokenizer.decoder = decoders.Fuse()
        return tokenizer.to_str(pretty=True).encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes) -> Vocabulary:
        """Read a `tokenizer.json` that `to_json` wrote.

        It is read as JSON, so that starting up does not pay for the library. Raises
        CheckpointError where it is no character-level vocabulary.
        """
        try:
            ids = json.loads(data)["model"]["vocab"]
            characters = sorted(ids, key=ids.__getitem__)
            good = (
                all(type(k) is int for k in ids.values())
                and [ids[c] for c in characters] == list(range(len(ids)))
                and all(len(c) == 1 for c in characters)
                and characters[0] == UNKNOWN
                and not any("\ud800" <= c <= "\udfff" for c in characters)
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            good = False
        if not good:
            raise CheckpointError("tokenizer.json is not a character vocabulary of chargen")
        return cls("".join(characters))

    @cached_property
    def _table(self) -> npt.NDArray[np.unsignedinteger]:
        table = np.zeros(_CODE_POINTS, self.dtype)
        table[_codes(self.characters)] = np.arange(len(self))
        return table


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _common(pieces: Iterable[str], min_count: int) -> set[str]:
    """The characters that occur `min_count` times or more."""
    counts = np.zeros(_CODE_POINTS, np.int64)
    for piece in pieces:
        if len(piece) < 4096:  # sorting a short piece is cheaper than a count of all code points
            codes, found = np.unique(_codes(piece), return_counts=True)
            counts[codes] += found
        else:
            found = np.bincount(_codes(piece))
            counts[: len(found)] += found
    return {chr(code) for code in np.flatnonzero(counts >= max(1, min_count))}
