"""Other implementations of generation with an LSTM, each with its best settings.

Shapes: B samples, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from chargen.model.config import ModelConfig
from chargen.model.engine import Floats, Ids

Weights = Mapping[str, Floats]
# ids [B] -> logits [B, V] of the next characters; the states are kept between calls.
Step = Callable[[Ids], Floats]

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def lstm_loop(config: ModelConfig, weights: Weights, batch_size: int, threads: int) -> Step:
    """Return the usual loop: one call of `nn.LSTM` for all layers per character."""
    lstm = nn.LSTM(config.embedding_size, config.hidden_size, config.num_layers).eval()
    layers = {
        f"{name}_l{k}": value
        for k in range(config.num_layers)
        for name, value in _layer(weights, k).items()
    }
    _load(lstm, layers)
    zeros = torch.zeros(config.num_layers, batch_size, config.hidden_size)
    state = (zeros, zeros)

    def advance(x: torch.Tensor) -> torch.Tensor:
        nonlocal state
        x, state = lstm(x[None], state)
        return x[0]

    return _torch_loop(weights, threads, advance)


def cell_loop(config: ModelConfig, weights: Weights, batch_size: int, threads: int) -> Step:
    """Return a loop with an `nn.LSTMCell` per layer, torch's fastest: it packs no weights."""
    cells = []
    for k in range(config.num_layers):
        width = config.embedding_size if k == 0 else config.hidden_size
        cells.append(nn.LSTMCell(width, config.hidden_size).eval())
        _load(cells[k], _layer(weights, k))
    zeros = torch.zeros(batch_size, config.hidden_size)
    states = [(zeros, zeros)] * config.num_layers

    def advance(x: torch.Tensor) -> torch.Tensor:
        for k, cell in enumerate(cells):
            states[k] = cell(x, states[k])
            x = states[k][0]
        return x

    return _torch_loop(weights, threads, advance)


def _torch_loop(
    weights: Weights, threads: int, advance: Callable[[torch.Tensor], torch.Tensor]
) -> Step:
    encoder = nn.Embedding(*weights["encoder.weight"].shape)
    decoder = nn.Linear(*weights["decoder.weight"].shape[::-1])
    _load(encoder, {"weight": weights["encoder.weight"]})
    _load(decoder, {name: weights[f"decoder.{name}"] for name in ("weight", "bias")})

    @torch.inference_mode()
    def step(ids: Ids) -> Floats:
        torch.set_num_threads(threads)
        logits: torch.Tensor = decoder(advance(encoder(torch.from_numpy(ids))))
        return logits.numpy()

    return step


def _layer(weights: Weights, k: int) -> dict[str, Floats]:
    return {name: weights[f"layers.{k}.{name}_l0"] for name in _NAMES}


def _load(module: nn.Module, weights: Weights) -> None:
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})


def has_onnxruntime() -> bool:
    """Return whether `onnxruntime` and `onnx`, which builds its graph, are installed."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def onnx_loop(config: ModelConfig, weights: Weights, batch_size: int, threads: int) -> Step:
    """Return a loop with `onnxruntime` on a graph of one step, with preallocated memory."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        _graph(config, weights, batch_size), options, providers=["CPUExecutionProvider"]
    )
    inputs = np.zeros((1, batch_size), np.int64)
    logits = np.empty((batch_size, config.vocab_size), np.float32)
    shape = (config.num_layers, 2, 1, batch_size, config.hidden_size)
    states = np.zeros((2, *shape), np.float32)
    # A step reads what the previous one wrote: two bindings of the same memory alternate.
    bindings = []
    for before, after in (states, states[::-1]):
        binding = session.io_binding()
        _bind(binding.bind_input, "ids", inputs)
        _bind(binding.bind_output, "logits", logits)
        for k in range(config.num_layers):
            for part, name in enumerate("hc"):
                _bind(binding.bind_input, f"{name}{k}", before[k, part])
                _bind(binding.bind_output, f"{name}{k}_after", after[k, part])
        # A binding has only addresses, so the states must be kept alive.
        bindings.append((binding, states))

    def step(ids: Ids) -> Floats:
        inputs[0] = ids
        session.run_with_iobinding(bindings[0][0])
        bindings.reverse()
        return logits

    return step


def _bind(bind: Callable[..., None], name: str, array: npt.NDArray[np.generic]) -> None:
    bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def _graph(config: ModelConfig, weights: Weights, batch_size: int) -> bytes:
    """Return one step as an ONNX model: embedding, an LSTM per layer, decoder."""
    from onnx import TensorProto, helper, numpy_helper

    def info(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    constants: dict[str, npt.NDArray[Any]] = {
        "encoder": weights["encoder.weight"],
        "decoder": weights["decoder.weight"],
        "decoder_bias": weights["decoder.bias"],
        "one": np.array([0], np.int64),
    }
    nodes = [helper.make_node("Gather", ["encoder", "ids"], ["x0"])]
    inputs = [info("ids", 1, batch_size, kind=TensorProto.INT64)]
    outputs = [info("logits", batch_size, config.vocab_size)]
    for k in range(config.num_layers):
        w, r, b_ih, b_hh = map(_onnx_order, _layer(weights, k).values())
        biases = np.concatenate([b_ih, b_hh])
        constants |= {f"w{k}": w[None], f"r{k}": r[None], f"b{k}": biases[None]}
        arguments = [f"x{k}", f"w{k}", f"r{k}", f"b{k}", "", f"h{k}", f"c{k}"]
        results = ["", f"h{k}_after", f"c{k}_after"]
        nodes.append(helper.make_node("LSTM", arguments, results, hidden_size=config.hidden_size))
        nodes.append(helper.make_node("Identity", [f"h{k}_after"], [f"x{k + 1}"]))
        for name in (f"h{k}", f"c{k}"):
            inputs.append(info(name, 1, batch_size, config.hidden_size))
            outputs.append(info(f"{name}_after", 1, batch_size, config.hidden_size))
    nodes.append(helper.make_node("Squeeze", [f"x{config.num_layers}", "one"], ["h"]))
    last = ["h", "decoder", "decoder_bias"]
    nodes.append(helper.make_node("Gemm", last, ["logits"], transB=1))
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "step", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


def _onnx_order(value: Floats) -> Floats:
    """Reorder rows from torch's order i f g o to ONNX's order i o f g."""
    i, f, g, o = np.split(value, 4)
    return np.concatenate([i, o, f, g])
