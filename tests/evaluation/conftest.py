"""Fixtures of the evaluation tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint
from chargen.text.kind import LINE, STREAM


@pytest.fixture
def make_reader(tmp_path: Path, make_model: Callable[..., Path]) -> Callable[..., Reader]:
    """A function that makes the reader of a small model with random weights."""

    def make(*, lines: bool = False, **sizes: object) -> Reader:
        name = "-".join(map(str, [lines, *sizes.values()]))
        sizes = {"hidden_size": 8, "num_layers": 2, **sizes}
        reader = Reader.of(Checkpoint.load(make_model(tmp_path / name, **sizes)))
        reader.kind = LINE if lines else STREAM
        return reader

    return make
