"""A lock file that one process holds. The system releases it whenever the process ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _PLACE = 1 << 20  # far behind the process id, because a locked byte cannot be read

    def _lock(file: int) -> None:
        os.lseek(file, _PLACE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockedError(Exception):
    """Another process holds the lock. process: its id, if the file has one."""

    def __init__(self, process: int | None) -> None:
        self.process = process
        super().__init__(process)


class Lock:
    """A lock that is held from its creation to `release`. The file has the id of the process.

    Raises LockedError if another process holds it, OSError if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _acquire(path)
        try:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, b"%d\n" % os.getpid())
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Remove the file and release the lock. A second call has no effect."""
        if self._file < 0:
            return
        # The file is removed first: after the release, it can belong to another process.
        with suppress(OSError):
            self._path.unlink()
        os.close(self._file)
        self._file = -1
        if sys.platform == "win32":  # which does not remove an open file
            with suppress(OSError):
                self._path.unlink()


def _acquire(path: Path) -> int:
    """Return the open file of a lock that this process holds now."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(file)
            # Another process may have removed the file after it was opened here.
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        except (BlockingIOError, PermissionError):
            process = _process(file)
            os.close(file)
            raise LockedError(process) from None
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def is_lock(path: Path) -> bool:
    """Return whether a file is a lock: it has at most the id of a process."""
    return path.read_bytes()[:32].strip().isdigit() or not path.stat().st_size


def _process(file: int) -> int | None:
    os.lseek(file, 0, os.SEEK_SET)
    with suppress(OSError, ValueError):
        return int(os.read(file, 32))
    return None
