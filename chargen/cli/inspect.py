"""The command `chargen inspect` shows what happens inside a model while it reads a text."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.display import colour_depth, json_line
from chargen.cli.options import (
    allow_only,
    declared_options,
    given,
    known_prompt,
    load_model,
    model_option,
    warn,
)
from chargen.errors import ChargenError, OptionError
from chargen.evaluation.inspection import InspectionSettings
from chargen.options import options_of
from chargen.text.display import one_line, plural

if TYPE_CHECKING:
    from chargen.evaluation.trace import Tracer
    from chargen.model.checkpoint import Checkpoint

_MAX_NUMBERS = 1 << 27  # of a trace in memory: 0.5 GB
_MAX_JSON_NUMBERS = 1 << 22
_MAX_UNFOLDED = 60
_MIN_UNITS_TEXT, _MAX_UNITS_TEXT, _GENERATED = 200, 20_000, 2_000  # characters for --units
_HELD = set(options_of(InspectionSettings))
_VIEWS = {
    "versus": {*_HELD, "as_json"},
    "unfold": {"close", "open", "start"},
    "saliency": {"at", "as_json"},
    "units": {"as_json"},
    "html": set[str](),
}


@click.command("inspect")
@model_option
@click.option("-p", "--prompt", help="Text to read")
@click.option("--file", metavar="FILE", help="Read the text from a file; - is standard input")
@declared_options(InspectionSettings)
@click.option("--versus", metavar="TEXT", help="Show where another text leads to other states")
@click.option("--unfold", is_flag=True, help="Draw the network folded, and unrolled over the text")
@click.option(
    "--saliency", is_flag=True, help="Show which characters the next prediction depends on"
)
@click.option(
    "--at", type=int, metavar="K", help="Explain the prediction after character K [default: last]"
)
@click.option(
    "--units",
    metavar="[FILE]",
    is_flag=False,
    flag_value="",
    help="Find units with a meaning in a text file; without FILE, in a text by the model",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object")
@click.option("--npz", metavar="FILE", help="Write all arrays to FILE, for numpy.load")
@click.option("--png", metavar="FILE", help="Draw gates and memory of every unit to FILE")
@click.option("--html", metavar="FILE", help="Write a web page with the model and this text")
def command(
    model: str | None,
    prompt: str | None,
    file: str | None,
    versus: str | None,
    unfold: bool,
    saliency: bool,
    at: int | None,
    units: str | None,
    as_json: bool,
    npz: str | None,
    png: str | None,
    html: str | None,
    **options: Any,
) -> None:
    """Show gates, memory and predictions at each character of a text.

    Characters, layers and units are numbered from 0. The gates of an LSTM are forget (f), learn (i,
    input), candidate (g) and use (o, output).
    """
    views = {"versus": versus is not None, "unfold": unfold}
    views |= {"saliency": saliency, "units": units is not None, "html": html is not None}
    chosen = [name for name, wanted in views.items() if wanted]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} are mutually exclusive")
    text = set() if units is not None else {"prompt", "file"}
    if chosen:
        allow_only({"model", *text, *chosen, *_VIEWS[chosen[0]]}, f"with --{chosen[0]}")
    elif at is not None:
        raise click.UsageError("--at has no effect without --saliency")
    if units is None and (prompt is None) == (file is None):
        raise click.UsageError("pass either --prompt TEXT or --file FILE")
    settings = InspectionSettings(**given(InspectionSettings, options))
    for path in filter(None, (npz, png, html)):
        if os.path.exists(path):
            raise ChargenError(f"{path} exists (choose another file)")
    loaded = load_model(model)
    if units is not None:
        _print_units(loaded, units, as_json)
        return
    read = _read_text(loaded, prompt, file)
    settings.check(loaded.config)
    record: dict[str, Any] | None = None
    if html is not None:
        from chargen.model.storage import write_file
        from chargen.web.page import page

        write_file(Path(html), page([loaded], view="inside", text=read))
        print(f"{html}: {plural(len(read), 'character')}")
    elif saliency:
        record = _print_saliency(loaded, read, at, as_json)
    else:
        from chargen.evaluation.trace import Tracer

        tracer = Tracer.of(loaded)
        if versus is not None:
            other = known_prompt(versus, loaded.vocabulary, what="the other text")
            record = _print_versus(tracer, read, other, settings, as_json)
        elif unfold:
            _print_unfolded(tracer, read, settings)
        elif as_json or npz or png:
            record = _write(tracer, read, settings, as_json, npz, png)
        else:
            from chargen.cli.trace_view import print_map

            print_map(tracer, read, settings, _width())
    if record is not None:
        print(json_line({"model": str(loaded.folder), "prompt": read, **record}))


def _read_text(loaded: Checkpoint, prompt: str | None, file: str | None) -> str:
    from chargen.text.corpus import read_file

    text = prompt or "" if file is None else read_file(file)
    text = known_prompt(text, loaded.vocabulary, what="the prompt" if file is None else "the text")
    if not text:
        raise OptionError("prompt", text, "a text of at least one character")
    return text


def _write(
    tracer: Tracer,
    text: str,
    settings: InspectionSettings,
    as_json: bool,
    npz: str | None,
    png: str | None,
) -> dict[str, Any] | None:
    """Write the trace to files, and return it as a JSON object if that is wanted."""
    from chargen.cli import trace_files
    from chargen.cli.trace_view import layer_of
    from chargen.model.storage import write_file

    wanted = "--json" if as_json else "--npz" if npz else "--png"
    _check_size(tracer, text, wanted, _MAX_JSON_NUMBERS if as_json else _MAX_NUMBERS)
    trace = tracer.trace(text, settings)
    files = {} if npz is None else {npz: trace_files.npz(trace)}
    if png is not None:
        files[png] = trace_files.png(tracer, trace, layer_of(tracer, settings))
    for path, data in files.items():
        write_file(Path(path), data)
        if not as_json:
            print(f"{path}: {plural(len(text), 'character')}")
    return trace_files.trace_record(tracer, trace, settings) if as_json else None


def _check_size(tracer: Tracer, text: str, wanted: str, numbers: int = _MAX_NUMBERS) -> None:
    """Refuse a text whose trace has more numbers than that."""
    config, cell = tracer.config, tracer.cell
    names = len(cell.gates) + len(cell.state) + 3
    limit = numbers // (config.num_layers * config.hidden_size * names + 3 * config.vocab_size)
    if len(text) > limit:
        raise click.UsageError(
            f"{wanted} supports texts of at most {limit:,} characters with this model, got"
            f" {len(text):,} (shorten the text)"
        )


def _print_versus(
    tracer: Tracer, text: str, other: str, settings: InspectionSettings, as_json: bool
) -> dict[str, Any] | None:
    from chargen.cli.trace_files import versus_record
    from chargen.cli.trace_view import print_versus

    if not other:
        raise OptionError("versus", other, "a text of at least one character")
    length = min(len(text), len(other))
    texts = text[:length], other[:length]
    _check_size(tracer, texts[0], "--versus", _MAX_NUMBERS // 2)
    if as_json:
        return {"versus": other, **versus_record(tracer, texts, settings)}
    if len(text) != len(other):
        warn(f"only the first {plural(length, 'character')} of the longer text are compared")
    print_versus(tracer, texts, settings, _width())
    return None


def _print_unfolded(tracer: Tracer, text: str, settings: InspectionSettings) -> None:
    from chargen.cli.trace_view import held_lines
    from chargen.cli.unfolded import folded, unrolled

    trace = tracer.trace(text[:_MAX_UNFOLDED], settings)
    for line in folded(tracer.config, tracer.cell, _width()):
        print(line)
    print()
    for line in unrolled(trace, _width()):
        print(line)
    if len(text) > _MAX_UNFOLDED:
        print(f"({_MAX_UNFOLDED} of {len(text):,} characters)")
    for line in held_lines(tracer, settings):
        print(textwrap.fill(line, _width(), subsequent_indent="  "))


def _print_saliency(
    loaded: Checkpoint, text: str, at: int | None, as_json: bool
) -> dict[str, Any] | None:
    from chargen.cli.saliency_view import record, rows
    from chargen.evaluation.saliency import saliency

    found = saliency(loaded, text, at)
    if as_json:
        return record(found)
    for row in rows(found, _width()):
        print(row)
    return None


def _print_units(loaded: Checkpoint, path: str, as_json: bool) -> None:
    """Print the best unit for each feature of a text, and the text in the colours of the best."""
    from dataclasses import asdict

    from chargen.cli.unit_view import NUM_COLOURED, coloured_text, table
    from chargen.evaluation.trace import Tracer
    from chargen.evaluation.unit_features import memory_of_units, unit_features
    from chargen.generation.context import Reader
    from chargen.generation.generate import generate_texts
    from chargen.generation.settings import GenerationSettings
    from chargen.text.corpus import read_file

    if path:
        text = known_prompt(read_file(path), loaded.vocabulary, what="the text")
        source = path
    else:
        written = GenerationSettings(length=_GENERATED, seed=1)
        (text,) = generate_texts(Reader.of(loaded), written)
        source = f"generated by the model at temperature {written.temperature:g}, seed 1"
    if len(text) < _MIN_UNITS_TEXT:
        raise ChargenError(
            f"{path} has {plural(len(text), 'character')}; --units needs at least"
            f" {_MIN_UNITS_TEXT:,} (pass a longer text)"
        )
    text = text[:_MAX_UNITS_TEXT]
    tracer, hidden = Tracer.of(loaded), loaded.config.hidden_size
    units = memory_of_units(tracer, text)
    found = unit_features(units, text, hidden)
    if as_json:
        record = {"model": str(loaded.folder), "text": source, "characters": len(text)}
        print(json_line({**record, "units": list(map(asdict, found))}))
        return
    width, half = _width(), len(text) // 2
    print(textwrap.fill(f"text: {plural(len(text), 'character')}, {one_line(source)}", width))
    for line in table(found, units.shape[1], width):
        print(line)
    for each in found[:NUM_COLOURED]:
        heading = f"{each.feature}: layer {each.layer}, unit {each.unit}, {tracer.cell.memory}"
        print("\n" + textwrap.fill(heading, width))
        values = units[half:, each.layer * hidden + each.unit]
        for line in coloured_text(text[half:], values, width, colour_depth(sys.stdout)):
            print(line)


def _width() -> int:
    return max(20, shutil.get_terminal_size().columns)
