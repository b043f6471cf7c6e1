"""Tests of the gradient for each input against torch, which differentiates the fused layers."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from chargen.evaluation.input_gradient import input_gradient
from chargen.evaluation.trace import Tracer
from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS
from chargen.model.network import Network
from chargen.text.kind import LINE, STREAM
from chargen.text.vocabulary import UNKNOWN, UNKNOWN_ID, Vocabulary
from tests.evaluation.networks import make_network

VOCABULARY = Vocabulary(UNKNOWN + "\nabcde")
TEXT, TARGET = "abecad\nbeeca", 3


def tracer_of(network: Network, *, lines: bool = False) -> Tracer:
    """Return a tracer with the network's weights in float64."""
    weights = {name: value.astype(np.float64) for name, value in network.weights().items()}
    return Tracer(network.config, weights, VOCABULARY, kind=LINE if lines else STREAM)


def reference(network: Network, before: str, text: str) -> npt.NDArray[np.float64]:
    """The norms by automatic differentiation in torch, from an empty state before `before`."""
    exact = network.double()
    ids = torch.from_numpy(VOCABULARY.encode(before + text).astype(np.int64))[:, None]
    x = exact.encode(ids).detach().requires_grad_()
    h, _ = exact.hidden(x, exact.empty_states(1))
    logits = exact.decode(h[-1])[0]
    known = torch.arange(len(logits)) != UNKNOWN_ID
    log_probability = logits[TARGET] - torch.logsumexp(logits[known], 0)
    (gradient,) = torch.autograd.grad(log_probability, x)
    norms: npt.NDArray[np.float64] = torch.linalg.vector_norm(gradient[:, 0], dim=-1).numpy()
    return norms[len(before) :]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("depth", [1, 2])
def test_the_gradient_is_that_of_torch(cell: str, encoder: str, depth: int) -> None:
    """For every cell, encoder and depth, at every distance from the prediction."""
    network = make_network(cell, encoder, depth)
    tracer = tracer_of(network)
    norms = input_gradient(tracer, tracer.trace(TEXT), TARGET)
    # Products of float64 numbers in another order.
    np.testing.assert_allclose(norms, reference(network, "\n", TEXT), rtol=1e-9, atol=1e-15)
    assert (norms[-1:] > 1e-3).all()
    assert (norms[:-1] > 0).all() == CELLS[cell].recurrent


@pytest.mark.parametrize("cell", CELLS)
def test_no_gradient_flows_across_the_start_of_a_line(cell: str) -> None:
    """If lines are separate texts, only the characters of the last line count."""
    network = make_network(cell)
    tracer = tracer_of(network, lines=True)
    norms = input_gradient(tracer, tracer.trace(TEXT), TARGET)
    start = TEXT.index("\n")
    assert (norms[:start] == 0).all()
    expected = reference(network, "", TEXT[start:])
    np.testing.assert_allclose(norms[start:], expected, rtol=1e-9, atol=1e-15)
