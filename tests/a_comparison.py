"""A comparison that looks like a real one, with hostile text wherever a text can stand."""

import math
import random
from collections.abc import Sequence

from chargen.records import (
    CellResult,
    Check,
    Coherence,
    Comparison,
    GradientFlow,
    Interval,
    Prefix,
    TaskComparison,
    TaskResult,
    WindowResult,
)

HOSTILE = 'a <script>alert("1")</script> & \x00\x07\x1b[31m \u202e\u200b $x_1$ \\n é 🐺'
CELLS = ("feedforward", "rnn", "gru", "lstm")
SIZES = {"feedforward": 412, "rnn": 348, "gru": 206, "lstm": 180}
PARAMETERS = {"feedforward": 201_340, "rnn": 199_872, "gru": 200_950, "lstm": 201_110}
RATES = {"feedforward": 0.008, "rnn": 0.002, "gru": 0.008, "lstm": 0.008}
BPC = {"feedforward": 3.412, "rnn": 2.241, "gru": 2.071, "lstm": 2.043}
EFFECTIVE = {"feedforward": 1, "rnn": 16, "gru": 64, "lstm": 128}
REACH = {"feedforward": 0.4, "rnn": 5.0, "gru": 14.0, "lstm": 24.0}
SECONDS = {"feedforward": 61.0, "rnn": 148.0, "gru": 262.0, "lstm": 204.0}
LAGS = (25, 50, 100, 200, 400, 800, 1600, 3200)


