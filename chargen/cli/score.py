"""`chargen score`: how well a model expects a text."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import known_prompt, load_model, model_option
from chargen.cli.shown import coloured, colours_wanted, column, digits, json_line, legend
from chargen.text.shown import bar, visible

if TYPE_CHECKING:
    from chargen.evaluation.surprisal import Reading
    from chargen.generation.context import Reader

_SHOWN_CHARACTERS = 2_000
_PLACES = 5
_BEFORE = 24


@click.command("score")
@model_option
@click.argument("text", required=False)
@click.option("--file", metavar="FILE", help="... or a file that holds it; -: standard input.")
@click.option("-p", "--prompt", "prompts", multiple=True, help="What stands before it.")
@click.option("--choices", metavar="A,B,...", help="How likely each is to follow the prompt.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, character by character.")
def command(
    model: str | None,
    text: str | None,
    file: str | None,
    prompts: tuple[str, ...],
    choices: str | None,
    as_json: bool,
) -> None:
    """Tell how well a model expects TEXT, and where it is surprised.

    With --choices: the probability of each of them after a --prompt, or after several, side by
    side.
    """
    from chargen.evaluation.surprisal import check_choices
    from chargen.generation.context import Reader
    from chargen.text.corpus import read_file

    if (text is not None) + (file is not None) + (choices is not None) != 1:
        raise click.UsageError("give one of TEXT, --file and --choices")
    if choices is None and len(prompts) > 1:
        raise click.UsageError("more than one --prompt is for --choices (put them together)")
    words = [known_prompt(word.strip(), None) for word in (choices or "").split(",")]
    if choices is not None:
        check_choices(words)
    loaded = load_model(model)
    reader = Reader.of(loaded)
    prompts = tuple(known_prompt(prompt, loaded.vocabulary) for prompt in prompts or ("",))
    if choices is not None:
        # Together, so that one line names what is unknown.
        known_prompt("".join(words), loaded.vocabulary, what="the choices")
        _show_choices(reader, prompts, words, as_json)
        return
    whole = text or "" if file is None else read_file(file)
    whole = known_prompt(whole, loaded.vocabulary, what="the text")
    if not whole:
        raise click.UsageError(f"there is nothing to score: {file or 'TEXT'} is empty")
    _show_text(reader, prompts[0], whole, as_json)


def _show_text(reader: Reader, prompt: str, text: str, as_json: bool) -> None:
    from chargen.evaluation.surprisal import read
    from chargen.evaluation.units import bits_per_character, perplexity

    reading = read(reader, text, reader.read(prompt))
    nats = float(reading.nats.mean())
    figures = {
        "characters": len(text),
        "nats_per_character": nats,
        "bits_per_character": bits_per_character(nats),
        "perplexity": perplexity(nats),
        "log_probability": -float(reading.nats.sum()),
    }
    best = [reader.vocabulary.characters[k] for k in reading.best.tolist()]
    if as_json:
        rows = zip(
            text, reading.nats.tolist(), best, reading.best_probability.tolist(), strict=True
        )
        each = [
            {"character": c, "nats": n, "probability": math.exp(-n), "best": b,
             "best_probability": p}
            for c, n, b, p in rows
        ]  # fmt: skip
        print(json_line({"prompt": prompt, **figures, "each": each}))
        return
    _show_surprise(text, reading.nats.tolist())
    print(
        f"{len(text):,} characters: {nats:.3f} nats, {figures['bits_per_character']:.3f} bits each,"
        f" perplexity {figures['perplexity']:.2f}"
    )
    _show_places(prompt, text, reading, best)


def _show_surprise(text: str, nats: Sequence[float]) -> None:
    """The text in colours, or where there are none with the bits of each character below it."""
    if len(text) > _SHOWN_CHARACTERS:
        return
    colours = colours_wanted(sys.stdout)
    at = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        columns, each = [column(c) for c in text[at:end]], nats[at:end]
        at = end
        if colours:
            pieces = zip(columns, each, strict=True)
            print("".join(coloured(c, math.exp(-n)) for c, n in pieces))
        else:
            print("".join(columns))
            print(digits(columns, each))
    print(legend() if colours else "(below each character: its surprise in bits, 9 for more)")


def _show_places(prompt: str, text: str, reading: Reading, best: Sequence[str]) -> None:
    order = (-reading.nats).argsort(kind="stable")[:_PLACES].tolist()
    print("most surprising:")
    for k in order:
        before = (prompt + text[:k])[-_BEFORE:]
        print(
            f"  at {k + 1:,}: {_quoted(before)} then {_quoted(text[k])}"
            f" {math.exp(-reading.nats[k]):.2g}; expected {_quoted(best[k])}"
            f" {reading.best_probability[k]:.2f}"
        )


def _show_choices(
    reader: Reader, prompts: Sequence[str], words: Sequence[str], as_json: bool
) -> None:
    from chargen.evaluation.surprisal import shares

    found = [shares(reader, reader.read(prompt), words) for prompt in prompts]
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "prompt": prompt,
                "choices": {
                    word: {"probability": float(p), "share": float(s)}
                    for word, p, s in zip(words, probabilities, share, strict=True)
                },
            }
            for prompt, (probabilities, share) in zip(prompts, found, strict=True)
        ]
        print(json_line(rows))
        return
    letters = [chr(ord("A") + k % 26) for k in range(len(prompts))]
    for letter, prompt in zip(letters, prompts, strict=True):
        print(f"{letter}: {_quoted(prompt)}")
    names = [_on_one_line(word) for word in words]
    width = max(6, *map(len, names))
    head = "".join(f"  {f'{letter}: share':<20}of all " for letter in letters)
    print(f"{'':{width}}{head}".rstrip())
    for k, name in enumerate(names):
        cells = [
            f"  {share[k]:.3f} {bar(share[k], 13):<13} {probabilities[k]:7.2g}"
            for probabilities, share in found
        ]
        print(f"{name:{width}}{''.join(cells)}".rstrip())


def _quoted(text: str) -> str:
    return f'"{_on_one_line(text)}"'


def _on_one_line(text: str) -> str:
    return visible(text.replace("\n", column("\n")).replace("\t", column("\t")))
