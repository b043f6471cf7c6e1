"""Encoding texts in one pass: their characters are counted, hashed and replaced by ids.

The ids are those of the text's own characters, in the order of their first appearance. The
vocabulary of a model maps them when they are read, so they can be reused for another model.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chargen.text.ids import Array, Dtype, Ids, IdWriter, Longs
from chargen.text.kind import TextKind
from chargen.text.normal_form import FormDetector, in_form

_CODE_POINTS = 0x110000
_BLOCK = 1 << 20  # characters that are encoded at once
_BETWEEN = b"\x1e"  # in the digest of several streams


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded texts.

    ids: every text after a boundary, and the last of separate texts before one. counts: the number
    of occurrences of each character, in the order of the ids; the boundary is the first. edges:
    where each text starts, at the boundary before it, and where the last one ends. sha256: of the
    texts in UTF-8. normal_form: as found by `FormDetector`.
    """

    ids: Ids
    counts: dict[str, int]
    edges: Longs
    sha256: str
    normal_form: str


class Encoder:
    """Encodes one text after another. normalize: the normal form that texts are converted to."""

    def __init__(self, kind: TextKind, normalize: str, writer: IdWriter) -> None:
        self._kind, self._normalize, self._writer = kind, normalize, writer
        self._alphabet: list[str] = []
        self._counts = np.zeros(0, np.int64)
        self._table = self._make_table(np.uint8)
        self._digest = hashlib.sha256()
        self._forms = FormDetector()
        self._pending: list[str] = []
        self._pending_size = 0
        self._length = 0
        self._starts = array("q")
        self._boundaries: list[Longs] = []
        in_form("", normalize)  # raises an error for an unknown form

    def add(self, pieces: Iterable[str]) -> None:
        """Add the pieces of a text, or of a part of a file with several separate texts.

        A piece begins with a character that does not combine with the one before it.
        Raises UnicodeEncodeError if it has a lone surrogate.
        """
        is_first = True
        for piece in pieces:
            if self._kind.separate:
                self._add_separate(self._kind.split(piece))
            elif piece:
                if is_first:
                    self._digest.update(_BETWEEN if self._starts else b"")
                    self._starts.append(self._length + self._pending_size)
                    self._append(self._kind.boundary)
                self._add(piece)
                is_first = False

    def finish(self) -> Encoded:
        """Return all texts that were added."""
        self._encode()
        if self._kind.separate:
            edges = np.concatenate([np.empty(0, np.int64), *self._boundaries])
        else:
            edges = np.array([*self._starts, self._length], np.int64)
        counts = dict(zip(self._alphabet, self._counts.tolist(), strict=True))
        ids = self._writer.finish()
        return Encoded(ids, counts, edges, self._digest.hexdigest(), self._forms.form)

    def _add_separate(self, texts: list[str]) -> None:
        if texts:
            if not (self._length or self._pending):
                self._append(self._kind.boundary)
            self._add(self._kind.joined(texts))

    def _add(self, piece: str) -> None:
        text = in_form(piece, self._normalize)
        self._digest.update(text.encode("utf-8"))
        self._forms.add(text)
        self._append(text)

    def _append(self, text: str) -> None:
        self._pending.append(text)
        self._pending_size += len(text)
        if self._pending_size >= _BLOCK:
            self._encode()

    def _encode(self) -> None:
        text = "".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        ids = self._table.take(codes)
        unseen = ids == _unseen(ids.dtype)
        if unseen.any():
            self._extend(codes[unseen])
            ids = self._table.take(codes)
        self._counts += np.bincount(ids, minlength=len(self._alphabet))
        if self._kind.separate:
            self._boundaries.append(np.flatnonzero(ids == 0) + self._length)
        self._length += len(ids)
        self._writer.write(ids)

    def _extend(self, codes: npt.NDArray[np.uint32]) -> None:
        """Add new characters to the alphabet."""
        new, first = np.unique(codes, return_index=True)
        self._alphabet += map(chr, new[np.argsort(first)].tolist())
        self._counts = np.pad(self._counts, (0, len(new)))
        dtype = self._table.dtype
        if len(self._alphabet) > _unseen(dtype):
            dtype = np.min_scalar_type(len(self._alphabet))
            self._writer.widen(dtype)
        self._table = self._make_table(dtype)

    def _make_table(self, dtype: npt.DTypeLike) -> Array:
        table = np.full(_CODE_POINTS, _unseen(np.dtype(dtype)), dtype)
        table[[ord(character) for character in self._alphabet]] = np.arange(len(self._alphabet))
        return table


def digest_of(texts: Iterable[str], kind: TextKind) -> str:
    """Return the digest that an encoder computes for these texts in their normal form."""
    digest = hashlib.sha256()
    for number, text in enumerate(texts):
        if kind.separate:
            digest.update(kind.joined([text]).encode())
        else:
            digest.update((_BETWEEN if number else b"") + text.encode())
    return digest.hexdigest()


def _unseen(dtype: Dtype) -> int:
    """Return the id that stands for a character outside of the alphabet."""
    return int(np.iinfo(dtype).max)
