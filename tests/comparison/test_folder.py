"""A comparison's folder: found again by the same request, and by no other."""

from pathlib import Path

import pytest

from chargen.comparison.folder import ComparisonFolder
from chargen.errors import ComparisonError
from chargen.records import Interval

ASKED = {"seed": 1, "cells": ["rnn", "lstm"]}


def test_results_are_there_for_the_same_request(tmp_path: Path) -> None:
    """Records come back equal, of whatever type they were."""
    interval = Interval(0.5, 0.25, 0.75, 8)
    first = ComparisonFolder.open(tmp_path / "a", "x", ASKED)
    first.put("one", interval)
    first.put("two", {4: (1, 2)})
    first.close()
    again = ComparisonFolder.open(tmp_path / "a", "x", ASKED)
    assert again.resumed
    assert again.get("one", Interval) == interval
    assert again.get("two", dict[int, tuple[int, int]]) == {4: (1, 2)}
    assert "three" not in again
    again.close()


def test_another_request_is_refused_by_name(tmp_path: Path) -> None:
    """The message says what differs."""
    first = ComparisonFolder.open(tmp_path / "a", "x", ASKED)
    first.put("one", 1)
    first.close()
    with pytest.raises(ComparisonError, match="another seed"):
        ComparisonFolder.open(tmp_path / "a", "x", {**ASKED, "seed": 2})


def test_default_names_count_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is finished or another's is left alone; an unfinished one is gone on with."""
    monkeypatch.chdir(tmp_path)
    first = ComparisonFolder.open(None, "rhymes", ASKED)
    first.put("one", 1)
    first.close()
    other = ComparisonFolder.open(None, "rhymes", {**ASKED, "seed": 2})
    other.put("one", 1)
    other.close()
    again = ComparisonFolder.open(None, "rhymes", ASKED)
    again.finish(b"{}")
    again.close()
    third = ComparisonFolder.open(None, "rhymes", ASKED)
    third.close()
    names = [folder.path.as_posix() for folder in (first, other, again, third)]
    assert names == [f"comparisons/rhymes{end}" for end in ("", "-2", "", "-3")]


def test_a_finished_one_is_not_made_again(tmp_path: Path) -> None:
    """It would cost the numbers that are there."""
    first = ComparisonFolder.open(tmp_path / "a", "x", ASKED)
    first.finish(b"{}")
    first.close()
    with pytest.raises(ComparisonError, match="finished"):
        ComparisonFolder.open(tmp_path / "a", "x", ASKED)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """So is a file."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ComparisonError, match=r"thesis\.txt"):
        ComparisonFolder.open(tmp_path, "x", ASKED)
    with pytest.raises(ComparisonError, match="is a file"):
        ComparisonFolder.open(tmp_path / "thesis.txt", "x", ASKED)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    """They would write over one another."""
    first = ComparisonFolder.open(tmp_path / "a", "x", ASKED)
    with pytest.raises(ComparisonError, match="another process"):
        ComparisonFolder(tmp_path / "a", ASKED)
    first.close()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"asked": 1, "done": {}}', "\x00"])
def test_damaged_stages_are_no_comparison(tmp_path: Path, content: str) -> None:
    """They are named, and not taken for one that is empty."""
    (tmp_path / "stages.json").write_text(content)
    with pytest.raises(ComparisonError, match=r"stages\.json"):
        ComparisonFolder.open(tmp_path, "x", ASKED)


def test_a_result_of_another_type_is_damage(tmp_path: Path) -> None:
    """The message names the place."""
    folder = ComparisonFolder.open(tmp_path / "a", "x", ASKED)
    folder.put("one", "text")
    with pytest.raises(ComparisonError, match=r"damaged: one in stages\.json"):
        folder.get("one", Interval)
    folder.close()
