"""How fast a model writes, beside the other ways to write and beside what the machine can do.

Shapes: B samples, H hidden, V vocabulary.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice

import numpy as np

from chargen.bench import rivals
from chargen.bench.timing import Work, fastest, in_turn
from chargen.generation.context import Reader
from chargen.generation.filters import Temperature
from chargen.generation.generate import generate
from chargen.generation.sampler import Sampler
from chargen.generation.stopping import Stopping
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.model.network import Network
from chargen.records import Measurement
from chargen.text.vocabulary import Vocabulary

# 64 characters, and the unknown one.
CHARACTERS = "\n" + "".join(chr(48 + k) for k in range(63))

_BESIDE_RIVALS = {(2, 128): (1, 16, 256), (2, 512): (1, 16, 256), (1, 1024): (1,)}
_BESIDE_BANDWIDTH = ((2, 128), (2, 512), (1, 1024))
_BESIDE_PEAK = ((2, 512), 256)
_PROMPT = ((2, 512), 2_000)

_LOOPS = {
    "nn.LSTM loop": rivals.lstm_loop,
    "nn.LSTMCell loop": rivals.cell_loop,
    "onnxruntime": rivals.onnx_loop,
}
_PROBE = 0.6  # seconds to choose a loop's threads in


def generation_speed(seconds: float) -> Iterator[Measurement]:
    """Everything about writing that is measured in this process.

    seconds: to spend on each shape and number of samples.
    """
    for shape, batch_sizes in _BESIDE_RIVALS.items():
        for batch_size in batch_sizes:
            yield from beside_rivals(Model.of(*shape), batch_size, seconds)
    for shape in _BESIDE_BANDWIDTH:
        yield beside_bandwidth(Model.of(*shape), seconds)
    yield beside_peak(Model.of(*_BESIDE_PEAK[0]), _BESIDE_PEAK[1], seconds)
    yield prompt_speed(Model.of(*_PROMPT[0]), _PROMPT[1], seconds)


@dataclass(frozen=True)
class Model:
    """A network that was never trained: its speed is that of one that was."""

    config: ModelConfig
    weights: rivals.Weights

    @classmethod
    def of(cls, num_layers: int, hidden_size: int) -> Model:
        """An LSTM of this shape, embedding 64."""
        config = ModelConfig(len(CHARACTERS) + 1, num_layers=num_layers, hidden_size=hidden_size)
        network = Network(config)
        network.initialise(1)
        return cls(config, network.weights())

    @cached_property
    def reader(self) -> Reader:
        """What every command writes with."""
        return Reader(Engine(self.config, self.weights), Vocabulary.build([CHARACTERS]))

    @property
    def name(self) -> str:
        """Its shape, as it is printed."""
        return f"{self.config.num_layers}x{self.config.hidden_size}"

    @property
    def multiplied(self) -> int:
        """The weights that a step multiplies with.

        The first layer's product with a character is a row of a table and not among them.
        """
        shapes = self.config.shapes()
        left_out = ("encoder.weight", "layers.0.weight_ih_l0")
        return sum(
            math.prod(shape)
            for name, shape in shapes.items()
            if len(shape) == 2 and name not in left_out
        )

    @property
    def step_bytes(self) -> int:
        """What must be read for a character of one sample: float32."""
        return 4 * self.multiplied

    def step_operations(self, batch_size: int) -> int:
        """The multiplications and additions of a step."""
        return 2 * batch_size * self.multiplied


def beside_rivals(model: Model, batch_size: int, seconds: float) -> Iterator[Measurement]:
    """Characters a second, and the same sampler's behind each of the other loops."""
    works, labels = [ours(model, batch_size)], [""]
    for name, make in _LOOPS.items():
        if name == "onnxruntime" and not rivals.has_onnxruntime():
            continue
        threads = sorted({1, os.cpu_count() or 1})
        tried = [
            loop(make(model.config, model.weights, batch_size, n), batch_size) for n in threads
        ]
        best = fastest(tried, min(_PROBE, seconds))
        works.append(tried[best])
        labels.append(f"{name}, {threads[best]} thread{'s' if threads[best] > 1 else ''}")
    turns = in_turn(works, seconds)

    def row(against: str, ratio: float | None) -> Measurement:
        shape = f"{model.name}, samples: {batch_size}"
        return Measurement(
            "writing beside other ways", shape, turns.rate(0), "characters/s", against, ratio
        )

    for k in range(1, len(works)):
        yield row(f"{labels[k]}: {turns.rate(k):,.0f}", turns.ratio(0, k))
    if not rivals.has_onnxruntime():
        yield row("onnxruntime: not installed", None)


