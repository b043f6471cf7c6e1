"""A model folder that was damaged, edited or mixed up is refused in one line, whatever happened."""

import json
import random
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import safetensors.numpy

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint
from chargen.model.storage import TEMPORARY

FILES = (CONFIG, TOKENIZER, MODEL)
FLIPS = 150

every_file = pytest.mark.parametrize("name", FILES)


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> Path:
    """A whole model."""
    return make_model(tmp_path / "model", num_layers=2)


def refusal(folder: Path) -> str:
    """The message with which a folder is refused: one printable line."""
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(folder)
    message = str(caught.value)
    assert message.isprintable()
    return message


def unnoticed(folder: Path, name: str, contents: Iterable[tuple[str, bytes]]) -> list[str]:
    """Which of these contents of one file are not refused in one line. Puts the file back."""
    path = folder / name
    whole = path.read_bytes()
    passed = []
    for what, content in contents:
        assert content != whole
        path.write_bytes(content)
        try:
            Checkpoint.load(folder)
        except CheckpointError as error:
            if not str(error).isprintable():
                passed.append(f"{what}: {str(error)!r}")
        else:
            passed.append(what)
    path.write_bytes(whole)
    Checkpoint.load(folder)
    return passed


def flipped(content: bytes, place: int, mask: int) -> tuple[str, bytes]:
    """The content with some bits of one byte turned over."""
    damaged = bytearray(content)
    damaged[place] ^= mask
    return f"byte {place}: {content[place]:#04x} to {damaged[place]:#04x}", bytes(damaged)


@every_file
def test_a_flipped_byte_is_noticed_wherever_it_is(model: Path, name: str) -> None:
    """Single bytes changed at seeded places, in every file, by any bits."""
    content = (model / name).read_bytes()
    chance = random.Random(name)
    places = chance.sample(range(len(content)), min(FLIPS, len(content)))
    damaged = [flipped(content, place, chance.randrange(1, 256)) for place in places]
    assert unnoticed(model, name, damaged) == []


@every_file
def test_a_flipped_bit_is_noticed_wherever_it_is(model: Path, name: str) -> None:
    """Single bits, which is what memory and disks turn over: also from "e" to "E" in a number."""
    content = (model / name).read_bytes()
    chance = random.Random(name)
    places = chance.sample(range(len(content)), min(FLIPS, len(content)))
    damaged = [flipped(content, place, 1 << chance.randrange(8)) for place in places]
    assert unnoticed(model, name, damaged) == []


@every_file
def test_another_white_space_is_noticed(model: Path, name: str) -> None:
    """A change that JSON overlooks is a change of the file all the same."""
    content = (model / name).read_bytes()
    if name == MODEL:  # the header alone is JSON
        (size,) = struct.unpack("<Q", content[:8])
        content = content[: 8 + size]
    rest = (model / name).read_bytes()[len(content) :]
    places = [k for k, byte in enumerate(content) if byte in b" \n" and k >= 8]
    damaged = [flipped(content + rest, k, ord("\t") ^ content[k]) for k in places]
    assert damaged
    assert unnoticed(model, name, damaged) == []


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
def test_the_same_json_written_otherwise_is_noticed(model: Path, name: str) -> None:
    """An editor that reformats a file makes another file of it."""
    path = model / name
    path.write_text(json.dumps(json.loads(path.read_bytes())), "utf-8")
    assert refusal(model) == f"{model / MODEL} does not belong with the {name} beside it"


def test_an_edited_choice_is_noticed(model: Path) -> None:
    """What config.json says of training cannot be changed afterwards."""
    path = model / CONFIG
    path.write_bytes(path.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    assert refusal(model) == f"{model / MODEL} does not belong with the {CONFIG} beside it"


def lengths(size: int) -> Iterator[int]:
    """None at all, every short length, some in the middle, all but a little."""
    yield from range(min(24, size))
    yield from random.Random(size).sample(range(24, size - 24), 60)
    yield from range(size - 24, size)


@every_file
def test_a_truncated_file_is_noticed_at_every_length(model: Path, name: str) -> None:
    """A copy that broke off, at whatever byte, is no model."""
    content = (model / name).read_bytes()
    damaged = [(f"{size} bytes", content[:size]) for size in lengths(len(content))]
    assert unnoticed(model, name, damaged) == []


@every_file
def test_bytes_behind_the_end_are_noticed(model: Path, name: str) -> None:
    """A file that grew is another file."""
    content = (model / name).read_bytes()
    tails = (b"\0", b" ", b"\n", content[:9], content)
    assert unnoticed(model, name, [(repr(tail[:9]), content + tail) for tail in tails]) == []


@every_file
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 4096, b"\xff" * 4096, b"{}", b"[]", b"null", b"[" * 100_000, b'{"a":' * 100_000],
    ids=["nothing", "zeros", "ones", "object", "list", "null", "deep lists", "deep objects"],
)
def test_a_file_of_something_else_is_refused(model: Path, name: str, content: bytes) -> None:
    """What is no such file at all is refused as well as what is damaged."""
    (model / name).write_bytes(content)
    assert str(model) in refusal(model)


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
def test_a_file_that_is_not_utf_8_is_refused(model: Path, name: str) -> None:
    """Bytes that are no text are no JSON."""
    (model / name).write_bytes(b'{"model_type": "chargen\xff", "format": 1}')
    assert str(model) in refusal(model)


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_another_encoding_of_the_same_json_is_noticed(
    model: Path, name: str, encoding: str
) -> None:
    """JSON that was saved with a mark or in wide characters is another file."""
    path = model / name
    path.write_bytes(path.read_bytes().decode("utf-8").encode(encoding))
    refusal(model)


