"""Tests of the environment variable that limits spinning."""

import os
import subprocess
import sys

import pytest

# OpenMP reads the variable when torch loads it, so each must be set before torch is imported.
PROGRAM = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"))
            sys.exit(0)
sys.meta_path.insert(0, Watch())
import chargen
chargen.train("missing.txt")
"""


@pytest.mark.parametrize(("before", "after"), [(None, "1000"), ("7", "7")])
def test_training_in_python_limits_spinning(before: str | None, after: str) -> None:
    """`chargen.train` sets the variable before it imports torch, unless the user has set it."""
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    if before is not None:
        environment["GOMP_SPINCOUNT"] = before
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, env=environment
    )
    assert done.stdout.decode().split() == [after]
