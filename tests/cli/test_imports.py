"""What a command loads before it has anything to do, in processes of their own."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from chargen.cli.main import COMMANDS

# Runs the command line, then tells which modules it has loaded.
PROGRAM = """
import json, sys
from chargen.cli.main import main
try:
    main()
except SystemExit as left:
    heavy = ("numpy", "torch", "matplotlib", "tokenizers", "safetensors", "tqdm")
    found = [name for name in heavy if name in sys.modules]
    print(json.dumps([left.code, found]), file=sys.stderr)
"""

Launch = Callable[..., subprocess.Popen[bytes]]


def loaded(launch: Launch, *arguments: str) -> set[str]:
    """The heavy modules that a successful call has loaded."""
    _, err = launch(*arguments, program=PROGRAM).communicate()
    status, found = json.loads(err.splitlines()[-1])
    assert status == 0, err.decode()
    return set(found)


@pytest.mark.parametrize("arguments", [(), *((command,) for command in COMMANDS)], ids=" ".join)
def test_help_loads_nothing_heavy(launch: Launch, arguments: tuple[str, ...]) -> None:
    """Before the help of the root or of a command stands there, nothing heavy is imported."""
    assert loaded(launch, *arguments, "--help") == set()


def test_the_version_loads_nothing_heavy(launch: Launch) -> None:
    """Nor for the version."""
    assert loaded(launch, "--version") == set()


@pytest.mark.parametrize(
    "command",
    [
        ("sample", "-n", "20"),
        ("sample", "-n", "20", "--json", "--num-samples", "2"),
        ("score", "the cat"),
        ("score", "--json", "the cat"),
        ("score", "--choices", "cat,dog"),
        ("repl",),
        ("info",),
        ("info", "--json"),
    ],
    ids=" ".join,
)
def test_using_a_model_takes_no_torch(
    launch: Launch, model: Path, command: tuple[str, ...]
) -> None:
    """A model is sampled, scored, written with and described with numpy alone."""
    found = loaded(launch, *command, "-m", str(model))
    assert "numpy" in found
    assert not found & {"torch", "matplotlib", "tqdm"}


def test_the_package_runs_as_a_module(launch: Launch) -> None:
    """`python -m chargen --version` prints the version that is installed."""
    out, err = launch("--version").communicate()
    assert out.decode() == f"chargen {version('chargen')}\n"
    assert err == b""


def test_the_installed_script_is_the_same_command(here: Path) -> None:
    """`chargen --version` says what `python -m chargen --version` says."""
    script = Path(sys.executable).with_name("chargen")
    if not script.exists():
        pytest.skip("no script of that name beside this Python")
    done = subprocess.run([script, "--version"], cwd=here, capture_output=True, check=True)
    assert done.stdout.decode() == f"chargen {version('chargen')}\n"
