"""Tests of model folders: they round-trip, and other programs can read their files."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from safetensors import safe_open
from tokenizers import Tokenizer

from chargen.errors import CheckpointError
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import (
    CONFIG,
    MODEL,
    TOKENIZER,
    Checkpoint,
    Description,
    write_model,
)
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.engine import Engine
from chargen.model.network import Network
from chargen.text.kind import LINE, STREAM, TextKind
from chargen.text.vocabulary import Vocabulary
from tests.attacks.forging import reseal

MEASURED: Mapping[str, Any] = {
    "step": 12,
    "training_nats": 0.1 + 0.2,
    "validation_nats": None,
    "precision": "bfloat16",
    "note": "\u660e\u6708 \u2028",
}


def write(
    folder: Path,
    config: ModelConfig,
    vocabulary: Vocabulary,
    weights: Mapping[str, Any],
    measured: Mapping[str, Any] = MEASURED,
) -> None:
    """Write a model folder."""
    description = Description(
        config, {"seed": 7, "budget": {"kind": "steps"}}, {"name": "\u660e"}, {"preset": "auto"}
    )
    siblings = {CONFIG: description.to_json(), TOKENIZER: vocabulary.to_json()}
    folder.mkdir(exist_ok=True)
    for name, content in siblings.items():
        (folder / name).write_bytes(content)
    write_model(folder, siblings, weights, measured)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_model_round_trips(tmp_path: Path, cell: str, encoder: str, depth: int) -> None:
    """Weights are loaded bit by bit, with vocabulary, description and measured values."""
    vocabulary = Vocabulary.build(["the quick brown fox, \0 \u660e \U0001f680"])
    config = ModelConfig(len(vocabulary), cell, encoder, 3, 4, depth)
    network = Network(config)
    network.initialise(1)
    weights = network.weights()
    write(tmp_path / "model", config, vocabulary, weights)
    loaded = Checkpoint.load(tmp_path / "model")
    assert loaded.folder == Checkpoint.load(str(tmp_path / "model")).folder == tmp_path / "model"
    assert loaded.config == config
    assert loaded.vocabulary == vocabulary
    assert loaded.description.training == {"seed": 7, "budget": {"kind": "steps"}}
    assert loaded.description.corpus == {"name": "\u660e"}
    assert loaded.description.options == {"preset": "auto"}
    assert loaded.measured == MEASURED
    assert loaded.weights.keys() == weights.keys()
    for name, value in loaded.weights.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, weights[name])


@pytest.mark.parametrize("cell", CELLS)
def test_loaded_model_runs_in_numpy_and_torch(
    tmp_path: Path, make_model: Callable[..., Path], cell: str
) -> None:
    """The engine and the network compute the same logits from loaded weights."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", cell=cell))
    engine = Engine(loaded.config, loaded.weights)
    network = Network(loaded.config)
    network.load_weights(loaded.weights)
    ids = loaded.vocabulary.encode("to be").astype(np.int64)
    logits, _ = engine.step(ids[-1:], engine.read(ids[:-1], engine.empty_states()))
    with torch.no_grad():
        expected, _ = network(torch.from_numpy(ids)[:, None], network.empty_states(1))
    # Float32 rounding over five steps of a small network.
    np.testing.assert_allclose(logits, expected[-1].numpy(), rtol=1e-4, atol=1e-5)


def test_special_numbers_keep_their_bits(tmp_path: Path) -> None:
    """Minus zero, the smallest and the largest numbers are stored exactly."""
    vocabulary = Vocabulary.build(["a"])
    config = ModelConfig(len(vocabulary), "feedforward", "one-hot", hidden_size=1)
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.shapes().items()}
    odd = np.array([-0.0, np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max])
    weights["decoder.bias"] = odd.astype(np.float32)
    write(tmp_path, config, vocabulary, weights)
    loaded = Checkpoint.load(tmp_path).weights["decoder.bias"]
    assert loaded.tobytes() == weights["decoder.bias"].tobytes()


