"""The folder of a comparison, in which the same command finds what it has finished already."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import filelock

from chargen.comparison.storage import decoded, encoded
from chargen.errors import ComparisonError
from chargen.model import storage

DEFAULT_ROOT = "comparisons"
NUMBERS = "comparison.json"
MODELS = "models"
_DONE = "stages.json"
WORK = "work"
_LOCK = ".lock"

Result = TypeVar("Result")


class ComparisonFolder:
    """A locked folder with the results of every stage that is finished, by key.

    asked: what distinguishes this comparison from others, as values of JSON.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any], *, made: Sequence[Path] = ()) -> None:
        self.path = path
        self._made = made  # the folders that were made for it, the innermost first
        self._lock = filelock.FileLock(path / _LOCK)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ComparisonError(f"{path} is being made by another process") from None
        except OSError as error:
            raise ComparisonError(f"{path} cannot be written: {error.strerror}") from None
        self._asked = dict(asked)
        self._done: dict[str, Any] = (_read(path) or {}).get("done", {})
        self.resumed = bool(self._done)

    @classmethod
    def open(cls, output: Path | None, name: str, asked: Mapping[str, Any]) -> ComparisonFolder:
        """A new folder, or one in which the same was asked for and is not finished.

        It is `output`, or the first of comparisons/<name>[-2, -3 ...] that is either of the two.
        Raises ComparisonError where `output` is neither, or cannot be made.
        """
        if output is not None:
            reason = _refusal(output, asked)
            if reason:
                raise ComparisonError(f"{output} {reason}")
            return cls._in(output, asked)
        number = 1
        while True:
            path = Path(DEFAULT_ROOT) / (name if number == 1 else f"{name}-{number}")
            if not _refusal(path, asked):
                return cls._in(path, asked)
            number += 1

    @classmethod
    def _in(cls, path: Path, asked: Mapping[str, Any]) -> ComparisonFolder:
        try:
            missing = [each for each in (path, *path.parents) if not each.exists()]
            path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ComparisonError(f"{path} cannot be made: {reason}") from None
        return cls(path, asked, made=missing)

    def __contains__(self, key: str) -> bool:
        return key in self._done

    def get(self, key: str, kind: type[Result]) -> Result:
        """What was put under a key, a value of the given type."""
        try:
            return cast(Result, decoded(kind, self._done[key], key))
        except ComparisonError:
            raise self.damaged(f"{key} in {_DONE}") from None

    def put(self, key: str, value: Any) -> None:
        """Keep the result of a stage, from now on and for good."""
        self._done[key] = encoded(value)
        content = {"asked": self._asked, "done": self._done}
        self.write(_DONE, json.dumps(content, allow_nan=False).encode())

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of the folder, whole or not at all."""
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ComparisonError(f"{path.parent} cannot be made: {error.strerror}") from None
        storage.write_file(path, data)

    def read(self, name: str) -> bytes:
        """A file that an earlier stage wrote. Raises ComparisonError where it is gone."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise self.damaged(f"{name} cannot be read: {error.strerror}") from None

    def model(self, name: str) -> Path:
        """Where a trained network of the comparison lies."""
        return self.path / MODELS / name

    def damaged(self, what: str) -> ComparisonError:
        """The error to raise where something of a half-made comparison is gone or broken."""
        return ComparisonError(
            f"{self.path} is damaged: {what} (remove the folder and begin again)"
        )

    def work(self, name: str) -> Path:
        """Where a network is trained that is needed for a figure alone. `finish` removes it."""
        return self.path / WORK / name

    def finish(self, numbers: bytes) -> None:
        """Write comparison.json, the last of all files, and drop what only going on needs."""
        self.write(NUMBERS, numbers)
        (self.path / _DONE).unlink(missing_ok=True)
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def close(self) -> None:
        """Let go of the folder; where nothing was done, leave nothing that was made for it."""
        self._lock.release()
        if self._made and not self._done:
            (self.path / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                for folder in self._made:
                    folder.rmdir()


def _refusal(path: Path, asked: Mapping[str, Any]) -> str | None:
    """Why a comparison cannot be made in a folder, or None where it can.

    Raises ComparisonError where it cannot be told.
    """
    try:
        if not path.exists():
            return None
        if not path.is_dir():
            return "is a file, not a folder (name another with -o)"
        if (path / NUMBERS).exists():
            return f"holds a finished comparison (--from {path} draws it again, -o names another)"
        # A lock file is empty; one with something in it is not ours.
        names = {file.name for file in path.iterdir() if file.name != _LOCK or file.stat().st_size}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ComparisonError(f"{path} cannot be read: {reason} (name another with -o)") from None
    if not names:
        return None
    found = _read(path)
    if found is None:
        what = f"a damaged {_DONE}" if _DONE in names else f"{min(names)} and no comparison"
        return f"holds {what} (name another with -o)"
    if found["asked"] != dict(asked):
        differing = sorted(
            name
            for name in {*found["asked"], *asked}
            if found["asked"].get(name) != asked.get(name)
        )
        return (
            f"holds an unfinished comparison with another {', '.join(differing)}"
            " (ask for the same to go on with it, or name another with -o)"
        )
    return None


def _read(path: Path) -> dict[str, Any] | None:
    """What stages.json holds, or None where there is none that makes sense."""
    try:
        found = json.loads((path / _DONE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(found, dict) and all(
        isinstance(found.get(k), dict) for k in ("asked", "done")
    )
    return found if whole else None
