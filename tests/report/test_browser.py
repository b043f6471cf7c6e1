"""Tests of the page's layout in a browser."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MEASURE = (
    "onload = () => {const page = frame.contentDocument.documentElement;"
    "document.title = `${page.scrollWidth} ${page.scrollHeight}`}"
)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(("width", "most"), [(1200, 5_000), (390, 12_000)])
def test_page_fits(written: dict[str, bytes], tmp_path: Path, width: int, most: int) -> None:
    """The folded page is at most 5,000 px high on a desktop, and never scrolls sideways."""
    # The page is measured in a frame: a headless window cannot be as narrow as a phone.
    frame = html.escape(written["report.html"].decode())
    style = f"width:{width}px;height:800px;border:0"
    path = tmp_path / "measure.html"
    path.write_text(
        f'<meta charset="utf-8"><iframe id="frame" style="{style}" srcdoc="{frame}"></iframe>'
        f"<script>{MEASURE}</script>",
        encoding="utf-8",
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(CHROMIUM), *OPTIONS, profile, "--dump-dom", path.as_uri()]
    page = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"<title>(\d+) (\d+)</title>", page)
    assert found is not None
    assert int(found[1]) <= width
    assert int(found[2]) <= most
