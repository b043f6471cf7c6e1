"""Generation speed, compared with other implementations and with the limits of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice

import numpy as np

from chargen.bench import baselines
from chargen.bench.records import Measurement
from chargen.bench.timing import Work, compare, fastest
from chargen.generation.context import Reader
from chargen.generation.filters import Temperature
from chargen.generation.generate import generate
from chargen.generation.sampler import Sampler
from chargen.generation.settings import GenerationSettings
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.model.network import Network
from chargen.text.vocabulary import Vocabulary

# 64 characters; the vocabulary adds the unknown one.
CHARACTERS = "\n" + "".join(chr(48 + k) for k in range(63))

_BASELINE_SHAPES = {(2, 128): (1, 16, 256), (2, 512): (1, 16, 256), (1, 1024): (1,)}
_BANDWIDTH_SHAPES = ((2, 128), (2, 512), (1, 1024))
_PEAK_SHAPE = ((2, 512), 256)
_PROMPT = ((2, 512), 2_000)

_LOOPS = {
    "nn.LSTM loop": baselines.lstm_loop,
    "nn.LSTMCell loop": baselines.cell_loop,
    "onnxruntime": baselines.onnx_loop,
}
_PROBE = 0.6  # seconds for choosing the number of threads of a baseline


def generation_speed(seconds: float) -> Iterator[Measurement]:
    """Measure the generation speed in this process.

    seconds: time for each shape and number of samples.
    """
    for shape, batch_sizes in _BASELINE_SHAPES.items():
        for batch_size in batch_sizes:
            yield from compare_baselines(Model.of(*shape), batch_size, seconds)
    for shape in _BANDWIDTH_SHAPES:
        yield bandwidth_share(Model.of(*shape), seconds)
    yield peak_share(Model.of(*_PEAK_SHAPE[0]), _PEAK_SHAPE[1], seconds)
    yield prompt_speed(Model.of(*_PROMPT[0]), _PROMPT[1], seconds)


@dataclass(frozen=True)
class Model:
    """An untrained network, which is as fast as a trained one."""

    config: ModelConfig
    weights: baselines.Weights

    @classmethod
    def of(cls, num_layers: int, hidden_size: int) -> Model:
        """Return an LSTM of this shape."""
        config = ModelConfig(len(CHARACTERS) + 1, num_layers=num_layers, hidden_size=hidden_size)
        network = Network(config)
        network.initialise(1)
        return cls(config, network.weights())

    @cached_property
    def reader(self) -> Reader:
        """The reader that all commands use."""
        return Reader(Engine(self.config, self.weights), Vocabulary.build([CHARACTERS]))

    @property
    def name(self) -> str:
        """The shape in printed form."""
        return f"{self.config.num_layers}x{self.config.hidden_size}"

    @property
    def multiplied(self) -> int:
        """The number of weights in the matrix products of a step.

        The first layer looks up its product with a character in a table.
        """
        looked_up = ("encoder.weight", "layers.0.weight_ih_l0")
        return sum(
            value.size
            for name, value in self.weights.items()
            if value.ndim == 2 and name not in looked_up
        )


def compare_baselines(model: Model, batch_size: int, seconds: float) -> Iterator[Measurement]:
    """Measure characters per second of the engine and of each baseline, with the same sampler."""
    name, unit = "generation, compared with other implementations", "characters/s"
    shape = f"{model.name}, samples: {batch_size}"
    works = {"engine": engine_loop(model, batch_size)}
    for loop, make in _LOOPS.items():
        if loop == "onnxruntime" and not baselines.has_onnxruntime():
            continue
        tried = {
            f"{loop}, {n} thread{'s' if n > 1 else ''}": baseline_loop(
                make(model.config, model.weights, batch_size, n), batch_size
            )
            for n in sorted({1, os.cpu_count() or 1})
        }
        best = fastest(tried, min(_PROBE, seconds))
        works[best] = tried[best]
    rows = compare(name, shape, unit, works, seconds)
    yield from rows
    if not baselines.has_onnxruntime():
        yield replace(rows[0], baseline="onnxruntime: not installed", ratio=None)


def bandwidth_share(model: Model, seconds: float) -> Measurement:
    """Measure the share of the memory bandwidth, as each character reads every weight once.

    The bandwidth is that of numpy's fastest operation among a dot product and matrix-vector
    products in both memory orders, with the same number of bytes and threads.
    """
    size = 4 * model.multiplied
    random = np.random.default_rng(1)
    values = random.standard_normal(size // 4, np.float32)
    half, columns = len(values) // 2, 4 * model.config.hidden_size
    rows = len(values) // columns
    by_rows = values[: rows * columns].reshape(rows, columns)
    by_columns = np.asfortranarray(by_rows)
    vector, out = values[:rows].copy()[None], np.empty((1, columns), np.float32)
    works: dict[str, Work] = {
        "engine": engine_loop(model, 1, size),
        "dot product": (lambda: np.dot(values[:half], values[half : 2 * half]), size),
        "matrix-vector product": (lambda: np.dot(vector, by_rows, out), by_rows.nbytes),
        "matrix-vector product, transposed": (
            lambda: np.dot(vector, by_columns, out),
            by_rows.nbytes,
        ),
    }
    shape = f"{model.name}, samples: 1"
    shares = compare("share of the memory bandwidth", shape, "GB/s", works, seconds)
    return min(shares, key=lambda row: row.ratio or 0)


def peak_share(model: Model, batch_size: int, seconds: float) -> Measurement:
    """Measure the share of the fastest float32 matrix product, for the whole time of a step."""
    random = np.random.default_rng(1)
    hidden = model.config.hidden_size
    works = {"engine": engine_loop(model, batch_size, 2 * model.multiplied)}
    for m, k, n in ((1024, 1024, 1024), (batch_size, 2 * hidden, 4 * hidden)):
        a, b = (random.standard_normal(shape, np.float32) for shape in ((m, k), (k, n)))
        out = np.empty((m, n), np.float32)
        name = f"product of {m}x{k} and {k}x{n}"
        works[name] = (partial(np.dot, a, b, out), 2 * m * k * n)
    shape = f"{model.name}, samples: {batch_size}"
    shares = compare("share of the peak of matrix products", shape, "GFLOP/s", works, seconds)
    return min(shares, key=lambda row: row.ratio or 0)


def prompt_speed(model: Model, length: int, seconds: float) -> Measurement:
    """Measure characters per second of reading a prompt, compared with generation."""
    letters = np.random.default_rng(1).integers(0, len(CHARACTERS), length)
    prompt = "".join(CHARACTERS[k] for k in letters)
    works: dict[str, Work] = {
        "prompt": (lambda: model.reader.read(prompt), length),
        "generation": engine_loop(model, 1),
    }
    shape = f"{model.name}, {length:,} characters"
    return compare("reading a prompt", shape, "characters/s", works, seconds)[0]


def engine_loop(model: Model, batch_size: int, amount: int = 1) -> Work:
    """Return generation as the commands and the API use it, one character at a time.

    amount: the work for a character.
    """
    settings = GenerationSettings(length=None, seed=1)
    records = generate(model.reader, settings, num_samples=batch_size)
    count = 16 * batch_size
    return lambda: list(islice(records, count)), count * amount


def baseline_loop(step: baselines.Step, batch_size: int) -> Work:
    """Return generation with a baseline and the same sampler."""
    sampler = Sampler([Temperature(0.8)], seed=1, samples=batch_size)
    ids = np.ones(batch_size, np.int64)

    def draw() -> None:
        nonlocal ids
        ids = sampler.draw(step(ids))

    return draw, batch_size
