"""Forged config.json and tokenizer.json are rejected with one line, even with right checksums."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chargen.model.checkpoint import CONFIG, TOKENIZER, Checkpoint
from tests.attacks.forging import depths, reseal

LoadError = Callable[[Path], str]


# config.json, with matching weights


def reconfigure(folder: Path, config: bytes) -> None:
    """Replace config.json, and update the checksums."""
    (folder / CONFIG).write_bytes(config)
    reseal(folder)


def with_model(folder: Path, **sizes: Any) -> bytes:
    """The config.json of a folder with changed fields of the model."""
    fields = json.loads((folder / CONFIG).read_bytes())
    fields["model"].update(sizes)
    return json.dumps(fields).encode()


def with_field(folder: Path, name: str, value: object) -> bytes:
    """The config.json of a folder with one changed field."""
    fields = json.loads((folder / CONFIG).read_bytes())
    return json.dumps({**fields, name: value}).encode()


def test_resealed_model_loads(model: Path) -> None:
    """The tests below update the checksums correctly."""
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
def test_size_that_does_not_match_weights_is_rejected(
    model: Path, load_error: LoadError, size: str
) -> None:
    """Sizes of another type, out of range, or of another network are rejected."""
    whole = with_model(model)
    # Very large numbers of layers have a separate test.
    odd = [v for v in ODD_SIZES if size != "num_layers" or not (isinstance(v, int) and v > 1 << 60)]
    for value in (*odd, 7):
        reconfigure(model, with_model(model, **{size: value}))
        assert str(model) in load_error(model)
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


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits need Linux")
@pytest.mark.parametrize("layers", [10**9, 10**30])
def test_huge_number_of_layers_is_rejected(model: Path, layers: int) -> None:
    """A small config.json cannot use up the machine's memory."""
    reconfigure(model, with_model(model, num_layers=layers))
    # In a process with 2 GB, so that a failure does not use up the memory of the tests.
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(model)],
        # One thread, since each reserves memory.
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
def test_unknown_name_is_rejected(
    model: Path, load_error: LoadError, sizes: dict[str, Any]
) -> None:
    """Unknown cells, encoders and fields, or those of another network, are rejected."""
    reconfigure(model, with_model(model, **sizes))
    assert str(model) in load_error(model)


@pytest.mark.parametrize("name", ["model", "training", "corpus", "options"])
@pytest.mark.parametrize("value", [None, 1, "lstm", [1], [[]], ["ab\ncd"]])
def test_field_that_is_not_an_object_is_rejected(
    model: Path, load_error: LoadError, name: str, value: object
) -> None:
    """Each part of config.json is a JSON object."""
    reconfigure(model, with_field(model, name, value))
    assert str(model) in load_error(model)


@pytest.mark.parametrize("name", ["model_type", "format", "model", "training", "corpus", "options"])
def test_missing_field_is_rejected(model: Path, load_error: LoadError, name: str) -> None:
    """Every field is required."""
    fields = json.loads((model / CONFIG).read_bytes())
    del fields[name]
    reconfigure(model, json.dumps(fields).encode())
    assert str(model / CONFIG) in load_error(model)


@pytest.mark.parametrize("version", [1, 4])
def test_other_format_is_reported(model: Path, load_error: LoadError, version: int) -> None:
    """The error for another format does not say that the folder is damaged."""
    reconfigure(model, with_field(model, "format", version))
    assert load_error(model) == (
        f"{model / CONFIG} has format {version}; this version of chargen reads formats 2 and 3"
        " (use the version that wrote it)"
    )


@pytest.mark.parametrize(
    "version", [0, -1, 10**400, "1", "1\n", None, [], {}, math.nan, "x" * 1_000_000]
)
def test_invalid_format_is_rejected(model: Path, load_error: LoadError, version: object) -> None:
    """The format is a whole number."""
    reconfigure(model, with_field(model, "format", version))
    assert str(model / CONFIG) in load_error(model)


@pytest.mark.parametrize("kind", [None, 1, [], "", "llama", {"chargen": 1}])
def test_other_model_type_is_rejected(model: Path, load_error: LoadError, kind: object) -> None:
    """A model folder of another program is not loaded."""
    reconfigure(model, with_field(model, "model_type", kind))
    assert load_error(model) == f"{model / CONFIG} was not written by chargen"


def test_deep_configuration_is_rejected(model: Path, load_error: LoadError) -> None:
    """Nested JSON of any depth in place of a plain value raises a CheckpointError."""
    places = [
        *(with_field(model, name, "deep") for name in ("format", "model_type")),
        *(with_model(model, **{name: "deep"}) for name in ("cell", "hidden_size")),
    ]
    for content in places:
        for depth in depths():
            nested = b"[" * depth + b"]" * depth
            (model / CONFIG).write_bytes(content.replace(b'"deep"', nested))
            assert str(model / CONFIG) in load_error(model)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "line",
        [],
        {"name": "poem"},
        {"name": ["line"]},
        {"name": "document"},
        {"name": "cell", "column": 1},
        {"name": "line", "separator": "x"},
        {"name": "line", "more": 1},
    ],
    ids=range(9),
)
def test_an_unknown_kind_of_text_is_rejected(
    model: Path, load_error: LoadError, kind: object
) -> None:
    """What a text is must be one of the known kinds, with its fields and no others."""
    reconfigure(model, with_field(model, "corpus", {"kind": kind}))
    assert str(model / CONFIG) in load_error(model)


# tokenizer.json


@pytest.mark.parametrize(
    "characters",
    ["\ufffd\nab", "\ufffd", "\n\ufffdabcdefgh", "\ufffd\nabcdefg\ud800", ""],
    ids=["fewer", "one", "other order", "lone surrogate", "none"],
)
def test_vocabulary_that_does_not_match_model_is_rejected(
    model: Path, load_error: LoadError, characters: str
) -> None:
    """The vocabulary must be valid, and of the size that config.json gives."""
    vocab = {c: k for k, c in enumerate(characters)}
    (model / TOKENIZER).write_text(json.dumps({"model": {"vocab": vocab}}), "utf-8")
    reseal(model)
    assert str(model) in load_error(model)
