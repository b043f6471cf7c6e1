"""The folder of a run: created or found before training, and locked while it is written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Set
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.checkpoint import (
    CARD,
    CONFIG,
    DEFAULT_ROOT,
    LOG,
    MODEL,
    SOURCE,
    TOKENIZER,
    TRAINING,
)
from chargen.model.locked_folder import LOCK, FolderInUseError, LockedFolder, numbered_paths
from chargen.training.records import TrainingRecord

_OWN_FILES = frozenset({CARD, CONFIG, LOCK, LOG, MODEL, SOURCE, TOKENIZER, TRAINING})
_NEW = ".new"  # the suffix of the hidden folder that replaces another one at the end of a run


class RunFolder(LockedFolder):
    """A locked folder. replaces: the folder that the finished run replaces, if any."""

    def __init__(self, path: Path, *, replaces: Path | None = None) -> None:
        super().__init__(path)
        self.replaces = replaces

    @classmethod
    def create(cls, output: Path | None, corpus_name: str, *, overwrite: bool) -> RunFolder:
        """Create a folder: `output`, or the first free checkpoints/<corpus name>[-2, -3 ...].

        An existing `output` is not changed until the run that replaces it is finished.
        Raises CheckpointError if it exists and may not be replaced, or cannot be created.
        """
        if output is None:
            paths = numbered_paths(DEFAULT_ROOT, corpus_name)
            while True:
                path = next(paths)
                if not os.path.exists(path):
                    # Another run may take the same name at this moment.
                    with contextlib.suppress(FolderInUseError):
                        return cls(path)
        refuse_existing(output, overwrite=overwrite)
        if not os.path.exists(output) or _is_unused(output):
            return cls(output)
        successor = _successor(output)
        for path in (output, successor):
            if os.path.exists(path):
                _refuse_foreign(path)
                cls(path).close()  # raises an error while it is in use
        if os.path.exists(successor):  # left by a run that was stopped
            shutil.rmtree(successor)
        return cls(successor, replaces=output)

    @classmethod
    def reopen(cls, output: Path | None, corpus_name: str) -> RunFolder:
        """Open the folder of a run: `output`, or the corpus's newest run in checkpoints/.

        Raises CheckpointError if there is none.
        """
        if output is None:
            named = re.compile(re.escape(corpus_name) + r"(-\d+)?")  # as `create` names it
            runs = [
                file
                for file in Path(DEFAULT_ROOT).glob(f"*/{TRAINING}")
                if named.fullmatch((_replaced(file.parent) or file.parent).name)
            ]
            if not runs:
                raise CheckpointError(
                    f"no run of {corpus_name} to resume in {DEFAULT_ROOT}{os.sep}"
                    " (pass its folder, or start a new run)"
                )
            path = max(runs, key=lambda file: file.stat().st_mtime_ns).parent
        else:
            successor = _successor(output)
            path = successor if os.path.exists(successor / TRAINING) else output
            if not os.path.exists(path):
                raise CheckpointError(f"{output} does not exist: there is no run to resume")
        return cls(path, replaces=_replaced(path))

    @property
    def final_path(self) -> Path:
        """The folder of the model when the run is finished."""
        return self.replaces or self.path

    def log(self, record: TrainingRecord) -> None:
        """Append a record to log.jsonl."""
        fields = {"record": type(record).__name__.lower()} | asdict(record)
        with self._open_log() as file:
            file.write((json.dumps(fields, ensure_ascii=False) + "\n").encode("utf-8", "replace"))

    def log_size(self) -> int:
        """Flush log.jsonl to the disk and return its length in bytes."""
        with self._open_log() as file:
            os.fsync(file.fileno())
            return file.tell()

    def truncate_log(self, size: int) -> None:
        """Remove the records that were logged after the save from which a run resumes."""
        with self._open_log() as file:
            file.truncate(min(size, file.tell()))

    def finish(self) -> None:
        """Unlock the folder, and move it to its final path."""
        self.close()
        if self.replaces is None:
            return
        old = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.old")
        try:
            if self.replaces.exists():
                os.rename(self.replaces, old)
            os.rename(self.path, self.replaces)
            storage.sync_folder(self.replaces.parent)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise CheckpointError(
                f"{self.replaces} cannot be replaced: {error.strerror};"
                f" the new model is complete in {self.path}"
            ) from None

    def _open_log(self) -> BinaryIO:
        try:
            return open(self.path / LOG, "ab")
        except OSError as error:
            raise CheckpointError(
                f"{self.path / LOG} cannot be written: {error.strerror}"
            ) from None


class UnwrittenFolder(RunFolder):
    """The folder of a run for a process that does not write it, since another one does."""

    def __init__(self, path: Path) -> None:
        self.path, self.replaces = path, None

    def write(self, name: str, data: bytes) -> None:
        """Do nothing."""

    def log(self, record: TrainingRecord) -> None:
        """Do nothing."""

    def log_size(self) -> int:
        """Return 0."""
        return 0

    def truncate_log(self, size: int) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def refuse_existing(output: Path | None, *, overwrite: bool) -> None:
    """Raise CheckpointError if `output` exists and may not be replaced."""
    if output is not None and os.path.exists(output) and not (overwrite or _is_unused(output)):
        raise CheckpointError(
            f"{output} exists (resume it, overwrite it, or choose another output folder)"
        )


def _is_unused(path: Path) -> bool:
    """Return whether a folder is empty, or a run was killed there before its first save."""
    return path.is_dir() and not _other_files(path, {LOCK})


def _refuse_foreign(path: Path) -> None:
    """Raise CheckpointError if a path is not a model folder: replacing it would lose files."""
    if not path.is_dir():
        raise CheckpointError(
            f"{path} is a file, not a model folder (choose another output folder)"
        )
    foreign = _other_files(path, _OWN_FILES)
    if foreign or not ((path / CONFIG).exists() or _is_unused(path)):
        reason = f"it contains {foreign[0]}" if foreign else f"it has no {CONFIG}"
        raise CheckpointError(f"{path} is not a chargen model, so it is not replaced: {reason}")


def _other_files(path: Path, own: Set[str]) -> list[str]:
    names = (file.name for file in path.iterdir())
    return sorted(n for n in names if n not in own and not n.endswith(storage.TEMPORARY))


def _successor(path: Path) -> Path:
    """Return the folder of the run that replaces `path`, with a name that users do not choose."""
    named = path if path.name else Path(os.path.abspath(path))
    return named.parent / f".{named.name}{_NEW}"


def _replaced(path: Path) -> Path | None:
    """Return the folder that the run in `path` replaces, if any."""
    inner = path.name.removeprefix(".").removesuffix(_NEW)
    return path.with_name(inner) if inner and path.name == f".{inner}{_NEW}" else None
