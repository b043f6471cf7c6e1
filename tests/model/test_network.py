"""Tests of the torch network: initial weights, names, dropout masks, loading weights."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.network import Network
from chargen.text.vocabulary import Vocabulary

every_cell = pytest.mark.parametrize("cell", CELLS)
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)
every_depth = pytest.mark.parametrize("depth", [1, 2, 3])


def network_of(config: ModelConfig, seed: int = 1) -> Network:
    """A network with its initial weights."""
    network = Network(config)
    network.initialise(seed)
    return network


def ids_of(config: ModelConfig, length: int = 6, batch: int = 2) -> Tensor:
    """[length, batch] ids in range."""
    generator = torch.Generator().manual_seed(3)
    return torch.randint(config.vocab_size, (length, batch), generator=generator)


@every_cell
@every_encoder
@every_depth
def test_weights_have_names_and_shapes_of_config(cell: str, encoder: str, depth: int) -> None:
    """The state dict, the parameters and `weights` all match `ModelConfig.shapes`."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=depth)
    network = Network(config)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes == config.shapes()
    assert sum(p.numel() for p in network.parameters()) == config.parameters
    weights = network.weights()
    assert {name: value.shape for name, value in weights.items()} == config.shapes()
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}


@every_cell
@every_encoder
def test_initial_weights_depend_on_seed_only(cell: str, encoder: str) -> None:
    """Neither torch's global seed nor the previous weights change them."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=2)
    torch.manual_seed(1)
    first = network_of(config, seed=5).weights()
    torch.manual_seed(2)
    again = Network(config)
    again.initialise(6)
    other = again.weights()
    again.initialise(5)
    for name, value in again.weights().items():
        np.testing.assert_array_equal(value, first[name], err_msg=name)
        if "bias" not in name:
            assert not np.array_equal(value, other[name]), name


def test_initialise_does_not_use_global_generator() -> None:
    """Initial weights come from a separate generator."""
    torch.manual_seed(1)
    network = Network(ModelConfig(7, hidden_size=5))
    before = torch.get_rng_state()
    network.initialise(1)
    assert torch.equal(torch.get_rng_state(), before)


@every_cell
@every_depth
def test_recurrent_blocks_are_orthogonal(cell: str, depth: int) -> None:
    """The recurrent matrix of each gate is orthogonal, and no two are the same."""
    hidden = 16
    config = ModelConfig(7, cell, hidden_size=hidden, num_layers=depth)
    blocks = [
        block
        for name, value in network_of(config).weights().items()
        if "weight_hh" in name
        for block in value.reshape(-1, hidden, hidden)
    ]
    matrices = sum("weight_hh" in name for name in config.shapes())
    assert len(blocks) == matrices * CELLS[cell].num_gates
    for block in blocks:
        # A QR decomposition of 16 rows in float32.
        np.testing.assert_allclose(block @ block.T, np.eye(hidden), atol=1e-5)
    assert len({block.tobytes() for block in blocks}) == len(blocks)


@every_cell
def test_initial_biases(cell: str) -> None:
    """The bias of the LSTM's forget gate is 1, all others are 0."""
    hidden = 4
    weights = network_of(ModelConfig(7, cell, hidden_size=hidden, num_layers=2)).weights()
    for name, value in weights.items():
        if "bias" in name:
            expected = np.zeros_like(value)
            if cell == "lstm" and "bias_ih" in name:
                expected[hidden : 2 * hidden] = 1
            np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(
    ("cell", "gate", "sign"), [("lstm", 1, 1), ("gru", 1, 1), ("mingru", 0, -1)]
)
def test_chrono_max_spreads_time_scales(cell: str, gate: int, sign: int) -> None:
    """The biases of the gate that keeps the state are uniform; others stay 0.

    A keep gate sigmoid(b) has a time scale of 1 + exp(b). The mean of 1,000 uniform numbers
    misses the middle by a twentieth of their range with probability 4e-8; the seed is fixed.
    """
    hidden, chrono_max = 1_000, 200
    network = Network(ModelConfig(5, cell, embedding_size=2, hidden_size=hidden))
    network.initialise(1, chrono_max=chrono_max)
    bias = network.weights()["layers.0.bias_ih_l0"].reshape(-1, hidden)
    scales = 1 + np.exp(sign * bias[gate])
    assert scales.min() >= 2
    assert scales.max() <= chrono_max * (1 + 1e-5)  # float32
    assert np.log(scales - 1).mean() == pytest.approx(math.log(chrono_max - 1) / 2, rel=0.1)
    if cell == "lstm":
        np.testing.assert_array_equal(bias[0], -bias[1])
    others = [k for k in range(len(bias)) if k != gate and (cell, k) != ("lstm", 0)]
    assert not bias[others].any()


