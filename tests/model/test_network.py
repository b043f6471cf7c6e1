"""The network that trains: its start, its weights by name, its masks, and beginning with others."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from chargen.model.cells import CELLS
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.network import Network
from chargen.text.vocabulary import Vocabulary

every_cell = pytest.mark.parametrize("cell", CELLS)
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)
every_depth = pytest.mark.parametrize("depth", [1, 2, 3])


def network_of(config: ModelConfig, seed: int = 1) -> Network:
    """A network that is ready to train."""
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
def test_weights_have_the_names_and_shapes_of_the_configuration(
    cell: str, encoder: str, depth: int
) -> None:
    """torch's own names and shapes are those from which files are checked, and none is left out."""
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
def test_the_seed_alone_decides_how_training_starts(cell: str, encoder: str) -> None:
    """The same seed draws the same weights, whatever was there and whatever torch's own seed is."""
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


def test_initialising_leaves_the_generator_of_torch_alone() -> None:
    """What others draw from torch's own generator does not move."""
    torch.manual_seed(1)
    network = Network(ModelConfig(7, hidden_size=5))
    before = torch.get_rng_state()
    network.initialise(1)
    assert torch.equal(torch.get_rng_state(), before)


@every_cell
@every_depth
def test_recurrent_blocks_are_orthogonal(cell: str, depth: int) -> None:
    """Each gate's recurrent matrix keeps the length of every state at the start."""
    hidden = 16
    weights = network_of(ModelConfig(7, cell, hidden_size=hidden, num_layers=depth)).weights()
    blocks = [
        block
        for name, value in weights.items()
        if "weight_hh" in name
        for block in value.reshape(-1, hidden, hidden)
    ]
    assert len(blocks) == (depth * CELLS[cell].blocks if CELLS[cell].recurrent else 0)
    for block in blocks:
        # A QR decomposition of 16 rows in float32.
        np.testing.assert_allclose(block @ block.T, np.eye(hidden), atol=1e-5)
    assert len({block.tobytes() for block in blocks}) == len(blocks)


@every_depth
def test_the_forget_gate_starts_with_a_bias_of_1(depth: int) -> None:
    """An LSTM begins by remembering: f has bias 1 in all, every other gate 0."""
    hidden = 4
    weights = network_of(ModelConfig(7, "lstm", hidden_size=hidden, num_layers=depth)).weights()
    for k in range(depth):
        bias = weights[f"layers.{k}.bias_ih_l0"] + weights[f"layers.{k}.bias_hh_l0"]
        assert bias.reshape(4, hidden).tolist() == [[0.0] * 4, [1.0] * 4, [0.0] * 4, [0.0] * 4]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_that_are_to_reach_back_have_time_scales_up_to_there(cell: str) -> None:
    """Their keep gates' biases lie evenly between those of 2 and of `memory` characters.

    A gate's time scale is 1 + exp(bias). The mean of 1,000 uniform numbers misses the middle by
    a twentieth of their range with probability 4e-8, were the seed not fixed.
    """
    hidden, memory = 1_000, 200
    network = Network(ModelConfig(5, cell, embedding_size=2, hidden_size=hidden))
    network.initialise(1, memory=memory)
    bias = network.weights()["layers.0.bias_ih_l0"].reshape(-1, hidden)
    scales = 1 + np.exp(bias[1])
    assert scales.min() >= 2
    assert scales.max() <= memory * (1 + 1e-5)  # float32
    assert np.log(scales - 1).mean() == pytest.approx(math.log(memory - 1) / 2, rel=0.1)
    if cell == "lstm":
        np.testing.assert_array_equal(bias[0], -bias[1])
    assert not bias[2:].any()


@pytest.mark.parametrize("cell", ["rnn", "feedforward"])
def test_a_cell_without_gates_has_none_to_reach_back(cell: str) -> None:
    """Asking for memory changes nothing of it."""
    config = ModelConfig(5, cell, embedding_size=2, hidden_size=4)
    one, other = Network(config), Network(config)
    one.initialise(1)
    other.initialise(1, memory=100)
    for name, value in one.weights().items():
        np.testing.assert_array_equal(value, other.weights()[name])


def test_a_vanilla_rnn_that_is_to_reach_back_begins_as_a_sum() -> None:
    """Its state keeps what came in: the identity as its block, and inputs that stay small.

    No other cell is changed.
    """
    config = ModelConfig(5, "rnn", embedding_size=2, hidden_size=6, num_layers=2)
    one, other = Network(config), Network(config)
    one.initialise(1)
    other.initialise(1)
    other.begin_as_a_sum()
    for k in range(2):
        np.testing.assert_array_equal(other.weights()[f"layers.{k}.weight_hh_l0"], np.eye(6))
        plain, small = (net.weights()[f"layers.{k}.weight_ih_l0"] for net in (one, other))
        np.testing.assert_allclose(small, 0.3 * plain, rtol=1e-6)
    gated = Network(replace(config, cell="gru"))
    gated.initialise(1)
    before = gated.weights()
    gated.begin_as_a_sum()
    for name, value in gated.weights().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("cell", [name for name in CELLS if name != "lstm"])
