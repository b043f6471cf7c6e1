"""Damaged and hostile zip archives are rejected with one line, before anything is decompressed."""

import json
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from chargen.errors import CheckpointError
from chargen.model.archive import pack
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint, read_files

LoadError = Callable[[Path], str]
Write = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def forged(model: Path, load_error: LoadError) -> Callable[..., str]:
    """A function that adds entries to an archive of the model and returns the error without path.

    compression: of all entries.
    """
    path = model.parent / "model.zip"

    def forge(write: Write, *names: str, compression: int = zipfile.ZIP_STORED) -> str:
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name in names or (CONFIG, TOKENIZER, MODEL):
                archive.write(model / name, f"model/{name}")
            write(archive)
        message = load_error(path)
        assert message.startswith(f"{path} ")
        assert sorted(model.parent.iterdir()) == [model, path]
        return message.removeprefix(f"{path} ")

    return forge


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "model/../../x",
        "/etc/x",
        "C:/x",
        "..\\x",
        "model//x",
        "model/./x",
        "a\0b",
        "\x1b[2J/..",
    ],
)
def test_unsafe_names_are_rejected(forged: Callable[..., str], name: str) -> None:
    """Names that leave the folder, absolute ones and those with control characters."""

    def write(archive: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("x")
        entry.filename = name
        archive.writestr(entry, b"")

    assert forged(write).startswith("has an entry with an unsafe name: ")


def test_symbolic_links_are_rejected(forged: Callable[..., str]) -> None:
    """A link would not be followed, but an archive with one is no model."""

    def write(archive: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("model/README.md")
        entry.create_system = 3
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, b"/etc/passwd")

    assert forged(write) == "has a symbolic link: model/README.md"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_are_rejected(forged: Callable[..., str]) -> None:
    """Two programs could read different files."""
    message = forged(lambda archive: archive.writestr(f"model/{CONFIG}", b"{}"))
    assert message == f"has two entries of the same name: model/{CONFIG}"


def test_several_models_are_rejected(forged: Callable[..., str]) -> None:
    """The error says how many there are."""
    message = forged(lambda archive: archive.writestr(f"other/{CONFIG}", b"{}"))
    assert message == "has 2 models (share each one in its own archive)"


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, MODEL])
def test_bombs_are_rejected(forged: Callable[..., str], model: Path, name: str) -> None:
    """A file that is larger than config.json allows is not decompressed."""
    bomb = b" " * 50_000_000
    others = [each for each in (CONFIG, TOKENIZER, MODEL) if each != name]
    tracemalloc.start()
    try:
        message = forged(
            lambda archive: archive.writestr(f"model/{name}", bomb),
            *others,
            compression=zipfile.ZIP_DEFLATED,
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message == f"is damaged: {name} cannot have 50,000,000 bytes in this model"
    assert peak < 20_000_000


def test_a_bomb_in_a_large_model_is_rejected(model: Path, load_error: LoadError) -> None:
    """config.json may describe billions of weights, but they do not compress 1,000 times."""
    config = json.loads((model / CONFIG).read_bytes())
    config["model"] |= {"hidden_size": 20_000}
    path = model.parent / "model.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"model/{CONFIG}", json.dumps(config))
        archive.write(model / TOKENIZER, f"model/{TOKENIZER}")
        archive.writestr(f"model/{MODEL}", bytes(30_000_000))
    assert load_error(path).endswith(f"{MODEL} cannot have 30,000,000 bytes in this model")


def test_too_many_entries_are_rejected(forged: Callable[..., str]) -> None:
    """Their directory is not read."""

    def write(archive: zipfile.ZipFile) -> None:
        for k in range(2_000):
            archive.writestr(f"model/{k}", b"")

    assert forged(write).startswith("has too many entries for a model")


def test_an_encrypted_archive_is_rejected(model: Path, load_error: LoadError) -> None:
    """The error says what to do."""
    path = model.parent / "model.zip"
    data = bytearray(pack("model", read_files(model)))
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 4)
    path.write_bytes(data)
    assert load_error(path) == f"{path} is encrypted (share the model without a password)"


def test_other_compressions_are_rejected(forged: Callable[..., str]) -> None:
    """Only the two that every program writes are read."""
    message = forged(lambda _: None, compression=zipfile.ZIP_LZMA)
    assert message == "uses an unsupported compression (see chargen export zip)"


def test_truncated_archives_are_rejected(model: Path, load_error: LoadError) -> None:
    """A download that was cut off at any length."""
    path = model.parent / "model.zip"
    data = pack("model", read_files(model))
    for length in (0, 1, 3, 4, 30, len(data) // 2, len(data) - 22, len(data) - 1):
        path.write_bytes(data[:length])
        message = load_error(path).removeprefix(f"{path} ")
        if length < 4:
            assert message == ("is not a chargen model: it is neither a folder nor a zip archive")
        else:
            assert message == "is damaged: it is not a complete zip archive (copy it again)"


def test_flipped_bits_load_the_same_model_or_are_rejected(
    model: Path, load_error: LoadError
) -> None:
    """Any byte may be damaged: the error is one line, and no other model is loaded."""
    path = model.parent / "model.zip"
    data = pack("model", read_files(model))
    expected = Checkpoint.load(model)
    random = Random(1)
    directory = data.find(b"PK\1\2")
    places = [*range(directory, len(data)), *random.sample(range(directory), 200)]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        try:
            loaded = Checkpoint.load(path)
        except CheckpointError:
            load_error(path)  # checks that it is one short line
        else:
            assert loaded.description == expected.description
            assert loaded.measured == expected.measured


@pytest.mark.parametrize("field", [10, 12, 16])
def test_a_wrong_end_record_is_rejected(model: Path, load_error: LoadError, field: int) -> None:
    """The number of entries, the size and the place of the directory can be anything."""
    path = model.parent / "model.zip"
    data = bytearray(pack("model", read_files(model)))
    for value in (1, 60_000):
        changed = bytearray(data)
        struct.pack_into("<H", changed, len(data) - 22 + field, value)
        path.write_bytes(changed)
        try:
            Checkpoint.load(path)
        except CheckpointError:
            load_error(path)
        else:
            assert field == 10  # zipfile counts the entries itself
