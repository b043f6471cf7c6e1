"""`chargen sample`: generate text that continues a prompt."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.display import coloured, colours_wanted, json_text, legend
from chargen.cli.options import (
    Command,
    declared_options,
    encoding_option,
    file_text,
    given,
    known_prompt,
    list_of,
    load_model,
    model_option,
    refuse_encoding,
    warn,
)
from chargen.cli.separation import Separation
from chargen.errors import OptionError
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.options import options_of
from chargen.text.display import visible
from chargen.text.kind import LINE

if TYPE_CHECKING:
    from pathlib import Path

_TEMPERATURE = options_of(GenerationSettings)["temperature"]


@click.command("sample", cls=Command)
@model_option
@click.option("-p", "--prompt", help="Text to continue")
@click.option("--file", metavar="FILE", help="Read the prompt from a file; - is standard input")
@click.option("--keep-newline", is_flag=True, help="Keep the last newline of --file in the prompt")
@encoding_option
@click.option(
    "--num-samples", type=int, default=1, metavar="N", help="Number of texts [default: 1]"
)
@click.option(
    *_TEMPERATURE.flags,
    multiple=True,
    type=list_of(click.FLOAT, ","),
    metavar="T,...",
    help=_TEMPERATURE.full_help.replace(" [", "; several: --num-samples texts with each ["),
)
@declared_options(GenerationSettings, exclude=("temperature",))
@click.option(
    "--separator",
    metavar="TEXT",
    help=(
        "Print this line between two texts [default: labels on a terminal; in a pipe, a blank line"
        " unless each text is one line]"
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per text")
@click.option("--highlight", is_flag=True, help="Colour characters by their probability")
def command(
    model: str | None,
    prompt: str | None,
    file: str | None,
    keep_newline: bool,
    encoding: str,
    num_samples: int,
    temperature: tuple[tuple[float, ...], ...],
    separator: str | None,
    as_json: bool,
    highlight: bool,
    **options: Any,
) -> None:
    """Generate text that continues a prompt, with the newest model or -m MODEL.

    Filters apply in this order: repetition penalty, temperature, top-k, top-p, min-p, threshold.
    """
    from chargen.generation.context import Reader
    from chargen.generation.generate import generate, random_seed
    from chargen.text.decoding import normalise
    from chargen.text.display import list_characters

    if prompt is not None and file is not None:
        raise click.UsageError("--prompt and --file are mutually exclusive")
    refuse_encoding(file, "--file")
    if keep_newline and file is None:
        raise click.UsageError("--keep-newline has no effect without --file")
    if as_json and highlight:
        raise click.UsageError("--json and --highlight are mutually exclusive")
    if as_json and separator is not None:
        raise click.UsageError("--json and --separator are mutually exclusive")
    if num_samples < 1:
        raise OptionError("num_samples", num_samples, "a whole number, 1 or more")
    chosen = given(GenerationSettings, options)
    chosen["stop"] = tuple(normalise(text) for text in chosen.get("stop", ()))
    settings = GenerationSettings(**chosen)
    temperatures = [t for each in temperature for t in each] or [settings.temperature]
    list(map(_TEMPERATURE.check, temperatures))
    loaded = load_model(model)
    reader, vocabulary = Reader.of(loaded), loaded.vocabulary
    if settings.seed is None:
        settings = replace(settings, seed=random_seed())
    if "length" not in chosen:
        settings = replace(settings, length=settings.default_length(reader.default_length))
    settings = replace(settings, stop=tuple(map(vocabulary.known_form, settings.stop)))
    for text in settings.stop:
        if unknown := vocabulary.unknown(text):
            shown = list_characters(unknown)
            warn(f"--stop {text!r} never occurs: the model does not know {shown}")
    read = prompt or "" if file is None else prompt_of(file, encoding, keep_newline=keep_newline)
    prompt = known_prompt(read, vocabulary, typed=file is None)
    colours = highlight and colours_wanted(sys.stdout)
    if highlight and not colours:
        warn("--highlight has no effect: standard output is not a terminal with colours")
    is_line = settings.until_newline or settings.max_lines == 1
    separation = Separation(
        LINE if is_line else reader.kind,
        num_samples,
        len(temperatures),
        separator,
        terminal=sys.stdout.isatty(),
    )
    for each in temperatures:
        settings = replace(settings, temperature=each)
        records = generate(
            reader,
            settings,
            prompt,
            num_samples=num_samples,
            log_probabilities=as_json or colours,
        )
        if as_json:
            for number, sample in completed(records):
                print_json(loaded.folder, prompt, number, sample, settings)
        elif num_samples == 1 and (len(temperatures) == 1 or separation.terminal):
            sys.stdout.write(separation.before(0, each, prompt))
            print_reason(stream(prompt, records, colours=colours), settings)
        else:
            print_texts(prompt, records, separation, temperature=each, colours=colours)
    if colours and sys.stderr.isatty():
        print(legend(), file=sys.stderr)


def prompt_of(file: str, encoding: str, *, keep_newline: bool) -> str:
    """Return the prompt in a file, by default without its last newline."""
    text = file_text(file, encoding)
    return text if keep_newline else text.removesuffix("\n")


@dataclass
class Text:
    """The characters of a sample, and the reason why it ended; "" until it ends."""

    characters: list[Drawn] = field(default_factory=list)
    reason: str = ""


def completed(records: Iterable[Drawn | Stopped]) -> Iterator[tuple[int, Text]]:
    """Yield numbers and samples in order when complete; after Ctrl-C, also incomplete ones."""
    texts: defaultdict[int, Text] = defaultdict(Text)
    following = 0
    try:
        for record in records:
            text = texts[record.sample]
            if isinstance(record, Drawn):
                text.characters.append(record)
                continue
            text.reason = record.reason
            while following in texts and texts[following].reason:
                yield following, texts.pop(following)
                following += 1
    except KeyboardInterrupt:
        for number, text in sorted(texts.items()):
            text.reason = text.reason or "interrupted"
            yield number, text
        raise


def print_texts(
    prompt: str,
    records: Iterable[Drawn | Stopped],
    separation: Separation,
    *,
    temperature: float,
    colours: bool = False,
) -> None:
    """Print samples in order, each when it is complete."""
    for number, sample in completed(records):
        text = prompt + "".join(drawn.character for drawn in sample.characters)
        sys.stdout.write(separation.before(number, temperature, text))
        stream(prompt, sample.characters, colours=colours)


def print_reason(reason: str, settings: GenerationSettings) -> None:
    """Print why a text ended, on a terminal and if the reason is not visible in the text."""
    if reason == "confidence" and sys.stderr.isatty():
        print(
            f"(stopped: the top probability fell below {settings.confidence:g})",
            file=sys.stderr,
        )


def print_json(
    model: Path, prompt: str, number: int, text: Text, settings: GenerationSettings
) -> None:
    """Print a sample as one line of JSON."""
    from chargen.evaluation.units import bits_per_character

    log_probability = sum(drawn.log_probability or 0.0 for drawn in text.characters)
    count = len(text.characters)
    fields = {
        "sample": number,
        "prompt": prompt,
        "text": "".join(drawn.character for drawn in text.characters),
        "log_probability": log_probability,
        "bits_per_character": bits_per_character(-log_probability / count) if count else None,
        "stop_reason": text.reason,
        "model": str(model),
        "settings": asdict(settings),
    }
    print(json_text(fields), flush=True)


def stream(prompt: str, records: Iterable[Drawn | Stopped], *, colours: bool = False) -> str:
    """Print a text while it is generated, and return why it ended. Ctrl-C ends the line first.

    Control characters are visible on a terminal. colours: show the probabilities.
    """
    out = sys.stdout
    terminal = out.isatty()
    show = visible if terminal else str
    reason = ""
    try:
        out.write(show(prompt))
        out.flush()
        for record in records:
            if isinstance(record, Stopped):
                reason = record.reason
                continue
            character = show(record.character)
            if colours and record.log_probability is not None:
                character = coloured(character, math.exp(record.log_probability))
            out.write(character)
            if terminal:
                out.flush()
    except KeyboardInterrupt:
        out.write("\n")
        raise
    out.write("\n")
    out.flush()
    return reason
