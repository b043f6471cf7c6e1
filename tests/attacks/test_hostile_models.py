"""Forged model folders are rejected with one line, even if their checksums are right.

A checksum detects accidents. An attacker can write a valid one, so everything else is checked too.
"""

import contextlib
import hashlib
import json
import math
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import safetensors.numpy
from safetensors import SafetensorError

from chargen.model import storage
from chargen.model.checkpoint import CONFIG, MODEL, Checkpoint
from tests.attacks.forging import Header, depths, file_of, forge, parts_of, siblings_of

Floats = npt.NDArray[np.float32]
LoadError = Callable[[Path], str]


def test_valid_forgery_loads(model: Path) -> None:
    """The tests below forge files correctly: a forged copy of a valid file loads."""
    before = Checkpoint.load(model)
    forge(model, *parts_of(model))
    for name, value in Checkpoint.load(model).weights.items():
        np.testing.assert_array_equal(value, before.weights[name])


def changed(name: str, **fields: Any) -> Callable[[Header], None]:
    """A function that changes one tensor's entry."""

    def change(header: Header) -> None:
        header[name].update(fields)

    return change


def renamed(old: str, new: str) -> Callable[[Header], None]:
    """A function that renames a tensor."""

    def change(header: Header) -> None:
        header[new] = header.pop(old)

    return change


def replaced(name: str, entry: object) -> Callable[[Header], None]:
    """A function that replaces a tensor's entry."""

    def change(header: Header) -> None:
        header[name] = entry

    return change


def overlapping(header: Header) -> None:
    """Let two tensors of the same size share their bytes."""
    one, other = header["layers.0.bias_ih_l0"], header["layers.0.bias_hh_l0"]
    one["data_offsets"] = other["data_offsets"]


BIAS = "decoder.bias"  # ten numbers: 40 bytes

HEADERS: Mapping[str, Callable[[Header], None]] = {
    "a tensor under another name": renamed(BIAS, "decoder.bies"),
    "a tensor under an empty name": renamed(BIAS, ""),
    "a name of control characters": renamed(BIAS, "\x1b[2J\n"),
    "a name with a lone surrogate": renamed(BIAS, "\ud800"),
    "an additional tensor": replaced(
        "more", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    ),
    "a missing tensor": lambda header: header.pop("encoder.weight"),
    "no tensors": lambda header: header.clear(),
    "half as many float64 numbers": changed(BIAS, dtype="F64", shape=[5]),
    "twice as many float16 numbers": changed(BIAS, dtype="F16", shape=[20]),
    "a type that numpy lacks": changed(BIAS, dtype="BF16", shape=[20]),
    "a type of one byte": changed(BIAS, dtype="F8_E4M3", shape=[40]),
    "a type of four bits": changed(BIAS, dtype="F4", shape=[80]),
    "integers": changed(BIAS, dtype="I32"),
    "booleans": changed(BIAS, dtype="BOOL", shape=[40]),
    "complex numbers": changed(BIAS, dtype="C64", shape=[5]),
    "an unknown type": changed(BIAS, dtype="F31"),
    "a type in lower case": changed(BIAS, dtype="f32"),
    "a type that is a number": changed(BIAS, dtype=32),
    "a type that is a list": changed(BIAS, dtype=["F32"]),
    "no type": replaced(BIAS, {"shape": [10], "data_offsets": [0, 40]}),
    "another shape": changed(BIAS, shape=[2, 5]),
    "an empty shape": changed(BIAS, shape=[]),
    "a shape with a zero": changed(BIAS, shape=[0, 10]),
    "a gigantic shape": changed(BIAS, shape=[1 << 62]),
    "a shape whose product overflows to the right size": changed(BIAS, shape=[1 << 63, 2, 10]),
    "a shape beyond 64 bits": changed(BIAS, shape=[1 << 70]),
    "a negative shape": changed(BIAS, shape=[-1]),
    "a shape of fractions": changed(BIAS, shape=[10.0]),
    "a shape of NaN": changed(BIAS, shape=[math.nan]),
    "a shape of infinity": changed(BIAS, shape=[math.inf]),
    "a shape of strings": changed(BIAS, shape=["10"]),
    "a shape of null": changed(BIAS, shape=[None]),
    "a shape of lists": changed(BIAS, shape=[[10]]),
    "a shape that is a number": changed(BIAS, shape=10),
    "a shape that is null": changed(BIAS, shape=None),
    "no shape": replaced(BIAS, {"dtype": "F32", "data_offsets": [0, 40]}),
    "a tensor without bytes": changed(BIAS, data_offsets=[40, 40]),
    "a tensor that ends before it starts": changed(BIAS, data_offsets=[40, 0]),
    "a tensor before the start": changed(BIAS, data_offsets=[-40, 0]),
    "a tensor that is too short": changed(BIAS, data_offsets=[0, 36]),
    "a shifted tensor": changed(BIAS, data_offsets=[1, 41]),
    "overlapping tensors": overlapping,
    "fractions as offsets": changed(BIAS, data_offsets=[0.0, 40.0]),
    "strings as offsets": changed(BIAS, data_offsets=["0", 40]),
    "null as offsets": changed(BIAS, data_offsets=[None, 40]),
    "one offset": changed(BIAS, data_offsets=[0]),
    "three offsets": changed(BIAS, data_offsets=[0, 40, 40]),
    "offsets that are a string": changed(BIAS, data_offsets="04"),
    "no offsets": replaced(BIAS, {"dtype": "F32", "shape": [10]}),
    "an entry that is null": replaced(BIAS, None),
    "an entry that is a list": replaced(BIAS, []),
    "an entry that is a string": replaced(BIAS, "F32"),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS.keys())
