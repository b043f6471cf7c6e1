"""Finding the files of a folder."""

import os
from pathlib import Path

import pytest

from chargen.errors import OptionError
from chargen.text.files import find_files
from chargen.text.reading import find_sources, read_sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them."""
    for name in (
        "b.txt", "A.TXT", "README.md", ".DS_Store", ".git/x.txt", "sub/c.txt", "sub/deep/d.txt",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    return tmp_path


def names(folder: Path, pattern: str) -> list[str]:
    return [
        Path(path).relative_to(folder).as_posix()
        for path in find_files(str(folder), [pattern]).paths
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*.txt", ["A.TXT", "b.txt", "sub/c.txt", "sub/deep/d.txt"]),
        ("*.txt", ["A.TXT", "b.txt"]),
        ("*.md", ["README.md"]),
        ("SUB/*.txt", ["sub/c.txt"]),
        ("sub/**", ["sub/c.txt", "sub/deep/d.txt"]),
        ("**/deep/*", ["sub/deep/d.txt"]),
        ("**/[bc].txt", ["b.txt", "sub/c.txt"]),
    ],
)
def test_a_pattern_selects_files(folder: Path, pattern: str, expected: list[str]) -> None:
    """It matches the path below the folder, in any case; hidden files never match."""
    assert names(folder, pattern) == expected


def test_skipped_files_are_counted_by_reason(folder: Path) -> None:
    """A hidden folder counts as one."""
    assert find_files(str(folder)).skipped == {"hidden": 2, "not matching": 1}


def test_thousands_of_files_are_texts_of_their_own(tmp_path: Path) -> None:
    """Each file is a separate text, and no file stays open."""
    for name in range(3_000):
        (tmp_path / f"{name:04}.txt").write_text(f"{name:04}")
    texts = read_sources(find_sources([tmp_path]))
    assert [text.text for text in texts] == [f"{k:04}" for k in range(3_000)]


def test_only_regular_files_are_read(folder: Path) -> None:
    """A pipe would wait for its writer, and a link can lead nowhere."""
    os.mkfifo(folder / "pipe.txt")
    (folder / "nowhere.txt").symlink_to("absent")
    assert find_files(str(folder), ["*.txt"]).skipped["not regular files"] == 2
    assert names(folder, "*.txt") == ["A.TXT", "b.txt"]


def test_a_loop_of_links_ends(folder: Path) -> None:
    """No folder is visited twice."""
    (folder / "sub" / "loop").symlink_to("..")
    assert len(find_files(str(folder)).paths) == 4


@pytest.mark.parametrize("pattern", ["", "/etc/*", "a//b"])
def test_an_absolute_pattern_is_refused(folder: Path, pattern: str) -> None:
    """A pattern is relative to the folder."""
    with pytest.raises(OptionError, match=r"^glob must be a relative pattern"):
        find_files(str(folder), [pattern])
