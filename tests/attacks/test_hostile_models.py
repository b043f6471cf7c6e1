"""A model folder that somebody made with intent, checksums and all, is refused in one line.

A checksum keeps accidents out. Whoever writes a file on purpose can write its checksum too, so
everything behind it is checked as well.
"""

import hashlib
import inspect
import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint

Header = dict[str, Any]


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> Path:
    """A whole model."""
    return make_model(tmp_path / "model")


def refusal(folder: Path) -> str:
    """The message with which a folder is refused: one printable line, not a screenful."""
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(folder)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000
    return message


def siblings_of(folder: Path) -> dict[str, bytes]:
    """The files that the weights are sealed with, as they stand."""
    return {name: (folder / name).read_bytes() for name in (CONFIG, TOKENIZER)}


def sealed_again(folder: Path) -> None:
    """Make the weights belong with config.json and tokenizer.json as they stand now."""
    weights = safetensors.numpy.load_file(folder / MODEL)
    (folder / MODEL).write_bytes(
        storage.seal(lambda m: safetensors.numpy.save(weights, m), {}, siblings_of(folder))
    )


def file_of(header: Mapping[str, Any], body: bytes, metadata: dict[str, str] | None) -> bytes:
    """A safetensors file with any header at all, written as the library writes headers."""
    fields = {**({} if metadata is None else {"__metadata__": metadata}), **header}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    content = text.encode("utf-8", "surrogatepass")
    content += b" " * (-len(content) % 8)
    return struct.pack("<Q", len(content)) + content + body


def forge(folder: Path, header: Mapping[str, Any], body: bytes) -> None:
    """Replace the weights by a file with this header and body and the right checksum."""
    (folder / MODEL).write_bytes(
        storage.seal(lambda m: file_of(header, body, m), {}, siblings_of(folder))
    )


def parts_of(folder: Path) -> tuple[Header, bytes]:
    """The header, without metadata, and the body of the weights."""
    content = (folder / MODEL).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header: Header = json.loads(content[8 : 8 + size])
    del header["__metadata__"]
    return header, content[8 + size :]


def test_a_forged_copy_of_the_file_passes(model: Path) -> None:
    """The forger below makes files that are sound where nothing is wrong with them."""
    before = Checkpoint.load(model)
    forge(model, *parts_of(model))
    for name, value in Checkpoint.load(model).weights.items():
        np.testing.assert_array_equal(value, before.weights[name])


def changed(name: str, **fields: Any) -> Callable[[Header], None]:
    """A change of one tensor's entry."""

    def change(header: Header) -> None:
        header[name].update(fields)

    return change


def renamed(old: str, new: str) -> Callable[[Header], None]:
    """A tensor under another name."""

    def change(header: Header) -> None:
        header[new] = header.pop(old)

    return change


def replaced(name: str, entry: object) -> Callable[[Header], None]:
    """An entry that is something else."""

    def change(header: Header) -> None:
        header[name] = entry

    return change


def overlapping(header: Header) -> None:
    """One tensor in the place of another of the same size."""
    one, other = header["layers.0.bias_ih_l0"], header["layers.0.bias_hh_l0"]
    one["data_offsets"] = other["data_offsets"]


BIAS = "decoder.bias"  # ten numbers: 40 bytes

