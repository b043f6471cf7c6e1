"""Hidden sizes are such that nobody has more parameters than another."""

import pytest

from chargen.comparison.sizes import CLOSE, matched
from chargen.model.cells import CELLS
from chargen.model.config import ModelConfig


@pytest.mark.parametrize("vocab_size", [30, 65, 5_000])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("hidden_size", [32, 96, 128, 512])
def test_parameters_agree_within_one_percent(
    vocab_size: int, num_layers: int, hidden_size: int
) -> None:
    """For small and large vocabularies, depths and widths, near what was asked for."""
    like = ModelConfig(
        vocab_size, hidden_size=hidden_size, num_layers=num_layers, embedding_size=32
    )
    found = matched(list(CELLS), like)
    counts = [config.parameters for config in found.values()]
    assert max(counts) <= (1 + CLOSE) * min(counts)
    assert {config.num_layers for config in found.values()} == {num_layers}
    assert {config.cell for config in found.values()} == set(CELLS)
    assert hidden_size / 2 <= found["lstm"].hidden_size <= 2 * hidden_size


def test_one_cell_keeps_its_size() -> None:
    """There is nothing to agree with."""
    like = ModelConfig(40, hidden_size=77)
    assert matched(["lstm"], like)["lstm"].hidden_size == 77
