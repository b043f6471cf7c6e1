"""Tests of atomic writes, and of the checksums of sealed files."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import assume, given
from hypothesis import strategies as st

from chargen.errors import CheckpointError
from chargen.model.storage import read_file, seal, unseal, write_file

posix_only = pytest.mark.skipif(os.name == "nt", reason="requires POSIX")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the process's umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files, as a full disk does."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("content", [b"", b"new", bytes(range(256)) * 10_000])
def test_file_is_written_and_replaced(tmp_path: Path, content: bytes) -> None:
    """The bytes are read back, also over an old file; no other file remains in the folder."""
    path = tmp_path / "file.json"
    write_file(path, content)
    assert read_file(path) == content
    write_file(path, b"other")
    write_file(path, content)
    assert read_file(path) == content
    assert os.listdir(tmp_path) == ["file.json"]


@posix_only
@pytest.mark.parametrize("old", [None, b"the old file"])
def test_full_disk_keeps_old_file(tmp_path: Path, old: bytes | None) -> None:
    """A failed write leaves the old file and no temporary file."""
    path = tmp_path / "model.safetensors"
    if old is not None:
        path.write_bytes(old)
    with file_size_limit(4096), pytest.raises(CheckpointError) as caught:
        write_file(path, bytes(100_000))
    assert str(caught.value) == f"{path} cannot be written: File too large"
    assert os.listdir(tmp_path) == ([] if old is None else [path.name])
    assert old is None or path.read_bytes() == old


@pytest.mark.parametrize("kind", ["folder", "missing parent"])
def test_invalid_path_is_rejected(tmp_path: Path, kind: str) -> None:
    """A folder of the same name or a missing parent is reported, and no temporary file remains."""
    path = tmp_path / "config.json" if kind == "folder" else tmp_path / "absent" / "config.json"
    if kind == "folder":
        path.mkdir()
    before = os.listdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        write_file(path, b"new")
    reason = "Is a directory" if kind == "folder" else "No such file or directory"
    assert str(caught.value) == f"{path} cannot be written: {reason}"
    assert os.listdir(tmp_path) == before


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root can write anywhere")
def test_read_only_folder_is_rejected(tmp_path: Path) -> None:
    """A folder without write permission is reported."""
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(CheckpointError, match="cannot be written: Permission denied"):
            write_file(tmp_path / "file", b"new")
    finally:
        tmp_path.chmod(0o755)


def test_interrupt_keeps_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a write is passed on, and the old file remains."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, b"new")
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


WRITER = """
import itertools, pathlib, sys
from chargen.model.storage import write_file
for number in itertools.cycle(b"abcdefgh"):
    write_file(pathlib.Path(sys.argv[1]), bytes([number]) * 1_000_000)
"""


@posix_only
def test_killed_process_leaves_complete_file(tmp_path: Path) -> None:
    """The file is complete at any time, even after the writer was killed."""
    path = tmp_path / "file"
    write_file(path, b"-" * 1_000_000)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as writer:
        seen: set[bytes] = set()
        while len(seen) < 6 and writer.poll() is None:
            content = path.read_bytes()
            assert content == content[:1] * 1_000_000
            seen.add(content[:1])
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    content = path.read_bytes()
    assert content == content[:1] * 1_000_000


def test_open_reader_keeps_old_file(tmp_path: Path) -> None:
    """A reader that opened the old file reads it to its end."""
    path = tmp_path / "file"
    write_file(path, b"old" * 1000)
    with open(path, "rb") as reader:
        first = reader.read(3)
        write_file(path, b"new" * 1000)
        assert first + reader.read() == b"old" * 1000
    assert read_file(path) == b"new" * 1000


@posix_only
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o002])
def test_umask_is_respected(tmp_path: Path, mask: int) -> None:
    """The umask sets the permissions of new files; a replaced file keeps its permissions."""
    path = tmp_path / "file"
    for _ in range(2):
        with umask(mask):
            write_file(path, b"new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_unreadable_file_is_reported(tmp_path: Path) -> None:
    """A missing file and a folder raise a CheckpointError."""
    with pytest.raises(CheckpointError) as caught:
        read_file(tmp_path / "absent")
    expected = f"{tmp_path / 'absent'} cannot be read: No such file or directory"
    assert str(caught.value) == expected
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_file(tmp_path)


# Sealing

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(1, np.float32)}


def serialise(metadata: dict[str, str] | None) -> bytes:
    """Save the tensors above."""
    return safetensors.numpy.save(TENSORS, metadata)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
stored_values = st.dictionaries(st.text(max_size=5), json_values, max_size=4)
siblings_of = st.dictionaries(st.text(max_size=5), st.binary(max_size=20), max_size=3)


@given(stored_values, siblings_of)
def test_values_round_trip(values: dict[str, object], siblings: dict[str, bytes]) -> None:
    """Any JSON values and siblings can be sealed, and the tensors do not change."""
    assume(not {"sha256", "siblings"} & values.keys())
    sealed = seal(serialise, values, siblings)
    assert unseal(sealed, siblings, "file") == json.loads(json.dumps(values))
    for name, value in safetensors.numpy.load(sealed).items():
        np.testing.assert_array_equal(value, TENSORS[name])


@given(siblings_of.filter(bool), st.data())
def test_other_sibling_is_detected(siblings: dict[str, bytes], data: st.DataObject) -> None:
    """A changed or unknown sibling is named."""
    name = data.draw(st.sampled_from(sorted(siblings)) | st.text(max_size=5))
    content = data.draw(st.binary(max_size=20))
    assume(siblings.get(name) != content)
    sealed = seal(serialise, {}, siblings)
    with pytest.raises(CheckpointError) as caught:
        unseal(sealed, siblings | {name: content}, "file")
    assert str(caught.value) == f"file does not belong to the {name} next to it"


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_rejected(content: bytes) -> None:
    """Any bytes raise a CheckpointError."""
    with pytest.raises(CheckpointError):
        unseal(content, {}, "file")


def test_changed_tensor_is_detected() -> None:
    """The checksum covers every byte of the tensors."""
    sealed = seal(serialise, {"step": 1}, {})
    tensors = 7 * 4
    for place in range(len(sealed) - tensors, len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(CheckpointError) as caught:
            unseal(bytes(damaged), {}, "file")
        assert str(caught.value) == "file is damaged: its checksum does not match its content"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"shape":[2,3]', b'"shape":[3,2]'),
        (b'"dtype":"F32"', b'"dtype":"I32"'),
        (b'"a":', b'"c":'),
        (b'\\"step\\": 1', b'\\"step\\": 2'),
    ],
    ids=["shape", "type", "name", "figure"],
)
def test_changed_header_is_detected(old: bytes, new: bytes) -> None:
    """The checksum covers names, types, shapes and values."""
    sealed = seal(serialise, {"step": 1}, {})
    assert old in sealed
    with pytest.raises(CheckpointError) as caught:
        unseal(sealed.replace(old, new), {}, "file")
    assert str(caught.value) == "file is damaged: its checksum does not match its content"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1e-05", b"1E-05"),
        (b"0.30000000000000004", b"0.30000000000000003"),
        (b'\\"step\\": 1', b'\\"step\\" :1'),
    ],
    ids=["letter", "digit", "space"],
)
def test_rewritten_values_are_detected(old: bytes, new: bytes) -> None:
    """The checksum covers the exact text of the values."""
    sealed = seal(serialise, {"step": 1, "rate": 1e-05, "sum": 0.1 + 0.2}, {})
    assert old in sealed
    with pytest.raises(CheckpointError):
        unseal(sealed.replace(old, new), {}, "file")
