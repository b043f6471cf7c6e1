"""`chargen sample`: generate text that continues a prompt."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.display import coloured, colours_wanted, json_line, legend
from chargen.cli.options import (
    Command,
    declared_options,
    encoding_option,
    file_text,
    given,
    known_prompt,
    load_model,
    model_option,
    refuse_encoding,
    warn,
)
from chargen.errors import OptionError
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.text.display import visible
from chargen.text.kind import LINE, STREAM, TextKind

if TYPE_CHECKING:
    from pathlib import Path


@click.command("sample", cls=Command)
@model_option
@click.option("-p", "--prompt", help="Text to continue")
@click.option("--file", metavar="FILE", help="Read the prompt from a file; - is standard input")
@click.option("--keep-newline", is_flag=True, help="Keep the last newline of --file in the prompt")
@encoding_option
@click.option(
    "--num-samples", type=int, default=1, metavar="N", help="Number of texts [default: 1]"
)
@declared_options(GenerationSettings)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per text")
@click.option("--highlight", is_flag=True, help="Colour characters by their probability")
def command(
    model: str | None,
    prompt: str | None,
    file: str | None,
    keep_newline: bool,
    encoding: str,
    num_samples: int,
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
    if num_samples < 1:
        raise OptionError("num_samples", num_samples, "a whole number, 1 or more")
    chosen = given(GenerationSettings, options)
    chosen["stop"] = tuple(normalise(text) for text in chosen.get("stop", ()))
    settings = GenerationSettings(**chosen)
    if settings.seed is None:
        settings = replace(settings, seed=random_seed())
    loaded = load_model(model)
    reader, vocabulary = Reader.of(loaded), loaded.vocabulary
    if "length" not in chosen:
        settings = replace(settings, length=reader.default_length)
    settings = replace(settings, stop=tuple(map(vocabulary.known_form, settings.stop)))
    for text in settings.stop:
        if unknown := vocabulary.unknown(text):
            shown = list_characters(unknown)
            warn(f"--stop {text!r} never occurs: the model does not know {shown}")
    read = prompt or "" if file is None else _prompt_in(file, encoding, reader.kind, keep_newline)
    prompt = known_prompt(read, vocabulary, typed=file is None)
    colours = highlight and colours_wanted(sys.stdout)
    if highlight and not colours:
        warn("--highlight has no effect: standard output is not a terminal with colours")
    records = generate(
        reader,
        settings,
        prompt,
        num_samples=num_samples,
        log_probabilities=as_json or colours,
    )
    if num_samples == 1 and not as_json:
        reason = stream(reader.kind.saved(prompt), records, colours=colours)
        if reason == "confidence" and sys.stderr.isatty():
            print(
                f"(stopped: the top probability fell below {settings.confidence:g})",
                file=sys.stderr,
            )
    elif as_json:
        for number, sample in completed(records):
            print_json(loaded.folder, prompt, number, sample, settings)
    else:
        kind = LINE if settings.until_newline else reader.kind
        print_texts(reader.kind.saved(prompt), records, kind, colours=colours)
    if colours and sys.stderr.isatty():
        print(legend(), file=sys.stderr)


def _prompt_in(path: str, encoding: str, kind: TextKind, keep_newline: bool) -> str:
    """Return the prompt in a file, as a model of a kind reads it.

    It lacks the boundary after the last text, which the model continues, and the last newline
    unless it is kept.
    """
    from chargen.text.corpus import text_as
    from chargen.text.reading import FileText

    whole = file_text(path, encoding)
    text = text_as(FileText(path, whole), kind).removesuffix(kind.boundary)
    return text + "\n" if keep_newline and whole.endswith("\n") else text


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
    prompt: str, records: Iterable[Drawn | Stopped], kind: TextKind, *, colours: bool = False
) -> None:
    """Print samples in order, each when it is complete.

    kind: what a sample is. Lines are not separated by blank lines, nor are documents and cells of
    one line.
    """
    before = ""
    for number, sample in completed(records):
        text = prompt + "".join(drawn.character for drawn in sample.characters)
        is_apart = kind == STREAM or (kind != LINE and "\n" in before + text)
        stream("\n" * (is_apart and number > 0) + prompt, sample.characters, colours=colours)
        before = text


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
    print(json_line(fields), flush=True)


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
