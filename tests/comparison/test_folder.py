"""Tests of the folder of a comparison: only the same options find it again."""

import os
from pathlib import Path

import pytest

from chargen.comparison.folder import ComparisonFolder
from chargen.errors import CheckpointError, ComparisonError
from chargen.evaluation.records import Interval

OPTIONS = {"seed": 1, "cells": ["rnn", "lstm"]}


def open_at(path: Path, **changes: object) -> ComparisonFolder:
    return ComparisonFolder.open(path, "x", {**OPTIONS, **changes})


def test_results_are_kept(tmp_path: Path) -> None:
    """Records are read back unchanged, with the time of their stages."""
    interval = Interval(0.5, 0.25, 0.75, 8)
    first = open_at(tmp_path / "a")
    for seconds in (1.0, 2.5):
        first.start("a/one")
        first.add_seconds("a/one", seconds)
    first.put("a/one", interval)
    first.put("b/two", {4: (1, 2)})
    first.close()
    again = open_at(tmp_path / "a")
    assert again.resumed
    assert again.get("a/one", Interval) == interval
    assert again.get("b/two", dict[int, tuple[int, int]]) == {4: (1, 2)}
    assert "a/three" not in again
    assert (again.seconds("a/"), again.seconds("b/")) == (3.5, 0)
    assert (again.interruptions("a/one"), again.interruptions("b/two")) == (1, 0)
    again.close()


def test_other_options_are_refused(tmp_path: Path) -> None:
    """The message names the options that differ."""
    first = open_at(tmp_path / "a")
    first.put("one", 1)
    first.close()
    with pytest.raises(ComparisonError, match="another seed"):
        open_at(tmp_path / "a", seed=2)


def test_default_names_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished folder or one with other options is skipped; an unfinished one is resumed."""
    monkeypatch.chdir(tmp_path)
    paths = []
    for seed, finished in ((1, False), (2, False), (1, True), (1, False)):
        folder = ComparisonFolder.open(None, "rhymes", {**OPTIONS, "seed": seed})
        folder.put("one", 1)
        if finished:
            folder.write("comparison.json", b"{}")
        folder.close()
        paths.append(folder.path.as_posix())
    assert paths == [f"comparisons/rhymes{end}" for end in ("", "-2", "", "-3")]


def test_foreign_folders_are_not_changed(tmp_path: Path) -> None:
    """A folder with other files, a file, and a finished comparison are refused unchanged."""
    (tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "comparison.json").write_text("{}")
    for path, message in (
        (tmp_path, r"contains other files \(done\) but no comparison"),
        (tmp_path / "thesis.txt", "is a file"),
        (tmp_path / "done", "contains a finished comparison"),
    ):
        with pytest.raises(ComparisonError, match=message):
            open_at(path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    first = open_at(tmp_path / "a")
    with pytest.raises(CheckpointError, match=f"in use by process {os.getpid()} "):
        ComparisonFolder(tmp_path / "a", OPTIONS)
    first.close()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"options": 1, "results": {}}', "\x00"])
def test_damaged_stages_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "stages.json").write_text(content)
    with pytest.raises(ComparisonError, match=r"contains a damaged stages\.json"):
        open_at(tmp_path)


def test_a_damaged_result_is_refused(folder: ComparisonFolder) -> None:
    """The message is one line and names the stage."""
    folder.put("one", "text")
    with pytest.raises(ComparisonError, match=r"damaged: one in stages\.json: Expected") as caught:
        folder.get("one", Interval)
    assert "\n" not in str(caught.value)
