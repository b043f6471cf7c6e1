"""The sizes of a network are checked where they are set, and its shapes follow from them."""

import json
from typing import Any

import pytest

from chargen.errors import OptionError
from chargen.model.cells import CELLS
from chargen.model.config import ENCODERS, ModelConfig


def test_the_shapes_of_a_small_lstm_are_these() -> None:
    """Names and shapes are torch's, in the order in which they stand in the file."""
    config = ModelConfig(7, "lstm", "embedding", embedding_size=3, hidden_size=5, num_layers=2)
    assert list(config.shapes().items()) == [
        ("encoder.weight", (7, 3)),
        ("layers.0.weight_ih_l0", (20, 3)),
        ("layers.0.weight_hh_l0", (20, 5)),
        ("layers.0.bias_ih_l0", (20,)),
        ("layers.0.bias_hh_l0", (20,)),
        ("layers.1.weight_ih_l0", (20, 5)),
        ("layers.1.weight_hh_l0", (20, 5)),
        ("layers.1.bias_ih_l0", (20,)),
        ("layers.1.bias_hh_l0", (20,)),
        ("decoder.weight", (7, 5)),
        ("decoder.bias", (7,)),
    ]
    assert config.parameters == 21 + (60 + 100 + 40) + (100 + 100 + 40) + 35 + 7


def test_the_shapes_of_a_one_hot_feed_forward_network_are_these() -> None:
    """Without an embedding the first layer is as wide as the vocabulary; no recurrence, no _hh_."""
    config = ModelConfig(7, "feedforward", "one-hot", hidden_size=5)
    assert config.input_size == 7
    assert list(config.shapes().items()) == [
        ("layers.0.weight_ih_l0", (5, 7)),
        ("layers.0.bias_ih_l0", (5,)),
        ("decoder.weight", (7, 5)),
        ("decoder.bias", (7,)),
    ]
    assert config.parameters == 35 + 5 + 35 + 7


def test_parameters_follow_the_formula_of_the_lstm() -> None:
    """One LSTM layer of 512 over 65 characters with an embedding of 64 has 1.2 million weights."""
    config = ModelConfig(65, embedding_size=64, hidden_size=512)
    assert config.parameters == 65 * 64 + 4 * 512 * (64 + 512 + 2) + 512 * 65 + 65 == 1_221_249


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_configuration_survives_json(cell: str, encoder: str) -> None:
    """from_dict inverts to_dict, through JSON too."""
    config = ModelConfig(9, cell, encoder, embedding_size=2, hidden_size=3, num_layers=4)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("name", ["vocab_size", "embedding_size", "hidden_size", "num_layers"])
@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, float("nan"), "8", None, True, [8]])
def test_a_size_that_is_no_positive_whole_number_is_refused(name: str, value: object) -> None:
    """Every size is a whole number from 1; the message names it and what came."""
    fields: dict[str, Any] = {"vocab_size": 9, name: value}
    with pytest.raises(OptionError) as caught:
        ModelConfig(**fields)
    option = "--" + name.replace("_", "-")
    assert str(caught.value) == f"{option} must be a whole number, 1 or more, got {value!r}"


@pytest.mark.parametrize("name", ["vocab_size", "embedding_size", "hidden_size", "num_layers"])
def test_a_size_beyond_all_machines_is_refused(name: str) -> None:
    """A slipped digit, or a file that means harm, is refused before any memory is asked for."""
    fields: dict[str, Any] = {"vocab_size": 9, name: 10**30}
    with pytest.raises(OptionError) as caught:
        ModelConfig(**fields)
    option = "--" + name.replace("_", "-")
    assert str(caught.value) == f"{option} must be at most 2,097,152, got {10**30:,}"


@pytest.mark.parametrize(("layers", "hidden"), [(1_001, 1), (1, 50_000), (1_000, 1_200)])
def test_sizes_that_are_too_much_together_are_refused(layers: int, hidden: int) -> None:
    """More than a thousand layers or eight thousand million weights are refused."""
    with pytest.raises(OptionError) as caught:
        ModelConfig(9, hidden_size=hidden, num_layers=layers)
    assert str(caught.value) == (
        f"--num-layers {layers:,} of --hidden-size {hidden:,} is more than"
        " 1,000 layers or 8,589,934,592 parameters"
    )


def test_large_sizes_are_allowed() -> None:
    """Every code point as a character, a thousand layers and thousands of units are all allowed."""
    assert ModelConfig(0x110000, embedding_size=1024, hidden_size=1024).parameters > 1 << 31
    assert ModelConfig(9, hidden_size=512, num_layers=1_000).parameters > 1 << 30
    assert ModelConfig(9, hidden_size=16_384).parameters > 1 << 30


def test_an_unknown_cell_is_refused() -> None:
    """The message lists the cells there are."""
    with pytest.raises(OptionError) as caught:
        ModelConfig(9, "transformer")
    assert str(caught.value) == f"--cell must be one of {', '.join(CELLS)}, got 'transformer'"


def test_an_unknown_encoder_is_refused() -> None:
    """The message lists the encoders there are."""
    with pytest.raises(OptionError) as caught:
        ModelConfig(9, encoder="bytes")
    assert str(caught.value) == "--encoder must be one of embedding, one-hot, got 'bytes'"


@pytest.mark.parametrize("fields", [{}, {"vocab_size": 9, "heads": 8}])
def test_missing_and_foreign_fields_are_refused(fields: dict[str, Any]) -> None:
    """from_dict takes exactly the fields there are."""
    with pytest.raises(TypeError):
        ModelConfig.from_dict(fields)
