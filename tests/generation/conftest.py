"""What the tests of generation share: small models with weights by chance."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint

MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(tmp_path: Path, make_model: Callable[..., Path]) -> MakeReader:
    """A maker of readers: of a cell, of lines or not, with weights that differ by the seed."""

    def make(*, lines: bool = False, **sizes: object) -> Reader:
        name = "-".join(map(str, [lines, *sizes.values()]))
        loaded = Checkpoint.load(
            make_model(tmp_path / name, **{"hidden_size": 8, "num_layers": 2, **sizes})
        )
        made = Reader.of(loaded)
        made.lines = lines
        return made

    return make


@pytest.fixture
def reader(make_reader: MakeReader) -> Reader:
    """A small model that writes nonsense of many kinds."""
    return make_reader()