def test_other_biases_start_at_0(cell: str) -> None:
    """Only the LSTM has a gate that wants a bias."""
    weights = network_of(ModelConfig(7, cell, hidden_size=4, num_layers=2)).weights()
    assert all(not value.any() for name, value in weights.items() if "bias" in name)


def test_input_blocks_stay_within_the_bounds_of_glorot() -> None:
    """Each gate's input block is drawn by its own size, not by that of all gates together."""
    config = ModelConfig(7, "lstm", embedding_size=20, hidden_size=30)
    weight = network_of(config).weights()["layers.0.weight_ih_l0"]
    bound = np.sqrt(6 / (20 + 30))
    for block in weight.reshape(4, 30, 20):
        # The largest of 600 uniform numbers lies within 2 % of the bound but for e**-12.
        assert 0.98 * bound < np.abs(block).max() <= bound


@every_cell
@every_depth
def test_one_hot_equals_an_embedding_that_is_the_identity(cell: str, depth: int) -> None:
    """Encoding by a look-up of unit rows is the one-hot encoder."""
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
def test_a_text_in_two_parts_is_the_text_in_one(cell: str, encoder: str, depth: int) -> None:
    """The states that come back are those to go on from."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=depth)
    network = network_of(config)
    ids = ids_of(config)
    with torch.no_grad():
        whole, end = network(ids, network.empty_states(2))
        first, states = network(ids[:2], network.empty_states(2))
        second, other_end = network(ids[2:], states)
    # Products of other shapes round otherwise in float32.
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other_end, end, rtol=1e-5, atol=1e-6)
    assert [len(state) for state in end] == [len(CELLS[cell].state)] * depth


def masks_of(config: ModelConfig, value: float) -> list[Tensor]:
    """A mask for each place that takes one, all of this value."""
    widths = [config.input_size] + [config.hidden_size] * config.num_layers
    return [torch.full((1, 2, width), value) for width in widths]


@every_cell
@every_encoder
def test_masks_of_1_change_nothing(cell: str, encoder: str) -> None:
    """A mask multiplies, and by 1 leaves all as it is."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=2)
    network = network_of(config)
    ids, states = ids_of(config), network.empty_states(2)
    with torch.no_grad():
        assert torch.equal(network(ids, states, masks_of(config, 1.0))[0], network(ids, states)[0])


@every_cell
@every_encoder
def test_the_last_mask_lies_before_the_decoder(cell: str, encoder: str) -> None:
    """With nothing left of the last layer the logits are the decoder's bias."""
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
def test_a_mask_before_a_layer_hides_the_text_from_it(cell: str, encoder: str, place: int) -> None:
    """With nothing left at the encoder's side or behind a layer, no character can be told."""
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


def test_a_mask_is_the_same_for_every_character_and_its_own_for_every_lane() -> None:
    """Masks broadcast over time and differ between lanes."""
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
    """What was taken as the best weights so far does not move when training goes on."""
    network = network_of(ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5))
    before = network.weights()
    kept = {name: value.copy() for name, value in before.items()}
    network.initialise(2)
    assert all(np.array_equal(before[name], kept[name]) for name in kept)
    assert not np.array_equal(network.weights()["decoder.weight"], kept["decoder.weight"])


@every_cell
@every_encoder
@every_depth
def test_beginning_with_a_model_of_the_same_sizes_takes_all_of_it(
    cell: str, encoder: str, depth: int
) -> None:
    """Nothing of the network's own start remains."""
    config = ModelConfig(7, cell, encoder, embedding_size=3, hidden_size=5, num_layers=depth)
    old, network = network_of(config, seed=1), network_of(config, seed=2)
    network.begin_with(old.weights())
    for name, value in network.weights().items():
        np.testing.assert_array_equal(value, old.weights()[name])


@every_cell
@every_encoder
def test_beginning_with_a_smaller_vocabulary_keeps_its_rows(cell: str, encoder: str) -> None:
    """Old characters keep all of their weights; those of new ones stay as they were drawn."""
    before = Vocabulary.build(["hello"])
    after = before.extended(["abc"])
    sizes = {"embedding_size": 3, "hidden_size": 5, "num_layers": 2}
    old = network_of(ModelConfig(len(before), cell, encoder, **sizes), seed=1)
    network = network_of(ModelConfig(len(after), cell, encoder, **sizes), seed=2)
    drawn = network.weights()
    network.begin_with(old.weights())
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
    # Wider products round otherwise in float32.
    torch.testing.assert_close(logits[..., :known], expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(states, end, rtol=1e-5, atol=1e-6)
