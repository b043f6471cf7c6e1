"""Tests of finding models by name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.errors import CheckpointError
from chargen.model.checkpoint import CONFIG, MODEL
from chargen.model.find import PRETRAINED, find, names, newest, shared_name


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder for each test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def not_found(model: str | Path) -> str:
    """The error for a model that does not exist."""
    with pytest.raises(CheckpointError) as caught:
        find(model)
    assert str(caught.value).isprintable()
    return str(caught.value)


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


def test_newest_without_model(here: Path) -> None:
    """For an empty or missing folder the error says what to do."""
    with pytest.raises(CheckpointError) as caught:
        newest()
    assert str(caught.value) == (
        f"there is no model in checkpoints{os.sep}"
        " (train one: chargen train corpus.txt, or use the included model: -m english)"
    )
    (here / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="there is no model in"):
        newest()


def test_default_root_is_checkpoints(here: Path, make_model: Callable[..., Path]) -> None:
    """Without an argument `newest` searches ./checkpoints."""
    make_model(here / "checkpoints" / "shakespeare")
    assert newest() == Path("checkpoints/shakespeare")


def test_a_path_is_a_model(here: Path, make_model: Callable[..., Path]) -> None:
    """A relative or an absolute path is returned unchanged, as a string or as a Path."""
    make_model(here / "deep" / "down")
    for path in ("deep/down", "./deep/down/", here / "deep" / "down", Path("deep/down")):
        assert find(path) == Path(path)


def test_a_name_is_a_folder_in_checkpoints(here: Path, make_model: Callable[..., Path]) -> None:
    """A name is looked for in ./checkpoints, a path is not."""
    make_model(here / "checkpoints" / "rhymes")
    assert find("rhymes") == find(Path("rhymes")) == Path("checkpoints/rhymes")
    assert not_found("./rhymes").startswith("there is no model ./rhymes (did you mean rhymes? ")
    assert not_found("checkpoints/x").startswith("there is no model checkpoints/x (available: ")


def test_the_nearest_folder_is_found(here: Path, make_model: Callable[..., Path]) -> None:
    """A model in the current folder has precedence; a folder of the same name does not."""
    (here / "rhymes").mkdir()
    (here / "rhymes" / "one.txt").touch()
    make_model(here / "checkpoints" / "rhymes")
    assert find("rhymes") == Path("checkpoints/rhymes")
    (here / "rhymes" / CONFIG).touch()
    assert find("rhymes") == Path("rhymes")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (Path("private/poems"), "poems"),
        (Path("."), "here"),
        (PRETRAINED / "english", "english"),
        (PRETRAINED / "tour" / "recall", "tour/recall"),
    ],
)
def test_a_shared_name_has_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path, name: str
) -> None:
    """A model of the package has the name that finds it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shared_name(folder) == name


@pytest.mark.parametrize("place", ["half", "checkpoints/half"])
def test_an_incomplete_folder_is_found(here: Path, place: str) -> None:
    """Loading an existing folder says which file is missing."""
    (here / place).mkdir(parents=True)
    assert find("half") == Path(place)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/", "x" * 300, "nul\0", "a\nb", "\ud800"])
def test_no_other_folder_is_searched(here: Path, name: str) -> None:
    """Odd names find neither ./checkpoints itself nor its parents."""
    (here / "checkpoints").mkdir()
    if name in (".", "..", "/"):
        assert find(name) == Path(name)
    else:
        assert not_found(name).startswith("there is no model ")


def test_models_are_listed_newest_first(here: Path, make_model: Callable[..., Path]) -> None:
    """The error lists the names that exist, at most ten, and suggests the most similar one."""
    for number in range(12):
        aged(make_model(here / "checkpoints" / f"poems-{number}"), 1_000 - number)
    make_model(here / "checkpoints" / ".poems.new")
    (here / "checkpoints" / "notes").mkdir()
    assert names()[:12] == [f"poems-{number}" for number in range(12)]
    assert not_found("poem-3").startswith(
        "there is no model poem-3 (did you mean poems-3? available: poems-0, poems-1, poems-2,"
        " poems-3, poems-4, poems-5, poems-6, poems-7, poems-8, poems-9 and "
    )
    assert not_found("").startswith("there is no model '' (available: poems-0, ")
    assert not_found("xyz").startswith("there is no model xyz (available: poems-0, ")


def test_odd_names_are_listed_on_one_line(here: Path, make_model: Callable[..., Path]) -> None:
    """A folder name with control characters does not reach the terminal."""
    make_model(here / "checkpoints" / "a\n\x1b[2Jb")
    assert r"a\n\x1b[2Jb" in not_found("xyz")
