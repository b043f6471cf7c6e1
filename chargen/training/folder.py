"""The folder of a run: created or found before training, and locked while it is written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Set
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
    SETTINGS,
    SOURCE,
    TOKENIZER,
    TRAINING,
)
from chargen.model.locked_folder import LOCK, FolderInUseError, LockedFolder, numbered_paths
from chargen.training.records import TrainingRecord
from chargen.training.settings import RunSettings

# The files that are written before the first save, and all files of a run.
_FIRST_FILES = frozenset({CONFIG, LOCK, LOG, SETTINGS, SOURCE, TOKENIZER})
_OWN_FILES = _FIRST_FILES | {CARD, MODEL, TRAINING}
# The suffixes of hidden folders: of a run that replaces a model when it is finished, and of that
# model while it is replaced.
_NEW, _OLD = ".new", ".old"


class RunFolder(LockedFolder):
    """A locked folder. replaces: the folder that the finished run replaces, if any."""

    def __init__(self, path: Path, *, replaces: Path | None = None) -> None:
        super().__init__(path, shown=replaces)
        self.replaces = replaces
        self._has_new_settings = False

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
                if not os.path.exists(path) or _is_unused(path):
                    # Another run may take the same name at this moment.
                    with contextlib.suppress(FolderInUseError):
                        return cls(path)
        _end_replacement(output)
        refuse_existing(output, overwrite=overwrite)
        if not os.path.exists(output) or _is_unused(output):
            return cls(output)
        successor = _successor(output)
        for path in (output, successor):
            if os.path.exists(path):
                _refuse_foreign(path)
                cls(path, replaces=output).close()  # raises an error while it is in use
        if os.path.exists(successor):  # left by a run that was stopped
            shutil.rmtree(successor)
        return cls(successor, replaces=output)

    @classmethod
    def reopen(cls, output: Path | None, corpus_name: str) -> RunFolder | None:
        """Open the folder of a run: `output`, or the corpus's newest run in checkpoints/.

        Return None if there is none yet.
        """
        if output is None:
            named = re.compile(re.escape(corpus_name) + r"(-\d+)?")  # as `create` names it
            runs = [
                file
                for name in (TRAINING, SETTINGS)
                for file in Path(DEFAULT_ROOT).glob(f"*/{name}")
                if named.fullmatch((_replaced(file.parent) or file.parent).name)
            ]
            if not runs:
                return None
            path = max(runs, key=lambda file: file.stat().st_mtime_ns).parent
        else:
            _end_replacement(output)
            successor = _successor(output)
            path = successor if _is_begun(successor) else output
            if not os.path.exists(path) or (_is_unused(path) and not _is_begun(path)):
                return None
        return cls(path, replaces=_replaced(path))

    @property
    def final_path(self) -> Path:
        """The folder of the model when the run is finished."""
        return self.replaces or self.path

    @property
    def has_only_settings(self) -> bool:
        """Whether the run was not saved yet, so that it can only be started again."""
        return (self.path / SETTINGS).exists() and not (self.path / TRAINING).exists()

    def read_settings(self) -> RunSettings:
        """Return the content of settings.json. Raises CheckpointError if it is damaged."""
        return RunSettings.read(self.path)

    def write_settings(self, settings: RunSettings) -> None:
        """Store the settings of the run, so that it can be resumed before its first save."""
        self._has_new_settings = not os.path.exists(self.path / SETTINGS)
        self.write(SETTINGS, settings.to_json())

    def remove_settings(self) -> None:
        """Remove settings.json after the first save, which has all that is needed to resume."""
        with contextlib.suppress(OSError):
            (self.path / SETTINGS).unlink(missing_ok=True)

    def discard(self) -> None:
        """Close a folder in which no run could start."""
        if self._has_new_settings:
            self.remove_settings()
        self.close()

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
        old = _hidden(self.replaces, _OLD)
        try:
            if self.replaces.exists():
                os.rename(self.replaces, old)
            os.rename(self.path, self.replaces)
        except OSError as error:
            with contextlib.suppress(OSError):
                _end_replacement(self.replaces)
            raise CheckpointError(
                f"{self.replaces} cannot be replaced: {error.strerror};"
                f" the new model is complete in {self.path}"
            ) from None
        try:
            storage.sync_folder(self.replaces.parent)
        except OSError as error:
            raise CheckpointError(
                f"{self.replaces.parent} cannot be flushed to the disk: {error.strerror}"
            ) from None
        finally:
            shutil.rmtree(old, ignore_errors=True)

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[BinaryIO]:
        try:
            with open(self.path / LOG, "ab") as file:
                yield file
        except OSError as error:
            raise CheckpointError(
                f"{self.path / LOG} cannot be written: {error.strerror}"
            ) from None


class UnwrittenFolder(RunFolder):
    """The folder of a run for a process that does not write it, since another one does.

    is_new: whether the run has no save yet.
    """

    def __init__(self, path: Path, *, is_new: bool = True) -> None:
        self.path, self.replaces = path, None
        self._is_new, self._has_new_settings = is_new, False

    @property
    def has_only_settings(self) -> bool:
        """Whether the run was not saved yet."""
        return self._is_new

    def remove_settings(self) -> None:
        """Do nothing."""

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
        if not os.path.isdir(output):
            _refuse_foreign(output)
        raise CheckpointError(
            f"{output} exists (use {{resume}} or {{overwrite}}, or choose another folder)",
            "resume",
            "overwrite",
        )


def _is_unused(path: Path) -> bool:
    """Return whether a folder is empty, or a run was killed there before its first save."""
    if not path.is_dir():
        return False
    # The configuration alone can be left over from a model.
    began = any(os.path.exists(path / name) for name in (LOCK, SETTINGS))
    return not _other_files(path, _FIRST_FILES if began else {LOCK})


def _is_begun(path: Path) -> bool:
    """Return whether a folder has a run to resume."""
    return any(os.path.exists(path / name) for name in (TRAINING, SETTINGS))


def _end_replacement(path: Path) -> None:
    """Restore or remove the old model of a process that was killed while it replaced it."""
    old = _hidden(path, _OLD)
    if not os.path.exists(old / CONFIG):
        return
    try:
        if os.path.exists(path):
            _refuse_foreign(old)
            shutil.rmtree(old)
        else:
            os.rename(old, path)
    except OSError as error:
        raise CheckpointError(f"{old} cannot be moved to {path}: {error.strerror}") from None


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
    return _hidden(path, _NEW)


def _hidden(path: Path, suffix: str) -> Path:
    named = path if path.name else Path(os.path.abspath(path))
    return named.parent / f".{named.name}{suffix}"


def _replaced(path: Path) -> Path | None:
    """Return the folder that the run in `path` replaces, if any."""
    inner = path.name.removeprefix(".").removesuffix(_NEW)
    return path.with_name(inner) if inner and path.name == f".{inner}{_NEW}" else None