@every_file
def test_a_missing_file_is_named(model: Path, name: str) -> None:
    """Without one of its three files a folder is no model."""
    (model / name).unlink()
    assert refusal(model) == f"{model} is not a model of chargen: it holds no {name}"


@every_file
def test_a_folder_in_the_place_of_a_file_is_refused(model: Path, name: str) -> None:
    """A folder of the right name is no file."""
    (model / name).unlink()
    (model / name).mkdir()
    assert refusal(model) == f"{model} is not a model of chargen: it holds no {name}"


@every_file
def test_a_link_that_leads_nowhere_is_refused(model: Path, name: str) -> None:
    """A dangling link, and one to itself, is a missing file."""
    (model / name).unlink()
    (model / name).symlink_to(model / "absent")
    assert refusal(model) == f"{model} is not a model of chargen: it holds no {name}"
    (model / name).unlink()
    (model / name).symlink_to(model / name)
    assert refusal(model) == f"{model} is not a model of chargen: it holds no {name}"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A missing folder, an empty one and a file are told apart from a model."""
    absent = tmp_path / "absent"
    assert refusal(absent) == f"{absent} does not exist (train a model, or name one with -m)"
    assert refusal(tmp_path) == f"{tmp_path} is not a model of chargen: it holds no {CONFIG}"
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert refusal(file) == f"{file} is not a model of chargen: it holds no {CONFIG}"


@pytest.mark.parametrize("name", ["x" * 300, "nul\0"], ids=["too long", "NUL"])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """What the system cannot even look for is an error like others."""
    with pytest.raises(CheckpointError):
        Checkpoint.load(tmp_path / name)


@every_file
def test_files_of_two_models_do_not_mix(
    model: Path, tmp_path: Path, make_model: Callable[..., Path], name: str
) -> None:
    """A file of another run on other characters, of the same sizes, is noticed."""
    other = make_model(tmp_path / "other", text="to be; or not", seed=1, num_layers=2)
    Checkpoint.load(other)
    shutil.copy(other / name, model / name)
    message = refusal(model)
    assert message.startswith(f"{model / MODEL} does not belong with the ")


@pytest.mark.parametrize("name", [CONFIG, MODEL])
def test_files_of_two_runs_on_one_text_do_not_mix(
    model: Path, tmp_path: Path, make_model: Callable[..., Path], name: str
) -> None:
    """Two runs that differ in their seed alone do not pass for each other."""
    other = make_model(tmp_path / "other", seed=1, num_layers=2)
    shutil.copy(other / name, model / name)
    assert refusal(model) == f"{model / MODEL} does not belong with the {CONFIG} beside it"


def test_weights_of_other_sizes_do_not_fit(
    model: Path, tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """A larger model's files, each for itself whole, are refused beside a smaller one's."""
    other = make_model(tmp_path / "other", hidden_size=5, text="another text altogether")
    for name in FILES:
        content = (model / name).read_bytes()
        shutil.copy(other / name, model / name)
        refusal(model)
        (model / name).write_bytes(content)


def test_foreign_safetensors_are_refused(model: Path) -> None:
    """The right tensors, saved by another program, are not what this one wrote."""
    path = model / MODEL
    weights = safetensors.numpy.load_file(path)
    for metadata in (None, {}, {"format": "pt"}, {"chargen": ""}, {"chargen": "{}"}):
        path.write_bytes(safetensors.numpy.save(weights, metadata))
        assert refusal(model) == f"{path} was not written by chargen"


def test_temporary_files_of_a_killed_run_do_no_harm(model: Path) -> None:
    """What a run that was killed while writing left behind is not looked at."""
    (model / f".{MODEL}.0123{TEMPORARY}").write_bytes(b"half")
    Checkpoint.load(model)


@pytest.mark.parametrize("cut", [0, 4, 8])
def test_headers_that_claim_a_gigantic_size_are_refused(model: Path, cut: int) -> None:
    """A length of up to 2**64 bytes is refused before anything is read or reserved."""
    path = model / MODEL
    content = path.read_bytes()
    for size in (len(content), 100_000_001, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        path.write_bytes(struct.pack("<Q", size) + content[8 : 8 + cut * 100])
        assert refusal(model) == f"{path} is damaged: it is no whole safetensors file"
