"""What is measured of one trained network on a text, besides its training."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from chargen.comparison.parts import Parts
from chargen.comparison.writing import Paper, Writing
from chargen.evaluation.closers import closers
from chargen.evaluation.context_curve import ContextCurve, context_curve
from chargen.evaluation.gradient_flow import gradient_flow
from chargen.evaluation.spelling import spelling
from chargen.evaluation.validation import streams
from chargen.evaluation.visible import Floats, carried_nats
from chargen.generation.context import Reader
from chargen.model.engine import Engine
from chargen.model.network import Network
from chargen.records import GradientFlow, Interval, Prefix
from chargen.text.corpus import Spans


@dataclass(frozen=True)
class Seen:
    """The measures of one network. See `CellResult`."""

    curve: ContextCurve
    at_start: GradientFlow
    after: GradientFlow
    closers: dict[tuple[int, int], Interval]
    neuron: tuple[Prefix, ...]
    writing: Writing


def nats_of(network: Network, parts: Parts, spans: Spans) -> Floats:
    """The nats of each target of spans, in the order of the streams in which they are read."""
    cut = streams(spans)
    targets = np.concatenate([np.arange(a + 1, b) for a, b in cut.tolist()])
    return carried_nats(network, parts.ids.astype(np.int64), cut, targets)


def look(
    network: Network,
    untrained: Network,
    parts: Parts,
    paper: Paper,
    *,
    nats: Floats | None,
    prompt: str,
    targets: int,
    places: int,
    seed: int,
) -> Generator[float, None, Seen]:
    """Measure everything; yield the share that is done now and then.

    nats: of each character of the held-out text, from `nats_of`; None where there are none.
    targets: of the context curve. places: of the gradient flow.
    """
    ids, held_out = parts.ids, parts.held_out
    curve = context_curve(network, ids, held_out, count=targets, seed=seed)
    yield 0.6
    at_start = gradient_flow(untrained, ids, held_out, count=places, seed=seed)
    yield 0.7
    after = gradient_flow(network, ids, held_out, count=places, seed=seed)
    yield 0.8
    closed = {}
    if nats is not None:
        closed = closers(parts.text(streams(held_out)), np.exp(-nats), seed=seed)
    yield 0.85
    engine = Engine(network.config, network.weights())
    reader = Reader(engine, parts.vocabulary, lines=parts.corpus.lines)
    writing = paper.written_by(reader)
    return Seen(curve, at_start, after, closed, spelling(reader, prompt), writing)