@pytest.mark.parametrize("cell", ["rnn", "feedforward"])
def test_chrono_max_changes_no_cell_without_gates(cell: str) -> None:
    """A cell without gates has no time scale to set."""
    config = ModelConfig(5, cell, embedding_size=2, hidden_size=4)
    one, other = Network(config), Network(config)
    one.initialise(1)
    other.initialise(1, chrono_max=100)
    for name, value in one.weights().items():
        np.testing.assert_array_equal(value, other.weights()[name])


@every_cell
def test_init_identity_makes_rnn_add_up_its_inputs(cell: str) -> None:
    """Its recurrent weights become the identity and its inputs small; other cells do not change."""
    config = ModelConfig(5, cell, embedding_size=2, hidden_size=6, num_layers=2)
    network = network_of(config)
    before = network.weights()
    network.init_identity()
    for name, value in network.weights().items():
        if cell == "rnn" and "weight_hh" in name:
            np.testing.assert_array_equal(value, np.eye(6))
        elif cell == "rnn" and "weight_ih" in name:
            np.testing.assert_allclose(value, 0.3 * before[name], rtol=1e-6)
        else:
            np.testing.assert_array_equal(value, before[name])


def test_input_blocks_are_glorot_uniform() -> None:
    """The bound follows from the size of one gate's block, not of all gates together."""
    config = ModelConfig(7, "lstm", embedding_size=20, hidden_size=30)
    weight = network_of(config).weights()["layers.0.weight_ih_l0"]
    bound = np.sqrt(6 / (20 + 30))
    for block in weight.reshape(4, 30, 20):
        # The largest of 600 uniform numbers misses the last 2 % with probability e**-12.
        assert 0.98 * bound < np.abs(block).max() <= bound


@every_cell
@every_depth
def test_one_hot_equals_identity_embedding(cell: str, depth: int) -> None:
    """An embedding with unit rows gives the logits of the one-hot encoder."""
    sizes = {"hidden_size": 5, "num_layers": depth}
    plain = network_of(ModelConfig(7, cell, "one-hot", **sizes))
    embedded = Network(ModelConfig(7, cell, "embedding", embedding_size=7, **sizes))
    identity = {"encoder.weight": torch.eye(7)}
    embedded.load_state_dict(plain.state_dict() | identity)
    ids = ids_of(plain.config)
    with torch.no_grad():
        logits, states = plain(ids, plain.empty_states(2))
        others, other_states = embedded(ids, embedded.empty_states(2))
    torch.testing.assert_close(logits, others)
    torch.testing.assert_close(states, other_states)


@every_cell
@every_encoder
@every_depth
def test_states_carry_over_between_windows(cell: str, encoder: str, depth: int) -> None:
    """A text in two parts gives the logits and states of the text in one part."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=depth)
    network = network_of(config)
    ids = ids_of(config)
    with torch.no_grad():
        whole, end = network(ids, network.empty_states(2))
        first, states = network(ids[:2], network.empty_states(2))
        second, other_end = network(ids[2:], states)
    # Products of other shapes round differently in float32.
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other_end, end, rtol=1e-5, atol=1e-6)
    assert [len(state) for state in end] == [len(CELLS[cell].state)] * depth


def masks_of(config: ModelConfig, value: float) -> list[Tensor]:
    """One mask for each place, all of this value."""
    widths = [config.input_size] + [config.hidden_size] * config.num_layers
    return [torch.full((1, 2, width), value) for width in widths]


@every_cell
@every_encoder
def test_masks_of_ones_change_nothing(cell: str, encoder: str) -> None:
    """Outputs are multiplied by the masks."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=2)
    network = network_of(config)
    ids, states = ids_of(config), network.empty_states(2)
    with torch.no_grad():
        assert torch.equal(network(ids, states, masks_of(config, 1.0))[0], network(ids, states)[0])


