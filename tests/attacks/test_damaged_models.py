"""Damaged, edited and mixed-up model folders are rejected with one line."""

import json
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
import safetensors.numpy

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint
from chargen.model.storage import TEMPORARY

FILES = (CONFIG, TOKENIZER, MODEL)
FLIPS = 150

every_file = pytest.mark.parametrize("name", FILES)


def undetected(folder: Path, name: str, contents: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return the contents of one file that load as a different model or raise another error.

    A change of spacing in the header of the weights may load, as the same model.
    """
    path = folder / name
    original, expected = path.read_bytes(), Checkpoint.load(folder)
    found = []
    for what, content in contents:
        assert content != original
        path.write_bytes(content)
        try:
            loaded = Checkpoint.load(folder)
        except CheckpointError as error:
            if not str(error).isprintable():
                found.append(f"{what}: {str(error)!r}")
        else:
            same = loaded.measured == expected.measured and all(
                np.array_equal(value, expected.weights[key])
                for key, value in loaded.weights.items()
            )
            if name != MODEL or not same:
                found.append(what)
    path.write_bytes(original)
    return found


def flipped(content: bytes, place: int, mask: int) -> tuple[str, bytes]:
    """The content with some bits of one byte flipped."""
    damaged = bytearray(content)
    damaged[place] ^= mask
    return f"byte {place}: {content[place]:#04x} to {damaged[place]:#04x}", bytes(damaged)


@every_file
@pytest.mark.parametrize("bits", [1, 8])
def test_flipped_bits_are_detected(model: Path, name: str, bits: int) -> None:
    """Flips of one bit, or of any bits of one byte, at places drawn with a seed."""
    content = (model / name).read_bytes()
    random = Random(name)
    places = random.sample(range(len(content)), min(FLIPS, len(content)))
    damaged = [
        flipped(content, place, 1 << random.randrange(8) if bits == 1 else random.randrange(1, 256))
        for place in places
    ]
    assert undetected(model, name, damaged) == []


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
def test_reformatted_json_is_detected(
    model: Path, load_error: Callable[[Path], str], name: str
) -> None:
    """The checksums of config.json and tokenizer.json cover their exact bytes."""
    path = model / name
    content = path.read_bytes()
    spaces = [k for k, byte in enumerate(content) if byte in b" \n"]
    damaged = [flipped(content, k, ord("\t") ^ content[k]) for k in spaces]
    assert undetected(model, name, damaged) == []
    path.write_text(json.dumps(json.loads(content)), "utf-8")
    assert load_error(model) == f"{model / MODEL} does not belong to the {name} next to it"


def resave(content: bytes, *, indent: int | None, reverse: bool) -> bytes:
    """The same tensors and metadata, as another safetensors writer orders and spaces them."""
    (size,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    names = sorted((name for name in header if name != "__metadata__"), reverse=reverse)
    new, pieces, place = {}, [], 0
    for name in names:
        start, stop = header[name]["data_offsets"]
        pieces.append(body[start:stop])
        fields = {"data_offsets": [place, place + stop - start], **header[name]}
        new[name] = {**fields, "data_offsets": [place, place + stop - start]}
        place += stop - start
    entries = [*new.items(), ("__metadata__", dict(reversed(header["__metadata__"].items())))]
    text = json.dumps(dict(entries), indent=indent).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(pieces)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("reverse", [False, True])
def test_weights_saved_by_another_writer_load(model: Path, indent: int, reverse: bool) -> None:
    """The order of keys and tensors and the spacing of the header do not matter."""
    expected, path = Checkpoint.load(model), model / MODEL
    content = resave(path.read_bytes(), indent=indent, reverse=reverse)
    assert content != path.read_bytes()
    path.write_bytes(content)
    loaded = Checkpoint.load(model)
    assert loaded.measured == expected.measured
    for name, value in loaded.weights.items():
        np.testing.assert_array_equal(value, expected.weights[name])


def test_edited_config_is_detected(model: Path, load_error: Callable[[Path], str]) -> None:
    """The configuration of the training cannot be changed afterwards."""
    path = model / CONFIG
    path.write_bytes(path.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    assert load_error(model) == f"{model / MODEL} does not belong to the {CONFIG} next to it"


def lengths(size: int) -> Iterator[int]:
    """Lengths at both ends of a file, and some in the middle."""
    yield from range(min(24, size))
    yield from Random(size).sample(range(24, size - 24), 60)
    yield from range(size - 24, size)


@every_file
def test_truncated_file_is_detected(model: Path, name: str) -> None:
    """A file that ends early is rejected at any length."""
    content = (model / name).read_bytes()
    damaged = [(f"{size} bytes", content[:size]) for size in lengths(len(content))]
    assert undetected(model, name, damaged) == []


@every_file
def test_additional_bytes_are_detected(model: Path, name: str) -> None:
    """A file with bytes after its end is rejected."""
    content = (model / name).read_bytes()
    tails = (b"\0", b" ", b"\n", content[:9], content)
    assert undetected(model, name, [(repr(tail[:9]), content + tail) for tail in tails]) == []


@every_file
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 4096, b"\xff" * 4096, b"{}", b"[]", b"null", b"[" * 100_000, b'{"a":' * 100_000],
    ids=["nothing", "zeros", "ones", "object", "list", "null", "deep lists", "deep objects"],
)
def test_file_of_other_format_is_rejected(
    model: Path, load_error: Callable[[Path], str], name: str, content: bytes
) -> None:
    """Content in an entirely different format is rejected."""
    (model / name).write_bytes(content)
    assert str(model) in load_error(model)


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", None])
def test_other_encoding_is_rejected(
    model: Path, load_error: Callable[[Path], str], name: str, encoding: str | None
) -> None:
    """JSON is UTF-8 without a byte order mark; None is for bytes that are not UTF-8."""
    path = model / name
    if encoding is None:
        path.write_bytes(b'{"model_type": "chargen\xff", "format": 2}')
    else:
        path.write_bytes(path.read_bytes().decode("utf-8").encode(encoding))
    assert str(model) in load_error(model)


@every_file
@pytest.mark.parametrize("kind", ["missing", "folder", "dangling link", "link to itself"])
def test_missing_file_is_named(
    model: Path, load_error: Callable[[Path], str], name: str, kind: str
) -> None:
    """Each of the three files is required, and must be a file."""
    path = model / name
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.symlink_to(model / "absent" if kind == "dangling link" else path)
    assert load_error(model) == f"{model} is not a chargen model: it has no {name}"


def test_path_without_model_is_rejected(tmp_path: Path, load_error: Callable[[Path], str]) -> None:
    """The error differs for a missing folder, a folder that is not a model, and another file."""
    absent = tmp_path / "absent"
    assert load_error(absent) == f"{absent} does not exist (train a model, or choose one with -m)"
    assert load_error(tmp_path) == f"{tmp_path} is not a chargen model: it has no {CONFIG}"
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert load_error(file) == (
        f"{file} is not a chargen model: it is neither a folder nor a zip archive"
    )


@pytest.mark.parametrize("name", ["x" * 300, "nul\0"], ids=["too long", "NUL"])
def test_invalid_folder_name_is_rejected(tmp_path: Path, name: str) -> None:
    """A name that the file system rejects raises a CheckpointError."""
    with pytest.raises(CheckpointError):
        Checkpoint.load(tmp_path / name)


@every_file
def test_files_of_two_models_do_not_mix(
    model: Path,
    tmp_path: Path,
    make_model: Callable[..., Path],
    load_error: Callable[[Path], str],
    name: str,
) -> None:
    """A file of a model with other characters and the same sizes is rejected."""
    other = make_model(tmp_path / "other", text="to be; or not", seed=1, num_layers=2)
    Checkpoint.load(other)
    shutil.copy(other / name, model / name)
    assert load_error(model).startswith(f"{model / MODEL} does not belong to the ")


@pytest.mark.parametrize("name", [CONFIG, MODEL])
def test_files_of_two_runs_do_not_mix(
    model: Path,
    tmp_path: Path,
    make_model: Callable[..., Path],
    load_error: Callable[[Path], str],
    name: str,
) -> None:
    """Files of two runs on the same text with different seeds do not belong together."""
    other = make_model(tmp_path / "other", seed=1, num_layers=2)
    shutil.copy(other / name, model / name)
    assert load_error(model) == f"{model / MODEL} does not belong to the {CONFIG} next to it"


def test_weights_of_other_programs_are_rejected(
    model: Path, load_error: Callable[[Path], str]
) -> None:
    """The right tensors without this program's metadata are rejected."""
    path = model / MODEL
    weights = safetensors.numpy.load_file(path)
    for metadata in (None, {}, {"format": "pt"}, {"chargen": ""}, {"chargen": "{}"}):
        path.write_bytes(safetensors.numpy.save(weights, metadata))
        assert load_error(model) == f"{path} was not written by chargen"


def test_temporary_files_of_killed_run_are_ignored(model: Path) -> None:
    """Files left by a run that was killed while writing are ignored."""
    (model / f".{MODEL}.0123{TEMPORARY}").write_bytes(b"half")
    Checkpoint.load(model)


@pytest.mark.parametrize("cut", [0, 4, 8])
def test_header_with_huge_size_is_rejected(
    model: Path, load_error: Callable[[Path], str], cut: int
) -> None:
    """A header length of up to 2**64 bytes is rejected before memory is allocated."""
    path = model / MODEL
    content = path.read_bytes()
    for size in (len(content), 100_000_001, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        path.write_bytes(struct.pack("<Q", size) + content[8 : 8 + cut * 100])
        assert load_error(model) == f"{path} is damaged: it is not a complete safetensors file"