def test_forged_header_is_rejected(
    model: Path, load_error: LoadError, change: Callable[[Header], object]
) -> None:
    """Tensors that do not match the description are rejected, with a valid checksum or without."""
    header, body = parts_of(model)
    assert header[BIAS] == {"dtype": "F32", "shape": [10], "data_offsets": [0, 40]}
    change(header)
    with contextlib.suppress(SafetensorError):  # an invalid file has no checksum
        forge(model, header, body)
        assert str(model / MODEL) in load_error(model)
    digests = {k: hashlib.sha256(data).hexdigest() for k, data in siblings_of(model).items()}
    checksums: list[Any] = ["0" * 64, "", "unreadable", None, 0, [], {}]
    for checksum in checksums:
        values = json.dumps({"sha256": checksum, "siblings": digests})
        (model / MODEL).write_bytes(file_of(header, body, {"chargen": values}))
        assert str(model / MODEL) in load_error(model)


def restore(folder: Path, change: Callable[[str, Floats], npt.NDArray[Any]]) -> None:
    """Replace each tensor by a changed one, with a valid checksum."""
    weights = {
        name: change(name, value)
        for name, value in safetensors.numpy.load_file(folder / MODEL).items()
    }
    (folder / MODEL).write_bytes(
        storage.seal(lambda m: safetensors.numpy.save(weights, m), {}, siblings_of(folder))
    )


def test_forged_float16_loads(model: Path) -> None:
    """The tests below forge types correctly: with all tensors in float16 the file loads."""
    before = Checkpoint.load(model)
    restore(model, lambda name, value: value.astype(np.float16))
    after = Checkpoint.load(model)
    assert (before.weights_dtype, after.weights_dtype) == ("float32", "float16")
    for name, value in after.weights.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, before.weights[name].astype(np.float16))


@pytest.mark.parametrize("dtypes", [("float32", "float16"), ("float16", "float32")])
def test_mixed_types_are_rejected(
    model: Path, load_error: LoadError, dtypes: tuple[str, str]
) -> None:
    """A single tensor of another type than the rest is rejected, also if both are allowed."""
    original = (model / MODEL).read_bytes()
    rest, other = dtypes
    for odd in Checkpoint.load(model).weights:
        restore(model, lambda name, value, odd=odd: value.astype(other if name == odd else rest))  # type: ignore[misc]
        assert "does not contain the weights" in load_error(model)
        (model / MODEL).write_bytes(original)


@pytest.mark.parametrize("dtype", ["float64", "int8", "int32", "uint16", "bool", "complex64"])
def test_other_types_are_rejected(model: Path, load_error: LoadError, dtype: str) -> None:
    """All tensors in another type that numpy has, with the right shapes, are rejected."""
    restore(model, lambda name, value: value.astype(dtype))
    assert "does not contain the weights" in load_error(model)


