"""What a run generates with its own weights: samples, and passages to look for in the text."""

from __future__ import annotations

from dataclasses import asdict

from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.model.checkpoint import Weights
from chargen.model.engine import Engine
from chargen.model.first_input import first_input
from chargen.training.advice import PASSAGE
from chargen.training.copied import copied_passages
from chargen.training.spec import RunSpec

_LENGTH = 120


def sample(spec: RunSpec, weights: Weights, prompt: str, seed: int) -> str:
    """Return a short text that begins with the prompt."""
    settings = GenerationSettings(length=_LENGTH, seed=seed)
    return prompt + generate_texts(_reader(spec, weights), settings, prompt, past_end=True)[0]


def copied(spec: RunSpec, weights: Weights) -> tuple[float, float] | None:
    """Return the shares of passages that `copied_passages` returns."""
    return copied_passages(
        _reader(spec, weights),
        spec.split,
        PASSAGE,
        by_heart=spec.by_heart,
        seed=spec.training.seed,
    )


def _reader(spec: RunSpec, weights: Weights) -> Reader:
    vocabulary, corpus = spec.vocabulary, spec.corpus
    first = first_input(corpus.kind, vocabulary, asdict(corpus))
    engine = Engine(spec.model, weights)
    return Reader(engine, vocabulary, kind=corpus.kind, first_input=first)
