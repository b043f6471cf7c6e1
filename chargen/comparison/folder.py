"""The folder of a comparison, with the results of its finished stages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from chargen.comparison.result import Comparison
from chargen.comparison.storage import COMPARISON, SCHEMA, encode_comparison, schema
from chargen.errors import ComparisonError
from chargen.model.locked_folder import LOCK, LockedFolder, is_lock, numbered_paths

DEFAULT_ROOT = "comparisons"
MODELS = "models"
WORK = "work"
_STAGES = "stages.json"


@dataclass
class _Stored:
    """The content of stages.json.

    options: the options of the comparison. results: the result of each finished stage; starts:
    how often each stage was started; seconds: how long it ran.
    """

    options: dict[str, Any]
    results: dict[str, msgspec.Raw] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class ComparisonFolder(LockedFolder):
    """A locked folder with the results of finished stages by their keys."""

    def __init__(self, path: Path, options: Mapping[str, Any]) -> None:
        super().__init__(path)
        self._stored = _read(path) or _Stored(dict(options))
        self.resumed = bool(self._stored.results)

    @classmethod
    def open(cls, output: Path | None, name: str, options: Mapping[str, Any]) -> ComparisonFolder:
        """Open a new folder, or one with an unfinished comparison of the same options.

        The folder is `output`, or the first suitable one of comparisons/<name>[-2, -3 ...].
        Raises ComparisonError if `output` contains anything else, or cannot be created.
        """
        if output is not None:
            if reason := _refusal(output, options):
                raise ComparisonError(f"{output} {reason} (choose another folder)")
            return cls(output, options)
        paths = numbered_paths(DEFAULT_ROOT, name)
        return cls(next(path for path in paths if not _refusal(path, options)), options)

    def __contains__(self, key: str) -> bool:
        return key in self._stored.results

    def get(self, key: str, result_type: Any) -> Any:
        """Return a stored result. Raises ComparisonError if it is damaged."""
        try:
            return msgspec.json.decode(self._stored.results[key], type=result_type)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise self.damaged(f"{key} in {_STAGES}: {error}") from None

    def put(self, key: str, result: Any) -> None:
        """Store the result of a stage, in memory and on the disk."""
        self._stored.results[key] = msgspec.Raw(msgspec.json.encode(result))
        self._save()

    def start(self, key: str) -> None:
        """Count the start of a stage."""
        self._stored.starts[key] = self._stored.starts.get(key, 0) + 1
        self._save()

    def interruptions(self, key: str) -> int:
        """Return how often a stage was restarted."""
        return self._stored.starts.get(key, 1) - 1

    def add_seconds(self, key: str, seconds: float) -> None:
        """Add to the time of a finished or unfinished stage."""
        self._stored.seconds[key] = self._stored.seconds.get(key, 0.0) + seconds
        self._save()

    def seconds(self, prefix: str = "") -> float:
        """Return the total time of all stages with keys that begin with a prefix."""
        times = self._stored.seconds.items()
        return sum(seconds for key, seconds in times if key.startswith(prefix))

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of the folder atomically."""
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ComparisonError(f"{path.parent} cannot be created: {error.strerror}") from None
        super().write(name, data)

    def read(self, name: str) -> bytes:
        """Return the content of a file that an earlier stage wrote."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise self.damaged(f"{name} cannot be read: {error.strerror}") from None

    def model(self, name: str) -> Path:
        """Return the folder of a trained network that `finish` keeps."""
        return self.path / MODELS / name

    def work(self, name: str) -> Path:
        """Return a path for a file or network that `finish` removes."""
        return self.path / WORK / name

    def damaged(self, what: str) -> ComparisonError:
        """Return the error for a missing or damaged part of an unfinished comparison."""
        return ComparisonError(f"{self.path} is damaged: {what} (delete the folder and run again)")

    def finish(self, comparison: Comparison) -> None:
        """Write comparison.json after all other files, and remove files needed only to resume."""
        self.write(SCHEMA, schema())
        self.write(COMPARISON, encode_comparison(comparison))
        (self.path / _STAGES).unlink(missing_ok=True)
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def close(self) -> None:
        """Unlock the folder; remove it if it was created and nothing was written."""
        if self._made and not self._stored.results:
            (self.path / _STAGES).unlink(missing_ok=True)
        super().close()

    def _save(self) -> None:
        self.write(_STAGES, msgspec.json.encode(self._stored))


def _refusal(path: Path, options: Mapping[str, Any]) -> str | None:
    """Return the reason why a comparison cannot be run in a folder, or None if it can.

    Raises ComparisonError if the folder cannot be read.
    """
    try:
        if not path.exists():
            return None
        if not path.is_dir():
            return "is a file, not a folder"
        if (path / COMPARISON).exists():
            return "contains a finished comparison"
        names = {file.name for file in path.iterdir() if file.name != LOCK or not is_lock(file)}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ComparisonError(f"{path} cannot be read: {reason} (choose another folder)") from None
    if not names:
        return None
    stored = _read(path)
    if stored is None:
        if _STAGES in names:
            return f"contains a damaged {_STAGES}"
        return f"contains other files ({min(names)}) but no comparison"
    different = sorted(
        name
        for name in {*stored.options, *options}
        if stored.options.get(name) != options.get(name)
    )
    if different:
        return f"contains an unfinished comparison with another {', '.join(different)}"
    return None


def _read(path: Path) -> _Stored | None:
    """Read stages.json; None if it is missing or damaged."""
    try:
        return msgspec.json.decode((path / _STAGES).read_bytes(), type=_Stored)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return None
