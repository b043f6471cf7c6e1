"""Tests of the completion of slash commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from chargen.repl.completion import CommandCompleter


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/re", ["reset", "regen"]),
        ("/set top", ["top_k", "top_p"]),
        ("/set top_k ", []),
        ("/load te", ["xts/"]),
        ("/load rhy", ["rhymes"]),
        ("/load check", ["points/"]),
        ("/file te", ["xt.txt", "xts/"]),
        ("//re", []),
        ("re", []),
        ("/show t", []),
    ],
)
def test_commands_settings_and_paths_are_completed(
    tmp_path: Path,
    make_model: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    expected: list[str],
) -> None:
    """Settings follow /set, paths follow /file, and names of models or paths follow /load."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "text.txt").touch()
    make_model(tmp_path / "checkpoints" / "rhymes")
    found: Any = CommandCompleter().get_completions(Document(line), CompleteEvent())
    assert [completion.text for completion in found] == expected
