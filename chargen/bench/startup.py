"""Measurements in separate processes: time to the first character, memory of a long prompt."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from chargen.bench.generation import CHARACTERS, Model
from chargen.bench.records import Measurement, format_value
from chargen.model.checkpoint import CONFIG, TOKENIZER, Description, write_model
from chargen.text.vocabulary import Vocabulary

_STARTS = 5
_LONG_PROMPT = 1_000_000
_STATUS = Path("/proc/self/status")

# VmHWM is the peak of this program alone; `ru_maxrss` starts at the peak of the parent.
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


def startup() -> Iterator[Measurement]:
    """Measure the time to the first character and the memory of a long prompt."""
    with tempfile.TemporaryDirectory() as folder:
        yield first_character(Path(folder) / "512")
        if _STATUS.exists():
            yield prompt_memory(Path(folder) / "16", _LONG_PROMPT)


def first_character(folder: Path) -> Measurement:
    """Measure the time from the start of `chargen sample` to its first character.

    The reference is the time to import torch.
    """
    model = Model.of(1, 512)
    write(model, folder)
    sample = ["-m", "chargen", "sample", "-m", str(folder), "-n", "1"]
    torch = ["-c", "import torch; print(flush=True)"]
    times = [(_until_output(sample), _until_output(torch)) for _ in range(_STARTS)]
    return Measurement(
        "time to the first character",
        model.name,
        statistics.median(ours for ours, _ in times),
        "s",
        f"import torch: {format_value(statistics.median(theirs for _, theirs in times))}",
        statistics.median(theirs / ours for ours, theirs in times),
    )


def prompt_memory(folder: Path, length: int) -> Measurement:
    """Measure the peak memory of reading a prompt, without the loaded model.

    The layer is small to save time; the memory of a prompt does not depend on its size.
    """
    model = Model.of(1, 16)
    write(model, folder)
    program = [sys.executable, "-c", _READ_LONG_PROMPT, str(folder), str(length), CHARACTERS]
    done = subprocess.run(program, capture_output=True, check=True)
    name = "memory of a long prompt, without the model"
    shape = f"{model.name}, {length:,} characters"
    return Measurement(name, shape, int(done.stdout) / 1e6, "MB", None, None)


def write(model: Model, folder: Path) -> None:
    """Write a model folder for `chargen sample -m`."""
    vocabulary = Vocabulary.build([CHARACTERS])
    description = Description(model.config, {}, {"name": "bench"}, {})
    siblings = {CONFIG: description.to_json(), TOKENIZER: vocabulary.to_json()}
    folder.mkdir(parents=True)
    for name, content in siblings.items():
        (folder / name).write_bytes(content)
    write_model(folder, siblings, dict(model.weights), {"step": 0, "validation_nats": None})


def _until_output(arguments: list[str]) -> float:
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, bufsize=0) as run:
        assert run.stdout is not None
        run.stdout.read(1)
        seconds = time.perf_counter() - start
        run.stdout.read()
    assert run.returncode == 0
    return seconds
