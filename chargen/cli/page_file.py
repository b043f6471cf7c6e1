"""Writing a web page to a file."""

from __future__ import annotations

from pathlib import Path


def write_page(path: Path, html: bytes) -> None:
    """Write a page, and print its name and size."""
    from chargen.model.storage import write_file

    write_file(path, html)
    print(f"page      {path} ({len(html) / 1e6:.1f} MB; open it in a browser)")
