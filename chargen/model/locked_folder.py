"""A folder that one process writes to at a time, and default names for new folders."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.lock import Lock, LockedError

LOCK = ".lock"


class FolderInUseError(CheckpointError):
    """Another process has locked the folder."""


class LockedFolder:
    """A folder that is locked until `close`. It is created, with its parents, if it is missing.

    Raises FolderInUseError if another process has locked it, and CheckpointError if it cannot be
    created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made = [each for each in (path, *path.parents) if not os.path.exists(each)]
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CheckpointError(f"{path} cannot be created: {reason}") from None
        try:
            self._lock = Lock(path / LOCK)
            for stray in path.glob(f".*{storage.TEMPORARY}"):  # left by a process that was killed
                stray.unlink()
        except LockedError as error:
            process = f"process {error.process}" if error.process else "another process"
            raise FolderInUseError(
                f"{path} is in use by {process} (stop it, or choose another folder)"
            ) from None
        except OSError as error:
            self._remove_made()
            raise CheckpointError(f"{path} cannot be written: {error.strerror}") from None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of the folder atomically."""
        storage.write_file(self.path / name, data)

    def close(self) -> None:
        """Unlock the folder. Remove it if it was created and nothing was written."""
        self._lock.release()
        self._remove_made()

    def _remove_made(self) -> None:
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()


def numbered_paths(root: str, name: str) -> Iterator[Path]:
    """Yield root/name, root/name-2, root/name-3 and so on."""
    yield Path(root, name)
    yield from (Path(root, f"{name}-{number}") for number in itertools.count(2))