HEADERS: Mapping[str, Callable[[Header], None]] = {
    "a tensor under another name": renamed(BIAS, "decoder.bies"),
    "a tensor under an empty name": renamed(BIAS, ""),
    "a name of control characters": renamed(BIAS, "\x1b[2J\n"),
    "a name that is half a character": renamed(BIAS, "\ud800"),
    "a tensor more": replaced("more", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
    "a tensor less": lambda header: header.pop("encoder.weight"),
    "no tensors": lambda header: header.clear(),
    "half as many of twice the size": changed(BIAS, dtype="F64", shape=[5]),
    "twice as many of half the size": changed(BIAS, dtype="F16", shape=[20]),
    "a type that numpy lacks": changed(BIAS, dtype="BF16", shape=[20]),
    "a type of one byte": changed(BIAS, dtype="F8_E4M3", shape=[40]),
    "a type of four bits": changed(BIAS, dtype="F4", shape=[80]),
    "whole numbers": changed(BIAS, dtype="I32"),
    "truth values": changed(BIAS, dtype="BOOL", shape=[40]),
    "complex numbers": changed(BIAS, dtype="C64", shape=[5]),
    "an unknown type": changed(BIAS, dtype="F31"),
    "a type in small letters": changed(BIAS, dtype="f32"),
    "a type that is a number": changed(BIAS, dtype=32),
    "a type that is a list": changed(BIAS, dtype=["F32"]),
    "no type": replaced(BIAS, {"shape": [10], "data_offsets": [0, 40]}),
    "another shape": changed(BIAS, shape=[2, 5]),
    "a shape of no numbers": changed(BIAS, shape=[]),
    "a shape with a zero": changed(BIAS, shape=[0, 10]),
    "a gigantic shape": changed(BIAS, shape=[1 << 62]),
    "a shape whose product overflows to the right one": changed(BIAS, shape=[1 << 63, 2, 10]),
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
    "a tensor with some bytes less": changed(BIAS, data_offsets=[0, 36]),
    "a tensor that begins elsewhere": changed(BIAS, data_offsets=[1, 41]),
    "two tensors in one place": overlapping,
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
def test_a_forged_header_is_refused(model: Path, change: Callable[[Header], object]) -> None:
    """Tensors that are not those described are refused, though their checksum is right."""
    header, body = parts_of(model)
    assert header[BIAS] == {"dtype": "F32", "shape": [10], "data_offsets": [0, 40]}
    change(header)
    try:
        forge(model, header, body)
    except (AssertionError, CheckpointError):
        # Of this no checksum can be made, so any will do.
        said = json.dumps({"siblings": {}, "sha256": "0"})
        (model / MODEL).write_bytes(file_of(header, body, {"chargen": said}))
    assert str(model / MODEL) in refusal(model)


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS.keys())
def test_no_word_passes_for_a_checksum(model: Path, change: Callable[[Header], object]) -> None:
    """Nothing but the checksum itself is one, whatever the header looks like."""
    header, body = parts_of(model)
    change(header)
    digests = {k: hashlib.sha256(data).hexdigest() for k, data in siblings_of(model).items()}
    words: tuple[Any, ...] = ("unreadable", "", None, 0, [], {}, "0" * 64)
    for digest in words:
        said = json.dumps({"siblings": digests, "sha256": digest})
        (model / MODEL).write_bytes(file_of(header, body, {"chargen": said}))
        assert str(model / MODEL) in refusal(model)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        "chargen",
        {},
        {"chargen": None},
        {"chargen": 1},
        {"chargen": {}},
        {"chargen": ""},
        {"chargen": "null"},
        {"chargen": "[]"},
        {"chargen": "1"},
        {"chargen": '"sha256"'},
        {"chargen": "{}"},
        {"chargen": '{"sha256": "0"}'},
        {"chargen": '{"siblings": {}}'},
        {"chargen": '{"sha256": "0", "siblings": {}}'},
        {"chargen": '{"sha256": NaN, "siblings": NaN}'},
        {"chargen": "[" * 100_000},
        {"chargen": "[" * 100_000 + "]" * 100_000},
        {"chargen": '{"sha256": "0", "siblings": {}, "x": ' + "[" * 900 + "]" * 900 + "}"},
    ],
    ids=range(20),
)
def test_metadata_of_any_kind_is_refused(model: Path, metadata: Any) -> None:
    """What is not the sealed metadata is refused, whatever it is instead."""
    header, body = parts_of(model)
    (model / MODEL).write_bytes(file_of({"__metadata__": metadata, **header}, body, None))
    assert str(model / MODEL) in refusal(model)


@pytest.mark.parametrize(
    "siblings", [None, [], "", 1, True, [[CONFIG, "0"]], {CONFIG: None}, {CONFIG: {}}, {}]
)
def test_siblings_of_any_kind_are_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch, siblings: object
) -> None:
    """The digests of the files beside it must stand there by name, though the checksum is right."""
    weights = safetensors.numpy.load_file(model / MODEL)
    dumps = json.dumps

    def forging(value: Any, **options: Any) -> str:
        odd = isinstance(value, dict) and "siblings" in value
        return dumps({**value, "siblings": siblings} if odd else value, **options)

    with monkeypatch.context() as patch:
        patch.setattr("chargen.model.storage.json.dumps", forging)
        content = storage.seal(lambda m: safetensors.numpy.save(weights, m), {}, {})
    (model / MODEL).write_bytes(content)
    assert str(model / MODEL) in refusal(model)


