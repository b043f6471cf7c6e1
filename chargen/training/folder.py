"""The folder that a run writes: found or made before training, never taken from another run."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from chargen.errors import CheckpointError
from chargen.model import storage
from chargen.model.checkpoint import (
    CARD,
    CONFIG,
    DEFAULT_ROOT,
    LOCK,
    LOG,
    MODEL,
    TOKENIZER,
    TRAINING,
)
from chargen.records import TrainingRecord

OURS = frozenset({CARD, CONFIG, LOCK, LOG, MODEL, TOKENIZER, TRAINING})
_NEW = ".new"  # a hidden folder beside the one that a finished run replaces


class RunFolder:
    """A locked folder. With `replaces`, the finished run takes that other folder's place."""

    def __init__(
        self, path: Path, *, replaces: Path | None = None, made: Sequence[Path] = ()
    ) -> None:
        self.path = path
        self.replaces = replaces
        self._made = made  # the folders that were made for it, the innermost first
        self._lock = filelock.FileLock(path / LOCK)
        try:
            self._lock.acquire(timeout=0)
            for stray in path.glob(f".*{storage.TEMPORARY}"):  # of a run that was killed writing
                stray.unlink()
        except filelock.Timeout:
            raise CheckpointError(f"{path} is being trained by another process") from None
        except OSError as error:
            raise CheckpointError(f"{path} cannot be written: {error.strerror}") from None

    @classmethod
    def create(cls, output: Path | None, corpus_name: str, *, overwrite: bool) -> RunFolder:
        """A new folder: `output`, or the first free one of checkpoints/<corpus name>[-2, -3 ...].

        An `output` that exists is left alone until the run that replaces it is finished.
        Raises CheckpointError where it exists and may not be replaced, or cannot be made.
        """
        if output is None:
            root = Path(DEFAULT_ROOT)
            number = 1
            while True:
                path = root / (corpus_name if number == 1 else f"{corpus_name}-{number}")
                if made := _make(path):
                    return cls(path, made=made)
                number += 1
        refuse_existing(output, overwrite=overwrite)
        if made := _make(output):
            return cls(output, made=made)
        if output.is_dir() and (not any(output.iterdir()) or _is_abandoned(output)):
            return cls(output)
        _refuse_foreign(output)
        cls(output).close()  # raises where it is being trained
        beside = _successor(output)
        if not (made := _make(beside)):  # of a run that was stopped, and is now begun anew
            cls(beside).close()
            if not _is_abandoned(beside):
                _refuse_foreign(beside)
            shutil.rmtree(beside)
            made = _make(beside)
        return cls(beside, replaces=output, made=made)

    @classmethod
    def reopen(cls, output: Path | None, corpus_name: str) -> RunFolder:
        """The folder of a run to go on with: `output`, or the corpus's newest under checkpoints/.

        Raises CheckpointError where there is none.
        """
        if output is None:
            root = Path(DEFAULT_ROOT)
            runs = [
                file
                for file in root.glob(f"*/{TRAINING}")
                if _is_named(_replaced(file.parent) or file.parent, corpus_name)
            ]
            if not runs:
                raise CheckpointError(
                    f"there is no run on {corpus_name} under {root}{os.sep} to resume"
                    " (name its folder with -o, or start one without --resume)"
                )
            path = max(runs, key=lambda file: file.stat().st_mtime_ns).parent
        else:
            unfinished = _successor(output)
            path = unfinished if _exists(unfinished / TRAINING) else output
            if not _exists(path):
                raise CheckpointError(f"{output} does not exist, so there is no run to resume")
        return cls(path, replaces=_replaced(path))

    @property
    def final_path(self) -> Path:
        """Where the model lies when the run is finished."""
        return self.replaces or self.path

    def write(self, name: str, data: bytes) -> None:
        """Replace one file, whole or not at all."""
        storage.write_file(self.path / name, data)

    def log(self, record: TrainingRecord | Mapping[str, Any]) -> None:
        """Append a record to log.jsonl."""
        fields = (
            dict(record)
            if isinstance(record, Mapping)
            else {"record": type(record).__name__.lower()} | asdict(record)
        )
        with self._open_log() as file:
            file.write((json.dumps(fields, ensure_ascii=False) + "\n").encode("utf-8", "replace"))

    def log_size(self) -> int:
        """Flush log.jsonl to the disk and tell its length in bytes."""
        with self._open_log() as file:
            os.fsync(file.fileno())
            return file.tell()

    def cut_log(self, size: int) -> None:
        """Drop what was logged after the save that a run goes on from."""
        with self._open_log() as file:
            file.truncate(min(size, file.tell()))

    def finish(self) -> None:
        """Let go of the folder, and put it where it belongs."""
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
                f" the new model is whole in {self.path}"
            ) from None

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.release()
        (self.path / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for folder in self._made:  # where nothing was written, leave no empty folder behind
                folder.rmdir()

    def _open_log(self) -> BinaryIO:
        try:
            return open(self.path / LOG, "ab")
        except OSError as error:
            raise CheckpointError(
                f"{self.path / LOG} cannot be written: {error.strerror}"
            ) from None


def refuse_existing(output: Path | None, *, overwrite: bool) -> None:
    """Raise CheckpointError where `output` exists and is not to be replaced."""
    if output is not None and _exists(output) and not (overwrite or _is_abandoned(output)):
        raise CheckpointError(
            f"{output} exists (--resume goes on with it, --overwrite replaces it, -o names another)"
        )


def _exists(path: Path) -> bool:
    """Whether something is there; what the file system refuses is told when it is made."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_abandoned(path: Path) -> bool:
    """Whether a run was killed here before it had written anything, or is about to write."""
    try:
        names = [file.name for file in path.iterdir()]
    except OSError:
        return False
    return bool(names) and all(n == LOCK or n.endswith(storage.TEMPORARY) for n in names)


def _make(path: Path) -> list[Path]:
    """The folders that were made now, `path` first; none where something of that name exists."""
    missing = [folder for folder in path.parents if not _exists(folder)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    except FileExistsError:
        if not _exists(path):  # a parent is a file
            raise CheckpointError(f"{path} cannot be made: a part of it is a file") from None
        return []
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path} cannot be made: {reason}") from None
    return [path, *missing]


def _refuse_foreign(path: Path) -> None:
    """Replace nothing but a model: a mistyped -o must not cost anybody their files."""
    if not path.is_dir():
        raise CheckpointError(f"{path} is a file, not a model folder (name another with -o)")
    foreign = sorted(
        file.name
        for file in path.iterdir()
        if file.name not in OURS and not file.name.endswith(storage.TEMPORARY)
    )
    if foreign or not (path / CONFIG).exists():
        what = f"it holds {foreign[0]}" if foreign else f"it holds no {CONFIG}"
        raise CheckpointError(f"{path} is not a model folder of chargen: {what} (nothing was done)")


def _successor(path: Path) -> Path:
    """Where the run is written that replaces `path`: a name that nobody gives by chance."""
    named = path if path.name else Path(os.path.abspath(path))
    return named.parent / f".{named.name}{_NEW}"


def _replaced(path: Path) -> Path | None:
    """The folder of which `path` is the successor."""
    inner = path.name.removeprefix(".").removesuffix(_NEW)
    return path.with_name(inner) if inner and path.name == f".{inner}{_NEW}" else None


def _is_named(folder: Path, corpus_name: str) -> bool:
    """Whether a run on this corpus may have been given this folder."""
    rest = folder.name.removeprefix(corpus_name)
    return folder.name.startswith(corpus_name) and (
        not rest or (rest[0] == "-" and rest[1:].isdigit())
    )
