"""The command `chargen export` writes models in other forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chargen.cli.options import Command, load_model, models_option, output_file
from chargen.model.config import WEIGHTS_DTYPES

if TYPE_CHECKING:
    from chargen.model.checkpoint import Checkpoint


@click.group("export")
def command() -> None:
    """Write a model in another form."""


@command.command("page", cls=Command)
@models_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File to write [default: <model>.html, or models.html for several models]",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists")
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
    from chargen.model.storage import write_file
    from chargen.web.page import page as make_page

    data = make_page(checkpoints, weights_dtype=weights_dtype)
    write_file(path, data)
    print(f"page      {path} ({len(data) / 1e6:.1f} MB; open it in a browser)")


def _default_name(checkpoints: list[Checkpoint]) -> str:
    if len(checkpoints) > 1:
        return "models.html"
    return f"{checkpoints[0].folder.resolve().name}.html"
