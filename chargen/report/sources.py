"""What each network is, in a sentence, and the works that the page rests on."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.records import Comparison
from chargen.report import markup


@dataclass(frozen=True)
class Network:
    """A network in words. works: keys of WORKS."""

    said: str
    works: tuple[str, ...]


NETWORKS = {
    "feedforward": Network(
        "Sees one character and guesses the next. It carries nothing from one to the other: "
        "what it is like to have no memory.",
        (),
    ),
    "rnn": Network(
        "Mixes each character into a state, which it carries on. At every step the whole state is "
        "rewritten, so that what it holds wears away.",
        ("elman",),
    ),
    "gru": Network(
        "Has gates. One of them says, for each unit of the state, how much of the old stays and "
        "how much of the new comes in.",
        ("cho",),
    ),
    "lstm": Network(
        "Has a second state, the cell state, in which every unit keeps to itself: gates say how "
        "much of it is forgotten, what is added, and what of it is used.",
        ("hochreiter", "gers"),
    ),
}
WORKS = {
    "elman": (
        "J. Elman 1990, Finding structure in time",
        "https://doi.org/10.1207/s15516709cog1402_1",
    ),
    "hochreiter": (
        "S. Hochreiter and J. Schmidhuber 1997, Long short-term memory",
        "https://doi.org/10.1162/neco.1997.9.8.1735",
    ),
    "gers": (
        (
            "F. Gers, J. Schmidhuber and F. Cummins 2000, Learning to forget: continual prediction "
            "with LSTM"
        ),
        "https://doi.org/10.1162/089976600300015015",
    ),
    "cho": (
        (
            "K. Cho et al. 2014, Learning phrase representations using RNN encoder-decoder "
            "for statistical machine translation"
        ),
        "https://arxiv.org/abs/1406.1078",
    ),
    "pascanu": (
        (
            "R. Pascanu, T. Mikolov and Y. Bengio 2013, On the difficulty of training recurrent "
            "neural networks"
        ),
        "https://arxiv.org/abs/1211.5063",
    ),
    "karpathy": (
        (
            "A. Karpathy, J. Johnson and L. Fei-Fei 2015, Visualizing and understanding recurrent "
            "networks"
        ),
        "https://arxiv.org/abs/1506.02078",
    ),
    "khandelwal": (
        (
            "U. Khandelwal, H. He, P. Qi and D. Jurafsky 2018, Sharp nearby, fuzzy far away: how "
            "neural language models use context"
        ),
        "https://arxiv.org/abs/1805.04623",
    ),
    "wilson": (
        "E. Wilson 1927, Probable inference, the law of succession, and statistical inference",
        "https://doi.org/10.1080/01621459.1927.10502953",
    ),
    "sidak": (
        (
            "Z. Šidák 1967, Rectangular confidence regions for the means of multivariate "
            "normal distributions"
        ),
        "https://doi.org/10.1080/01621459.1967.10482935",
    ),
}


def section(comparison: Comparison) -> str:
    """The works that this page speaks of, with plain links; nothing is fetched from them."""
    names = {name for task in comparison.tasks.values() for name in task.cells}
    names |= set(comparison.cells)
    used = {work for name in names if name in NETWORKS for work in NETWORKS[name].works}
    cells = comparison.cells.values()
    if any(len(cell.gradient_after.share) > 1 for cell in cells):
        used.add("pascanu")
    if any(cell.context_curve for cell in cells):
        used.add("khandelwal")
    if any(cell.closers for cell in cells):
        used.add("karpathy")
    if any(task.cells for task in comparison.tasks.values()):
        used |= {"wilson", "sidak"}
    items = [
        f'{markup.text(title)}. <a href="{link}">{markup.text(link.removeprefix("https://"))}</a>'
        for key, (title, link) in WORKS.items()
        if key in used
    ]
    if not items:
        return ""
    return f'<section id="sources"><h2>Sources</h2>{markup.listed(items, "sources")}</section>'
