"""Tests of model folders: they round-trip, and other programs can read their files."""

import json
import os
import stat
from collections.abc import Callable, Mapping
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
    newest,
    write_model,
)
from chargen.model.config import ENCODERS, ModelConfig
from chargen.model.engine import Engine
from chargen.model.network import Network
from chargen.text.vocabulary import Vocabulary

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
    assert fields["format"] == 2
    assert fields["model"]["cell"] == "lstm"
    assert fields["model"]["hidden_size"] == 4


def test_description_round_trips() -> None:
    """from_json inverts to_json."""
    description = Description(ModelConfig(9), {"a": [1, None]}, {"b": "\u660e"}, {"c": 0.1})
    assert Description.from_json(description.to_json(), "config.json") == description


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_umask_applies_to_files(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """The permissions of a model's files follow the user's umask."""
    before = os.umask(0o027)
    try:
        folder = make_model(tmp_path / "model")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / MODEL).stat().st_mode) == 0o640


def aged(folder: Path, seconds: int) -> Path:
    """Set the time at which a model was written, in seconds since the epoch."""
    os.utime(folder / MODEL, (seconds, seconds))
    return folder


def test_newest_model_was_written_last(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """The time of the weights decides, not the name or the age of the folder."""
    aged(make_model(tmp_path / "a"), 1_000)
    second = aged(make_model(tmp_path / "b"), 3_000)
    aged(make_model(tmp_path / "c"), 2_000)
    assert newest(tmp_path) == second
    aged(tmp_path / "a", 4_000)
    assert newest(tmp_path) == tmp_path / "a"
    assert newest(str(tmp_path)) == tmp_path / "a"


def test_newest_searches_one_level(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """Folders without weights, models further down and the root itself are ignored."""
    model = aged(make_model(tmp_path / "root" / "model"), 1_000)
    (tmp_path / "root" / "unfinished").mkdir()
    aged(make_model(tmp_path / "root" / "compared" / "deeper"), 2_000)
    (tmp_path / "root" / MODEL).write_bytes(b"")
    assert newest(tmp_path / "root") == model


def test_newest_without_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For an empty or missing folder the error says what to do."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        newest()
    assert str(caught.value) == (
        f"there is no model in checkpoints{os.sep}"
        " (train one: chargen train corpus.txt, or choose one with -m)"
    )
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="there is no model in"):
        newest()


def test_default_root_is_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., Path]
) -> None:
    """Without an argument `newest` searches ./checkpoints."""
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "checkpoints" / "shakespeare")
    assert newest() == Path("checkpoints/shakespeare")
