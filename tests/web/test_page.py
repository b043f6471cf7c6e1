"""Tests of the page as a file: what is in it, and what cannot leave it."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from chargen.errors import ChargenError
from chargen.tour.lecture import SCREENS
from chargen.web import document as module
from chargen.web.lecture import lecture
from chargen.web.page import page
from tests.web.checkpoints import make_checkpoint

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ATTACK = "</script><script>window.broken = 1</script><i-x onclick=x><!--"
CHARACTERS = "\n\0<>/!-&'\"`\\{}$\u2028\u2029\u202e\U0001f600" + ATTACK


@pytest.mark.parametrize("name", ["page", "lecture"])
def test_the_policy_allows_only_the_scripts_of_the_page(name: str) -> None:
    """The script and the style have the hashes of the policy, and nothing else is allowed."""
    made = page([make_checkpoint()]) if name == "page" else lecture([SCREENS[1]()])
    html = made.decode()
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        ((_, content),) = re.findall(rf"<({tag})>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} &#39;sha256-{digest}&#39;;" in policy[1]
    assert policy[1].startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]


def test_a_hostile_model_and_text_stay_data(browser: "Chrome", tmp_path: Path) -> None:
    """A name, a vocabulary and a text with markup run nothing and arrive unchanged."""
    checkpoint = make_checkpoint("<i-x>a&amp;'\"<!--<script>", characters=CHARACTERS)
    path = tmp_path / "hostile.html"
    path.write_bytes(page([checkpoint], view="inside", text=ATTACK))
    browser.get(path.as_uri())
    read = "return JSON.parse(document.getElementById(arguments[0]).textContent)"
    (model,) = browser.execute_script(read, "models")
    assert "".join(model["characters"]) == checkpoint.vocabulary.characters
    assert model["name"] == checkpoint.folder.name
    assert browser.execute_script(read, "start") == {"view": "inside", "text": ATTACK}
    assert checkpoint.folder.name in browser.title
    kinds = "return Array.from(document.scripts, (each) => each.type)"
    assert browser.execute_script(kinds) == [
        "text/plain",
        "application/json",
        "application/json",
        "",
    ]
    assert browser.execute_script("return document.querySelector('i-x')") is None
    assert browser.execute_script("return window.broken === undefined")


@pytest.mark.parametrize(
    ("directive", "attempt"),
    [
        ("connect-src", "fetch('https://example.org/').catch(() => {})"),
        ("connect-src", "new WebSocket('wss://example.org/')"),
        ("img-src", "new Image().src = 'https://example.org/x.png'"),
        ("script-src-elem", "add('script', {textContent: 'window.broken = 1'})"),
        ("script-src-elem", "add('script', {src: 'https://example.org/x.js'})"),
        ("frame-src", "add('iframe', {src: 'https://example.org/'})"),
        ("style-src-elem", "add('style', {textContent: 'p {color: red}'})"),
        ("form-action", "add('form', {action: 'https://example.org/'}).submit()"),
    ],
)
def test_the_browser_blocks_the_network(
    browser: "Chrome", tmp_path: Path, directive: str, attempt: str
) -> None:
    """Whatever a script in the page attempts, the policy stops it."""
    path = tmp_path / "model.html"
    path.write_bytes(page([make_checkpoint()]))
    browser.get(path.as_uri())
    script = f"""
    const done = arguments[0];
    const add = (tag, values) =>
      document.body.appendChild(Object.assign(document.createElement(tag), values));
    document.addEventListener("securitypolicyviolation", (e) => done(e.effectiveDirective));
    try {{ {attempt}; }} catch {{}}
    """
    assert browser.execute_async_script(script) == directive


def test_weights_arrive_exactly() -> None:
    """float32 weights are the model's; float16 weights are rounded to the nearest."""
    checkpoint = make_checkpoint()
    for dtype in ("float32", "float16"):
        html = page([checkpoint], weights_dtype=dtype).decode()
        found = re.search('<script type="application/json" id="models">(.*?)</script>', html)
        assert found is not None
        (model,) = json.loads(found[1])
        stored = np.frombuffer(base64.b64decode(model["weights"]), f"<{np.dtype(dtype).str[1:]}")
        expected = [checkpoint.weights[name].ravel().astype(dtype) for name in model["shapes"]]
        assert stored.tolist() == np.concatenate(expected).tolist()


def test_the_page_decodes_every_float16(browser: "Chrome") -> None:
    """All finite float16 numbers, subnormal ones included, are decoded exactly."""
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    worker = (module.FOLDER / "worker.js").read_text(encoding="utf-8")
    source = worker[worker.index("function decode") :]
    text = base64.b64encode(numbers.astype("<f2").tobytes()).decode()
    found = browser.execute_script(source + "return [...decode(arguments[0], 'float16')]", text)
    assert found == numbers.tolist()


def test_equal_names_are_replaced_by_paths() -> None:
    """Two models in folders of the same name are told apart."""
    folders = ("one/lstm", "two/lstm", "two/gru")
    html = page([make_checkpoint(folder) for folder in folders]).decode()
    assert "<title>one/lstm, two/lstm, gru" in html


def test_a_model_that_no_browser_opens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the size and the limit."""
    monkeypatch.setattr(module, "_MAX_BYTES", 1000)
    with pytest.raises(ChargenError, match=r"the weights take .* MB, but a page can hold at most"):
        page([make_checkpoint()])
