"""Tests of the imports of each command, each in a separate process."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from chargen.cli.main import COMMANDS

# Runs the command line, then prints which large modules were imported.
PROGRAM = """
import json, sys
from chargen.cli.main import main
try:
    main()
except SystemExit as left:
    large = (
        "numpy", "torch", "msgspec", "jinja2", "matplotlib", "tokenizers", "safetensors", "tqdm"
    )
    found = [name for name in large if name in sys.modules]
    print(json.dumps([left.code, found]), file=sys.stderr)
"""

Launch = Callable[..., subprocess.Popen[bytes]]


def imported(launch: Launch, *arguments: str) -> set[str]:
    """Return the large modules that a successful call imports."""
    _, err = launch(*arguments, program=PROGRAM).communicate()
    status, found = json.loads(err.splitlines()[-1])
    assert status == 0, err.decode()
    return set(found)


@pytest.mark.parametrize(
    "arguments",
    ["--version", "--help", *(f"{command} --help" for command in COMMANDS), "export page --help"],
)
def test_help_imports_no_large_library(launch: Launch, arguments: str) -> None:
    """The version and the help of each command are printed without numpy and torch."""
    assert imported(launch, *arguments.split()) == set()


@pytest.mark.parametrize(
    "command",
    [
        "sample -n 20",
        "sample -n 20 --json --num-samples 2",
        "score the",
        "score --json the",
        "score --choices cat,dog",
        "repl",
        "info",
        "info --json",
        "inspect -p the",
        "inspect -p the --close forget --json",
        "inspect -p the --versus one --unit 3",
        "inspect -p the --unfold",
        "inspect -p the --saliency",
        "inspect --units",
    ],
)
def test_a_model_is_used_without_torch(launch: Launch, model: Path, command: str) -> None:
    """Commands that only use a model need numpy, but not torch."""
    found = imported(launch, *command.split(), "-m", str(model))
    assert "numpy" in found
    assert not found & {"torch", "jinja2", "matplotlib", "tqdm"}


@pytest.mark.parametrize(
    "command", ["export page -m english -o page.html", "tour --html page.html"]
)
def test_a_page_is_written_without_torch(launch: Launch, command: str) -> None:
    """A page needs numpy and jinja2, but neither torch nor matplotlib."""
    found = imported(launch, *command.split())
    assert {"numpy", "jinja2"} <= found
    assert not found & {"torch", "matplotlib", "tqdm"}


@pytest.mark.parametrize("form", ["zip", "onnx"])
def test_other_forms_are_exported_without_torch(launch: Launch, model: Path, form: str) -> None:
    """An archive needs no other library than the model does; a graph needs onnx."""
    if form == "onnx":
        pytest.importorskip("onnx")
    found = imported(launch, "export", form, "-m", str(model))
    assert not found & {"torch", "jinja2", "matplotlib", "tqdm"}


def test_models_are_listed_without_torch(launch: Launch) -> None:
    """`chargen models` needs numpy, but not torch."""
    found = imported(launch, "models")
    assert "numpy" in found
    assert not found & {"torch", "jinja2", "matplotlib", "tqdm"}


def test_the_lecture_is_shown_without_torch(launch: Launch) -> None:
    """`chargen tour` needs numpy, but not torch."""
    found = imported(launch, "tour")
    assert "numpy" in found
    assert not found & {"torch", "jinja2", "matplotlib", "tqdm"}


def test_the_module_and_the_script_are_the_same(here: Path, launch: Launch) -> None:
    """`python -m chargen` and `chargen` print the installed version."""
    out, err = launch("--version").communicate()
    assert out.decode() == f"chargen {version('chargen')}\n"
    assert err == b""
    script = Path(sys.executable).with_name("chargen")
    if script.exists():
        done = subprocess.run([script, "--version"], cwd=here, capture_output=True, check=True)
        assert done.stdout == out
