"""One step of a model as an ONNX graph, made from the equations of its cell.

Each cell's own `step` runs on values that record ONNX nodes instead of computing numbers.

Shapes: B samples, H hidden, V vocabulary.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from chargen.errors import ChargenError
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.engine import layer_weights
from chargen.text.vocabulary import UNKNOWN_ID

_OPSET, _IR_VERSION = 17, 8  # of 2022; runtimes in browsers and on phones read them
_BATCH = "batch"
_MAX_BYTES = (1 << 31) - (1 << 20)  # a message of protobuf has less than 2 GB

Array = npt.NDArray[Any]


def onnx_graph(checkpoint: Checkpoint) -> bytes:
    """Return an ONNX model that reads one character of each sample.

    Inputs: `id` [B] and the states `layer0/h` and so on [B, H]. Outputs: `logits` [B, V] of the
    next characters and the states `next/layer0/h` and so on. The key `chargen` of its metadata is
    the JSON of `metadata`.
    Raises ChargenError if the package onnx is not installed or the model is too large.
    """
    try:
        import onnx
    except ImportError:
        raise ChargenError("the export needs the package onnx (pip install onnx)") from None
    config, weights = checkpoint.config, checkpoint.weights
    if 4 * config.parameters > _MAX_BYTES:
        raise ChargenError(
            f"{checkpoint.name} has {config.parameters:,} parameters, but an ONNX file holds at"
            f" most {_MAX_BYTES // 4:,} (export a smaller model)"
        )
    cell, hidden = CELLS[config.cell], config.hidden_size
    recorder = _Recorder()
    states: dict[str, _Value] = {}
    x = _Value(recorder, "id")
    for k, layer in enumerate(layer_weights(config, weights)):
        matrix = layer["weight_ih"].T
        if k == 0 and config.encoder == "one-hot":
            projected = recorder.add("Gather", matrix, x)
        else:
            if k == 0:
                x = recorder.add("Gather", weights["encoder.weight"], x)
            projected = x @ matrix
        names = [f"layer{k}/{part}" for part in cell.state]
        before = tuple(_Value(recorder, name, hidden) for name in names)
        projected = recorder.add("Add", projected, layer["bias_ih"], width=matrix.shape[1])
        x, after, _ = cell.step(_Namespace, projected, before, layer)
        states |= dict(zip(names, after, strict=True))
    logits = x @ weights["decoder.weight"].T + weights["decoder.bias"]
    outputs = {"logits": logits, **{f"next/{name}": part for name, part in states.items()}}
    for name, value in outputs.items():
        recorder.nodes.append(("Identity", [value.name], name))

    def info(name: str, *shape: int, kind: int = onnx.TensorProto.FLOAT) -> Any:
        return onnx.helper.make_tensor_value_info(name, kind, [_BATCH, *shape])

    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, names, [output]) for kind, names, output in recorder.nodes],
        "step",
        [info("id", kind=onnx.TensorProto.INT64), *(info(name, hidden) for name in states)],
        [info("logits", config.vocab_size), *(info(f"next/{name}", hidden) for name in states)],
        [onnx.numpy_helper.from_array(v, name) for name, v in recorder.constants.items()],
    )
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="chargen",
    )
    described = json.dumps(metadata(checkpoint, list(states)), ensure_ascii=False)
    onnx.helper.set_model_props(model, {"chargen": described})
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def metadata(checkpoint: Checkpoint, states: list[str]) -> dict[str, Any]:
    """Return what a program needs to use the graph, as JSON values.

    characters: by id. unknown_id: of every other character; it is never drawn. kind: what a text
    is, "stream", "line", "document" or "cell". boundary: the character that is read first, from
    states that are 0; except for streams, it also ends each text, and the states are set back to 0
    before it is read again. states: the names of the inputs; the output `next/<name>` is the input
    of the next step.
    """
    config = checkpoint.config
    return {
        "cell": config.cell,
        "encoder": config.encoder,
        "num_layers": config.num_layers,
        "hidden_size": config.hidden_size,
        "characters": list(checkpoint.vocabulary.characters),
        "unknown_id": UNKNOWN_ID,
        "kind": checkpoint.kind.name,
        "boundary": checkpoint.first_input,
        "states": states,
    }


class _Recorder:
    """The nodes of a graph (operator, inputs, output), and its constants by name."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, list[str], str]] = []
        self.constants: dict[str, Array] = {}

    def add(self, operator: str, *inputs: Any, width: int = 0) -> _Value:
        """Record a node and return its output. width: the size of its last axis."""
        names = [each.name if isinstance(each, _Value) else self._name(each) for each in inputs]
        output = f"v{len(self.nodes)}"
        self.nodes.append((operator, names, output))
        return _Value(self, output, width)

    def _name(self, constant: Any) -> str:
        value = constant if isinstance(constant, np.ndarray) else np.array(constant, np.float32)
        name = f"c{len(self.constants)}"
        self.constants[name] = np.array(value, order="C")  # not transposed
        return name


class _Value:
    """A float array [B, width] of the graph. It supports the operations of the cells."""

    __array_ufunc__ = None  # numpy arrays leave their operators to this class

    def __init__(self, recorder: _Recorder, name: str, width: int = 0) -> None:
        self.name = name
        self._recorder, self._width = recorder, width

    @property
    def shape(self) -> tuple[str, int]:
        """The shape of the array."""
        return _BATCH, self._width

    def __add__(self, other: Any) -> _Value:
        return self.then("Add", other)

    def __sub__(self, other: Any) -> _Value:
        return self.then("Sub", other)

    def __mul__(self, other: Any) -> _Value:
        return self.then("Mul", other)

    def __ge__(self, other: Any) -> _Value:
        return self.then("GreaterOrEqual", other)

    def __matmul__(self, matrix: Array) -> _Value:
        return self._recorder.add("MatMul", self, matrix, width=matrix.shape[1])

    def __getitem__(self, part: Any) -> _Value:
        _, columns = part
        start, stop, step = columns.indices(self._width)
        bounds = (np.array([bound], np.int64) for bound in (start, stop, 1))  # 1: the last axis
        assert step == 1
        return self._recorder.add("Slice", self, *bounds, width=stop - start)

    __radd__ = __add__
    __rmul__ = __mul__

    def then(self, operator: str, *others: Any) -> _Value:
        """Return the output of an operator on this value and others of the same shape."""
        return self._recorder.add(operator, self, *others, width=self._width)


class _Namespace:
    """The functions that cells use, as operators of ONNX."""

    @staticmethod
    def tanh(x: _Value) -> _Value:
        return x.then("Tanh")

    @staticmethod
    def where(condition: _Value, x: Any, y: Any) -> _Value:
        return condition.then("Where", x, y)
