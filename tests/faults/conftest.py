"""Fixtures of tests with faults: a folder with a text, and commands in processes of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.commands import TEXT, Commands


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The process in which commands are forked."""
    commands = Commands(tmp_path_factory.mktemp("faults"))
    yield commands
    commands.close()


@pytest.fixture
def commands(server: Commands, tmp_path: Path) -> Commands:
    """Commands in an empty folder with a text of 1,400 characters, text.txt."""
    (tmp_path / "text.txt").write_text(TEXT)
    server.folder = tmp_path
    return server
