"""The pages with the trained networks of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chargen.comparison.result import Comparison
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.tasks.registry import TASKS
from chargen.text.display import printable
from chargen.web.page import page


@dataclass(frozen=True)
class NetworkPage:
    """A page, its file name, and its title in the contents of the report."""

    name: str
    title: str
    html: bytes


def network_pages(comparison: Comparison, models: Path) -> list[NetworkPage]:
    """Return a page for the text and for each task whose networks are in the folder `models`.

    It starts with the word of the spelling test, or with an episode of the task up to its answer.
    Only names of known cells and tasks become paths: a result may come from an untrusted source.
    Raises CheckpointError if a network is damaged.
    """
    pages = []
    if comparison.text is not None:
        networks = _load(models, "", comparison.text.cells)
        if networks:
            html = _page(networks, comparison.text.corpus.name, comparison.text.prompt)
            pages.append(NetworkPage("networks.html", "Try the networks", html))
    for name, task in comparison.tasks.items():
        networks = _load(models, f"{name}-", task.cells) if name in TASKS else []
        if networks:
            html = _page(networks, name, task.example[: task.answer[0]])
            pages.append(NetworkPage(f"networks-{name}.html", f"Step through {name}", html))
    return pages


def _page(networks: Sequence[Checkpoint], subject: str, text: str) -> bytes:
    """Return a page whose title has the labels of the networks and what they were trained on."""
    labels = [CELLS[network.config.cell].label for network in networks]
    title = f"{', '.join(labels)}: {printable(subject)}"
    return page(networks, view="inside", text=text, names=labels, title=title)


def _load(models: Path, prefix: str, cells: Iterable[str]) -> list[Checkpoint]:
    folders = [models / f"{prefix}{cell}" for cell in cells if cell in CELLS]
    return [Checkpoint.load(folder) for folder in folders if folder.is_dir()]
