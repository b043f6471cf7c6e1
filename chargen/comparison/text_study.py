"""The comparison of several cells on one text: its stages and its result."""

from __future__ import annotations

import math
import shutil
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np

from chargen.comparison.config import StudyConfig
from chargen.comparison.folder import WORK, ComparisonFolder
from chargen.comparison.options import ComparisonOptions
from chargen.comparison.parameter_matching import describe_network
from chargen.comparison.result import (
    CellResult,
    CorpusFacts,
    Diagnostics,
    TextComparison,
    TrainingRun,
    Trial,
    WindowResult,
    Writing,
)
from chargen.comparison.splits import CorpusSplits
from chargen.comparison.stages import Stage, Study
from chargen.comparison.training_run import finish_model, train
from chargen.comparison.writing import MAX_DOCUMENT, WritingProtocol, default_prompt
from chargen.errors import OptionError
from chargen.evaluation.bigram import bigram_nats
from chargen.evaluation.bracket_matching import bracket_matching
from chargen.evaluation.coherence import Families
from chargen.evaluation.context_curve import context_curve
from chargen.evaluation.gradient_flow import gradient_flow
from chargen.evaluation.intervals import paired_bootstrap
from chargen.evaluation.records import BracketBin, Interval
from chargen.evaluation.spelling import spelling
from chargen.evaluation.target_nats import Floats
from chargen.evaluation.validation import streams
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.text.display import list_characters
from chargen.text.ids import Spans
from chargen.training.precision import training_speeds
from chargen.training.presets import automatic_dropout
from chargen.training.spec import RunSpec
from chargen.training.threads import thread_counts

_READING_SPEED = 2.5  # of many texts in parallel, relative to training
_CONTEXT_READ = 1_023  # characters for each target: 1 + 2 + 4 ... + 512
_FLOW_READ = 201  # characters for each place of the gradient flow
_FLOW_COST = 6  # of one of them, in float64 and differentiated, relative to reading
_WRITING_COST, _FACTS_COST = 2.0, 1.0  # seconds
_MIN_STEPS = 60
_MAX_COUNTED = 20_000_000


