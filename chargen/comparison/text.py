"""Several cells on one text: the jobs, and what comes of them."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chargen.comparison.folder import WORK, ComparisonFolder
from chargen.comparison.looking import Seen, look, nats_of
from chargen.comparison.parts import Parts
from chargen.comparison.request import Request
from chargen.comparison.runs import Run, leave_the_model, network_in, train
from chargen.comparison.sizes import matched
from chargen.comparison.stages import Job
from chargen.comparison.sweep import Sweep
from chargen.comparison.writing import TEMPERATURE, Paper, default_prompt
from chargen.errors import CheckpointError, OptionError, TooShortError
from chargen.evaluation.bigram import bigram_nats
from chargen.evaluation.intervals import paired_bootstrap
from chargen.evaluation.units import bits_per_character
from chargen.evaluation.visible import Floats
from chargen.model.cells import CELLS
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.records import CellResult, Coherence, Interval, WindowResult
from chargen.text.corpus import Corpus, Spans
from chargen.training.plan import Plan
from chargen.training.precision import characters_per_second
from chargen.training.presets import automatic_dropout

EMBEDDING = 32
RATES = (3e-3, 1e-2, 3e-2)
WINDOWS = (8, 16, 32, 64, 128, 256)
TARGETS, PLACES = 2_000, 64
# Nats above a table of pairs, with 0.1 and with 0.5: rhymes 0.007 and 0.016, neurons 0.006 and
# 0.015.
DROPOUT_WITHOUT_MEMORY = 0.1

_SWEEP_SHARE = 0.15
_WINDOW_SHARE = 0.2
# Measuring may take so much of the time; where it would take more, fewer places are measured.
_LOOKING_SHARE = 0.35
_FEWEST = 0.1
_CONTEXT_READ = 1_023  # characters for each target: 1 + 2 + 4 ... + 512
_FLOW_COST = 12  # a place of the gradient flow, with its Jacobian, in readings of its characters
_SPARE = 0.9
_LEAST_STEPS = 60
_MOST_COUNTED = 20_000_000


@dataclass(frozen=True)
class Measured:
    """What the main runs of a cell left. nats: of each seed on the held-out text."""

    run: Run
    nats: float


@dataclass(frozen=True)
class Effort:
    """How much is done, worked out once: the same characters for each cell. speeds: a second."""

    characters: int
    targets: int
    places: int
    training: dict[str, float]
    reading: dict[str, float]


class TextStudy:
    """The comparison on one text. file: where it was read, beside which a rhyme table may lie."""

    def __init__(
        self,
        corpus: Corpus,
        file: Path | None,
        request: Request,
        folder: ComparisonFolder,
        seconds: float,
    ) -> None:
        self._request, self._folder, self._seconds = request, folder, seconds
        self.parts = Parts.of(corpus, request.seed)
        like = ModelConfig(
            len(self.parts.vocabulary),
            embedding_size=EMBEDDING,
            hidden_size=request.hidden_size,
            num_layers=request.num_layers,
        )
        self.configs = matched(request.cells, like)
        self.prompt = request.prompt or default_prompt(self.parts)
        unknown = self.parts.vocabulary.unknown(self.prompt)
        if unknown:
            raise OptionError(
                f"--prompt {self.prompt} has {unknown[0]!r}, which {corpus.name} does not"
                " (choose a word of the text)"
            )
        self._paper = Paper(self.parts, file, self.prompt, request.seed)
        recurrent = [cell for cell in request.cells if CELLS[cell].recurrent]
        self.window_cell = "lstm" if "lstm" in recurrent else recurrent[-1] if recurrent else ""
        self.effort = self._effort()
        self._sweeps = {cell: self._sweep(cell) for cell in request.cells}

    def jobs(self) -> list[Job]:
        """Everything to do, in order."""
        effort, cells = self.effort, self._request.cells
        cost = {cell: effort.characters / effort.training[cell] for cell in cells}
        jobs = []
        for cell in cells:
            sweep = self._sweeps[cell].jobs(_SWEEP_SHARE * cost[cell])
            jobs += sweep
        for cell in cells:
            for seed in self._seeds:
                said = f"training the {cell}" + (f", seed {seed}" if len(self._seeds) > 1 else "")
                jobs.append(Job(said, cost[cell], partial(self._train, cell, seed)))
        for cell in cells:
            seconds = self._looking(effort.targets, effort.places, effort.reading[cell])
            jobs.append(Job(f"measuring the {cell}", seconds, partial(self._look, cell)))
        if self.window_cell:
            for window in self._windows:
                seconds = _WINDOW_SHARE * cost[self.window_cell]
                said = f"windows of {window} characters"
                jobs.append(Job(said, seconds, partial(self._window, window)))
        jobs.append(Job("measuring the text itself", 3.0, self._measure_text))
        return jobs

    def cells(self) -> dict[str, CellResult]:
        """What was measured of each cell."""
        return {cell: self._result(cell) for cell in self._request.cells}

    def windows(self) -> tuple[WindowResult, ...]:
        """What was measured of each length of the training window."""
        if not self.window_cell:
            return ()
        found = [(w, self._folder.get(f"window/{w}", Measured)) for w in self._windows]
        return tuple(WindowResult(w, one.nats, one.run.seconds) for w, one in found)

    @property
    def bigram_nats(self) -> float:
        """The loss of counted pairs."""
        return self._folder.get("bigram", float)

    @property
    def corpus_coherence(self) -> Coherence:
        """How far the text itself keeps together."""
        return self._folder.get("coherence", Coherence)

    @property
    def characters_read(self) -> int:
        """What every cell read in training, each as much as the others."""
        return self._main(self._request.cells[0], self._request.seed).run.characters

    @property
    def read_alike(self) -> bool:
        """Whether all cells read as many characters with the same seed."""
        return all(
            len({run.characters for run in runs if not run.diverged}) <= 1
            for seed in self._seeds
            for runs in [[self._main(cell, seed).run for cell in self._request.cells]]
        )

    def settings(self) -> dict[str, Any]:
        """What the numbers hang on, for the report."""
        lanes, window = self.parts.shape()
        return {
            "batch_size": lanes,
            "sequence_length": window,
            "dropout": {cell: self._dropout_of(cell) for cell in self._request.cells},
            "embedding_size": EMBEDDING,
            "num_layers": self._request.num_layers,
            "optimiser": "AdamW, betas 0.9 and 0.99, weight decay 0.1, gradient norm at most 1",
            "schedule": "5 % warm-up, then a cosine to 0",
            "sweep_share": _SWEEP_SHARE,
            "window_share": _WINDOW_SHARE,
            "context_targets": self.effort.targets,
            "gradient_places": self.effort.places,
            "temperature": TEMPERATURE,
        }

    @property
    def _seeds(self) -> list[int]:
        return [self._request.seed + k for k in range(self._request.repeats)]

    @property
    def _windows(self) -> list[int]:
        _, longest = self.parts.shape(window=WINDOWS[-1])
        return [window for window in WINDOWS if window == WINDOWS[0] or window <= longest]

    @property
    def _dropout(self) -> float:
        targets = int((self.parts.train[:, 1] - self.parts.train[:, 0] - 1).sum())
        return automatic_dropout(self.effort.characters / targets)

    def _dropout_of(self, cell: str) -> float:
        """What the text's length asks for; of a network that cannot learn it by heart, little."""
        if CELLS[cell].recurrent:
            return self._dropout
        return min(self._dropout, DROPOUT_WITHOUT_MEMORY)

    def _effort(self) -> Effort:
        """Turn minutes into characters by timing each cell; once, so that a resumed one agrees."""
        key = "effort"
        if key in self._folder:
            effort = self._folder.get(key, Effort)
            speeds = [
                d.get(c, 0.0) for d in (effort.training, effort.reading) for c in self.configs
            ]
            if min(effort.characters, effort.targets, effort.places, *speeds) <= 0:
                raise self._folder.damaged(f"{key} in what was done")
            return effort
        lanes, window = self.parts.shape()
        training, reading = {}, {}
        for cell, config in self.configs.items():
            training[cell] = characters_per_second(config, lanes, window, "float32", "cpu")
            reading[cell] = _reading_speed(config)
        room = self._seconds * _SPARE
        full = sum(self._looking(TARGETS, PLACES, reading[cell]) for cell in self.configs)
        share = max(_FEWEST, min(1.0, _LOOKING_SHARE * room / full))
        targets, places = round(TARGETS * share), max(16, round(PLACES * share))
        looking = sum(self._looking(targets, places, reading[cell]) for cell in self.configs)
        each = sum(
            ((len(RATES) + 1) * _SWEEP_SHARE + self._request.repeats) / training[cell]
            for cell in self.configs
        )
        if self.window_cell:
            each += len(self._windows) * _WINDOW_SHARE / training[self.window_cell]
        characters = int((room - looking) / each)
        if characters < _LEAST_STEPS * lanes * window:
            raise TooShortError((looking + each * _LEAST_STEPS * lanes * window) / _SPARE)
        effort = Effort(characters, targets, places, training, reading)
        self._folder.put(key, effort)
        return effort

    def _looking(self, targets: int, places: int, speed: float) -> float:
        held_out = int((self.parts.held_out[:, 1] - self.parts.held_out[:, 0]).sum())
        read = targets * _CONTEXT_READ + 2 * held_out + 2 * places * 201 * _FLOW_COST
        return read / speed + 3.0

    def _sweep(self, cell: str) -> Sweep:
        def loss(rate: float) -> Generator[float, None, float]:
            plan = self.parts.plan(
                self.configs[cell],
                characters=max(1, int(_SWEEP_SHARE * self.effort.characters)),
                learning_rate=rate,
                dropout=self._dropout_of(cell),
                seed=self._request.seed,
                train=self.parts.sweep_train,
            )
            path = self._folder.work(f"sweep-{cell}-{rate:g}")
            measured = yield from self._trained(plan, path, self.parts.judging)
            return measured.nats

        return Sweep(f"sweep/{cell}", f"the {cell}", RATES, loss, self._folder)

    def _train(self, cell: str, seed: int) -> Iterator[float]:
        key = f"train/{cell}/{seed}"
        if key in self._folder:
            return
        plan = self.parts.plan(
            self.configs[cell],
            characters=self.effort.characters,
            learning_rate=self._sweeps[cell].best,
            dropout=self._dropout_of(cell),
            seed=seed,
        )
        path = self._model(cell, seed)
        run = yield from train(plan, path)
        loss = math.nan
        if not run.diverged:
            # The one reading of the held-out text; what it said of each character is kept.
            nats = nats_of(network_in(path), self.parts, self.parts.held_out)
            loss = float(nats.mean())
            self._folder.write(self._nats_file(cell, seed), nats.astype(np.float32).tobytes())
            leave_the_model(path, loss)
        self._folder.put(key, Measured(run, loss))

    def _window(self, window: int) -> Iterator[float]:
        key = f"window/{window}"
        if key in self._folder:
            return
        plan = self.parts.plan(
            self.configs[self.window_cell],
            characters=int(_WINDOW_SHARE * self.effort.characters),
            learning_rate=self._sweeps[self.window_cell].best,
            dropout=self._dropout,
            seed=self._request.seed,
            reach=window,
        )
        path = self._folder.work(f"window-{window}")
        self._folder.put(key, (yield from self._trained(plan, path, self.parts.held_out)))

    def _trained(self, plan: Plan, path: Path, judged: Spans) -> Generator[float, None, Measured]:
        """Train, read what judges with the last weights, and leave nothing but what was found."""
        run = yield from train(plan, path)
        loss = math.nan
        if not run.diverged:
            loss = float(nats_of(network_in(path), self.parts, judged).mean())
        shutil.rmtree(path)
        return Measured(run, loss)

    def _look(self, cell: str) -> Iterator[float]:
        key = f"look/{cell}"
        if key in self._folder:
            return
        seed = self._request.seed
        untrained = Network(self.configs[cell])
        untrained.initialise(seed, memory=self.parts.memory)
        network, nats = untrained, None
        if not self._main(cell, seed).run.diverged:
            try:
                network = network_in(self._model(cell, seed))
            except CheckpointError as error:
                raise self._folder.damaged(str(error).split(" (")[0]) from None
            nats = self._nats(cell, seed)
        seen = yield from look(
            network,
            untrained,
            self.parts,
            self._paper,
            nats=nats,
            prompt=self.prompt,
            targets=self.effort.targets,
            places=self.effort.places,
            seed=seed,
        )
        self._folder.put(key, seen)

    def _measure_text(self) -> Iterator[float]:
        if "bigram" not in self._folder:
            parts = self.parts
            train = parts.train.copy()
            train[:, 0] = np.maximum(train[:, 0], train[:, 1] - _MOST_COUNTED)
            nats = bigram_nats(parts.ids, train, parts.held_out, len(parts.vocabulary))
            self._folder.put("bigram", nats)
        yield 0.5
        if "behind" not in self._folder:
            self._folder.put("behind", self._behind())
        yield 0.8
        if "coherence" not in self._folder:
            self._folder.put("coherence", self._paper.corpus())

    def _behind(self) -> dict[str, Interval]:
        """How many bits each cell needs more than the best, on the same characters."""
        rows = {
            cell: np.mean([self._nats(cell, seed) for seed in self._seeds], axis=0)
            for cell in self._request.cells
            if all(math.isfinite(self._main(cell, seed).nats) for seed in self._seeds)
        }
        if not rows:
            return {}
        best = min(rows.values(), key=lambda row: float(row.mean()))
        apart = np.stack([row - best for row in rows.values()]) / math.log(2)
        intervals = paired_bootstrap(apart, seed=self._request.seed)
        return dict(zip(rows, intervals, strict=True))

    def _nats_file(self, cell: str, seed: int) -> str:
        return f"{WORK}/nats-{cell}-{seed}.f32"

    def _nats(self, cell: str, seed: int) -> Floats:
        stored = self._folder.read(self._nats_file(cell, seed))
        return np.frombuffer(stored, np.float32).astype(np.float64)

    def _model(self, cell: str, seed: int) -> Path:
        return self._folder.model(cell if seed == self._request.seed else f"{cell}-seed-{seed}")

    def _main(self, cell: str, seed: int) -> Measured:
        return self._folder.get(f"train/{cell}/{seed}", Measured)

    def _result(self, cell: str) -> CellResult:
        runs = [self._main(cell, seed) for seed in self._seeds]
        first, config = runs[0].run, self.configs[cell]
        seen = self._folder.get(f"look/{cell}", Seen)
        nats = float(np.mean([one.nats for one in runs]))
        return CellResult(
            cell=cell,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            parameters=config.parameters,
            learning_rate=self._sweeps[cell].best,
            sweep=self._sweeps[cell].tried,
            curve=first.curve,
            seconds=first.seconds,
            seeds=tuple(one.nats for one in runs),
            validation_nats=nats,
            validation_bpc=bits_per_character(nats),
            clipped=first.clipped,
            largest_norms=first.largest_norms,
            context_curve=seen.curve.by_length,
            all_context=seen.curve.all,
            effective_context=seen.curve.effective,
            gradient_at_start=seen.at_start,
            gradient_after=seen.after,
            closers=seen.closers,
            neuron=seen.neuron,
            coherence=seen.writing.coherence,
            samples=seen.writing.samples,
            behind=self._folder.get("behind", dict[str, Interval]).get(cell),
        )


@torch.no_grad()
def _reading_speed(config: ModelConfig) -> float:
    """Characters a second that a network reads, many texts side by side, learning nothing."""
    network = Network(config)
    ids = torch.zeros(64, 256, dtype=torch.long)
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        network(ids, network.empty_states(256))
        seconds.append(time.perf_counter() - began)
    return ids.numel() / min(seconds[1:])