def test_bfloat16_is_rejected(model: Path, load_error: LoadError) -> None:
    """All tensors in a type that numpy lacks, with the right shapes, are rejected."""
    restore(model, lambda name, value: value.astype(np.float16))
    header, body = parts_of(model)
    for entry in header.values():
        entry["dtype"] = "BF16"
    forge(model, header, body)
    assert "does not contain the weights" in load_error(model)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_rejected(
    model: Path, load_error: LoadError, dtype: str, number: float
) -> None:
    """One NaN or infinity among the weights is found, in either type."""

    def change(name: str, value: Floats) -> npt.NDArray[Any]:
        value = value.astype(dtype)
        value.flat[-1] = number if name == "decoder.weight" else 1
        return value

    restore(model, change)
    assert load_error(model) == f"{model / MODEL}: the weights contain NaN or infinity"


VALUES: list[Any] = [
    None, 1, {}, "", "null", "[]", "1", '"sha256"', "{}", '{"sha256": "0"}', '{"siblings": {}}',
    '{"sha256": "0", "siblings": {}}', '{"sha256": NaN, "siblings": NaN}',
    "[" * 100_000, "[" * 100_000 + "]" * 100_000,
    '{"sha256": "0", "siblings": {}, "x": ' + "[" * 900 + "]" * 900 + "}",
]  # fmt: skip
METADATA: list[Any] = [None, [], "chargen", {}, *({"chargen": values} for values in VALUES)]


@pytest.mark.parametrize("metadata", METADATA, ids=range(len(METADATA)))
def test_invalid_metadata_is_rejected(model: Path, load_error: LoadError, metadata: Any) -> None:
    """Metadata of another type, or without a valid checksum, is rejected."""
    header, body = parts_of(model)
    (model / MODEL).write_bytes(file_of({"__metadata__": metadata, **header}, body, None))
    assert str(model / MODEL) in load_error(model)


@pytest.mark.parametrize(
    "siblings", [None, [], "", 1, True, [[CONFIG, "0"]], {CONFIG: None}, {CONFIG: {}}, {}]
)
def test_invalid_sibling_digests_are_rejected(
    model: Path, load_error: LoadError, monkeypatch: pytest.MonkeyPatch, siblings: object
) -> None:
    """The digests of config.json and tokenizer.json are required, by their names."""
    weights = safetensors.numpy.load_file(model / MODEL)
    dumps = json.dumps

    def forging(value: Any, **options: Any) -> str:
        odd = isinstance(value, dict) and "siblings" in value
        return dumps({**value, "siblings": siblings} if odd else value, **options)

    with monkeypatch.context() as patch:
        patch.setattr("chargen.model.storage.json.dumps", forging)
        content = storage.seal(lambda m: safetensors.numpy.save(weights, m), {}, {})
    (model / MODEL).write_bytes(content)
    assert str(model / MODEL) in load_error(model)


def test_second_metadata_is_rejected(model: Path, load_error: LoadError) -> None:
    """Metadata that not every JSON parser finds is rejected."""
    content = (model / MODEL).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = b'{"__metadata__":{},' + content[9 : 8 + size]
    (model / MODEL).write_bytes(struct.pack("<Q", len(header)) + header + content[8 + size :])
    assert str(model / MODEL) in load_error(model)


def test_deep_metadata_is_rejected(model: Path, load_error: LoadError) -> None:
    """Nested JSON of any depth raises a CheckpointError, also near the recursion limit."""
    header, body = parts_of(model)
    for depth in depths():
        nested = "[" * depth + "]" * depth
        values = '{"sha256": "0", "siblings": {}, "x": ' + nested + "}"
        (model / MODEL).write_bytes(file_of(header, body, {"chargen": values}))
        assert str(model / MODEL) in load_error(model)


def test_deep_header_is_rejected(model: Path, load_error: LoadError) -> None:
    """A shape that is nested to any depth raises a CheckpointError."""
    header, body = parts_of(model)
    header[BIAS]["shape"] = ["deep"]
    shallow = file_of(header, body, {"chargen": '{"sha256": "0", "siblings": {}}'})
    (size,) = struct.unpack("<Q", shallow[:8])
    for depth in depths():
        nested = b"[" * depth + b"]" * depth
        text = shallow[8 : 8 + size].replace(b'"deep"', nested)
        (model / MODEL).write_bytes(struct.pack("<Q", len(text)) + text + body)
        assert str(model / MODEL) in load_error(model)