class TextStudy(Study):
    """The comparison on one text. families: the rhyme families, if its lines rhyme."""

    extend_sweep = True

    def __init__(
        self,
        corpus: Corpus,
        families: Families | None,
        options: ComparisonOptions,
        config: StudyConfig,
        folder: ComparisonFolder,
        seconds: float,
    ) -> None:
        self.splits = CorpusSplits.of(corpus, options.seed)
        like = ModelConfig(
            len(self.splits.vocabulary),
            embedding_size=config.text_embedding_size,
            hidden_size=options.hidden_size,
            num_layers=options.num_layers,
        )
        super().__init__("text", "the text", options, config, folder, seconds, like)
        prompt = options.prompt or default_prompt(self.splits)
        self._prompt = self.splits.vocabulary.known_form(prompt)
        if unknown := self.splits.vocabulary.unknown(self._prompt):
            missing = list_characters(unknown)
            allowed = f"a word of the text, which does not contain {missing}"
            raise OptionError("prompt", self._prompt, allowed)
        self._protocol = WritingProtocol(self.splits, families, self._prompt, options.seed)
        self._window_cell, self._windows = "", list[int]()
        recurrent = [cell for cell in options.cells if CELLS[cell].recurrent]
        if recurrent and options.repeats >= config.min_window_seeds:
            self._window_cell = max(recurrent, key=lambda cell: CELLS[cell].num_gates)
            _, longest = self.splits.batch_shape(window=config.windows[-1])
            shortest = config.windows[0]
            self._windows = [size for size in config.windows if size <= max(shortest, longest)]
        self._batch_shape = self.splits.batch_shape()
        self.min_characters = _MIN_STEPS * math.prod(self._batch_shape)
        self.prepare(config.text_characters)

    def stages(self) -> list[Stage[Any]]:
        """Return all stages in order."""
        cells, seeds = self.options.cells, self.options.seeds
        stages = [stage for cell in cells for stage in self.sweep(cell)]
        stages += [self._training(cell, seed) for cell in cells for seed in seeds]
        for cell in cells:
            stages += [self._diagnostics(cell), self._writing(cell)]
        stages += [self._window(length, seed) for length in self._windows for seed in seeds]
        return [*stages, self._behind(), self._corpus_facts()]

    def comparison(self) -> TextComparison:
        """Compose the result from the results of the stages."""
        behind = self.get(self._behind())
        cells = {
            cell: CellResult(
                network=describe_network(self.networks[cell]),
                sweep=self.get(self.choice(cell)),
                runs=tuple(self._runs(cell)),
                diagnostics=self.get(self._diagnostics(cell)),
                writing=self.get(self._writing(cell)),
                behind=behind.get(cell),
            )
            for cell in self.options.cells
        }
        return TextComparison(
            corpus=self.get(self._corpus_facts()),
            characters_read=self._runs(self.options.cells[0])[0].characters,
            prompt=self._prompt,
            cells=cells,
            window_cell=self._window_cell,
            windows=tuple(map(self._window_result, self._windows)),
        )

    def notes(self) -> list[str]:
        """Add a note for each interrupted training."""
        notes = super().notes()
        for cell in self.options.cells:
            for run in self._runs(cell):
                if run.resumed:
                    times = "once" if run.resumed == 1 else f"{run.resumed} times"
                    name = describe_network(self.networks[cell]).name
                    notes.append(
                        f"The training of {name} with seed {run.seed} was interrupted {times}."
                    )
        return notes

    def settings(self) -> dict[str, Any]:
        """Return the settings of the networks' training and writing, for the report."""
        batch_size, window = self._batch_shape
        dropout = {cell: self._dropout(cell) for cell in self.options.cells}
        return {
            "batch_size": batch_size,
            "sequence_length": window,
            "dropout": dropout,
            "max_document": MAX_DOCUMENT,
        }

    def thread_counts(self, cell: str) -> tuple[int, ...]:
        """Return one thread, and as many as the network keeps busy."""
        return thread_counts(self.networks[cell], self._batch_shape[0])

    def measure_speeds(self, cell: str) -> dict[int, float]:
        """Time a few updates of a network."""
        counts = self.thread_counts(cell)
        speeds = training_speeds(
            self.networks[cell], *self._batch_shape, "cpu", precisions=["float32"], counts=counts
        )
        return {count: speeds["float32", count] for count in counts}

    def rates(self, cell: str) -> tuple[float, ...]:
        """Return the same rates for all cells."""
        return self.config.learning_rates

    def trial(self, cell: str, rate: float) -> Stage[Trial]:
        """Return a short training with a rate."""
        share = self.config.sweep_share
        characters = max(1, int(share * self.plan.characters))

        def run() -> Generator[float, None, Trial]:
            spec = self._spec(
                cell, self.options.seed, characters, rate, train=self.splits.sweep_train
            )
            result = yield from self._train_and_discard(spec, name, self.splits.sweep_validation)
            return Trial(rate, result.validation_nats)

        name, label = f"trial-{cell}-{rate:g}", f"learning rate {rate:g}, {CELLS[cell].label}"
        cost = share * self.plan.training_cost(cell)
        return self.stage(name, label, cost, Trial, run, equal=True, cell=cell)

    def _training(self, cell: str, seed: int) -> Stage[TrainingRun]:
        def validate(network: Network) -> float:
            # The only evaluation on the held-out text. The loss of each character is kept.
            nats = self.splits.nats(network, self.splits.held_out)
            self.folder.write(_nats_file(cell, seed), nats.astype(np.float32).tobytes())
            return float(nats.mean())

        def run() -> Generator[float, None, TrainingRun]:
            path = self.model_path(cell, seed)
            spec = self._spec(cell, seed, self.plan.characters, self.rate(cell))
            result = yield from train(spec, path, validate)
            if result.validation_nats is not None:
                finish_model(path, result.validation_nats)
            return replace(result, resumed=self.folder.interruptions(stage.key))

        label = f"training, {CELLS[cell].label}"
        label += f", seed {seed}" if self.options.repeats > 1 else ""
        cost = self.plan.training_cost(cell)
        name = f"train-{cell}-{seed}"
        stage = self.stage(name, label, cost, TrainingRun, run, equal=True, cell=cell)
        return stage

    def _diagnostics(self, cell: str) -> Stage[Diagnostics]:
        """Measure the network of the first seed on the held-out text."""
        share, seed = self.plan.measurements, self.options.seed
        targets = round(share * self.config.context_targets)
        places = round(share * self.config.gradient_places)

        def run() -> Generator[float, None, Diagnostics]:
            splits, network = self.splits, self._trained(cell)
            ids, held_out = splits.ids, splits.held_out
            context = context_curve(network, ids, held_out, count=targets, seed=seed)
            yield 0.7
            untrained = self._untrained(cell)
            before = gradient_flow(untrained, ids, held_out, count=places, seed=seed)
            yield 0.8
            after = gradient_flow(network, ids, held_out, count=places, seed=seed)
            yield 0.9
            brackets: tuple[BracketBin, ...] = ()
            if self._runs(cell)[0].validation_nats is not None:
                text, probabilities = (
                    splits.text(streams(held_out)),
                    np.exp(-self._nats(cell, seed)),
                )
                brackets = bracket_matching(text, probabilities, seed=seed)
            spelled = spelling(splits.reader(network), self._prompt)
            return Diagnostics(context, before, after, brackets, spelled)

        read = targets * _CONTEXT_READ + 2 * self.splits.held_out_characters
        read += 2 * places * _FLOW_READ * _FLOW_COST
        name, label = f"diagnostics-{cell}", f"measuring, {CELLS[cell].label}"
        cost = read / self.plan.speeds[cell] / _READING_SPEED
        return self.stage(name, label, cost, Diagnostics, run, equal=False)

    def _writing(self, cell: str) -> Stage[Writing]:
        def run() -> Generator[float, None, Writing]:
            reader = self.splits.reader(self._trained(cell))
            yield 0.0
            return self._protocol.write(reader)

        name, label = f"writing-{cell}", f"generating text, {CELLS[cell].label}"
        return self.stage(name, label, _WRITING_COST, Writing, run, equal=False)

    def _window(self, length: int, seed: int) -> Stage[TrainingRun]:
        cell = self._window_cell
        share = self.config.window_share * self.plan.measurements
        characters = max(1, int(share * self.plan.characters))

        def run() -> Generator[float, None, TrainingRun]:
            spec = self._spec(cell, seed, characters, self.rate(cell), bptt_length=length)
            return (yield from self._train_and_discard(spec, name, self.splits.held_out))

        name = f"window-{length}-{seed}-{characters}"
        label = f"gradients over {length} characters, seed {seed}"
        cost = share * self.plan.training_cost(cell)
        return self.stage(name, label, cost, TrainingRun, run, equal=False, cell=cell)

    def _window_result(self, length: int) -> WindowResult:
        runs = [self.get(self._window(length, seed)) for seed in self.options.seeds]
        seconds = sum(run.seconds for run in runs) / len(runs)
        return WindowResult(length, tuple(run.validation_nats for run in runs), seconds)

    def _behind(self) -> Stage[dict[str, Interval]]:
        """The difference in bits of each cell to the best one, on the same characters."""

        def run() -> Generator[float, None, dict[str, Interval]]:
            rows = {
                cell: np.mean([self._nats(cell, seed) for seed in self.options.seeds], axis=0)
                for cell in self.options.cells
                if all(run.validation_nats is not None for run in self._runs(cell))
            }
            yield 0.0
            if not rows:
                return {}
            best = min(rows.values(), key=lambda row: float(row.mean()))
            apart = np.stack([row - best for row in rows.values()]) / math.log(2)
            intervals = paired_bootstrap(apart, seed=self.options.seed)
            return dict(zip(rows, intervals, strict=True))

        label = "comparing the networks"
        return self.stage("behind", label, _FACTS_COST, dict[str, Interval], run, equal=False)

    def _corpus_facts(self) -> Stage[CorpusFacts]:
        def run() -> Generator[float, None, CorpusFacts]:
            splits = self.splits
            counted = splits.train.copy()
            counted[:, 0] = np.maximum(counted[:, 0], counted[:, 1] - _MAX_COUNTED)
            nats = bigram_nats(splits.ids, counted, splits.held_out, len(splits.vocabulary))
            yield 0.5
            return CorpusFacts(
                name=splits.corpus.name,
                characters=splits.corpus.characters,
                training_characters=splits.training_characters,
                held_out_characters=splits.held_out_characters,
                vocab_size=len(splits.vocabulary) - 1,
                bigram_nats=nats if math.isfinite(nats) else None,
                coherence=self._protocol.corpus_coherence(),
            )

        label = "measuring the text"
        return self.stage("corpus", label, _FACTS_COST, CorpusFacts, run, equal=False)

    def _dropout(self, cell: str) -> float:
        """Return the dropout for the length of the training and the cell."""
        dropout = automatic_dropout(self.plan.characters / self.splits.training_characters)
        return min(dropout, CELLS[cell].max_dropout)

    def _spec(self, cell: str, seed: int, characters: int, rate: float, **changes: Any) -> RunSpec:
        return self.splits.run_spec(
            self.networks[cell],
            characters=characters,
            learning_rate=rate,
            dropout=self._dropout(cell),
            seed=seed,
            threads=self.plan.threads[cell],
            **changes,
        )

    def _train_and_discard(
        self, spec: RunSpec, name: str, validation: Spans
    ) -> Generator[float, None, TrainingRun]:
        """Train and evaluate a network, and delete it."""
        path = self.folder.work(name)
        run = yield from train(
            spec, path, lambda network: float(self.splits.nats(network, validation).mean())
        )
        shutil.rmtree(path)
        return run

    def _runs(self, cell: str) -> list[TrainingRun]:
        return [self.get(self._training(cell, seed)) for seed in self.options.seeds]

    def _untrained(self, cell: str) -> Network:
        network = Network(self.networks[cell])
        network.initialise(self.options.seed, chrono_max=self.splits.chrono_max)
        return network

    def _trained(self, cell: str) -> Network:
        """Return the network of the first seed; an untrained one if that diverged."""
        if self._runs(cell)[0].validation_nats is None:
            return self._untrained(cell)
        return self.load(self.model_path(cell, self.options.seed))

    def _nats(self, cell: str, seed: int) -> Floats:
        stored = self.folder.read(_nats_file(cell, seed))
        return np.frombuffer(stored, np.float32).astype(np.float64)


def _nats_file(cell: str, seed: int) -> str:
    return f"{WORK}/nats-{cell}-{seed}.f32"
