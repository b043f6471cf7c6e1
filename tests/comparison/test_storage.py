"""Tests of comparison.json: it is read back unchanged, and damage is reported in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chargen.comparison.storage import encode_comparison, read_comparison, schema
from chargen.errors import ComparisonError
from tests.example_comparison import make_comparison


@pytest.mark.parametrize("text", [True, False])
def test_a_comparison_is_read_back_equal(tmp_path: Path, text: bool) -> None:
    """This includes losses of diverged runs, which are null."""
    comparison = make_comparison(text=text)
    path = tmp_path / "comparison.json"
    path.write_bytes(encode_comparison(comparison))
    assert read_comparison(path) == comparison


def test_the_schema_describes_every_record() -> None:
    """Each description in the schema is the docstring of its record."""
    definitions = json.loads(schema())["$defs"]
    assert len(definitions) >= 20
    for name, definition in definitions.items():
        if "enum" not in definition:
            assert definition["description"], name
    assert definitions["Comparison"]["properties"].keys() >= {"text", "tasks", "checks", "notes"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda fields: fields.pop("text"), "is damaged: .*missing required field `text`"),
        (
            lambda fields: fields.update(seconds="long"),
            r"is damaged: Expected `float`, got `str` - at `\$\.seconds`",
        ),
        (
            lambda fields: fields["text"]["cells"]["lstm"].update(runs=[]),
            r"is damaged: Expected `array` of length >= 1 - at `\$\.text\.cells",
        ),
        (
            lambda fields: fields.update(version=1),
            "has version 1, but this version of chargen reads version 2",
        ),
    ],
)
def test_damage_is_reported_in_one_line(
    tmp_path: Path, damage: Callable[[dict[str, Any]], Any], message: str
) -> None:
    """The line has the path of the invalid value."""
    fields = json.loads(encode_comparison(make_comparison()))
    damage(fields)
    check_refused(tmp_path, json.dumps(fields).encode(), message)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"version": 2', b"[" * 100_000, b'{"version": NaN}']
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    check_refused(tmp_path, content, "is damaged")


def check_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "comparison.json"
    path.write_bytes(content)
    with pytest.raises(ComparisonError, match=message) as caught:
        read_comparison(path)
    assert "\n" not in str(caught.value)
