"""Tests of models in zip archives."""

import hashlib
import io
import os
import stat
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chargen.errors import CheckpointError
from chargen.model.archive import pack
from chargen.model.checkpoint import CARD, CONFIG, LOG, MODEL, TOKENIZER, Checkpoint, read_files

FILES = [CONFIG, TOKENIZER, MODEL, CARD]


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> Path:
    """A model folder with a card and a log."""
    folder = make_model(tmp_path / "diary", hidden_size=8)
    (folder / CARD).write_text("# diary\n")
    (folder / LOG).write_text("{}\n")
    return folder


def archive_of(model: Path) -> Path:
    """The archive of a model, next to its folder."""
    path = model.parent / "shared.zip"
    path.write_bytes(pack("diary", read_files(model, card=True)))
    return path


def test_an_archive_loads_as_the_same_model(model: Path) -> None:
    """Weights, vocabulary, description and measured values are equal; the name is that of the file.

    Nothing is written next to the archive.
    """
    archive = archive_of(model)
    before = sorted(model.parent.iterdir())
    one, other = Checkpoint.load(model), Checkpoint.load(archive)
    assert (one.description, one.vocabulary) == (other.description, other.vocabulary)
    assert one.measured == other.measured
    for name, value in one.weights.items():
        np.testing.assert_array_equal(value, other.weights[name])
    digest = hashlib.sha256((model / MODEL).read_bytes()).hexdigest()
    assert one.sha256 == other.sha256 == digest
    assert (one.name, other.name) == ("diary", "shared")
    assert sorted(model.parent.iterdir()) == before


def test_an_archive_has_exactly_the_files_to_share(model: Path) -> None:
    """They are in a folder with the model's name, uncompressed, with fixed dates and modes."""
    with zipfile.ZipFile(archive_of(model)) as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == [f"diary/{name}" for name in FILES]
        for entry, name in zip(entries, FILES, strict=True):
            assert archive.read(entry) == (model / name).read_bytes()
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == stat.S_IFREG | 0o644
            assert entry.compress_type == zipfile.ZIP_STORED


def test_the_bytes_do_not_depend_on_the_time(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same model always gives the same archive."""
    first = pack("diary", read_files(model, card=True))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert pack("diary", read_files(model, card=True)) == first
    digest = hashlib.sha256(pack("a", {"b": b"c"})).hexdigest()
    assert digest == "9fab78b140e98863b1be98a45c4be520debd1d61d016cac4f4656c0e58f89ae0"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("diary-2", "diary-2"),
        ("日記", "日記"),
        ("..", "model"),
        ("a/\\\x1b:", "a____"),
        ("", "model"),
    ],
)
def test_the_folder_has_a_safe_name(name: str, folder: str) -> None:
    """Characters that an archive should not have in a name are replaced."""
    with zipfile.ZipFile(io.BytesIO(pack(name, {CONFIG: b"{}"}))) as archive:
        assert archive.namelist() == [f"{folder}/{CONFIG}"]


@pytest.mark.parametrize("prefix", ["", "diary/", "checkpoints/diary/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_other_programs_load(model: Path, prefix: str, compression: int) -> None:
    """A folder may be compressed by hand, with all of its files and those of the system."""
    path = model.parent / "hand.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.mkdir("diary")
        for file in model.iterdir():
            archive.write(file, prefix + file.name)
        archive.writestr("__MACOSX/diary/._config.json", b"\0")
    assert Checkpoint.load(path).weights.keys() == Checkpoint.load(model).weights.keys()


def test_a_missing_file_is_named(model: Path) -> None:
    """The error is that of a folder."""
    for name in (CONFIG, TOKENIZER, MODEL):
        files = read_files(model, card=True)
        del files[name]
        path = model.parent / "part.zip"
        path.write_bytes(pack("diary", files))
        with pytest.raises(CheckpointError) as caught:
            Checkpoint.load(path)
        assert str(caught.value) == f"{path} is not a chargen model: it has no {name}"


@pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
def test_a_linked_card_is_not_shared(model: Path, tmp_path: Path) -> None:
    """A folder from someone else cannot make an archive reveal another file."""
    (tmp_path / "secret").write_text("secret")
    (model / CARD).unlink()
    (model / CARD).symlink_to(tmp_path / "secret")
    assert list(read_files(model, card=True)) == [CONFIG, TOKENIZER, MODEL]


def test_a_large_card_does_not_prevent_loading(model: Path) -> None:
    """It is only read where it is copied."""
    (model / CARD).write_bytes(bytes(3_000_000))
    archive = archive_of(model)
    assert Checkpoint.load(archive).name == "shared"
    with pytest.raises(CheckpointError, match="cannot have 3,000,000 bytes"):
        read_files(archive, card=True)
