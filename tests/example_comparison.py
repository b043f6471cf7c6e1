"""A comparison that resembles a real one, with hostile text in every displayed string."""

import math
import random
from collections.abc import Sequence

from chargen.comparison.result import (
    CellResult,
    Check,
    Comparison,
    CorpusFacts,
    Diagnostics,
    Network,
    Sweep,
    TaskComparison,
    TaskEvaluation,
    TaskResult,
    TaskTraining,
    TextComparison,
    TrainingRun,
    Trial,
    WindowResult,
    Writing,
)
from chargen.evaluation.records import (
    BracketBin,
    Coherence,
    ContextCurve,
    GradientFlow,
    Interval,
    SpelledPrefix,
)

HOSTILE = 'a <script>alert("1")</script> & \x00\x07\x1b[31m \u202e\u200b $x_1$ \\n é 🐺'
CELLS = ("feedforward", "rnn", "gru", "lstm")
TASKS = ("recall", "context", "nesting", "agreement")
LABELS = {"feedforward": "Feed-forward", "rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
SIZES = {"feedforward": 412, "rnn": 348, "gru": 206, "lstm": 180}
PARAMETERS = {"feedforward": 201_340, "rnn": 199_872, "gru": 200_950, "lstm": 201_110}
RATES = {"feedforward": 0.008, "rnn": 0.002, "gru": 0.008, "lstm": 0.008}
BITS = {"feedforward": 3.412, "rnn": 2.241, "gru": 2.071, "lstm": 2.043}
EFFECTIVE = {"feedforward": 1, "rnn": 16, "gru": 64, "lstm": 128}
REACH = {"feedforward": 0.4, "rnn": 5.0, "gru": 14.0, "lstm": 24.0}
DECAY = {"feedforward": math.inf, "rnn": 0.35, "gru": 0.05, "lstm": 0.028}
SECONDS = {"feedforward": 61.0, "rnn": 148.0, "gru": 262.0, "lstm": 204.0}
KNOWN_WORDS = {"feedforward": 0.31, "rnn": 0.86, "gru": 0.92, "lstm": 0.95}
SPANS = {"feedforward": 0, "rnn": 50, "gru": 800, "lstm": 3_200}
LAGS = (25, 50, 100, 200, 400, 800, 1600, 3200)
LN2 = math.log(2)


def interval(value: float, count: int, width: float = 0.0) -> Interval:
    """Return a value with an interval of the given width, by default Wilson's."""
    if width:
        return Interval(value, value - width, value + width, count)
    z = 1.96
    middle = (value + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(value * (1 - value) / count + z * z / (4 * count**2))
    half /= 1 + z * z / count
    return Interval(value, max(0.0, middle - half), min(1.0, middle + half), count)


def draw_share(count: int, probability: float, chance: random.Random) -> Interval:
    """Return the share of successes in `count` draws."""
    return interval(sum(chance.random() < probability for _ in range(count)) / count, count)


def make_network(name: str, scale: int = 1) -> Network:
    """Return a network; one on a memory task has fewer parameters."""
    description = f"The {LABELS[name]} is described in one sentence."
    parameters = PARAMETERS[name] // scale
    return Network(name, LABELS[name], description, SIZES[name], 1, parameters)


def make_flow(decay: float) -> GradientFlow:
    """Return a gradient that decays with the lag; an infinite decay leaves exactly 0."""
    shares = [1.0]
    for lag in range(1, 201):
        wave = 1 + 0.25 * math.sin(lag / 7)
        shares.append(math.exp(-decay * lag) * wave * (0.5 + 0.5 / (1 + 0.2 * lag)))
    return GradientFlow(tuple(shares))


def make_predictions(target: str, probability: float) -> tuple[tuple[str, float], ...]:
    """Return five predictions, sorted by probability."""
    others = [letter for letter in "e \nato<&" if letter != target]
    rest = 1 - probability
    found = [(target, probability)]
    found += [(letter, rest * 0.45 * 0.55**place) for place, letter in enumerate(others[:5])]
    return tuple(sorted(found, key=lambda one: -one[1])[:5])


def make_sweep(name: str) -> Sweep:
    """Return six trials; the largest rate of the RNN diverged."""
    rates = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
    best = BITS[name] * LN2
    trials = [Trial(rate, best + 0.05 * math.log2(rate / RATES[name]) ** 2) for rate in rates]
    if name == "rnn":
        trials[-1] = Trial(0.016, None)
    return Sweep(tuple(trials), RATES[name])


def make_run(name: str, seed: int, chance: random.Random) -> TrainingRun:
    """Return one training run; the LSTM's second run was resumed."""
    nats = BITS[name] * LN2 + (-0.006, 0.001, 0.005)[seed - 1]
    curve = tuple(
        (
            60_000 * (step + 1),
            nats - 0.1 + (4.1 - nats) * math.exp(-step / 9) + chance.gauss(0, 0.012),
        )
        for step in range(66)
    )
    exploded = name == "rnn"
    return TrainingRun(
        seed=seed,
        steps=3_900,
        characters=4_000_000,
        seconds=SECONDS[name] / 3,
        resumed=int(name == "lstm" and seed == 2),
        curve=curve,
        clipped=0.31 if exploded else 0.02,
        largest_norms=(412.0, 96.5, 31.0) if exploded else (2.31, 1.9, 1.4),
        validation_nats=nats,
    )


def make_diagnostics(name: str, chance: random.Random) -> Diagnostics:
    """Return the diagnostics of a trained network."""
    bits, reach = BITS[name], REACH[name]
    memory = name != "feedforward"
    context = {}
    for k in (2**power for power in range(10)):
        loss = bits + (3.45 - bits) * math.exp(-(k - 1) / reach) if memory else bits
        context[k] = interval(loss, 4_096, 0.035)
    brackets = tuple(
        BracketBin(low, high, draw_share(300, 0.02 + 0.9 * math.exp(-low / (4 * reach)), chance))
        for low, high in ((1, 4), (5, 16), (17, 64), (65, 256))
    )
    word = "neuron"
    spelling = []
    for length in range(1, len(word)):
        odds = 0.985 - 0.5 / (length * reach) ** 0.8 if memory else 0.16
        target = word[length]
        spelling.append(SpelledPrefix(word[:length], target, odds, make_predictions(target, odds)))
    return Diagnostics(
        context=ContextCurve(context, interval(bits, 4_096, 0.035), EFFECTIVE[name]),
        gradient_before=make_flow(DECAY[name] * 2.2),
        gradient_after=make_flow(DECAY[name]),
        bracket_matching=brackets,
        spelling=tuple(spelling),
    )


def make_writing(name: str) -> Writing:
    """Return two samples and their statistics."""
    rhyme = tuple(
        interval(max(0.06, 0.75 * math.exp(-distance / REACH[name] * 1.6)), 400)
        for distance in range(1, 7)
    )
    memory = name != "feedforward"
    return Writing(
        Coherence(rhyme, KNOWN_WORDS[name], 0.88 if memory else None, 23),
        (
            f"the {name} sat on the mat and went to play\nin the hay all day, {HOSTILE}\n" * 4,
            "jake may bake a cake by the lake.\nthe snake was awake.\n\ta tab",
        ),
    )


def make_cell(name: str, chance: random.Random) -> CellResult:
    """Return one network on the text, trained with three seeds."""
    behind = BITS[name] - min(BITS.values())
    return CellResult(
        network=make_network(name),
        sweep=make_sweep(name),
        runs=tuple(make_run(name, seed, chance) for seed in (1, 2, 3)),
        diagnostics=make_diagnostics(name, chance),
        writing=make_writing(name),
        behind=interval(behind, 111_540, 0.012),
    )


def make_text(cells: Sequence[str], chance: random.Random) -> TextComparison:
    """Return the comparison on a text."""
    coherence = Coherence(tuple(interval(0.72 - 0.03 * k, 2_000) for k in range(6)), 0.99, 1.0, 0)
    windows = tuple(
        WindowResult(
            2**power,
            tuple(
                (BITS["lstm"] + 0.02 * (8 - power) ** 2) * LN2 + 0.004 * seed for seed in (0, 1, 2)
            ),
            90.0 + 2**power,
        )
        for power in range(3, 9)
    )
    return TextComparison(
        corpus=CorpusFacts(f"rhymes {HOSTILE}", 1_115_394, 1_003_854, 111_540, 65, 2.36, coherence),
        characters_read=4_000_000,
        prompt="neuron",
        cells={name: make_cell(name, chance) for name in cells},
        window_cell="lstm" if "lstm" in cells else "",
        windows=windows if "lstm" in cells else (),
    )


def make_task_result(task: str, name: str, chance: random.Random) -> TaskResult:
    """Return one network on a memory task, trained with three seeds."""
    place = CELLS.index(name)
    evaluations = []
    for seed in (1, 2, 3):
        span = SPANS[name] if seed < 3 else SPANS[name] // 2
        accuracy = {
            lag: draw_share(500, 0.995 if lag <= span else max(1 / 6, 0.6 * span / lag), chance)
            for lag in LAGS
        }
        depths = {
            depth: draw_share(300, 0.99 if depth <= place * 3 else 0.4, chance)
            for depth in range(1, 9)
        }
        learned = 0.2 + 0.26 * place
        calibration = {
            setting: {
                answer: (true, true * learned + (1 - learned) / 3)
                for answer, true in zip(("dog", "wolf", "fish"), odds, strict=True)
            }
            for setting, odds in (
                ("home", (0.8, 0.15, 0.05)),
                ("wild $x$ <b>", (0.15, 0.8, 0.05)),
                ("water", (0.15, 0.05, 0.8)),
            )
        }
        evaluations.append(
            TaskEvaluation(
                accuracy,
                max((lag for lag in LAGS if lag <= span), default=0),
                span >= LAGS[-1],
                depths if task == "nesting" else {},
                calibration if task == "context" else {},
            )
        )
    return TaskResult(
        network=make_network(name, scale=4),
        sweep=Sweep((Trial(0.001, 1.2), Trial(RATES[name], 0.4), Trial(0.03, None)), RATES[name]),
        trainings=tuple(
            TaskTraining(seed, RATES[name], 3_000_000, 200, SECONDS[name] / 3, 0.4)
            for seed in (1, 2, 3)
        ),
        evaluations=tuple(evaluations),
        gradient=make_flow(DECAY[name] / 8) if task == "recall" else None,
    )


def make_task(task: str, cells: Sequence[str], chance: random.Random) -> TaskComparison:
    """Return the comparison on one memory task."""
    example = "day 1: rain. we swam. tom sang. mia slept & <ran>. today as on day 1: rain."
    start = example.rindex("rain")
    return TaskComparison(
        name=task,
        summary=f"the network must repeat what it read long ago ({task})",
        example=example,
        answer=(start, start + 4),
        choices=("rain", "snow"),
        chance=1 / 6,
        limit=0.9,
        lags=LAGS,
        cells={name: make_task_result(task, name, chance) for name in cells},
    )


def make_comparison(
    cells: Sequence[str] = CELLS, tasks: Sequence[str] = TASKS, text: bool = True
) -> Comparison:
    """Return a comparison with every optional part."""
    chance = random.Random(1)
    return Comparison(
        text=make_text(cells, chance) if text and cells else None,
        tasks={name: make_task(name, cells or CELLS, chance) for name in tasks},
        checks=(
            Check("parameters", True, "all within 0.7 % of one another"),
            Check("the state matters", True, "shuffling it costs the LSTM 1.2 bits <&>"),
            Check("the gradient is right", False, "relative error 0.003, 0.001 is allowed"),
        ),
        notes=("The plan was shortened to 80 % because the machine was busy.",),
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
        seconds=5_432.1,
    )
