"""A reader of an exported page, who uses it as people do: with keys, clicks and eyes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chargen.model.checkpoint import Checkpoint
from chargen.web.page import page
from tests.web.checkpoints import make_checkpoint

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

PHONE, DESKTOP = 360, 1440
LETTERS = "abcdefghijklmnopqrstuvwxyz .,:0123456789"
# Every mistake of a script or of the security policy, from the first script of the page on.
WATCH = """
window.mistakes = [];
addEventListener("error", (event) => mistakes.push(event.message));
addEventListener("unhandledrejection", (event) => mistakes.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => mistakes.push(event.violatedDirective));
"""
PATIENCE = 30  # seconds; a busy machine is slow


class Reader:
    """A page in a browser."""

    def __init__(self, browser: "Chrome") -> None:
        self.browser = browser
        watch = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self._watch = watch["identifier"]

    def close(self) -> None:
        """Leave the browser as it was."""
        self.browser.execute_cdp_cmd(
            "Page.removeScriptToEvaluateOnNewDocument", {"identifier": self._watch}
        )
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})

    def open(self, folder: Path, *checkpoints: Checkpoint, width: int, **start: str) -> None:
        """Open a page with these models, or with a small LSTM, in a window of this width."""
        models = checkpoints or (make_checkpoint(characters=LETTERS),)
        self.open_html(folder, page(models, **start), width=width)

    def open_html(self, folder: Path, html: bytes, *, width: int) -> None:
        """Open a page from a file in this folder, in a window of this width."""
        path = folder / "page.html"
        path.write_bytes(html)
        self.resize(width)
        self.browser.get(path.as_uri())
        self.wait(lambda: self.run("return 'ready' in document.body.dataset"))

    def resize(self, width: int) -> None:
        """Give the window this width, and touch instead of a mouse if it is a phone's."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1}
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width == PHONE}
        )

    def prefer(self, *, media: str = "", **features: str) -> None:
        """Set media features, such as prefers_color_scheme="dark", and the medium, as "print"."""
        wanted = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"media": media, "features": wanted}
        )

    @contextmanager
    def without_scripts(self) -> Iterator[None]:
        """Open pages without JavaScript."""
        command = "Emulation.setScriptExecutionDisabled"
        self.browser.execute_cdp_cmd(command, {"value": True})
        try:
            yield
        finally:
            self.browser.execute_cdp_cmd(command, {"value": False})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the result of a script in the page."""
        return self.browser.execute_script(script, *arguments)

    def find(self, selector: str) -> "WebElement":
        """Return the first element of a CSS selector."""
        return self.browser.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements of a CSS selector."""
        script = "return Array.from(document.querySelectorAll(arguments[0]), (e) => e.textContent)"
        found: list[str] = self.run(script, selector)
        return found

    def click(self, selector: str) -> None:
        """Click on an element, as a person would: it must be visible and not covered."""
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def press(self, *keys: str) -> None:
        """Press keys on the element that has the focus."""
        self.browser.switch_to.active_element.send_keys(*keys)

    @property
    def text(self) -> str:
        """The text in the field."""
        value: str = self.run("return document.getElementById('field').value")
        return value

    def write(self, text: str) -> None:
        """Replace the text in the field by typing."""
        self.click("#clear")
        self.find("#field").send_keys(text)

    def show(self, view: str) -> None:
        """Choose the tab of a view."""
        self.click(f"#tab-{view}")

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Return the first true value of a condition."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end, "the page did not do what was expected"
            time.sleep(0.05)
        return value

    @property
    def mistakes(self) -> list[str]:
        """Errors of scripts, violations of the policy, and the error that the page shows."""
        script = "const p = document.getElementById('problem');"
        script += "return [...window.mistakes, ...(p.hidden ? [] : [p.textContent])]"
        found: list[str] = self.run(script)
        return found
