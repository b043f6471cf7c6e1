"""A model folder gives back what was written, and other programs can read its files."""

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
from chargen.model.cells import CELLS
from chargen.model.checkpoint import (
    CONFIG,
    MODEL,
    TOKENIZER,
    Checkpoint,
    Description,
    newest,
    read_description,
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
    """A model folder as a run leaves it."""
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
def test_what_was_written_is_loaded(tmp_path: Path, cell: str, encoder: str, depth: int) -> None:
    """Weights come back bit by bit, with the characters, the choices and the figures."""
    vocabulary = Vocabulary.build(["the quick brown fox, \0 \u660e \U0001f680"])
    config = ModelConfig(len(vocabulary), cell, encoder, 3, 4, depth)
    network = Network(config)
    network.initialise(1)
    weights = network.weights()
    write(tmp_path / "model", config, vocabulary, weights)
    loaded = Checkpoint.load(tmp_path / "model")
    assert loaded.folder == tmp_path / "model"
    assert loaded.config == config
    assert loaded.vocabulary == vocabulary
    assert loaded.description.training == {"seed": 7, "budget": {"kind": "steps"}}
    assert loaded.description.corpus == {"name": "\u660e"}
    assert loaded.description.asked == {"preset": "auto"}
    assert loaded.measured == MEASURED
    assert loaded.weights.keys() == weights.keys()
    for name, value in loaded.weights.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, weights[name])


@pytest.mark.parametrize("cell", CELLS)
def test_a_loaded_model_runs_in_both_engines(
    tmp_path: Path, make_model: Callable[..., Path], cell: str
) -> None:
    """What was loaded steps in numpy and begins a network in torch."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", cell=cell))
    engine = Engine(loaded.config, loaded.weights)
    network = Network(loaded.config)
    network.begin_with(loaded.weights)
    ids = loaded.vocabulary.encode("to be").astype(np.int64)
    logits, _ = engine.step(ids[-1:], engine.read(ids[:-1], engine.empty_states()))
    with torch.no_grad():
        expected, _ = network(torch.from_numpy(ids)[:, None], network.empty_states(1))
    # Float32 rounding over five steps of a small network.
    np.testing.assert_allclose(logits, expected[-1].numpy(), rtol=1e-4, atol=1e-5)


def test_a_folder_may_be_named_by_a_string(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """A string and a path load the same model."""
    folder = make_model(tmp_path / "model")
    assert Checkpoint.load(str(folder)).folder == folder


def test_special_numbers_keep_their_bits(tmp_path: Path) -> None:
    """Minus zero, the smallest and the largest numbers are stored as they are."""
    vocabulary = Vocabulary.build(["a"])
    config = ModelConfig(len(vocabulary), "feedforward", "one-hot", hidden_size=1)
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.shapes().items()}
    odd = np.array([-0.0, np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max])
    weights["decoder.bias"] = odd.astype(np.float32)
    write(tmp_path, config, vocabulary, weights)
    loaded = Checkpoint.load(tmp_path).weights["decoder.bias"]
    assert loaded.tobytes() == weights["decoder.bias"].tobytes()


def test_writing_again_replaces_the_weights(
    tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """A better model takes the place of the last one and leaves nothing else in the folder."""
    folder = make_model(tmp_path / "model")
    files = sorted(os.listdir(folder))
    before = Checkpoint.load(folder)
    _, _, siblings = read_description(folder)
    better = {name: value + 1 for name, value in before.weights.items()}
    write_model(folder, siblings, better, {"step": 2})
    after = Checkpoint.load(folder)
    assert after.measured == {"step": 2}
    for name, value in after.weights.items():
        np.testing.assert_array_equal(value, better[name])
    assert sorted(os.listdir(folder)) == files == sorted([CONFIG, TOKENIZER, MODEL])


def test_the_same_model_is_the_same_bytes(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """Nothing of the moment or of the order of names goes into a file."""
    first, second = make_model(tmp_path / "first"), make_model(tmp_path / "second")
    for name in (CONFIG, TOKENIZER, MODEL):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    loaded = Checkpoint.load(first)
    _, _, siblings = read_description(first)
    turned = dict(reversed(list(loaded.weights.items())))
    write_model(second, siblings, turned, dict(reversed(list(loaded.measured.items()))))
    assert (first / MODEL).read_bytes() == (second / MODEL).read_bytes()


def test_safetensors_reads_the_weights(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """The file is plain safetensors with the shapes that config.json leads to."""
    folder = make_model(tmp_path / "model", num_layers=2)
    loaded = Checkpoint.load(folder)
    with safe_open(folder / MODEL, framework="np") as file:
        assert set(file.keys()) == set(loaded.weights)
        for name, shape in loaded.config.shapes().items():
            value = file.get_tensor(name)
            assert value.shape == shape
            np.testing.assert_array_equal(value, loaded.weights[name])
        said = json.loads(file.metadata()["chargen"])
    assert said["step"] == 0
    assert said["validation_nats"] == 1.5
    assert safetensors.numpy.load_file(folder / MODEL).keys() == loaded.weights.keys()


def test_tokenizers_reads_the_characters(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """tokenizer.json is a file of Hugging Face `tokenizers`."""
    folder = make_model(tmp_path / "model", text="to be, or not\r\u2028\0")
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    vocabulary = Checkpoint.load(folder).vocabulary
    assert tokenizer.get_vocab_size() == len(vocabulary)
    text = "not to be\r\n\u2028\0\u660e"
    assert tokenizer.encode(text).ids == vocabulary.encode(text).tolist()


def test_the_description_is_plain_json(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """config.json says what kind of model it is, readable to people and to any program."""
    fields = json.loads((make_model(tmp_path / "model") / CONFIG).read_text("utf-8"))
    assert fields["model_type"] == "chargen"
    assert fields["format"] == 1
    assert fields["model"]["cell"] == "lstm"
    assert fields["model"]["hidden_size"] == 4


def test_a_description_comes_back_from_its_bytes() -> None:
    """from_json inverts to_json."""
    description = Description(ModelConfig(9), {"a": [1, None]}, {"b": "\u660e"}, {"c": 0.1})
    assert Description.from_json(description.to_json(), "config.json") == description


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_obey_the_umask(tmp_path: Path, make_model: Callable[..., Path]) -> None:
    """Who may read the weights is for the user's umask to say."""
    before = os.umask(0o027)
    try:
        folder = make_model(tmp_path / "model")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / MODEL).stat().st_mode) == 0o640


