"""The optimiser: Muon, AdamW, the decay of the weights, and the saved state."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.training.muon import muon_pays, orthogonalise
from chargen.training.optimiser import Optimiser

SIZES = ModelConfig(12, embedding_size=5, hidden_size=8, num_layers=2)


def make_network(seed: int = 0) -> Network:
    """Return a small two-layer LSTM."""
    network = Network(SIZES)
    network.initialise(seed)
    return network


def loss_of(network: Network, seed: int) -> torch.Tensor:
    """Return the loss of random targets."""
    ids = torch.randint(12, (7, 3), generator=torch.Generator().manual_seed(seed))
    logits, _ = network(ids[:-1], network.empty_states(3))
    return nn.functional.cross_entropy(logits.flatten(0, 1), ids[1:].flatten())


def weights(network: Network) -> dict[str, torch.Tensor]:
    """Return a copy of the weights."""
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_orthogonalised_blocks_have_singular_values_near_1() -> None:
    """Five iterations bring singular values that differ by a factor of 100 to between 0.5 and 1.3.

    Jordan's polynomial is chosen for speed and does not converge to exactly 1.
    """
    generator = torch.Generator().manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(3, 16, 16, generator=generator))
    blocks = u @ torch.diag(torch.logspace(-2, 0, 16)) @ v
    values = torch.linalg.svdvals(orthogonalise(blocks))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_orthogonalise_keeps_a_gradient_of_zero() -> None:
    """A block of zeros stays zero instead of becoming NaN."""
    assert not orthogonalise(torch.zeros(2, 4, 4)).any()


def test_muon_updates_have_the_size_of_those_of_adamw() -> None:
    """The root mean square of the first Muon update is about 0.2 times the learning rate."""
    network = make_network()
    before = weights(network)
    Optimiser(network.named_parameters(), weight_decay=0.0, muon=True).update(
        loss_of(network, 1), 0.01
    )
    change = network.state_dict()["layers.0.weight_hh_l0"] - before["layers.0.weight_hh_l0"]
    assert math.sqrt(change.square().mean().item()) == pytest.approx(0.002, rel=0.3)


def test_muon_trains_only_matrices_between_hidden_units() -> None:
    """The second layer's input matrix is one of them; the first layer's is not."""
    network = make_network()
    optimiser = Optimiser(network.named_parameters(), weight_decay=0.0, muon=True)
    optimiser.update(loss_of(network, 1), 0.01)
    momentum = {key.rpartition("/")[0] for key in optimiser.state() if key.endswith("/momentum")}
    assert momentum == {
        "layers.0.weight_hh_l0",
        "layers.1.weight_hh_l0",
        "layers.1.weight_ih_l0",
    }


@pytest.mark.parametrize("muon", [False, True])
def test_a_restored_optimiser_continues_with_the_same_bits(muon: bool) -> None:
    """Three updates are equal to two updates, a restored state, and one update."""
    one, other = make_network(), make_network()
    first = Optimiser(one.named_parameters(), weight_decay=0.1, muon=muon)
    second = Optimiser(other.named_parameters(), weight_decay=0.1, muon=muon)
    for seed in (1, 2):
        first.update(loss_of(one, seed), 0.01)
        second.update(loss_of(other, seed), 0.01)
    restored = Optimiser(other.named_parameters(), weight_decay=0.1, muon=muon)
    restored.load_state({key: value.clone() for key, value in second.state().items()})
    first.update(loss_of(one, 3), 0.01)
    restored.update(loss_of(other, 3), 0.01)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize("towards_start", [False, True])
def test_weights_decay_towards_their_target(towards_start: bool) -> None:
    """Without a gradient, a weight moves by rate * decay of the distance to its target."""
    parameter = nn.Parameter(torch.tensor([[2.0, -4.0]]))
    target = torch.tensor([[1.0, 1.0]])
    optimiser = Optimiser(
        [("w", parameter)], weight_decay=0.5, towards={"w": target} if towards_start else None
    )
    optimiser.update((parameter * 0.0).sum(), 0.1)
    expected = [[1.95, -3.75]] if towards_start else [[1.9, -3.8]]
    assert parameter.tolist()[0] == pytest.approx(expected[0])


def test_muon_is_used_for_large_batches_only() -> None:
    """Orthogonalising costs as much for a small batch as for a large one."""
    assert muon_pays(512, 64 * 96, "float32")
    assert not muon_pays(384, 16 * 64, "float32")
    assert muon_pays(384, 16 * 64, "bfloat16")


def test_an_update_does_not_import_the_compiler() -> None:
    """torch._dynamo, which the classes in torch.optim import, takes one to two seconds."""
    code = """
import sys
import torch
from chargen.training.optimiser import Optimiser
layer = torch.nn.Linear(2, 2)
optimiser = Optimiser(layer.named_parameters(), weight_decay=0.1)
optimiser.update(layer(torch.ones(1, 2)).sum(), 0.1)
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
