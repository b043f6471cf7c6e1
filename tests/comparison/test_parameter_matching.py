"""All networks get the same number of parameters."""

import pytest

from chargen.comparison.parameter_matching import TOLERANCE, match_parameters
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig


@pytest.mark.parametrize("vocab_size", [30, 65, 5_000])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("hidden_size", [32, 96, 512])
def test_parameters_agree_within_one_percent(
    vocab_size: int, num_layers: int, hidden_size: int
) -> None:
    """This holds for all cells, and the number is near the requested one."""
    like = ModelConfig(
        vocab_size, hidden_size=hidden_size, num_layers=num_layers, embedding_size=32
    )
    matched = match_parameters(list(CELLS), like)
    counts = [config.parameters for config in matched.values()]
    assert max(counts) <= (1 + TOLERANCE) * min(counts)
    assert {config.num_layers for config in matched.values()} == {num_layers}
    assert {config.cell for config in matched.values()} == set(CELLS)
    assert hidden_size / 2 <= matched["lstm"].hidden_size <= 2 * hidden_size


def test_a_single_cell_keeps_its_size() -> None:
    like = ModelConfig(40, hidden_size=77)
    assert match_parameters(["lstm"], like)["lstm"].hidden_size == 77
