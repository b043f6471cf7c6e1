"""Fixtures of the command-line tests: a folder, the command and a tiny model."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from chargen.cli.main import main
from chargen.text.corpus import Corpus
from chargen.training.options import TrainingOptions
from chargen.training.train import start
from tests.cli.outcome import Command, Outcome, Refused

TEXT = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder for each test. torch uses one thread, which suits tiny networks."""
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(before)


@pytest.fixture
def text(here: Path) -> str:
    """A text file of 1,400 characters in the current folder."""
    (here / "text.txt").write_text(TEXT * 10)
    return "text.txt"


@pytest.fixture
def chargen(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, called in this process. Unexpected exceptions are raised."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(arguments)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, printed.out, printed.err)

    return call


@pytest.fixture
def quick() -> tuple[str, ...]:
    """The options of a very short run."""
    options = "--steps 6 --hidden-size 8 --embedding-size 4 --batch-size 4 --sequence-length 16"
    return (*options.split(), "--device", "cpu", "--precision", "float32")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained on the text, with a fifth of it as the validation set."""
    options = TrainingOptions(
        steps=150,
        hidden_size=16,
        embedding_size=8,
        batch_size=4,
        sequence_length=16,
        learning_rate=0.02,
        validation_fraction=0.2,
        precision="float32",
        device="cpu",
    )
    folder = tmp_path_factory.mktemp("trained") / "model"
    trainer = start(Corpus.of([TEXT * 10], name="text"), options, output=folder)
    list(trainer.run())
    trainer.folder.finish()
    return folder


@pytest.fixture
def sample(chargen: Command, model: Path) -> Command:
    """`chargen sample` with the tiny model; it must succeed."""

    def call(*options: str) -> Outcome:
        outcome = chargen("sample", "-m", str(model), *options)
        assert outcome.status == 0, outcome.err
        return outcome

    return call


@pytest.fixture
def launch(here: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """The command, or a Python program, in a separate process with pipes."""

    def call(*arguments: str | bytes, program: str | None = None) -> subprocess.Popen[bytes]:
        start = ["-m", "chargen"] if program is None else ["-c", program]
        return subprocess.Popen(
            [sys.executable, *start, *arguments],
            cwd=here,
            env=os.environ
            | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    return call


@pytest.fixture
def refused(here: Path, chargen: Command) -> Refused:
    """The command, which must fail with one line and write no file. Returns the line."""

    def call(status: int, *arguments: str) -> str:
        before = on_disk(here)
        outcome = chargen(*arguments)
        lines = outcome.err.splitlines()
        assert len(lines) == 1, outcome.err
        assert lines[0].startswith("chargen: error: ")
        assert outcome.out == ""
        assert outcome.status == status
        assert on_disk(here) == before
        return lines[0].removeprefix("chargen: error: ")

    return call


def on_disk(folder: Path) -> dict[str, bytes | None]:
    """Return every file in a folder with its content, and every subfolder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def on_terminal(here: Path) -> Callable[..., str]:
    """The command in a separate process on a terminal. Returns the output of the terminal.

    typed: what a reader types, if standard input is the terminal too; None: it has no content.
    environment: variables to set, or None to unset; NO_COLOR is unset by default.
    """
    if not hasattr(os, "openpty"):
        pytest.skip("needs pseudo-terminals")

    def call(*arguments: str, typed: bytes | None = None, **environment: str | None) -> str:
        wanted = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": None, **environment}
        terminal, inside = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "chargen", *arguments],
            cwd=here,
            env={name: value for name, value in wanted.items() if value is not None},
            stdin=subprocess.DEVNULL if typed is None else inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        os.write(terminal, typed or b"")
        seen = b""
        while True:
            try:
                part = os.read(terminal, 1 << 16)
            except OSError:  # Linux: the other side is closed
                break
            if not part:
                break
            seen += part
        os.close(terminal)
        assert process.wait() == 0
        return seen.decode().replace("\r\n", "\n")

    return call
