"""Fixtures of the text tests: files and standard input with given bytes."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file to the temporary folder."""

    def call(content: bytes, name: str = "corpus.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return call


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return a function that replaces standard input, with a wrapper of another encoding."""

    def call(content: bytes) -> None:
        wrapper = io.TextIOWrapper(io.BytesIO(content), encoding="ascii")
        monkeypatch.setattr(sys, "stdin", wrapper)

    return call
