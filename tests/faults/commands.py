"""Commands in processes of their own, with faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
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
LIMIT = 60.0  # seconds until a process that waits for another one is killed
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
        (outcome,) = self._run([self._request(arguments, faults)], kill_after)
        return outcome

    def run_two(self, *arguments: str | Path, faults: Any = ((), ())) -> list[Outcome]:
        """Run a command in two processes that train together, as `torchrun` starts them.

        faults: those of each process.
        """
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        store = TCPStore("localhost", 0, is_master=True)
        place = {"MASTER_ADDR": "localhost", "MASTER_PORT": store.port, "WORLD_SIZE": 2}
        place |= {"LOCAL_WORLD_SIZE": 2, "TORCHELASTIC_USE_AGENT_STORE": True}
        requests = [
            self._request(arguments, each, {**place, "RANK": rank, "LOCAL_RANK": rank})
            for rank, each in enumerate(faults)
        ]
        outcomes = self._run(requests)
        del store
        return outcomes

    def _request(
        self, arguments: Any, faults: Any, environment: Mapping[str, object] = MappingProxyType({})
    ) -> dict[str, Any]:
        rank = environment.get("RANK", 0)
        return {
            "folder": str(self.folder),
            "arguments": list(map(str, arguments)),
            "faults": list(faults),
            "environment": {name: str(value) for name, value in environment.items()},
            "out": str(self.folder / f".out{rank}"),
            "err": str(self.folder / f".err{rank}"),
        }

    def _run(
        self, requests: list[dict[str, Any]], kill_after: float | None = None
    ) -> list[Outcome]:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(requests) + "\n")
        self._server.stdin.flush()
        processes = [self._read() for _ in requests]
        seconds = LIMIT if kill_after is None else kill_after
        timers = [threading.Timer(seconds, _kill, (each,)) for each in processes]
        for timer in timers:
            timer.start()
        statuses = [self._read() for _ in requests]
        for timer in timers:
            timer.cancel()
        printed = [
            [Path(request[name]).read_text(errors="replace") for name in ("out", "err")]
            for request in requests
        ]
        return [Outcome(status, *each) for status, each in zip(statuses, printed, strict=True)]

    def launch(
        self, *arguments: str | Path, program: Sequence[str] = ("-m", "chargen")
    ) -> subprocess.Popen[str]:
        """Start a command without the server. program: the arguments of Python before its own."""
        return subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
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


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):  # it has ended while another one still runs
        os.kill(process, signal.SIGKILL)


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
