"""Fixtures for tests with damaged and hostile model folders."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import CheckpointError
from chargen.model.checkpoint import Checkpoint


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> Path:
    """A valid model folder with two layers."""
    return make_model(tmp_path / "model", num_layers=2)


@pytest.fixture
def load_error() -> Callable[[Path], str]:
    """A function that loads an invalid folder and returns the error: one short printable line."""

    def load(folder: Path) -> str:
        with pytest.raises(CheckpointError) as caught:
            Checkpoint.load(folder)
        message = str(caught.value)
        assert message.isprintable()
        assert len(message) < 1000
        return message

    return load
