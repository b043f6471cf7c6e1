"""The other ways to write with an LSTM, a character at a time, each with its best settings.

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
# ids [B] -> logits [B, V] of what follows; the states are kept between the calls.
Step = Callable[[Ids], Floats]

LAYER = "layers.{}.{}_l0"
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def lstm_loop(config: ModelConfig, weights: Weights, batch_size: int, threads: int) -> Step:
    """The usual loop: one call of `nn.LSTM` for all layers a character."""
    lstm = nn.LSTM(config.embedding_size, config.hidden_size, config.num_layers)
    with torch.no_grad():
        for k in range(config.num_layers):
            for name in _NAMES:
                value = torch.from_numpy(weights[LAYER.format(k, name)])
                getattr(lstm, f"{name}_l{k}").copy_(value)
    encoder, decoder = _ends(weights)
    lstm.eval()
    zeros = torch.zeros(config.num_layers, batch_size, config.hidden_size)
    state = (zeros, zeros)

    @torch.inference_mode()
    def step(ids: Ids) -> Floats:
        nonlocal state
        torch.set_num_threads(threads)
        h, state = lstm(encoder(torch.from_numpy(ids))[None], state)
        return _numpy(decoder(h[0]))

    return step


def cell_loop(config: ModelConfig, weights: Weights, batch_size: int, threads: int) -> Step:
    """An `nn.LSTMCell` a layer: no weights are packed anew, which makes it torch's best way."""
    cells = []
    for k in range(config.num_layers):
        width = config.embedding_size if k == 0 else config.hidden_size
        cell = nn.LSTMCell(width, config.hidden_size)
        cell.load_state_dict(
            {name: torch.from_numpy(weights[LAYER.format(k, name)]) for name in _NAMES}
        )
        cells.append(cell.eval())
    encoder, decoder = _ends(weights)
    zeros = torch.zeros(batch_size, config.hidden_size)
    states = [(zeros, zeros)] * config.num_layers

    @torch.inference_mode()
    def step(ids: Ids) -> Floats:
        torch.set_num_threads(threads)
        x = encoder(torch.from_numpy(ids))
        for k, cell in enumerate(cells):
            states[k] = cell(x, states[k])
            x = states[k][0]
        return _numpy(decoder(x))

    return step


def has_onnxruntime() -> bool:
    """Whether `onnxruntime` is installed, and `onnx`, which builds its graph."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def onnx_loop(config: ModelConfig, weights: Weights, batch_size: int, threads: int) -> Step:
    """`onnxruntime` on a graph of one step, its inputs and outputs bound to memory once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        _graph(config, weights, batch_size), options, providers=["CPUExecutionProvider"]
    )
    given = np.zeros((1, batch_size), np.int64)
    logits = np.empty((batch_size, config.vocab_size), np.float32)
    shape = (config.num_layers, 2, 1, batch_size, config.hidden_size)
    states = np.zeros((2, *shape), np.float32)
    # What a step writes, the next one reads: two bindings of the same memory, by turns.
    bindings = []
    for before, after in (states, states[::-1]):
        binding = session.io_binding()
        bind_input, bind_output = _binder(binding.bind_input), _binder(binding.bind_output)
        bind_input("ids", given)
        bind_output("logits", logits)
        for k in range(config.num_layers):
            for part, name in enumerate("hc"):
                bind_input(f"{name}{k}", before[k, part])
                bind_output(f"{name}{k}_after", after[k, part])
        # A binding knows addresses alone, so the states must be kept for it.
        bindings.append((binding, states))

    def step(ids: Ids) -> Floats:
        given[0] = ids
        session.run_with_iobinding(bindings[0][0])
        bindings.reverse()
        return logits

    return step


def _binder(bind: Callable[..., None]) -> Callable[[str, npt.NDArray[np.generic]], None]:
    return lambda name, array: bind(
        name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data
    )


def _graph(config: ModelConfig, weights: Weights, batch_size: int) -> bytes:
    """One step as an ONNX model: a row of the embedding, an LSTM a layer, the decoder."""
    from onnx import TensorProto, helper, numpy_helper

    state_shape = [1, batch_size, config.hidden_size]

    def info(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, state_shape)

    constants: dict[str, npt.NDArray[Any]] = {
        "encoder": weights["encoder.weight"],
        "decoder": weights["decoder.weight"],
        "decoder_bias": weights["decoder.bias"],
        "one": np.array([0], np.int64),
    }
    nodes = [helper.make_node("Gather", ["encoder", "ids"], ["x0"])]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, batch_size])]
    shape = [batch_size, config.vocab_size]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)]
    for k in range(config.num_layers):
        w, r, b_ih, b_hh = (_onnx_order(weights[LAYER.format(k, name)]) for name in _NAMES)
        biases = np.concatenate([b_ih, b_hh])
        constants |= {f"w{k}": w[None], f"r{k}": r[None], f"b{k}": biases[None]}
        given = [f"x{k}", f"w{k}", f"r{k}", f"b{k}", "", f"h{k}", f"c{k}"]
        made = ["", f"h{k}_after", f"c{k}_after"]
        nodes.append(helper.make_node("LSTM", given, made, hidden_size=config.hidden_size))
        nodes.append(helper.make_node("Identity", [f"h{k}_after"], [f"x{k + 1}"]))
        inputs += [info(f"h{k}"), info(f"c{k}")]
        outputs += [info(f"h{k}_after"), info(f"c{k}_after")]
    nodes.append(helper.make_node("Squeeze", [f"x{config.num_layers}", "one"], ["h"]))
    last = ["h", "decoder", "decoder_bias"]
    nodes.append(helper.make_node("Gemm", last, ["logits"], transB=1))
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "step", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised


def _onnx_order(value: Floats) -> Floats:
    """Rows in torch's order i f g o -> ONNX's i o f g."""
    i, f, g, o = np.split(value, 4)
    return np.concatenate([i, o, f, g])


def _ends(weights: Weights) -> tuple[nn.Embedding, nn.Linear]:
    encoder = nn.Embedding(*weights["encoder.weight"].shape)
    decoder = nn.Linear(*weights["decoder.weight"].shape[::-1])
    with torch.no_grad():
        encoder.weight.copy_(torch.from_numpy(weights["encoder.weight"]))
        decoder.weight.copy_(torch.from_numpy(weights["decoder.weight"]))
        decoder.bias.copy_(torch.from_numpy(weights["decoder.bias"]))
    return encoder, decoder


def _numpy(logits: torch.Tensor) -> Floats:
    array: Floats = logits.numpy()
    return array
