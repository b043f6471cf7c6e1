"""What a process of its own takes: the time to the first character, the memory of a long prompt."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from chargen.bench.generation import CHARACTERS, Model
from chargen.model.checkpoint import CONFIG, TOKENIZER, Description, write_model
from chargen.records import Measurement
from chargen.text.vocabulary import Vocabulary

_STARTS = 5
_LONG_PROMPT = 1_000_000
_STATUS = Path("/proc/self/status")

# The peak as Linux counts it for one program: `ru_maxrss` begins with that of the parent.
_READ_LONG_PROMPT = """
import sys
from chargen.generation.context import Reader
from chargen.model.checkpoint import Checkpoint

def peak():
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])

reader = Reader.of(Checkpoint.load(sys.argv[1]))
reader.read(sys.argv[3])
before = peak()
reader.read(sys.argv[3] * (int(sys.argv[2]) // len(sys.argv[3])))
print((peak() - before) * 1024)
"""


def startup(starts: int = _STARTS, prompt_length: int = _LONG_PROMPT) -> Iterator[Measurement]:
    """The seconds to the first character from a cold start, and a long prompt's memory."""
    with tempfile.TemporaryDirectory() as folder:
        yield first_character(Path(folder) / "512", starts)
        if _STATUS.exists():
            yield prompt_memory(Path(folder) / "16", prompt_length)


def first_character(folder: Path, starts: int) -> Measurement:
    """Seconds from the start of `chargen sample` to its first character, beside importing torch."""
    model = Model.of(1, 512)
    write(model, folder)
    sample = ["-m", "chargen", "sample", "-m", str(folder), "-n", "1"]
    torch = ["-c", "import torch; print(flush=True)"]
    times = [(_until_output(sample), _until_output(torch)) for _ in range(starts)]
    return Measurement(
        what="from a cold start to the first character",
        shape=model.name,
        value=statistics.median(a for a, _ in times),
        unit="s",
        against=f"import torch: {statistics.median(b for _, b in times):.2f}",
        ratio=statistics.median(b / a for a, b in times),
    )


def prompt_memory(folder: Path, length: int) -> Measurement:
    """The most that reading a prompt takes above the loaded model.

    The layer is a small one, to be done in seconds: what a prompt takes does not hang on it.
    """
    model = Model.of(1, 16)
    write(model, folder)
    program = [sys.executable, "-c", _READ_LONG_PROMPT, str(folder), str(length), CHARACTERS]
    done = subprocess.run(program, capture_output=True, check=True)
    return Measurement(
        what="memory for a long prompt, above the model's own",
        shape=f"{model.name}, {length:,} characters",
        value=int(done.stdout) / 1e6,
        unit="MB",
        against=None,
        ratio=None,
    )


def write(model: Model, folder: Path) -> None:
    """The model as `chargen sample -m` finds it."""
    vocabulary = Vocabulary.build([CHARACTERS])
    description = Description(model.config, {}, {"name": "bench"}, {})
    siblings = {CONFIG: description.to_json(), TOKENIZER: vocabulary.to_json()}
    folder.mkdir(parents=True)
    for name, content in siblings.items():
        (folder / name).write_bytes(content)
    write_model(folder, siblings, dict(model.weights), {"step": 0, "validation_nats": None})


def _until_output(arguments: list[str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, bufsize=0) as run:
        assert run.stdout is not None
        run.stdout.read(1)
        seconds = time.perf_counter() - began
        run.stdout.read()
    assert run.returncode == 0
    return seconds
