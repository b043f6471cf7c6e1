"""The other ways to write compute what our engine computes."""

from typing import Any

import numpy as np
import pytest

from chargen.bench import rivals
from chargen.bench.generation import Model
from chargen.model.engine import Engine


def agrees(make: Any, num_layers: int, batch_size: int) -> None:
    """Over 50 characters the logits of a way are the engine's, states carried along."""
    model = Model.of(num_layers, 24)
    engine = Engine(model.config, model.weights)
    step = make(model.config, model.weights, batch_size, 1)
    states = engine.empty_states(batch_size)
    random = np.random.default_rng(2)
    for _ in range(50):
        ids = random.integers(0, model.config.vocab_size, batch_size)
        logits, states = engine.step(ids, states)
        # Other orders of float32 sums of 48 numbers near 1: some 1e-7 a character.
        np.testing.assert_allclose(step(ids), logits, atol=5e-6)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("make", [rivals.lstm_loop, rivals.cell_loop])
def test_torch_loops_agree(make: Any, num_layers: int, batch_size: int) -> None:
    """`nn.LSTM` and `nn.LSTMCell` give our logits."""
    agrees(make, num_layers, batch_size)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_onnxruntime_agrees(num_layers: int, batch_size: int) -> None:
    """The graph that is built for `onnxruntime` gives our logits."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    agrees(rivals.onnx_loop, num_layers, batch_size)
