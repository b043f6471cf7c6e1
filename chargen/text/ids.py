"""The ids of the characters of a text, by position: in memory or, if there are many, in a file.

The file is read in blocks. It is not mapped: the pages of a mapping count as memory of the
process, and a file that is truncated would end it.
"""

from __future__ import annotations

import tempfile
import zlib
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from chargen.errors import CorpusError

Array = npt.NDArray[np.unsignedinteger]
Dtype = np.dtype[Any]
Longs = npt.NDArray[np.int64]
Spans = npt.NDArray[np.int64]  # [n, 2]: starts and stops

# Bytes of a block, which has a checksum. A window of a batch lies in one or two of them.
BLOCK = 1 << 12
_CACHED_BLOCKS = 1 << 10
_BUFFER = 1 << 20
IN_MEMORY = 1 << 25  # bytes of ids, or of the files of a text


class BlockFile:
    """A file in blocks. checksums: the CRC-32 of each block. path: None for a temporary file."""

    def __init__(
        self, file: BinaryIO, path: Path | None, size: int, checksums: Sequence[int]
    ) -> None:
        self.file = file
        self.path = path
        self.size = size
        self.checksums = checksums
        self._cached: dict[int, bytes] = {}

    def __del__(self) -> None:
        self.file.close()

    def read(self, start: int, stop: int) -> bytes:
        """Return a range of bytes. Raises CorpusError, and removes the file, if it is damaged."""
        first, last = start // BLOCK, -(-stop // BLOCK)
        blocks = b"".join([self._block(number) for number in range(first, last)])
        return blocks[start - first * BLOCK : stop - first * BLOCK]

    def _block(self, number: int) -> bytes:
        if (block := self._cached.get(number)) is None:
            if len(self._cached) == _CACHED_BLOCKS:
                self._cached.clear()
            block = self._cached[number] = self._read_block(number)
        return block

    def _read_block(self, number: int) -> bytes:
        try:
            self.file.seek(number * BLOCK)
            block = self.file.read(min(BLOCK, self.size - number * BLOCK))
        except OSError as error:
            raise CorpusError(f"{self.path} cannot be read: {error.strerror}") from None
        if zlib.crc32(block) != self.checksums[number]:
            if self.path is not None:
                self.path.unlink(missing_ok=True)
            raise CorpusError(
                f"{self.path} is damaged and was removed; the next run writes it again"
                " (repeat the command, or resume the run with {resume})",
                "resume",
            )
        return block


class StoredIds:
    """Ids in a file. Like an array, they are read with a slice or an array of positions.

    stored_dtype: the type of the ids in the file. table: an id for each of them; None: the same.
    """

    def __init__(self, file: BlockFile, dtype: npt.DTypeLike, table: Array | None = None) -> None:
        self.file = file
        self.stored_dtype = np.dtype(dtype)
        self._table = table

    @property
    def dtype(self) -> Dtype:
        """The type of the ids that are read."""
        return self.stored_dtype if self._table is None else self._table.dtype

    def mapped(self, table: Array) -> StoredIds:
        """Return the same ids, each replaced by its entry of a table."""
        return StoredIds(self.file, self.stored_dtype, table)

    def __len__(self) -> int:
        return self.file.size // self.stored_dtype.itemsize

    def __getitem__(self, places: slice | Longs) -> Array:
        """Return the ids at these positions.

        Positions of an array [T, ...] are read fastest if they follow each other along T.
        """
        if isinstance(places, slice):
            start, stop, step = places.indices(len(self))
            assert step == 1
            ids = self._read(start, max(start, stop))
        else:
            flat = places.T.ravel()
            ids = np.empty(len(flat), self.stored_dtype)
            steps = np.diff(flat)
            cuts = (np.flatnonzero((steps != 0) & (steps != 1)) + 1).tolist()
            for first, last in pairwise([0, *cuts, len(flat)]):
                if first < last:
                    start = int(flat[first])
                    run = self._read(start, int(flat[last - 1]) + 1)
                    ids[first:last] = run[flat[first:last] - start]
            ids = ids.reshape(places.T.shape).T
        return ids if self._table is None else self._table[ids]

    def _read(self, start: int, stop: int) -> Array:
        width = self.stored_dtype.itemsize
        return np.frombuffer(self.file.read(start * width, stop * width), self.stored_dtype)


Ids = npt.NDArray[np.integer] | StoredIds


class IdWriter:
    """Collects ids of type uint8 or wider, in memory until there are many, then in a file.

    path: of the file; None for a temporary one. Leaving the context removes an unfinished file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._dtype: Dtype = np.dtype(np.uint8)
        self._parts: list[Array] = []
        self._file: BinaryIO | None = None
        self._buffer = bytearray()
        self._checksums = array("I")
        self._length = 0

    def __enter__(self) -> IdWriter:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None and self._file is not None:
            self._file.close()
            if self.path is not None:
                self.path.unlink(missing_ok=True)

    def write(self, ids: Array) -> None:
        """Add ids of the type of the writer. Raises CorpusError if a file cannot be written."""
        self._length += len(ids)
        if self._file is not None:
            self._append(ids.tobytes())
            return
        self._parts.append(ids)
        if self._length * self._dtype.itemsize > IN_MEMORY:
            self._file = self._create()
            parts, self._parts = self._parts, []
            for part in parts:
                self._append(part.tobytes())

    def widen(self, dtype: npt.DTypeLike) -> None:
        """Convert all ids to a wider type, which holds more of them."""
        narrow, self._dtype = self._dtype, np.dtype(dtype)
        self._parts = [part.astype(dtype) for part in self._parts]
        if (old := self._file) is None:
            return
        rest = bytes(self._buffer)
        size, self._checksums = len(self._checksums) * BLOCK, array("I")
        self._buffer.clear()
        old_path = self.path
        if old_path is not None:
            self.path = old_path.with_name(f"{old_path.name}w")
        self._file = self._create()
        for start in range(0, size, _BUFFER):
            old.seek(start)
            data = old.read(min(_BUFFER, size - start))
            self._append(np.frombuffer(data, narrow).astype(dtype).tobytes())
        self._append(np.frombuffer(rest, narrow).astype(dtype).tobytes())
        old.close()
        if old_path is not None:
            old_path.unlink(missing_ok=True)

    def finish(self) -> Array | StoredIds:
        """Return all ids."""
        if self._file is None:
            parts, self._parts = self._parts, []
            return np.concatenate(parts) if parts else np.empty(0, self._dtype)
        self._flush(len(self._buffer))
        size = self._length * self._dtype.itemsize
        return StoredIds(BlockFile(self._file, self.path, size, self._checksums), self._dtype)

    def _append(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            self._flush(len(self._buffer) // BLOCK * BLOCK)

    def _flush(self, size: int) -> None:
        assert self._file is not None
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        for start in range(0, size, BLOCK):
            self._checksums.append(zlib.crc32(data[start : start + BLOCK]))
        try:
            self._file.write(data)
        except OSError as error:
            raise unwritable(self.path, error) from None

    def _create(self) -> BinaryIO:
        try:
            if self.path is None:
                return tempfile.TemporaryFile()
            return open(self.path, "x+b")
        except OSError as error:
            raise unwritable(self.path, error) from None


def unwritable(path: Path | None, error: OSError) -> CorpusError:
    """Return the error for a file of ids that cannot be written."""
    place = path or tempfile.gettempdir()
    return CorpusError(f"the encoded text cannot be written to {place}: {error.strerror or error}")
