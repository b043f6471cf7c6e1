"""What `import chargen` offers: train a model, load one, let it write, score a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionError
from chargen.evaluation.surprisal import check_choices, read, shares
from chargen.evaluation.units import bits_per_character, perplexity
from chargen.generation.context import Context, Reader
from chargen.generation.settings import Settings
from chargen.model.checkpoint import Checkpoint, newest
from chargen.records import Drawn
from chargen.text.corpus import normalise


class Sampling(TypedDict, total=False):
    """How characters are drawn and when a text ends, as the options of `chargen sample`.

    length: 200 characters unless said; None for no end. temperature: 0.8 unless said.
    """

    length: int | None
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    threshold: float
    repetition_penalty: float
    repetition_last: int
    stop: str | Sequence[str]
    until_newline: bool
    confidence: float
    seed: int | None


@dataclass(frozen=True)
class Score:
    """How well a model expects a text. nats: [len(text)], of each character."""

    text: str
    nats: npt.NDArray[np.float64]

    @property
    def nats_per_character(self) -> float:
        """The mean; NaN of an empty text."""
        return float(self.nats.mean()) if len(self.nats) else float("nan")

    @property
    def bits_per_character(self) -> float:
        """The mean in bits."""
        return bits_per_character(self.nats_per_character)

    @property
    def perplexity(self) -> float:
        """As many equally likely characters would be as hard to guess."""
        return perplexity(self.nats_per_character)

    @property
    def log_probability(self) -> float:
        """The natural log of the probability of the whole text."""
        return -float(self.nats.sum())


class Model:
    """A trained model. It works in memory of its own: use it from one thread at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._reader = Reader.of(checkpoint)

    def __repr__(self) -> str:
        config = self.checkpoint.config
        return (
            f"<chargen model {self.checkpoint.folder}: {config.cell}"
            f" {config.num_layers} x {config.hidden_size}>"
        )

    def generate(self, prompt: str = "", **sampling: Unpack[Sampling]) -> str:
        """Return what the model writes after `prompt`, the prompt itself left out.

        Raises OptionError where a value is not allowed, and where nothing ends the text.
        """
        return self.samples(1, prompt, **sampling)[0]

    def stream(self, prompt: str = "", **sampling: Unpack[Sampling]) -> Iterator[str]:
        """`generate`, character by character, each as it is drawn."""
        records = _settings(sampling).write(self._reader, _text(prompt, "the prompt"))
        return (record.character for record in records if isinstance(record, Drawn))

    def samples(self, count: int, prompt: str = "", **sampling: Unpack[Sampling]) -> list[str]:
        """So many texts after one prompt, drawn side by side; the first is that of `generate`."""
        _check_count(count)
        settings = _settings(sampling)
        if settings.length is None and not settings.stopping.texts and not settings.confidence:
            raise OptionError("length None needs stop, until_newline or confidence (or use stream)")
        prompt = _text(prompt, "the prompt")
        texts: list[list[str]] = [[] for _ in range(count)]
        for record in settings.write(self._reader, prompt, samples=count):
            if isinstance(record, Drawn):
                texts[record.sample].append(record.character)
        return ["".join(text) for text in texts]

    def score(self, text: str, prompt: str = "") -> Score:
        """How well the model expects `text` after `prompt`."""
        text = _text(text, "the text")
        return Score(text, read(self._reader, text, self._read(prompt)).nats)

    def next_characters(self, prompt: str = "", count: int = 5) -> list[tuple[str, float]]:
        """The most likely next characters and the probability of each, the best first."""
        _check_count(count)
        return self._reader.likeliest(self._read(prompt), count)

    def choices(self, prompt: str, choices: Sequence[str]) -> dict[str, float]:
        """The share of each of the choices in the probability that one of them follows.

        Raises OptionError where there are fewer than two or two that are the same.
        """
        choices = [choices] if isinstance(choices, str) else list(choices)
        texts = [_text(choice, "a choice") for choice in choices]
        check_choices(texts)
        _, share = shares(self._reader, self._read(prompt), texts)
        return dict(zip(choices, share.tolist(), strict=True))

    def _read(self, prompt: str) -> Context:
        return self._reader.read(_text(prompt, "the prompt"))


def _settings(sampling: Sampling) -> Settings:
    given: dict[str, Any] = dict(sampling)
    if unknown := given.keys() - Sampling.__annotations__.keys():
        raise OptionError(f"sampling knows no {', '.join(sorted(unknown))}")
    if "stop" in given:
        stop = given["stop"]
        stops = stop if isinstance(stop, (list, tuple)) else [stop]
        given["stop"] = tuple(_text(each, "stop") for each in stops)
    return Settings(**given)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{what} must be a str, got {value!r:.40}")
    return normalise(value)


def _check_count(count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise OptionError(f"count must be a whole number, 1 or more, got {count!r:.40}")


def load(folder: str | Path | None = None) -> Model:
    """The model in a folder, or without one the newest under ./checkpoints.

    Raises CheckpointError where there is none.
    """
    return Model(Checkpoint.load(newest() if folder is None else folder))


def train(
    *texts: str | Path,
    output: str | Path | None = None,
    lines: bool = False,
    encoding: str = "utf-8",
    overwrite: bool = False,
    init_from: str | Path | None = None,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    **choices: Any,
) -> Model:
    """Train a model on text files and return it: `chargen train` in silence.

    choices: as `chargen.training.plan.Asked` has them (preset, cell, hidden_size, dropout, seed
    and so on). It saves every 30 seconds, and a run that was cut short goes on with
    `chargen train --resume`. Raises CorpusError, OptionError, CheckpointError, TrainingError.
    """
    from chargen.text.corpus import Corpus
    from chargen.training.config import Budget
    from chargen.training.plan import Asked
    from chargen.training.train import start

    given = {"minutes": minutes, "epochs": epochs, "steps": steps}
    budgets = [Budget(kind, amount) for kind, amount in given.items() if amount is not None]
    if len(budgets) > 1:
        raise OptionError("minutes, epochs and steps are budgets: give one of them")
    unknown = choices.keys() - (Asked.__dataclass_fields__.keys() - {"budget"})
    if unknown:
        raise OptionError(f"train() knows no {', '.join(sorted(unknown))}")
    trainer = start(
        Corpus.read(texts, encoding=encoding, lines=lines),
        Asked(budget=budgets[0] if budgets else None, **choices),
        output=None if output is None else Path(output),
        overwrite=overwrite,
        init_from=None if init_from is None else Checkpoint.load(init_from),
    )
    try:
        for _ in trainer.run():
            pass
        trainer.folder.finish()
    finally:
        trainer.folder.close()
    return load(trainer.folder.final_path)
