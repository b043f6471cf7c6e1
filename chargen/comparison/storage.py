"""Writing and reading comparison.json and its schema."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from chargen.comparison.result import Comparison
from chargen.errors import ComparisonError
from chargen.model.storage import read_file

COMPARISON = "comparison.json"
SCHEMA = "comparison.schema.json"


class _Header(msgspec.Struct):
    version: int


def encode_comparison(comparison: Comparison) -> bytes:
    """Return the content of comparison.json."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n"


def schema() -> bytes:
    """Return the JSON schema of comparison.json. Its descriptions are the docstrings."""
    return (json.dumps(msgspec.json.schema(Comparison), indent=1) + "\n").encode()


def read_comparison(path: Path) -> Comparison:
    """Read a comparison.json. Raises ComparisonError if it is damaged or of another version."""
    data = read_file(path)
    try:
        version = msgspec.json.decode(data, type=_Header).version
        if version == Comparison.version:
            return msgspec.json.decode(data, type=Comparison)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ComparisonError(f"{path} is damaged: {reason} (run the comparison again)") from None
    raise ComparisonError(
        f"{path} has version {version}, but this version of chargen reads version"
        f" {Comparison.version} (use the chargen that wrote it, or run the comparison again)"
    )
