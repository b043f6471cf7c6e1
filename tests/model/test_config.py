"""Tests of the network's sizes and the shapes that follow from them."""

from collections.abc import Iterable
from typing import Any

import pytest

from chargen.errors import OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS, ModelConfig


def test_lstm_shapes() -> None:
    """Names and shapes are those of torch, layer by layer."""
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


def test_one_hot_feedforward_shapes() -> None:
    """Without an embedding the first layer reads the vocabulary; there are no recurrent weights."""
    config = ModelConfig(7, "feedforward", "one-hot", hidden_size=5)
    assert config.input_size == 7
    assert list(config.shapes().items()) == [
        ("layers.0.weight_ih_l0", (5, 7)),
        ("layers.0.bias_ih_l0", (5,)),
        ("decoder.weight", (7, 5)),
        ("decoder.bias", (7,)),
    ]
    assert config.parameters == 35 + 5 + 35 + 7


def test_number_of_lstm_parameters() -> None:
    """One LSTM layer of 512 with an embedding of 64 has 1.2 million parameters."""
    config = ModelConfig(65, embedding_size=64, hidden_size=512)
    assert config.parameters == 65 * 64 + 4 * 512 * (64 + 512 + 2) + 512 * 65 + 65 == 1_221_249


@pytest.mark.parametrize("name", ["vocab_size", "embedding_size", "hidden_size", "num_layers"])
@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, float("nan"), "8", None, True, [8], 10**30])
def test_invalid_size_is_rejected(name: str, value: object) -> None:
    """A size is a whole number within bounds; the error names the field and the value."""
    fields: dict[str, Any] = {"vocab_size": 9, name: value}
    with pytest.raises(OptionError) as caught:
        ModelConfig(**fields)
    limit = "1,000" if name == "num_layers" else "2,097,152"
    expected = OptionError(name, value, f"a whole number between 1 and {limit}")
    assert str(caught.value) == str(expected)


@pytest.mark.parametrize(("layers", "hidden"), [(1, 50_000), (1_000, 1_200)])
def test_too_many_parameters_are_rejected(layers: int, hidden: int) -> None:
    """Sizes that are allowed individually can be too large in combination."""
    with pytest.raises(OptionConflictError) as caught:
        ModelConfig(9, hidden_size=hidden, num_layers=layers)
    message = caught.value.message("--{}".format)
    assert message.startswith(f"--num_layers {layers:,} with --hidden_size {hidden:,} has ")
    assert message.endswith(" parameters; at most 8,589,934,592 are supported")


def test_large_sizes_are_allowed() -> None:
    """Every code point, a thousand layers, and thousands of hidden units are allowed."""
    assert ModelConfig(0x110000, embedding_size=1024, hidden_size=1024).parameters > 1 << 31
    assert ModelConfig(9, hidden_size=512, num_layers=1_000).parameters > 1 << 30
    assert ModelConfig(9, hidden_size=16_384).parameters > 1 << 30


@pytest.mark.parametrize(("name", "known"), [("cell", CELLS), ("encoder", ENCODERS)])
def test_unknown_name_is_rejected(name: str, known: Iterable[str]) -> None:
    """The error lists the known names."""
    fields: dict[str, Any] = {"vocab_size": 9, name: "transformer"}
    with pytest.raises(OptionError) as caught:
        ModelConfig(**fields)
    assert str(caught.value) == f"{name} must be one of {', '.join(known)}, got 'transformer'"
