"""A process that runs `chargen` in forked children, so that torch is imported only once.

It reads a list of requests per line and runs them at the same time. For each of them, it prints the
id of the child's process, and after that its exit status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import torch

import chargen.cli.info
import chargen.cli.main
import chargen.cli.progress
import chargen.cli.sample
import chargen.cli.train
import chargen.training.train  # noqa: F401
from chargen.__main__ import main
from tests.faults.injection import inject


def serve() -> None:
    """Run the requested commands, one list after another."""
    torch.set_num_threads(1)
    for line in sys.stdin:
        children = []
        for request in json.loads(line):
            child = os.fork()
            if not child:
                _run(request)
            children.append(child)
            _answer(child)
        for child in children:
            _answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _run(request: dict[str, Any]) -> None:
    status: Any = 1
    try:
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        for file, name in ((1, "out"), (2, "err")):
            target = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(target, file)
            os.close(target)
        sys.stdin.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for fault in request["faults"]:
            inject(fault)
        sys.argv = ["chargen", *request["arguments"]]
        main()
    except SystemExit as left:
        status = left.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