def aged(folder: Path, seconds: int) -> Path:
    """The folder, its model written so many seconds after the epoch."""
    os.utime(folder / MODEL, (seconds, seconds))
    return folder


def test_the_newest_model_is_that_written_last(
    tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """Neither the name nor the age of the folder counts, only when the weights were written."""
    aged(make_model(tmp_path / "a"), 1_000)
    second = aged(make_model(tmp_path / "b"), 3_000)
    aged(make_model(tmp_path / "c"), 2_000)
    assert newest(tmp_path) == second
    aged(tmp_path / "a", 4_000)
    assert newest(tmp_path) == tmp_path / "a"
    assert newest(str(tmp_path)) == tmp_path / "a"


def test_the_newest_model_lies_one_level_below(
    tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """A folder without weights, a deeper model and one in the root itself are passed over."""
    model = aged(make_model(tmp_path / "root" / "model"), 1_000)
    (tmp_path / "root" / "unfinished").mkdir()
    aged(make_model(tmp_path / "root" / "compared" / "deeper"), 2_000)
    (tmp_path / "root" / MODEL).write_bytes(b"")
    assert newest(tmp_path / "root") == model


def test_without_a_model_newest_tells_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty or missing root is an error that names both ways out."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        newest()
    assert str(caught.value) == (
        f"there is no model under checkpoints{os.sep} yet"
        " (train one: chargen train corpus.txt, or name one with -m)"
    )
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="there is no model under"):
        newest()


def test_the_default_root_is_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., Path]
) -> None:
    """Without an argument the models of the current folder's checkpoints are looked through."""
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "checkpoints" / "shakespeare")
    assert newest() == Path("checkpoints/shakespeare")
