"""Tests of the baselines: they compute the logits of the engine."""

from typing import Any

import numpy as np
import pytest

from chargen.bench import baselines
from chargen.bench.generation import Model
from chargen.model.engine import Engine


def check_logits(make: Any, num_layers: int, batch_size: int) -> None:
    """Check that a baseline has the logits of the engine over 50 characters."""
    model = Model.of(num_layers, 24)
    engine = Engine(model.config, model.weights)
    step = make(model.config, model.weights, batch_size, 1)
    states = engine.empty_states(batch_size)
    random = np.random.default_rng(2)
    for _ in range(50):
        ids = random.integers(0, model.config.vocab_size, batch_size)
        logits, states = engine.step(ids, states)
        # The float32 sums of 48 numbers near 1 have another order: about 1e-7 per character.
        np.testing.assert_allclose(step(ids), logits, atol=5e-6)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("make", [baselines.lstm_loop, baselines.cell_loop])
def test_torch_loops_agree(make: Any, num_layers: int, batch_size: int) -> None:
    """`nn.LSTM` and `nn.LSTMCell` compute the logits of the engine."""
    check_logits(make, num_layers, batch_size)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_onnxruntime_agrees(num_layers: int, batch_size: int) -> None:
    """The graph for `onnxruntime` computes the logits of the engine."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    check_logits(baselines.onnx_loop, num_layers, batch_size)