def depths() -> list[int]:
    """How deeply to nest: each depth near that at which the interpreter gives up, and far beyond.

    Where that is depends on how deep the stack is already. Code that reads a nested value and
    then writes it again gets further with the one than with the other.
    """
    left = sys.getrecursionlimit() - len(inspect.stack(0))
    return [*range(left - 30, left + 5), left // 2, *range(2_000, 20_000, 1_000), 100_000]


def test_deep_metadata_is_refused(model: Path) -> None:
    """Nesting of any depth is met with a CheckpointError, near the interpreter's limit too."""
    header, body = parts_of(model)
    for depth in depths():
        nested = "[" * depth + "]" * depth
        said = '{"sha256": "0", "siblings": {}, "x": ' + nested + "}"
        (model / MODEL).write_bytes(file_of(header, body, {"chargen": said}))
        assert str(model / MODEL) in refusal(model)


def test_deep_headers_are_refused(model: Path) -> None:
    """A shape that is nested to any depth is met with a CheckpointError."""
    header, body = parts_of(model)
    header[BIAS]["shape"] = ["deep"]
    shallow = file_of(header, body, {"chargen": '{"sha256": "0", "siblings": {}}'})
    (size,) = struct.unpack("<Q", shallow[:8])
    for depth in depths():
        nested = b"[" * depth + b"]" * depth
        text = shallow[8 : 8 + size].replace(b'"deep"', nested)
        (model / MODEL).write_bytes(struct.pack("<Q", len(text)) + text + body)
        assert str(model / MODEL) in refusal(model)


# config.json, with weights sealed again so that they belong with it.


def reconfigure(folder: Path, config: bytes) -> None:
    """Put another config.json into a model, with weights that say they belong with it."""
    (folder / CONFIG).write_bytes(config)
    sealed_again(folder)


def with_model(folder: Path, **sizes: Any) -> bytes:
    """The config.json of a folder with other sizes."""
    fields = json.loads((folder / CONFIG).read_bytes())
    fields["model"].update(sizes)
    return json.dumps(fields).encode()


def with_field(folder: Path, name: str, value: object) -> bytes:
    """The config.json of a folder with another field."""
    fields = json.loads((folder / CONFIG).read_bytes())
    return json.dumps({**fields, name: value}).encode()


def test_a_model_that_was_sealed_again_passes(model: Path) -> None:
    """Sealing again makes whole models, so what is refused below is refused for what it says."""
    reconfigure(model, with_field(model, "training", {"seed": 99}))
    assert Checkpoint.load(model).description.training == {"seed": 99}


ODD_SIZES: tuple[Any, ...] = (
    0,
    -1,
    1 << 70,
    10**400,
    4.0,
    math.nan,
    math.inf,
    "4",
    "",
    None,
    True,
    [],
    [4],
    {},
)


@pytest.mark.parametrize("size", ["vocab_size", "embedding_size", "hidden_size", "num_layers"])
def test_a_size_that_is_not_that_of_the_weights_is_refused(model: Path, size: str) -> None:
    """Sizes of another kind, out of range or simply others are refused."""
    whole = with_model(model)
    # The number of layers is tried with a gigantic value apart from the others, below.
    odd = [v for v in ODD_SIZES if size != "num_layers" or not (isinstance(v, int) and v > 1 << 60)]
    for value in (*odd, 7):
        reconfigure(model, with_model(model, **{size: value}))
        assert str(model) in refusal(model)
        reconfigure(model, whole)
    Checkpoint.load(model)


BOMB = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from chargen.errors import CheckpointError
from chargen.model.checkpoint import Checkpoint
try:
    Checkpoint.load(sys.argv[1])
except CheckpointError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are a matter of Linux")
@pytest.mark.parametrize("layers", [10**9, 10**30])
def test_a_gigantic_number_of_layers_is_refused(model: Path, layers: int) -> None:
    """A thousand bytes of config.json cannot take all of the machine's memory."""
    reconfigure(model, with_model(model, num_layers=layers))
    # In a process of its own with 2 GB, since what would go wrong is that nothing is left.
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(model)],
        # One thread, since each reserves memory of its own.
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert str(model) in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "sizes",
    [
        {"cell": None},
        {"cell": 1},
        {"cell": []},
        {"cell": {}},
        {"cell": "transformer"},
        {"cell": "gru"},
        {"cell": "lstm\n\x1b[2J"},
        {"cell": "lstm" * 1_000_000},
        {"encoder": None},
        {"encoder": ["embedding"]},
        {"encoder": "one-hot"},
        {"heads": 8},
        {"heads\nchargen: all is well": 8},
        {"\x1b[2J": 8},
        {"x" * 1_000_000: 8},
        {"": 8},
        {"\ud800": 8},
    ],
    ids=range(17),
)
def test_a_network_of_another_kind_is_refused(model: Path, sizes: dict[str, Any]) -> None:
    """Names that are not known or not those of the weights are refused, in one short line."""
    reconfigure(model, with_model(model, **sizes))
    assert str(model) in refusal(model)


