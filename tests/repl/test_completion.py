"""What Tab and the menu offer on a line that begins with a slash."""

from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from chargen.repl.completion import CommandCompleter


def completions(text: str) -> list[str]:
    """What may stand in place of the last word."""
    found: Any = CommandCompleter().get_completions(Document(text), CompleteEvent())
    return [completion.text for completion in found]


def test_commands_settings_and_paths_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands after a slash, settings after /set, paths where one is due, else nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "text.txt").touch()
    assert completions("/re") == ["reset", "regen"]
    assert completions("/set top") == ["top_k", "top_p"]
    assert completions("/set top_k ") == []
    assert completions("/load te") == ["xts/"]
    assert completions("/file te") == ["xt.txt", "xts/"]
    assert completions("//re") == completions("re") == completions("/show t") == []