@every_cell
@every_encoder
def test_last_mask_applies_before_decoder(cell: str, encoder: str) -> None:
    """Without the last layer's outputs the logits are the decoder's bias."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=2)
    network = network_of(config)
    bias = torch.arange(7.0)
    network.load_state_dict(network.state_dict() | {"decoder.bias": bias})
    masks = [*masks_of(config, 1.0)[:-1], torch.zeros(1, 2, 5)]
    with torch.no_grad():
        logits, _ = network(ids_of(config), network.empty_states(2), masks)
    assert torch.equal(logits, bias.expand_as(logits))


@every_cell
@every_encoder
@pytest.mark.parametrize("place", [0, 1])
def test_mask_of_zeros_hides_text(cell: str, encoder: str, place: int) -> None:
    """With zeros after the encoder or after a layer the logits do not depend on the text."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=2)
    network = network_of(config)
    masks = masks_of(config, 1.0)
    masks[place] = torch.zeros_like(masks[place])
    ids = ids_of(config)
    with torch.no_grad():
        logits, _ = network(ids, network.empty_states(2), masks)
        others, _ = network((ids + 1) % 7, network.empty_states(2), masks)
        seen, _ = network((ids + 1) % 7, network.empty_states(2))
    assert torch.equal(logits, others)
    assert not torch.equal(others, seen)


def test_masks_broadcast_over_time() -> None:
    """A mask is the same at every time step and differs between lanes."""
    config = ModelConfig(7, "feedforward", "one-hot", hidden_size=5)
    network = network_of(config)
    ids = torch.full((4, 2), 3)
    masks = masks_of(config, 1.0)
    masks[1] = torch.tensor([[[1.0] * 5, [2.0] * 5]])
    with torch.no_grad():
        logits, _ = network(ids, network.empty_states(2), masks)
    torch.testing.assert_close(logits, logits[:1].expand_as(logits))
    torch.testing.assert_close(logits[0, 1], 2 * logits[0, 0])


@every_cell
@every_encoder
def test_weights_are_a_copy(cell: str, encoder: str) -> None:
    """Weights that were read do not change when the network does."""
    network = network_of(ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5))
    before = network.weights()
    kept = {name: value.copy() for name, value in before.items()}
    network.initialise(2)
    assert all(np.array_equal(before[name], kept[name]) for name in kept)
    assert not np.array_equal(network.weights()["decoder.weight"], kept["decoder.weight"])


@every_cell
@every_encoder
@every_depth
def test_load_weights_of_same_sizes(cell: str, encoder: str, depth: int) -> None:
    """All weights are replaced."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=depth)
    old, network = network_of(config, seed=1), network_of(config, seed=2)
    network.load_weights(old.weights())
    for name, value in network.weights().items():
        np.testing.assert_array_equal(value, old.weights()[name])


@every_cell
@every_encoder
def test_load_weights_of_smaller_vocabulary(cell: str, encoder: str) -> None:
    """Known characters get their weights; those of new characters keep their initial values."""
    before = Vocabulary.build(["hello"])
    after = before.extended(Counter("abc"))
    sizes = {"embedding_size": 3, "hidden_size": 5, "num_layers": 2}
    old = network_of(ModelConfig(len(before), cell, encoder, **sizes), seed=1)
    network = network_of(ModelConfig(len(after), cell, encoder, **sizes), seed=2)
    drawn = network.weights()
    network.load_weights(old.weights())
    known = len(before)
    for name, value in network.weights().items():
        taken = old.weights()[name]
        inside = tuple(slice(0, size) for size in taken.shape)
        np.testing.assert_array_equal(value[inside], taken)
        if value.shape != taken.shape:
            mixed = drawn[name].copy()
            mixed[inside] = taken
            np.testing.assert_array_equal(value, mixed)
    ids = torch.from_numpy(after.encode("hello\nhell").astype(np.int64))[:, None]
    with torch.no_grad():
        logits, states = network(ids, network.empty_states(1))
        expected, end = old(ids, old.empty_states(1))
    # Wider products round differently in float32.
    torch.testing.assert_close(logits[..., :known], expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(states, end, rtol=1e-5, atol=1e-6)
