"""The command `chargen score` measures how well a model predicts a text."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from chargen.cli.display import coloured, colours_wanted, digits, json_text, legend
from chargen.cli.options import (
    Command,
    encoding_option,
    file_text,
    known_prompt,
    load_model,
    models_option,
    refuse_encoding,
    warn,
)
from chargen.text.display import bar, one_line, visible_character

if TYPE_CHECKING:
    from chargen.generation.context import Reader
    from chargen.text.kind import TextKind

_MAX_DISPLAYED = 2_000
_UNLIKELY = 0.01


@click.command("score", cls=Command)
@models_option
@click.argument("text", required=False)
@click.option("--file", metavar="FILE", help="Score the text in a file; - is standard input")
@encoding_option
@click.option("-p", "--prompt", "prompts", multiple=True, help="Text before the scored text")
@click.option(
    "--choices", metavar="A,B,...", help="Compare the probabilities of these continuations"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with a record per character")
def command(
    models: tuple[str, ...],
    text: str | None,
    file: str | None,
    encoding: str,
    prompts: tuple[str, ...],
    choices: str | None,
    as_json: bool,
) -> None:
    """Score TEXT: bits per character and its most surprising places.

    With --choices, print how probable each choice is after the prompt. Repeat --prompt to compare
    several prompts side by side. Repeat --model to compare models on the same text.
    """
    from chargen.evaluation.surprisal import check_choices
    from chargen.generation.context import Reader
    from chargen.repl.session import clean
    from chargen.text.corpus import text_as
    from chargen.text.reading import FileText

    if (text is not None) + (file is not None) + (choices is not None) != 1:
        raise click.UsageError("pass exactly one of TEXT, --file and --choices")
    refuse_encoding(file, "--file")
    if choices is None and len(prompts) > 1:
        raise click.UsageError("--prompt may be repeated only with --choices")
    words = [clean(word.strip()) for word in (choices or "").split(",")]
    if choices is not None:
        check_choices(words)
    if len(models) > 1:
        from chargen.cli.score_table import print_scores

        if choices is not None:
            raise click.UsageError(f"--choices needs one model, got {len(models)} (pass one -m)")
        whole = text or "" if file is None else file_text(file, encoding)
        whole = _not_empty(clean(whole), file)

        def read_by(kind: TextKind) -> str:
            return whole if file is None else text_as(FileText(file, [whole]), kind)

        print_scores(models, clean(prompts[0]) if prompts else "", read_by, as_json)
        return
    loaded = load_model(models[0] if models else None)
    reader = Reader.of(loaded)
    prompts = tuple(known_prompt(prompt, loaded.vocabulary) for prompt in prompts or ("",))
    if choices is not None:
        # One warning for all choices together.
        known_prompt("".join(words), loaded.vocabulary, what="the choices")
        words = [loaded.vocabulary.known_form(word) for word in words]
        _print_choices(reader, prompts, words, as_json)
        return
    whole = text or "" if file is None else file_text(file, encoding, reader.kind)
    whole = known_prompt(whole, loaded.vocabulary, what="the text", typed=file is None)
    whole = _not_empty(whole, file)
    _print_score(reader, prompts[0], whole, as_json)


def _not_empty(text: str, file: str | None) -> str:
    if not text:
        raise click.UsageError(f"{file or 'TEXT'} is empty, so there is nothing to score")
    return text


def _print_score(reader: Reader, prompt: str, text: str, as_json: bool) -> None:
    from chargen.evaluation.score import Score, describe
    from chargen.evaluation.surprisal import read

    reading = read(reader, text, reader.read(prompt))
    nats: list[float] = reading.nats.tolist()
    if as_json:
        score = Score(text, reading.nats)
        characters = reader.vocabulary.characters
        record = {
            "prompt": prompt,
            "characters": len(text),
            "nats_per_character": score.nats_per_character,
            "bits_per_character": score.bits_per_character,
            "perplexity": score.perplexity,
            "log_probability": score.log_probability,
            "each": [
                {
                    "character": character,
                    "nats": nats[k],
                    "probability": math.exp(-nats[k]),
                    "best": characters[int(reading.best[k])],
                    "best_probability": float(reading.best_probability[k]),
                }
                for k, character in enumerate(text)
            ],
        }
        print(json_text(record))
        return
    if len(text) <= _MAX_DISPLAYED:
        _print_surprisal(text, nats, reader.kind.boundary)
    for line in describe(text, reading, reader.vocabulary, prompt):
        print(line)


def _print_surprisal(text: str, nats: Sequence[float], boundary: str) -> None:
    """Print the text in colours, or without colours the bits below each character."""
    colours = colours_wanted(sys.stdout)
    start = 0
    for line in re.findall(rf"[^\n{boundary}]*[\n{boundary}]|[^\n{boundary}]+", text):
        columns = [visible_character(c, space=" ") for c in line]
        line_nats = nats[start : start + len(line)]
        start += len(line)
        if colours:
            pairs = zip(columns, line_nats, strict=True)
            print("".join(coloured(c, math.exp(-n)) for c, n in pairs))
        else:
            print("".join(columns))
            print(digits(columns, line_nats))
    print(
        legend() if colours else "(digits: surprisal in bits, rounded; \u00b7 is 0, 9 is 9 or more)"
    )


def _print_choices(
    reader: Reader, prompts: Sequence[str], words: Sequence[str], as_json: bool
) -> None:
    from chargen.evaluation.score import quoted
    from chargen.evaluation.surprisal import shares

    found = [shares(reader, reader.read(prompt), words) for prompt in prompts]
    for prompt, (probabilities, _) in zip(prompts, found, strict=True):
        if (total := float(probabilities.sum())) < _UNLIKELY:
            warn(
                f"the choices together have a probability of {total:.1g} after {quoted(prompt)}, so"
                " their shares are unreliable (use a prompt and choices like the training text)"
            )
    if as_json:
        rows = []
        for prompt, (probabilities, share) in zip(prompts, found, strict=True):
            figures = {
                word: {"probability": float(p), "share": float(s)}
                for word, p, s in zip(words, probabilities, share, strict=True)
            }
            rows.append({"prompt": prompt, "choices": figures})
        print(json_text(rows))
        return
    letters = [f"{chr(ord('A') + k % 26)}: " for k in range(len(prompts))]
    if len(prompts) == 1:
        letters = [""]
    else:
        for letter, prompt in zip(letters, prompts, strict=True):
            print(f"{letter}{quoted(prompt)}")
    names = [one_line(word) for word in words]
    width = max(6, *map(len, names))
    head = "".join(f"  {f'{letter}share':<20}probability" for letter in letters)
    print(f"{'':{width}}{head}".rstrip())
    for k, name in enumerate(names):
        cells = [
            f"  {share[k]:.3f} {bar(share[k], 13):<13} {probabilities[k]:11.2g}"
            for probabilities, share in found
        ]
        print(f"{name:{width}}{''.join(cells)}".rstrip())
    print("(share: among the choices; probability: among all continuations)")
