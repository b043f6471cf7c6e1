"""The vocabulary: characters to ids and back.

A character is a Unicode code point. Its id is its index in the vocabulary. Id 0 is U+FFFD, which
represents every unknown character and is never sampled.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chargen.errors import CheckpointError
from chargen.text.normal_form import UNCHANGED, in_form

UNKNOWN = "\ufffd"
UNKNOWN_ID = 0
_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Vocabulary:
    """The characters of a model, in the order of their ids; U+FFFD is the first.

    form: the Unicode normal form that the training text was converted to, or "none".
    """

    characters: str
    form: str = UNCHANGED

    def __post_init__(self) -> None:
        assert self.characters[0] == UNKNOWN
        assert len(set(self.characters)) == len(self.characters)

    @classmethod
    def build(
        cls, pieces: Iterable[str], *, min_count: int = 1, boundary: str = "\n"
    ) -> Vocabulary:
        """Make a vocabulary of all characters of a text; see `of_counts`."""
        return cls.of_counts(_counts(pieces), min_count=min_count, boundary=boundary)

    @classmethod
    def of_counts(
        cls, counts: Mapping[str, int], *, min_count: int = 1, boundary: str = "\n"
    ) -> Vocabulary:
        """Make a vocabulary of all characters with at least `min_count` occurrences, sorted.

        It always contains the boundary, which is the first input of every text.
        """
        known = (_common(counts, min_count) | {boundary}) - {UNKNOWN}
        return cls(UNKNOWN + "".join(sorted(known)))

    def __len__(self) -> int:
        return len(self.characters)

    @property
    def dtype(self) -> npt.DTypeLike:
        """The smallest unsigned integer type that holds every id."""
        return np.min_scalar_type(len(self) - 1)

    def encode(self, text: str) -> npt.NDArray[np.unsignedinteger]:
        """Return [len(text)] ids; unknown characters and lone surrogates become 0."""
        ids: npt.NDArray[np.unsignedinteger] = self._table[_codes(text)]
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of these ids."""
        return "".join([self.characters[k] for k in ids])

    def unknown(self, text: str) -> str:
        """Return the distinct characters of a text that are not in the vocabulary, sorted."""
        return "".join(sorted(set(text).difference(self.characters)))

    def known_form(self, text: str) -> str:
        """Return a text in the normal form of the training text, if that was converted to one.

        If characters are unknown, it is the form with the fewest of them. Otherwise, the text is
        unchanged.
        """
        text = in_form(text, self.form)
        if not self.unknown(text):
            return text
        forms = (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
        return min(forms, key=lambda form: len(self.unknown(form)))

    def extended(
        self, counts: Mapping[str, int], *, min_count: int = 1, boundary: str = "\n"
    ) -> Vocabulary:
        """Return this vocabulary, extended by the new characters of a text and the boundary.

        counts, min_count: as in `of_counts`.
        """
        new = (_common(counts, min_count) | {boundary}).difference(self.characters)
        return Vocabulary(self.characters + "".join(sorted(new)))

    def to_json(self) -> bytes:
        """Return the `tokenizer.json` of the equivalent Hugging Face tokenizer."""
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

        tokenizer = Tokenizer(
            models.WordLevel({c: k for k, c in enumerate(self.characters)}, unk_token=UNKNOWN)
        )
        # (?m:.) because a plain dot skips newlines, and (?s) is refused by the regex engine.
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(?m:.)"), "isolated")
        tokenizer.decoder = decoders.Fuse()
        return tokenizer.to_str(pretty=True).encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes, path: str = "tokenizer.json") -> Vocabulary:
        """Parse the output of `to_json`.

        It is parsed as JSON, since importing the library would slow down the start of the program.
        Raises CheckpointError, naming `path`, if it is not a character-level vocabulary.
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
            raise CheckpointError(f"{path} is not a character-level vocabulary")
        return cls("".join(characters))

    @cached_property
    def _table(self) -> npt.NDArray[np.unsignedinteger]:
        table = np.zeros(_CODE_POINTS, self.dtype)
        table[_codes(self.characters)] = np.arange(len(self))
        return table


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _common(counts: Mapping[str, int], min_count: int) -> set[str]:
    return {character for character, count in counts.items() if count >= max(1, min_count)}


def _counts(pieces: Iterable[str]) -> dict[str, int]:
    counts = np.zeros(_CODE_POINTS, np.int64)
    for piece in pieces:
        if len(piece) < 4096:  # sorting a short piece is cheaper than counting all code points
            codes, found = np.unique(_codes(piece), return_counts=True)
            counts[codes] += found
        else:
            found = np.bincount(_codes(piece))
            counts[: len(found)] += found
    return {chr(code): int(counts[code]) for code in np.flatnonzero(counts)}