def test_float16_weights_are_rounded_once(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """float16 halves the bytes, memory has float32, and another round trip changes nothing."""
    exact = Checkpoint.load(make_model(tmp_path / "exact"))
    folder = make_model(tmp_path / "rounded", weights_dtype="float16")
    rounded = Checkpoint.load(folder)
    assert (exact.weights_dtype, rounded.weights_dtype) == ("float32", "float16")
    assert rounded.measured == exact.measured
    for name, value in rounded.weights.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, exact.weights[name].astype(np.float16))
        assert not np.array_equal(value, exact.weights[name])
    content = (folder / MODEL).read_bytes()
    header = int.from_bytes(content[:8], "little")
    assert len(content) == 8 + header + 2 * exact.config.parameters
    siblings = {name: (folder / name).read_bytes() for name in (CONFIG, TOKENIZER)}
    write_model(folder, siblings, rounded.weights, rounded.measured, weights_dtype="float16")
    assert (folder / MODEL).read_bytes() == content


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_out_of_range_are_not_written(
    tmp_path: Path, make_model: Callable[..., Path], sign: int
) -> None:
    """The largest number of float16 is 65,504; the file does not change if a weight is larger."""
    folder = make_model(tmp_path / "model", weights_dtype="float16")
    loaded = Checkpoint.load(folder)
    siblings = {name: (folder / name).read_bytes() for name in (CONFIG, TOKENIZER)}
    weights = {name: value.copy() for name, value in loaded.weights.items()}
    weights["decoder.bias"][2] = sign * 65_504
    write_model(folder, siblings, weights, {}, weights_dtype="float16")
    assert Checkpoint.load(folder).weights["decoder.bias"][2] == sign * 65_504
    before = (folder / MODEL).read_bytes()
    weights["decoder.bias"][2] = sign * 70_000
    with pytest.raises(CheckpointError) as caught:
        write_model(folder, siblings, weights, {}, weights_dtype="float16")
    assert str(caught.value) == (
        f"{folder / MODEL} cannot be written: decoder.bias has a weight of 70,000, but float16"
        " allows at most 65,504 (store the weights as float32)"
    )
    assert (folder / MODEL).read_bytes() == before
    write_model(folder, siblings, weights, {})
    assert Checkpoint.load(folder).weights_dtype == "float32"


