"""Tests of `chargen export onnx`."""

import sys
from pathlib import Path

import pytest

from tests.cli.outcome import Command, Refused

FAILURE = 1


def test_a_graph_is_named_after_its_model(chargen: Command, here: Path, model: Path) -> None:
    """Without -o it is <model>.onnx, and one line tells its name, size and use."""
    pytest.importorskip("onnx")
    outcome = chargen("export", "onnx", str(model))
    size = (here / "model.onnx").stat().st_size / 1e3
    line = f"graph     model.onnx ({size:.1f} kB; one step: id and states -> logits and states)\n"
    assert outcome.out == line
    assert chargen("export", "onnx", "-m", str(model), "-o", "a.onnx", "--overwrite").status == 0
    assert (here / "a.onnx").read_bytes() == (here / "model.onnx").read_bytes()


def test_a_missing_package_is_one_line(
    refused: Refused, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    message = refused(FAILURE, "export", "onnx", "-m", str(model))
    assert message == "the export needs the package onnx (pip install onnx)"


def test_an_existing_file_is_kept(refused: Refused, here: Path, model: Path) -> None:
    """--overwrite replaces it."""
    (here / "model.onnx").write_bytes(b"")
    message = refused(FAILURE, "export", "onnx", "-m", str(model))
    assert message == "model.onnx exists (use --overwrite, or choose another file)"
