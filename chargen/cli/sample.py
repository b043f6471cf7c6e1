"""`chargen sample`: generate text that continues a prompt."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.copies import Copies, find_training_text
from chargen.cli.display import coloured, colours_wanted, json_text, legend, marked
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
from chargen.text.kind import LINE, TextKind

if TYPE_CHECKING:
    from pathlib import Path

    from chargen.generation.context import Reader

_TEMPERATURE = options_of(GenerationSettings)["temperature"]
_PROBABILITY, _COPIED = "probability", "copied"  # what --highlight shows


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
    help=_TEMPERATURE.full_help.replace(
        " [", "; with several values, --num-samples texts at each ["
    ),
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
@click.option(
    "--novel",
    is_flag=True,
    help="Replace texts that occur in the training text or repeat another sample at the same"
    " temperature",
)
@click.option(
    "--against",
    metavar="FILE",
    multiple=True,
    help="Text to compare with for --novel, --highlight copied and --json; can be repeated"
    " [default: the text that the model was trained on]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object per text; without --against or --novel, `copied` is null if the"
    " training text has more than 50 MB",
)
@click.option(
    "--highlight",
    type=click.Choice([_PROBABILITY, _COPIED]),
    is_flag=False,
    flag_value=_PROBABILITY,
    help="Colour characters by their probability (the default), or mark stretches that are"
    " copied from the training text",
)
def command(
    model: str | None,
    prompt: str | None,
    file: str | None,
    keep_newline: bool,
    encoding: str,
    num_samples: int,
    temperature: tuple[tuple[float, ...], ...],
    separator: str | None,
    novel: bool,
    against: tuple[str, ...],
    as_json: bool,
    highlight: str | None,
    **options: Any,
) -> None:
    """Generate text that continues a prompt, with the newest model or -m MODEL.

    Filters apply in this order: repetition penalty, temperature, top-k, top-p, min-p, threshold.
    """
    from chargen.generation.context import Reader
    from chargen.generation.generate import generate
    from chargen.generation.novel import generate_novel
    from chargen.text.decoding import normalise

    _check_usage(**click.get_current_context().params)
    chosen = given(GenerationSettings, options)
    chosen["stop"] = tuple(normalise(text) for text in chosen.get("stop", ()))
    settings = GenerationSettings(**chosen)
    temperatures = [t for each in temperature for t in each] or [settings.temperature]
    list(map(_TEMPERATURE.check, temperatures))
    loaded = load_model(model)
    reader = Reader.of(loaded)
    settings = _with_defaults(settings, reader, has_length="length" in chosen)
    read = prompt or "" if file is None else _prompt_in(file, encoding, reader.kind, keep_newline)
    prompt = known_prompt(read, reader.vocabulary, typed=file is None)
    shown = reader.kind.saved(prompt)
    training_text = None
    if novel or as_json or highlight == _COPIED:
        training_text = find_training_text(
            loaded, against, encoding, is_needed=not as_json or novel
        )
    colours = highlight is not None and colours_wanted(sys.stdout)
    if highlight and not colours:
        what = "--highlight has no effect" if highlight == _PROBABILITY else "nothing is marked"
        warn(f"{what}: standard output is not a terminal with colours")
    draw = generate
    if novel:
        assert training_text is not None
        draw = partial(generate_novel, occurs=partial(training_text.contains, prompt))
    copies = (
        Copies(training_text, prompt)
        if training_text is not None and (as_json or highlight == _COPIED)
        else None
    )
    is_line = settings.until_newline or settings.max_lines == 1
    separation = Separation(
        LINE if is_line else reader.kind,
        num_samples,
        len(temperatures),
        separator,
        terminal=sys.stdout.isatty(),
    )
    is_streamed = (
        num_samples == 1
        and (len(temperatures) == 1 or separation.terminal)
        and not (as_json or novel or copies)
    )
    for each in temperatures:
        settings = replace(settings, temperature=each)
        records = draw(
            reader,
            settings,
            prompt,
            num_samples=num_samples,
            log_probabilities=as_json or (colours and highlight == _PROBABILITY),
        )
        if is_streamed:
            sys.stdout.write(separation.before(0, each, shown))
            print_reason(stream(shown, records, colours=colours), settings)
            continue
        samples = completed(records)
        if copies is not None:
            samples = copies.marked(samples)
        if as_json:
            for number, sample in samples:
                print_json(loaded.folder, prompt, number, sample, settings)
        else:
            print_texts(shown, samples, separation, temperature=each, colours=colours)
    if highlight == _COPIED and copies is not None:
        print(copies.summary(), file=sys.stderr)
    elif colours and sys.stderr.isatty():
        print(legend(), file=sys.stderr)


def _check_usage(
    prompt: str | None,
    file: str | None,
    keep_newline: bool,
    num_samples: int,
    separator: str | None,
    novel: bool,
    against: tuple[str, ...],
    as_json: bool,
    highlight: str | None,
    **_: Any,
) -> None:
    """Refuse options that are incompatible or have no effect."""
    if prompt is not None and file is not None:
        raise click.UsageError("--prompt and --file are mutually exclusive")
    refuse_encoding(file or next(iter(against), None), "--file or --against")
    if keep_newline and file is None:
        raise click.UsageError("--keep-newline has no effect without --file")
    if as_json and highlight is not None:
        raise click.UsageError("--json and --highlight are mutually exclusive")
    if as_json and separator is not None:
        raise click.UsageError("--json and --separator are mutually exclusive")
    if against and not (novel or as_json or highlight == _COPIED):
        raise click.UsageError(
            "--against has no effect without --novel, --highlight copied or --json"
        )
    if num_samples < 1:
        raise OptionError("num_samples", num_samples, "a whole number, 1 or more")


def _with_defaults(
    settings: GenerationSettings, reader: Reader, *, has_length: bool
) -> GenerationSettings:
    """Return settings with a seed, a length and stop texts in the form that the model knows."""
    from chargen.generation.generate import random_seed
    from chargen.text.display import list_characters

    if settings.seed is None:
        settings = replace(settings, seed=random_seed())
    if not has_length:
        settings = replace(settings, length=settings.default_length(reader.default_length))
    stop = tuple(map(reader.vocabulary.known_form, settings.stop))
    for text in stop:
        if unknown := reader.vocabulary.unknown(text):
            shown = list_characters(unknown)
            warn(f"--stop {text!r} never occurs: the model does not know {shown}")
    return replace(settings, stop=stop)


def _prompt_in(path: str, encoding: str, kind: TextKind, keep_newline: bool) -> str:
    """Return the prompt in a file, as a model of a kind reads it.

    The boundary after the last text is removed, so that the model continues this text. The last
    newline is removed unless it is kept.
    """
    from chargen.text.corpus import text_as
    from chargen.text.reading import FileText

    whole = file_text(path, encoding)
    text = text_as(FileText(path, whole), kind).removesuffix(kind.boundary)
    return text + "\n" if keep_newline and whole.endswith("\n") else text


@dataclass
class Text:
    """The characters of a sample, and the reason why it ended; "" until it ends.

    copied: the positions of the characters that are copied from the training text; None if the
    training text is not known.
    """

    characters: list[Drawn] = field(default_factory=list)
    reason: str = ""
    copied: Collection[int] | None = None

    def __str__(self) -> str:
        return "".join(drawn.character for drawn in self.characters)


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
    samples: Iterable[tuple[int, Text]],
    separation: Separation,
    *,
    temperature: float,
    colours: bool = False,
) -> None:
    """Print the samples that `completed` yields."""
    for number, sample in samples:
        sys.stdout.write(separation.before(number, temperature, f"{prompt}{sample}"))
        stream(prompt, sample.characters, colours=colours, copied=sample.copied or ())


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
        "text": str(text),
        "log_probability": log_probability,
        "bits_per_character": bits_per_character(-log_probability / count) if count else None,
        "copied": None if text.copied is None else len(text.copied) / max(1, count),
        "stop_reason": text.reason,
        "model": str(model),
        "settings": asdict(settings),
    }
    print(json_text(fields), flush=True)


def stream(
    prompt: str,
    records: Iterable[Drawn | Stopped],
    *,
    colours: bool = False,
    copied: Collection[int] = (),
) -> str:
    """Print a text while it is generated, and return why it ended. Ctrl-C ends the line first.

    Control characters are visible on a terminal. colours: show the probabilities, and mark the
    characters at the positions in `copied`.
    """
    out = sys.stdout
    terminal = out.isatty()
    show = visible if terminal else str
    reason = ""
    try:
        out.write(show(prompt))
        out.flush()
        for place, record in enumerate(records):
            if isinstance(record, Stopped):
                reason = record.reason
                continue
            character = show(record.character)
            if colours and place in copied:
                character = marked(character)
            elif colours and record.log_probability is not None:
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