@pytest.mark.parametrize("value", [None, 1, "", "lstm", [], [1], [["vocab_size", 10]], {}])
def test_a_network_that_is_no_object_is_refused(model: Path, value: object) -> None:
    """The sizes stand in an object by their names."""
    reconfigure(model, with_field(model, "model", value))
    assert str(model) in refusal(model)


@pytest.mark.parametrize("name", ["training", "corpus", "asked"])
@pytest.mark.parametrize("value", [None, 1, "choices", [1], [[]], ["ab\ncd"]])
def test_choices_that_are_no_object_are_refused(model: Path, name: str, value: object) -> None:
    """What a run was set up with stands in an object by its names."""
    reconfigure(model, with_field(model, name, value))
    assert str(model) in refusal(model)


@pytest.mark.parametrize("name", ["model_type", "format", "model", "training", "corpus", "asked"])
def test_a_missing_field_is_refused(model: Path, name: str) -> None:
    """Every field must be there."""
    fields = json.loads((model / CONFIG).read_bytes())
    del fields[name]
    reconfigure(model, json.dumps(fields).encode())
    assert str(model / CONFIG) in refusal(model)


def test_another_format_is_told_from_damage(model: Path) -> None:
    """A folder of a later version says so, and what to do."""
    reconfigure(model, with_field(model, "format", 2))
    assert refusal(model) == (
        f"{model / CONFIG} has format 2; this chargen reads format 1"
        " (use the version that wrote it)"
    )


@pytest.mark.parametrize(
    "version", [0, -1, 10**400, "1", "1\n", None, [], {}, math.nan, "x" * 1_000_000]
)
def test_a_format_of_any_kind_is_refused(model: Path, version: object) -> None:
    """What is not the number of the format is refused, in one short line."""
    reconfigure(model, with_field(model, "format", version))
    assert str(model / CONFIG) in refusal(model)


@pytest.mark.parametrize("kind", [None, 1, [], "", "llama", {"chargen": 1}])
def test_another_type_of_model_is_refused(model: Path, kind: object) -> None:
    """The model folder of another program is not opened."""
    reconfigure(model, with_field(model, "model_type", kind))
    assert refusal(model) == f"{model / CONFIG} was not written by chargen"


def test_deep_configurations_are_refused(model: Path) -> None:
    """Nesting of any depth where a plain value belongs is met with a CheckpointError."""
    places = [
        *(with_field(model, name, "deep") for name in ("format", "model_type")),
        *(with_model(model, **{name: "deep"}) for name in ("cell", "hidden_size")),
    ]
    for content in places:
        for depth in depths():
            nested = b"[" * depth + b"]" * depth
            (model / CONFIG).write_bytes(content.replace(b'"deep"', nested))
            assert str(model / CONFIG) in refusal(model)


# tokenizer.json


@pytest.mark.parametrize(
    "characters",
    ["\ufffd\nab", "\ufffd", "\n\ufffdabcdefgh", "\ufffd\nabcdefg\ud800", ""],
    ids=["fewer", "one", "another first", "half a character", "none"],
)
def test_characters_that_do_not_fit_the_model_are_refused(model: Path, characters: str) -> None:
    """The vocabulary must be one, and as large as the network says."""
    vocab = {c: k for k, c in enumerate(characters)}
    (model / TOKENIZER).write_text(json.dumps({"model": {"vocab": vocab}}), "utf-8")
    sealed_again(model)
    assert str(model) in refusal(model)