def test_write_model_replaces_weights(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """New weights and measured values replace the old ones; no other file remains."""
    folder = make_model(tmp_path / "model")
    files = sorted(os.listdir(folder))
    before = Checkpoint.load(folder)
    siblings = {name: (folder / name).read_bytes() for name in (CONFIG, TOKENIZER)}
    better = {name: value + 1 for name, value in before.weights.items()}
    write_model(folder, siblings, better, {"step": 2})
    after = Checkpoint.load(folder)
    assert after.measured == {"step": 2}
    for name, value in after.weights.items():
        np.testing.assert_array_equal(value, better[name])
    assert sorted(os.listdir(folder)) == files == sorted([CONFIG, TOKENIZER, MODEL])


def test_files_are_reproducible(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """Files depend neither on the time nor on the order of names."""
    first, second = make_model(tmp_path / "first"), make_model(tmp_path / "second")
    for name in (CONFIG, TOKENIZER, MODEL):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    loaded = Checkpoint.load(first)
    siblings = {name: (first / name).read_bytes() for name in (CONFIG, TOKENIZER)}
    reordered = dict(reversed(list(loaded.weights.items())))
    write_model(second, siblings, reordered, dict(reversed(list(loaded.measured.items()))))
    assert (first / MODEL).read_bytes() == (second / MODEL).read_bytes()


def test_safetensors_can_read_weights(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """model.safetensors is a standard file with the shapes that follow from config.json."""
    folder = make_model(tmp_path / "model", num_layers=2)
    loaded = Checkpoint.load(folder)
    with safe_open(folder / MODEL, framework="np") as file:
        assert set(file.keys()) == set(loaded.weights)
        for name, shape in loaded.config.shapes().items():
            value = file.get_tensor(name)
            assert value.shape == shape
            np.testing.assert_array_equal(value, loaded.weights[name])
        values = json.loads(file.metadata()["chargen"])
    assert values["step"] == 0
    assert values["validation_nats"] == 1.5
    assert safetensors.numpy.load_file(folder / MODEL).keys() == loaded.weights.keys()


def test_tokenizers_can_read_vocabulary(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """tokenizer.json is a file of the Hugging Face `tokenizers` library."""
    folder = make_model(tmp_path / "model", text="to be, or not\r\u2028\0")
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    vocabulary = Checkpoint.load(folder).vocabulary
    assert tokenizer.get_vocab_size() == len(vocabulary)
    text = "not to be\r\n\u2028\0\u660e"
    assert tokenizer.encode(text).ids == vocabulary.encode(text).tolist()


def test_config_is_plain_json(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """config.json is plain JSON that other programs can read."""
    fields = json.loads((make_model(tmp_path / "model") / CONFIG).read_text("utf-8"))
    assert fields["model_type"] == "chargen"
    assert fields["format"] == 3
    assert fields["model"]["cell"] == "lstm"
    assert fields["model"]["hidden_size"] == 4


def test_description_round_trips() -> None:
    """from_json inverts to_json."""
    values: list[dict[str, Any]] = [{"a": [1, None]}, {"b": "\u660e"}, {"c": 0.1}, {"d": None}]
    description = Description(ModelConfig(9), *values)
    assert Description.from_json(description.to_json(), "config.json") == description


def test_a_description_without_a_start_is_read() -> None:
    """Older versions did not record it."""
    fields = json.loads(Description(ModelConfig(9), {}, {}, {}).to_json())
    del fields["start"]
    assert Description.from_json(json.dumps(fields).encode(), "config.json").start == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_umask_applies_to_files(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """The permissions of a model's files follow the user's umask."""
    before = os.umask(0o027)
    try:
        folder = make_model(tmp_path / "model")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / MODEL).stat().st_mode) == 0o640


# What a text is


@pytest.mark.parametrize(("lines", "kind"), [(True, LINE), (False, STREAM), (None, STREAM)])
def test_format_2_has_a_boolean_of_lines(
    tmp_path: Path, make_model: Callable[..., Path], lines: bool | None, kind: TextKind
) -> None:
    """Models of the previous format load, and are described in the new one."""
    folder = make_model(tmp_path / "old")
    fields = json.loads((folder / CONFIG).read_bytes())
    corpus = {"name": "text"} if lines is None else {"name": "text", "lines": lines}
    (folder / CONFIG).write_text(json.dumps({**fields, "format": 2, "corpus": corpus}))
    reseal(folder)
    loaded = Checkpoint.load(folder)
    assert loaded.kind == kind
    assert loaded.description.corpus == {"name": "text", "kind": asdict(kind)}


@pytest.mark.parametrize(
    ("kind", "longest", "length"),
    [
        (STREAM, 900, 200),
        (LINE, 20, 200),
        (LINE, 900, 1_800),
        (LINE, 10**6, 10_000),
        (LINE, None, 200),
    ],
)
def test_the_default_length_lets_a_text_end(
    tmp_path: Path, make_model: Callable[..., Path], kind: TextKind, longest: object, length: int
) -> None:
    """It is twice that of the longest training text, between 200 and 10,000 characters."""
    loaded = Checkpoint.load(make_model(tmp_path / "model"))
    corpus = {"kind": asdict(kind), "longest_text": longest}
    described = replace(loaded.description, corpus=corpus)
    assert replace(loaded, description=described).default_length == length


def test_the_vocabulary_needs_the_boundary(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """A model of documents cannot start a text without it."""
    folder = make_model(tmp_path / "model")
    fields = json.loads((folder / CONFIG).read_bytes())
    kind = {"name": "document", "separator": "%"}
    (folder / CONFIG).write_text(json.dumps({**fields, "corpus": {"kind": kind}}))
    reseal(folder)
    with pytest.raises(CheckpointError, match=r"tokenizer.json lacks '\\x1e', which starts a text"):
        Checkpoint.load(folder)
