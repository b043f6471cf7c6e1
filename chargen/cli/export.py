"""The command `chargen export` writes models in other forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chargen.cli.options import (
    Command,
    find_model,
    load_model,
    model_argument,
    model_option,
    models_option,
    named_model,
    output_file,
)
from chargen.cli.written import write, write_page
from chargen.model.config import WEIGHTS_DTYPES

if TYPE_CHECKING:
    from chargen.model.checkpoint import Checkpoint


@click.group("export")
def command() -> None:
    """Write a model in another form."""


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the file if it exists")


@command.command("page", cls=Command)
@models_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File to write [default: <model>.html, or models.html for several models]",
)
@overwrite_option
@click.option(
    "--weights-dtype",
    type=click.Choice(WEIGHTS_DTYPES),
    default="float16",
    help="Number type of the weights in the page; float32 doubles its size [default: float16]",
)
def page(models: tuple[str, ...], output: str | None, overwrite: bool, weights_dtype: str) -> None:
    """Write a web page that contains a model.

    The page is one HTML file. It works offline in any browser: a reader writes with the model and
    sees its gates, states and predictions. Several models are shown side by side.
    """
    checkpoints = [load_model(model) for model in models or (None,)]
    name = _default_name(checkpoints) if output is None else output
    path = output_file(name, "--output", overwrite=overwrite)
    from chargen.web.page import page as make_page

    write_page(path, make_page(checkpoints, weights_dtype=weights_dtype))


@command.command("zip", cls=Command)
@model_argument
@model_option
@click.option("-o", "--output", metavar="FILE", help="File to write [default: <model>.zip]")
@overwrite_option
def archive(name: str | None, model: str | None, output: str | None, overwrite: bool) -> None:
    """Write a zip archive with everything that others need to use a model.

    Every command accepts the archive in place of a folder: -m FILE. It does not contain the
    training state, which resuming a run needs. A model can reveal passages of its training text.
    """
    from chargen.model.archive import SUFFIX, pack
    from chargen.model.checkpoint import Checkpoint, read_files

    folder = find_model(named_model(name, model))
    files = read_files(folder, card=True)
    stem = Checkpoint.of(folder, files).name  # checks the files
    path = output_file(stem + SUFFIX if output is None else output, "--output", overwrite=overwrite)
    write("archive", path, pack(stem, files), f"use it with -m {path}")


@command.command("onnx", cls=Command)
@model_argument
@model_option
@click.option("-o", "--output", metavar="FILE", help="File to write [default: <model>.onnx]")
@overwrite_option
def onnx(name: str | None, model: str | None, output: str | None, overwrite: bool) -> None:
    """Write one step of a model as an ONNX graph, for other programs.

    The inputs are `id`, one character of each sample, and the states. The outputs are `logits` and
    the new states. The metadata entry `chargen` contains the vocabulary as JSON. The command needs
    the package onnx.
    """
    from chargen.generation.onnx_graph import onnx_graph

    loaded = load_model(named_model(name, model))
    file = f"{loaded.name}.onnx" if output is None else output
    path = output_file(file, "--output", overwrite=overwrite)
    use = "one step: id and states -> logits and states"
    write("graph", path, onnx_graph(loaded), use)


def _default_name(checkpoints: list[Checkpoint]) -> str:
    if len(checkpoints) > 1:
        return "models.html"
    return f"{checkpoints[0].name}.html"