def beside_bandwidth(model: Model, seconds: float) -> Measurement:
    """The share of the floor: every weight must be read once a character.

    The best that numpy reads: the better of a dot product and a matrix-vector product, in either
    order, of as many bytes and with as many threads.
    """
    write, size = ours(model, 1), model.step_bytes
    random = np.random.default_rng(1)
    values = random.standard_normal(size // 4, np.float32)
    half, columns = len(values) // 2, 4 * model.config.hidden_size
    rows = len(values) // columns
    by_rows = values[: rows * columns].reshape(rows, columns)
    by_columns = np.asfortranarray(by_rows)
    vector, out = values[:rows].copy()[None], np.empty((1, columns), np.float32)
    reads = {
        "a dot product": _work(lambda: np.dot(values[:half], values[half : 2 * half]), size),
        "a matrix-vector product": _work(lambda: np.dot(vector, by_rows, out), by_rows.nbytes),
        "a matrix-vector product, transposed": _work(
            lambda: np.dot(vector, by_columns, out), by_rows.nbytes
        ),
    }
    return _share(
        "share of the read bandwidth",
        f"{model.name}, samples: 1",
        "GB/s",
        lambda: write() * size,
        reads,
        seconds,
    )


def beside_peak(model: Model, batch_size: int, seconds: float) -> Measurement:
    """The share of the fastest float32 matrix product, all of a step's time counted."""
    write, operations = ours(model, batch_size), model.step_operations(1)
    random = np.random.default_rng(1)
    hidden = model.config.hidden_size
    products = {}
    for m, k, n in ((1024, 1024, 1024), (batch_size, 2 * hidden, 4 * hidden)):
        a, b = (random.standard_normal(shape, np.float32) for shape in ((m, k), (k, n)))
        out = np.empty((m, n), np.float32)
        name = f"a product of {m}x{k} with {k}x{n}"
        products[name] = _work(partial(np.dot, a, b, out), 2 * m * k * n)
    return _share(
        "share of the matrix-product peak",
        f"{model.name}, samples: {batch_size}",
        "GFLOP/s",
        lambda: write() * operations,
        products,
        seconds,
    )


def _share(
    what: str, shape: str, unit: str, work: Work, bounds: Mapping[str, Work], seconds: float
) -> Measurement:
    """What a work reaches of the best of the bounds, measured in turn; in 1e9 a second."""
    turns = in_turn([work, *bounds.values()], seconds)
    best = max(range(1, len(bounds) + 1), key=turns.rate)
    against = f"{list(bounds)[best - 1]}: {turns.rate(best) / 1e9:,.1f}"
    return Measurement(what, shape, turns.rate(0) / 1e9, unit, against, turns.ratio(0, best))


def prompt_speed(model: Model, length: int, seconds: float) -> Measurement:
    """Characters a second of reading a prompt, beside writing."""
    letters = np.random.default_rng(1).integers(0, len(CHARACTERS), length)
    prompt = "".join(CHARACTERS[k] for k in letters)
    turns = in_turn([_work(lambda: model.reader.read(prompt), length), ours(model, 1)], seconds)
    return Measurement(
        what="reading a prompt",
        shape=f"{model.name}, {length:,} characters",
        value=turns.rate(0),
        unit="characters/s",
        against=f"writing: {turns.rate(1):,.0f}",
        ratio=turns.ratio(0, 1),
    )


def ours(model: Model, batch_size: int) -> Work:
    """The characters that the commands and the API get, taken one by one."""
    sampler = Sampler([Temperature(0.8)], seed=1, samples=batch_size)
    records = generate(model.reader, sampler, model.reader.start, Stopping())
    count = 16 * batch_size

    def work() -> float:
        for _ in islice(records, count):
            pass
        return count

    return work


def loop(step: rivals.Step, batch_size: int) -> Work:
    """Another way's characters: the same sampler draws from its logits."""
    sampler = Sampler([Temperature(0.8)], seed=1, samples=batch_size)
    ids = np.ones(batch_size, np.int64)

    def work() -> float:
        nonlocal ids
        for _ in range(4):
            ids = sampler.draw(step(ids))
        return 4 * batch_size

    return work


def _work(do: Callable[[], object], size: float) -> Work:
    def work() -> float:
        do()
        return size

    return work
