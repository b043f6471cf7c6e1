"""A browser, and the engine of an exported page in it."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chargen.model.checkpoint import Checkpoint
from chargen.web.page import page
from tests.web.reader import Reader

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ARGUMENTS = (
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Sends a request to a Worker of its own, and collects the replies until the last one.
ASK = """
const [request, fields, done] = arguments;
const source = document.getElementById("worker").textContent;
window.engine ??= new Worker(URL.createObjectURL(new Blob([source])));
const replies = [];
const plain = (name, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
window.engine.onmessage = ({ data }) => {
  if (data.id !== request.id) return;
  if (fields) for (const name of Object.keys(data)) if (!fields.includes(name)) delete data[name];
  replies.push(data);
  if (data.reason !== null) done(JSON.stringify(replies, plain));
};
if (request.type === "load") request.models = document.getElementById("models").textContent;
window.engine.postMessage(request);
"""


class PageEngine:
    """The engine of a page, used through the messages that worker.js describes."""

    def __init__(self, browser: "Chrome", path: Path) -> None:
        self._browser = browser
        self._address = path.as_uri()
        self._number = 0

    def ask(self, kind: str, fields: Sequence[str] = (), **request: Any) -> dict[str, Any]:
        """Return the reply to a request, with only these fields if any are named.

        The parts of a generated text are joined.
        """
        if self._browser.current_url != self._address:
            self._browser.get(self._address)
            self.ask("load")
        self._number += 1
        message = {"id": self._number, "type": kind, **request}
        wanted = [*fields, "reason"] if fields else None
        replies = json.loads(self._browser.execute_async_script(ASK, message, wanted))
        reply: dict[str, Any] = replies[-1]
        if kind == "generate" and "reason" in reply:
            reply["text"] = "".join(each["text"] for each in replies)
            reply["nats"] = [nats for each in replies for nats in each["nats"]]
        return reply


@pytest.fixture(scope="session")
def browser() -> Iterator["Chrome"]:
    """A browser without a window; each page that it opens replaces the last one."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    opened = webdriver.Chrome(options, webdriver.ChromeService(driver))
    opened.set_script_timeout(60)
    yield opened
    opened.quit()


@pytest.fixture
def reader(browser: "Chrome") -> Iterator[Reader]:
    """A reader who prefers no animation; at the end, the page must have made no mistake."""
    made = Reader(browser)
    made.prefer(prefers_reduced_motion="reduce")
    try:
        yield made
        assert made.mistakes == []
    finally:
        made.close()


@pytest.fixture(scope="session")
def open_engine(
    browser: "Chrome", tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., PageEngine]:
    """A function that exports models to a page without its views, and opens its engine."""

    def make(*checkpoints: Checkpoint, weights_dtype: str = "float32") -> PageEngine:
        path = tmp_path_factory.mktemp("page") / "model.html"
        html = page(checkpoints, weights_dtype=weights_dtype)
        path.write_bytes(re.sub(rb"<script>.*?</script>", b"", html, flags=re.DOTALL))
        return PageEngine(browser, path)

    return make
