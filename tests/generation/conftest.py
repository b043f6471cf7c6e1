"""Fixtures of the generation tests: small models with random weights."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from chargen.text.kind import LINE, STREAM

MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(tmp_path: Path, make_model: Callable[..., Path]) -> MakeReader:
    """A function that makes a reader, optionally of lines, of another cell or of another size."""

    def make(*, lines: bool = False, **sizes: object) -> Reader:
        name = "-".join(map(str, [lines, *sizes.values()]))
        folder = make_model(tmp_path / name, **{"hidden_size": 8, "num_layers": 2, **sizes})
        reader = Reader.of(Checkpoint.load(folder))
        reader.kind = LINE if lines else STREAM
        return reader

    return make


@pytest.fixture
def reader(make_reader: MakeReader) -> Reader:
    """A small LSTM with random weights."""
    return make_reader()
