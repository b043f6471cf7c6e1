"""Writing a file and printing its name and size."""

from __future__ import annotations

from pathlib import Path


def write(kind: str, path: Path, data: bytes, use: str) -> None:
    """Write a file, and print its name, its size and how to use it."""
    from chargen.model.storage import write_file

    write_file(path, data)
    size = len(data)
    shown = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
    print(f"{kind:9} {path} ({shown}; {use})")


def write_page(path: Path, html: bytes) -> None:
    """Write a web page."""
    write("page", path, html, "open it in a browser")
