"""Mutations of all files of a model: each is refused with one line, or loads as the same model."""

import re
import resource
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, TRAINING, Checkpoint
from chargen.training.state import TrainingState
from tests.attacks.forging import reseal

FILES = (CONFIG, TOKENIZER, MODEL)
HOSTILE = [b"9" * 19, b"-1", b"1e999", b"NaN", b"null", b"[]", b"{}", b'""', b"\xff", b"\0" * 8]
# Memory for the whole test; a hostile size can name more than any machine has.
MOST_MEMORY = 200 << 20


def mutated(draw: Random, content: bytes, other: bytes) -> bytes:
    """Return a changed content: of a byte, a number, the length, or with parts of another file."""
    data = bytearray(content)
    at = draw.randrange(len(data))
    kind = draw.randrange(6)
    if kind == 0:
        data[at] ^= 1 << draw.randrange(8)
    elif kind == 1:
        data[at] = draw.randrange(256)
    elif kind == 2:
        del data[at : at + draw.choice([1, 8, 64, len(data)])]
    elif kind == 3:
        data[at:at] = draw.choice(HOSTILE)
    elif kind == 4:
        start = draw.randrange(len(other))
        data[at : at + 16] = other[start : start + 16]
    elif numbers := list(re.finditer(rb"\d+", content)):
        number = draw.choice(numbers)
        data[number.start() : number.end()] = draw.choice(HOSTILE)
    return bytes(data)


def memory() -> int:
    """Return the most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def check_loading(folder: Path, files: dict[str, bytes], expected: Checkpoint) -> None:
    """Check that changed files are refused with one line, or are the same model."""
    message, loaded = "", expected
    try:
        loaded = Checkpoint.of(folder, files)
    except CheckpointError as error:
        message = str(error)
    assert not message or (message.isprintable() and str(folder) in message)
    assert loaded.measured == expected.measured
    for name, value in expected.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], value)


@pytest.mark.parametrize("every", [29, pytest.param(1, marks=pytest.mark.long)])
def test_each_byte_is_flipped(model: Path, every: int) -> None:
    """Each bit pattern of one byte is drawn with a seed."""
    draw, expected = Random(every), Checkpoint.load(model)
    original = {name: (model / name).read_bytes() for name in FILES}
    for name, content in original.items():
        for place in range(0, len(content), every):
            data = bytearray(content)
            data[place] ^= draw.randrange(1, 256)
            check_loading(model, {**original, name: bytes(data)}, expected)


def test_each_file_is_cut_at_every_64th_byte(model: Path) -> None:
    """A file that is cut at any of these positions is rejected."""
    original = {name: (model / name).read_bytes() for name in FILES}
    for name, content in original.items():
        for size in range(0, len(content), 64):
            with pytest.raises(CheckpointError, match=str(model)):
                Checkpoint.of(model, {**original, name: content[:size]})


@pytest.mark.parametrize("count", [600, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_random_mutations(
    model: Path, tmp_path: Path, make_model: Callable[..., Path], count: int
) -> None:
    """A mutated file is refused or loads in bounded memory, even if its checksum is valid."""
    draw, expected = Random(count), Checkpoint.load(model)
    original = {name: (model / name).read_bytes() for name in FILES}
    other = make_model(tmp_path / "other", text="to be; or not", seed=1)
    foreign = b"".join((other / name).read_bytes() for name in FILES)
    before = memory()
    for k in range(count):
        name = draw.choice(FILES)
        files = {**original, name: mutated(draw, original[name], foreign)}
        if k % 2 and name != MODEL:
            for each, content in files.items():
                (model / each).write_bytes(content)
            reseal(model)
            with suppress(CheckpointError):  # another error fails
                Checkpoint.load(model)
            (model / MODEL).write_bytes(original[MODEL])
        else:
            check_loading(model, files, expected)
    assert memory() - before < MOST_MEMORY


@pytest.mark.parametrize("every", [101, pytest.param(1, marks=pytest.mark.long)])
def test_damaged_training_states(trained: Path, tmp_path: Path, every: int) -> None:
    """A changed or cut training.safetensors is refused, and the file is named."""
    shutil.copytree(trained, tmp_path / "run")
    path = tmp_path / "run" / TRAINING
    content, draw = path.read_bytes(), Random(every)
    places = [*range(0, 400, every), *draw.sample(range(len(content)), 20_000 // every // 50 + 5)]
    for place in places:
        data = bytearray(content)
        data[place] ^= draw.randrange(1, 256)
        for damaged in (bytes(data), content[:place]):
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=TRAINING):
                TrainingState.read(tmp_path / "run")
