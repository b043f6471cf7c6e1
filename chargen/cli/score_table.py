"""The scores of several models on one text, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from chargen.cli.columns import Column, Table
from chargen.cli.display import json_text, terminal_width
from chargen.cli.options import known_prompt, load_model, warn
from chargen.evaluation.score import Score
from chargen.evaluation.surprisal import read
from chargen.generation.context import Reader
from chargen.text.display import list_characters, one_line, plural
from chargen.text.kind import TextKind


@dataclass(frozen=True)
class Row:
    """The score of a model. unknown_characters: how many of the text it has never seen."""

    model: str
    characters: int
    unknown_characters: int
    nats_per_character: float
    bits_per_character: float
    perplexity: float


def print_scores(
    models: Sequence[str], prompt: str, read_by: Callable[[TextKind], str], as_json: bool
) -> None:
    """Print the losses of models on a text after a prompt, and mark the best one.

    read_by: returns the text as a model with texts of a kind reads it; a warning names models that
    read it differently. All characters that a model does not know have the same probability, which
    says nothing about them. A warning names them.
    """
    rows, unknown, divided = [], [], dict[str, str]()
    for name in models:
        loaded = load_model(name)
        before = known_prompt(prompt, loaded.vocabulary, what=f"the prompt (-m {name})")
        text = read_by(loaded.kind)
        divided.setdefault(text, f"{name} ({loaded.kind.description})")
        known = loaded.vocabulary.known_form(text)
        unknown.append(loaded.vocabulary.unknown(known))
        reader = Reader.of(loaded)
        score = Score(known, read(reader, known, reader.read(before)).nats)
        rows.append(
            Row(
                name,
                len(known),
                sum(map(known.count, unknown[-1])),
                score.nats_per_character,
                score.bits_per_character,
                score.perplexity,
            )
        )
    if len(divided) > 1:
        listed = ", ".join(divided.values())
        warn(f"the comparison is unfair: the models split the text differently: {listed}")
    if len(set(unknown)) == 1 and unknown[0]:
        warn(f"no model knows these characters in the text: {list_characters(unknown[0])}")
    for row, characters in zip(rows, unknown, strict=True):
        if len(set(unknown)) > 1 and characters:
            warn(
                f"the comparison is unfair: {row.model} does not know {row.unknown_characters:,} of"
                f" {plural(row.characters, 'character')}: {list_characters(characters)}"
            )
    if as_json:
        for row in rows:
            print(json_text(asdict(row)))
        return
    best = min(rows, key=lambda row: row.nats_per_character)
    columns = [
        Column("model", [one_line(row.model) for row in rows], shortens=True),
        _numbers("nats", [f"{row.nats_per_character:.3f}" for row in rows]),
        _numbers("bits", [f"{row.bits_per_character:.3f}" for row in rows]),
        _numbers("perplexity", [f"{row.perplexity:.2f}" for row in rows], optional=2),
        _numbers("characters", [f"{row.characters:,}" for row in rows], optional=1),
        Column("", ["best" if row is best else "" for row in rows]),
    ]
    for line in Table(columns, terminal_width()).lines():
        print(line)


def _numbers(heading: str, cells: Sequence[str], optional: int = 0) -> Column:
    return Column(heading, cells, numeric=True, optional=optional)