def interval(value: float, count: int, width: float = 0.0) -> Interval:
    """A value with an interval of some width, Wilson's where none is given."""
    if width:
        return Interval(value, value - width, value + width, count)
    z = 1.96
    middle = (value + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(value * (1 - value) / count + z * z / (4 * count**2))
    half /= 1 + z * z / count
    return Interval(value, max(0.0, middle - half), min(1.0, middle + half), count)


def share(count: int, wanted: float, chance: random.Random) -> Interval:
    """The share of `count` draws of probability `wanted` that came true."""
    return interval(sum(chance.random() < wanted for _ in range(count)) / count, count)


def flow(rate: float, singular: float | None) -> GradientFlow:
    """A gradient that falls by `rate` a character, with some waves in it."""
    if singular is None:
        return GradientFlow((1.0,) + (0.0,) * 200, 1, None)
    shares = [1.0]
    for lag in range(1, 201):
        wave = 1 + 0.25 * math.sin(lag / 7)
        shares.append(math.exp(-rate * lag) * wave * (0.5 + 0.5 / (1 + 0.2 * lag)))
    half = next((lag for lag, one in enumerate(shares) if one < 0.5), None)
    return GradientFlow(tuple(shares), half, singular)


def guesses(right: str, probability: float) -> tuple[tuple[str, float], ...]:
    """Five guesses, the right one where its probability puts it."""
    others = [letter for letter in "e \nato<&" if letter != right]
    rest = 1 - probability
    found = [(right, probability)]
    for place, letter in enumerate(others[:5]):
        found.append((letter, rest * 0.45 * 0.55**place))
    return tuple(sorted(found, key=lambda one: -one[1])[:5])


def make_cell(name: str, chance: random.Random) -> CellResult:
    """All that is measured of one cell on a text."""
    bpc, reach = BPC[name], REACH[name]
    nats = bpc * math.log(2)
    seeds = tuple(nats + offset for offset in (-0.006, 0.001, 0.005))
    curve = tuple(
        (
            round(4_000_000 ** ((step + 30) / 99)),
            nats - 0.1 + (4.1 - nats) * math.exp(-step / 16) + chance.gauss(0, 0.012),
        )
        for step in range(70)
    )
    context = {}
    for power in range(10):
        k = 2**power
        loss = bpc + (3.45 - bpc) * math.exp(-(k - 1) / reach) if name != "feedforward" else bpc
        context[k] = interval(loss, 4_096, 0.035)
    rates = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
    sweep = [(rate, nats + 0.05 * math.log2(rate / RATES[name]) ** 2) for rate in rates]
    if name == "rnn":
        sweep[-1] = (0.016, math.inf)
    decay = {"feedforward": 0.0, "rnn": 0.35, "gru": 0.05, "lstm": 0.028}[name]
    memory = name != "feedforward"
    word = "neuron"
    spelled = []
    for length in range(1, len(word)):
        odds = 0.16 if not memory else 0.985 - 0.5 / (length * reach) ** 0.8
        spelled.append(Prefix(word[:length], word[length], odds, guesses(word[length], odds)))
    rhyme = tuple(
        interval(max(0.06, 0.75 * math.exp(-distance / reach * 1.6)), 400)
        for distance in range(1, 7)
    )
    closers = {
        (low, high): share(300, 0.02 + 0.9 * math.exp(-low / (4 * reach)), chance)
        for low, high in ((1, 4), (5, 16), (17, 64), (65, 256))
    }
    return CellResult(
        cell=name,
        hidden_size=SIZES[name],
        num_layers=1,
        parameters=PARAMETERS[name],
        learning_rate=RATES[name],
        sweep=tuple(sweep),
        curve=curve,
        seconds=SECONDS[name],
        seeds=seeds,
        validation_nats=nats,
        validation_bpc=bpc,
        clipped={"feedforward": 0.0, "rnn": 0.31, "gru": 0.04, "lstm": 0.02}[name],
        largest_norms=(412.0, 96.5, 31.0) if name == "rnn" else (2.31, 1.9, 1.4),
        context_curve=context,
        all_context=interval(bpc, 4_096, 0.035),
        effective_context=EFFECTIVE[name],
        gradient_at_start=flow(decay * 2.2, 0.97 if memory else None),
        gradient_after=flow(decay, {"rnn": 0.83, "gru": 1.04, "lstm": 1.12}.get(name)),
        closers=closers,
        neuron=tuple(spelled),
        coherence=Coherence(rhyme, 0.31 if not memory else 0.93, 0.88 if memory else None, 23),
        samples=(
            f"the {name} sat on the mat and went to play\nin the hay all day, {HOSTILE}",
            "jake may bake a cake by the lake.\nthe snake was awake.\n\ta tab",
        ),
    )


def make_task(name: str, chance: random.Random) -> TaskComparison:
    """One memory task over all cells."""
    cells = {}
    for place, cell in enumerate(CELLS):
        broken = (0, 50, 800, 10_000)[place]
        accuracy = {
            lag: share(500, 0.995 if lag <= broken else max(1 / 6, 0.6 * broken / lag), chance)
            for lag in LAGS
        }
        span = max([lag for lag in LAGS if lag <= broken], default=0)
        calibration = {
            setting: {
                answer: (true, true * (0.2 + 0.26 * place) + (1 - (0.2 + 0.26 * place)) / 3)
                for answer, true in zip(("dog", "wolf", "fish"), odds, strict=True)
            }
            for setting, odds in (
                ("home", (0.8, 0.15, 0.05)),
                ("wild $x$ <b>", (0.15, 0.8, 0.05)),
                ("water", (0.15, 0.05, 0.8)),
            )
        }
        depths = {
            depth: share(300, 0.99 if depth <= place * 3 else 0.4, chance) for depth in range(1, 9)
        }
        cells[cell] = TaskResult(
            cell=cell,
            hidden_size=SIZES[cell],
            parameters=PARAMETERS[cell] // 4,
            learning_rate=RATES[cell],
            sweep=((0.001, 1.2), (0.004, math.inf)),
            accuracy=accuracy,
            trained_to=200,
            span=span,
            span_is_least=span == LAGS[-1],
            seconds=SECONDS[cell] / 3,
            calibration=calibration if name == "context" else {},
            by_depth=depths if name == "nesting" else {},
            spans=(span, span, span // 2),
        )
    example = "day 1: rain. we swam. tom sang. mia slept & <ran>. today as on day 1: rain."
    start = example.rindex("rain")
    return TaskComparison(
        name=name,
        summary=f"The network must give back what it read long ago ({name}).",
        example=example,
        answer=(start, start + 4),
        chance=1 / 6,
        least_accuracy=0.9,
        lags=LAGS,
        cells=cells,
    )


def make_comparison(
    cells: Sequence[str] = CELLS, tasks: Sequence[str] = ("recall", "context", "nesting")
) -> Comparison:
    """A comparison with every part that can be there."""
    chance = random.Random(1)
    return Comparison(
        corpus=f"rhymes {HOSTILE}",
        corpus_characters=1_115_394,
        held_out_characters=111_540,
        vocab_size=65,
        characters_read=4_000_000,
        prompt="neuron",
        settings={
            "command": "chargen compare corpora/rhymes.txt --minutes 20 --seed 1",
            "batch_size": 16,
            "sequence_length": 64,
            "clip": 1.0,
            "temperature": 0.8,
            "precision": "float32",
            "versions": {"torch": "2.13", "numpy": "2.4"},
            "hostile": HOSTILE,
            "nothing": None,
        },
        cells={name: make_cell(name, chance) for name in cells},
        corpus_coherence=Coherence(
            tuple(interval(0.72 - 0.03 * k, 2_000) for k in range(6)), 0.99, 1.0, 0
        ),
        bigram_nats=2.36,
        window_cell="lstm",
        windows=tuple(
            WindowResult(
                length, (2.043 + 0.09 * (6 - power) ** 2 / 4) * math.log(2), 90.0 + 2**power
            )
            for power, length in enumerate((8, 16, 32, 64, 128, 256), start=3)
        ),
        tasks={name: make_task(name, chance) for name in tasks},
        checks=(
            Check("parameters", True, "all within 0.7 % of one another"),
            Check("the state matters", True, "shuffling it costs the LSTM 1.2 bits <&>"),
            Check("the gradient is right", False, "relative error 0.003, 0.001 is allowed"),
        ),
        seconds=5_432.1,
    )
