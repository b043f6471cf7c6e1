"""Commands in processes of their own, with faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.cli.outcome import Outcome

TEXT = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
) * 10
# A tiny network, with a validation set.
SIZES = "--hidden-size 8 --embedding-size 4 --batch-size 4 --sequence-length 16 --init-from none"
QUICK = f"{SIZES} --device cpu --precision float32 --val-fraction 0.2".split()
REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": str(REPOSITORY),
}


class Commands:
    """Runs commands in a folder, with or without the server that has imported torch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the server."""
        self._server.communicate()

    def run(
        self, *arguments: str | Path, faults: Any = (), kill_after: float | None = None
    ) -> Outcome:
        """Run a command in the folder. kill_after: seconds until SIGKILL."""
        names = {name: str(self.folder / f".{name}") for name in ("out", "err")}
        request = {
            "folder": str(self.folder),
            "arguments": list(map(str, arguments)),
            "faults": list(faults),
            **names,
        }
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        process = self._read()
        timer = threading.Timer(kill_after or 0.0, os.kill, (process, signal.SIGKILL))
        if kill_after is not None:
            timer.start()
        status = self._read()
        timer.cancel()
        out, err = (Path(name).read_text(errors="replace") for name in names.values())
        return Outcome(status, out, err)

    def launch(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command without the server."""
        return subprocess.Popen(
            [sys.executable, "-m", "chargen", *map(str, arguments)],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _read(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


def error_of(outcome: Outcome) -> str:
    """Return the message of a command that must have failed with one line."""
    assert "Traceback" not in outcome.err, outcome.err
    lines = [line for line in outcome.err.splitlines() if line.startswith("chargen: error: ")]
    assert len(lines) == 1, outcome.err
    assert outcome.err.splitlines()[-1] == lines[0]
    assert outcome.status in (1, 2)
    return lines[0].removeprefix("chargen: error: ")


def strays(folder: Path) -> list[str]:
    """Return the files and folders that no finished command leaves."""
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.name.endswith((".tmp", ".lock", ".old", ".new", "settings.json"))
    )
