"""`chargen sample`: write on from a prompt."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import known_prompt, load_model, model_option, warn
from chargen.cli.sampling import make_settings, sampling_options
from chargen.cli.shown import coloured, colours_wanted, json_line, legend
from chargen.text.shown import visible

if TYPE_CHECKING:
    from pathlib import Path

    from chargen.generation.settings import Settings
    from chargen.records import Drawn, Stopped


@click.command("sample")
@model_option
@click.option("-p", "--prompt", help="What the text begins with.")
@click.option("--file", metavar="FILE", help="... or a file that holds it; -: standard input.")
@click.option(
    "-n", "--length", type=int, default=200, show_default=True, help="Characters; 0: no end."
)
@click.option("--num-samples", type=int, default=1, show_default=True, help="So many texts.")
@click.option("--stop", metavar="TEXT", multiple=True, help="End before it; may be repeated.")
@click.option("--until-newline", is_flag=True, help="End before a newline.")
@click.option(
    "--confidence",
    type=float,
    default=0.0,
    help="End when the best guess is less probable than this.",
)
@sampling_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sample.")
@click.option("--highlight", is_flag=True, help="Colour characters by their probability.")
def command(
    model: str | None,
    prompt: str | None,
    file: str | None,
    length: int,
    num_samples: int,
    stop: tuple[str, ...],
    until_newline: bool,
    confidence: float,
    as_json: bool,
    highlight: bool,
    **sampling: Any,
) -> None:
    """Write on from a prompt, with the model that was trained last or with -m FOLDER."""
    from chargen.errors import OptionError
    from chargen.generation.context import Reader
    from chargen.generation.generate import random_seed
    from chargen.text.corpus import normalise, read_file

    if prompt is not None and file is not None:
        raise click.UsageError("--prompt and --file both say how the text begins: choose one")
    if as_json and highlight:
        raise click.UsageError("--json has no colours: leave --highlight out")
    if num_samples < 1:
        raise OptionError(f"--num-samples must be 1 or more, got {num_samples}")
    settings = make_settings(
        sampling,
        length=length or None,
        stop=tuple(normalise(text) for text in stop),
        until_newline=until_newline,
        confidence=confidence,
    )
    if settings.seed is None:
        settings = replace(settings, seed=random_seed())
    loaded = load_model(model)
    for text in settings.stop:
        if unknown := loaded.vocabulary.unknown(text):
            warn(f"--stop {text!r} is never met: the model does not write {unknown!r}")
    prompt = known_prompt(
        prompt or "" if file is None else read_file(file).removesuffix("\n"), loaded.vocabulary
    )
    reader = Reader.of(loaded)
    terminal = sys.stdout.isatty()
    colours = highlight and colours_wanted(sys.stdout)
    if highlight and not colours:
        warn("--highlight has no effect here: its colours are for a terminal without NO_COLOR")
    show = partial(shown, terminal=terminal, colours=colours)
    beginning = visible(prompt) if terminal else prompt
    records = settings.write(reader, prompt, samples=num_samples, scored=as_json or colours)
    if num_samples == 1 and not as_json:
        ended: list[str] = []
        stream(beginning, _shown_pieces(records, show, ended))
        if ended == ["confidence"] and sys.stderr.isatty():
            print(f"(ended: no guess was as sure as {confidence:g})", file=sys.stderr)
    else:
        for sample in whole(records, range(num_samples)):
            if as_json:
                print_json(loaded.folder, prompt, sample, settings)
            else:
                between = "" if until_newline or sample.number == 0 else "\n"
                stream(between + beginning, map(show, sample.characters))
    if colours and sys.stderr.isatty():
        print(legend(), file=sys.stderr)


@dataclass
class Text:
    """A sample that is whole. reason: why it ended, "interrupted" where the user did."""

    number: int
    characters: list[Drawn]
    reason: str = "interrupted"


def whole(records: Iterator[Drawn | Stopped], numbers: Sequence[int]) -> Iterator[Text]:
    """Each sample when it and all before it are whole; on Ctrl-C what there is of the rest."""
    from chargen.records import Stopped

    texts = {number: Text(number, []) for number in numbers}
    done: set[int] = set()
    try:
        for record in records:
            if not isinstance(record, Stopped):
                texts[record.sample].characters.append(record)
                continue
            texts[record.sample].reason = record.reason
            done.add(record.sample)
            while texts and (first := next(iter(texts))) in done:
                yield texts.pop(first)
    except KeyboardInterrupt:
        yield from texts.values()
        raise


def _shown_pieces(
    records: Iterator[Drawn | Stopped], show: Callable[[Drawn], str], ended: list[str]
) -> Iterator[str]:
    """The characters as they go out; why they ended is put into `ended`."""
    from chargen.records import Stopped

    for record in records:
        if isinstance(record, Stopped):
            ended.append(record.reason)
        else:
            yield show(record)


def print_json(model: Path, prompt: str, text: Text, settings: Settings) -> None:
    """One sample as one line of JSON."""
    from chargen.evaluation.units import bits_per_character

    log_probability = sum(drawn.log_probability or 0.0 for drawn in text.characters)
    count = len(text.characters)
    fields = {
        "sample": text.number,
        "prompt": prompt,
        "text": "".join(drawn.character for drawn in text.characters),
        "log_probability": log_probability,
        "bits_per_character": bits_per_character(-log_probability / count) if count else None,
        "stop_reason": text.reason,
        "model": str(model),
        "settings": asdict(settings),
    }
    print(json_line(fields), flush=True)


def shown(drawn: Drawn, *, terminal: bool, colours: bool) -> str:
    """A character as it goes out: visible on a terminal, coloured where that was asked for."""
    character = visible(drawn.character) if terminal else drawn.character
    if not colours or drawn.log_probability is None:
        return character
    return coloured(character, math.exp(drawn.log_probability))


def stream(prompt: str, written: Iterable[str]) -> None:
    """Print a text while it is being written; Ctrl-C ends its line first."""
    out = sys.stdout
    at_once = out.isatty()
    try:
        out.write(prompt)
        out.flush()
        for character in written:
            out.write(character)
            if at_once:
                out.flush()
    except KeyboardInterrupt:
        out.write("\n")
        raise
    out.write("\n")
    out.flush()
