"""Tests of the measurements in separate processes."""

from pathlib import Path

import pytest

from chargen.bench.generation import Model
from chargen.bench.startup import prompt_memory, write
from chargen.model.checkpoint import Checkpoint


def test_the_written_model_can_be_loaded(tmp_path: Path) -> None:
    """The folder works with `chargen sample -m`."""
    model = Model.of(1, 8)
    write(model, tmp_path / "model")
    loaded = Checkpoint.load(tmp_path / "model")
    assert loaded.config == model.config
    assert loaded.weights.keys() == model.weights.keys()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_the_memory_of_a_prompt_is_measured(tmp_path: Path) -> None:
    """The memory is in megabytes and has no reference."""
    row = prompt_memory(tmp_path / "model", 2_000)
    assert (row.unit, row.baseline, row.ratio) == ("MB", None, None)
    assert 0 <= row.value < 1_000
