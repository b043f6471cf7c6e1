"""comparison.json: every number and setting of a comparison, written and read back.

The file holds the fields of the records under their own names, with these differences:

    format, version      what the file is
    documentation        what stands at each path, in a sentence
    cells.<cell>.curve and the like: tuples are arrays; a mapping with numbers as keys has them
                         as strings ("128"), one with pairs of numbers as "17-64"
    Interval             {"value", "low", "high", "count"}
    tasks.<task>         holds one entry a cell, and "about" with what belongs to the whole task
    tasks.<task>.<cell>  accuracy: {lag: value}, and by lag again accuracy_interval: [low, high]
                         and accuracy_count
    null                 nothing, or a number that was not finite (a run that diverged)

Read back, a comparison whose numbers are finite equals the one that was written; of one that
diverged, every number that was not finite is not a number.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from chargen.comparison.documentation import DOCUMENTATION
from chargen.errors import ComparisonError
from chargen.records import Comparison, TaskComparison, TaskResult

FORMAT, VERSION = "chargen comparison", 1
Record = TypeVar("Record")


def to_json(comparison: Comparison) -> bytes:
    """comparison.json. Raises TypeError where a setting is no value of JSON."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "documentation": DOCUMENTATION,
        **encoded(comparison),
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def read_json(content: bytes) -> Comparison:
    """The comparison in a comparison.json. Raises ComparisonError where it holds none."""
    try:
        found = json.loads(content, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise ComparisonError("comparison.json is no JSON (make the comparison again)") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ComparisonError(
            f'comparison.json is not ours: its "format" must be "{FORMAT}" (give the file that '
            "`chargen compare` wrote)"
        )
    if found.get("version") != VERSION:
        raise ComparisonError(
            f"comparison.json has version {str(found.get('version'))[:20]!r}, this chargen reads "
            f"{VERSION} (update chargen, or make the comparison again)"
        )
    comparison = _record(Comparison, found, "comparison")
    for name, one in comparison.cells.items():
        _check_name(name, one.cell, f"comparison.cells.{name}")
    for task, asked in comparison.tasks.items():
        for name, answered in asked.cells.items():
            _check_name(name, answered.cell, f"comparison.tasks.{task}.{name}")
    return comparison


def _check_name(name: str, cell: str, path: str) -> None:
    if cell != name:
        raise _broken(f"{path}.cell", f"it must be {name[:20]!r}")


def _refused(constant: str) -> float:
    raise ValueError(constant)


def encoded(value: Any) -> Any:
    """A record, or anything made of records, as values of JSON."""
    if isinstance(value, TaskComparison):
        about = {
            field.name: encoded(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name != "cells"
        }
        return {"about": about, **{name: encoded(cell) for name, cell in value.cells.items()}}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        content = {
            field.name: encoded(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        if isinstance(value, TaskResult):
            content |= {
                "accuracy": {str(lag): encoded(one.value) for lag, one in value.accuracy.items()},
                "accuracy_interval": {
                    str(lag): [encoded(one.low), encoded(one.high)]
                    for lag, one in value.accuracy.items()
                },
                "accuracy_count": {str(lag): one.count for lag, one in value.accuracy.items()},
            }
        return content
    if isinstance(value, dict):
        return {_key(key): encoded(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [encoded(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _key(key: object) -> str:
    return "-".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _record(kind: type[Record], found: Any, path: str) -> Record:
    """The record of this kind in what JSON holds."""
    found = _mapping(found, path)
    if kind is TaskComparison:
        found = {
            **_mapping(found.get("about"), f"{path}.about"),
            "cells": {name: cell for name, cell in found.items() if name != "about"},
        }
    if kind is TaskResult:
        found = {**found, "accuracy": _accuracy(found, path)}
    fields = {}
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in found:
            fields[field.name] = decoded(
                hints[field.name], found[field.name], f"{path}.{field.name}"
            )
        elif field.default is dataclasses.MISSING:
            raise _broken(f"{path}.{field.name}", "it is missing")
    return kind(**fields)


def _accuracy(found: dict[str, Any], path: str) -> dict[str, Any]:
    values = _mapping(found.get("accuracy"), f"{path}.accuracy")
    intervals = _mapping(found.get("accuracy_interval"), f"{path}.accuracy_interval")
    counts = _mapping(found.get("accuracy_count"), f"{path}.accuracy_count")
    joined = {}
    for lag, value in values.items():
        ends = intervals.get(lag)
        if not isinstance(ends, list) or len(ends) != 2:
            raise _broken(f"{path}.accuracy_interval", f"lag {lag[:20]!r} must have [low, high]")
        joined[lag] = dict(
            zip(("value", "low", "high", "count"), (value, *ends, counts.get(lag)), strict=True)
        )
    return joined


def _mapping(found: Any, path: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _broken(path, "it must be an object")
    return found


def decoded(hint: Any, found: Any, path: str) -> Any:
    """What JSON holds, as the type that a record's field has. path: what messages call it.

    Raises ComparisonError where it does not fit.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return found
    if origin in (types.UnionType, Union):
        if found is None:
            return None
        return decoded(next(one for one in inner if one is not type(None)), found, path)
    if origin is tuple:
        if not isinstance(found, list):
            raise _broken(path, "it must be an array")
        if len(inner) == 2 and inner[1] is ...:
            return tuple(decoded(inner[0], one, path) for one in found)
        if len(found) != len(inner):
            raise _broken(path, f"it must have {len(inner)} values, got {len(found)}")
        return tuple(decoded(one, item, path) for one, item in zip(inner, found, strict=True))
    if origin is dict:
        return {
            _key_read(inner[0], key, path): decoded(inner[1], one, f"{path}.{key[:40]}")
            for key, one in _mapping(found, path).items()
        }
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _record(hint, found, path)
    return _plain(hint, found, path)


def _key_read(hint: Any, key: str, path: str) -> Any:
    if hint is str:
        return key
    try:
        if hint is int:
            return int(key)
        low, high = key.split("-")
        return int(low), int(high)
    except ValueError as error:
        raise _broken(path, f"{key[:20]!r} is no key of it") from error


def _plain(hint: type, found: Any, path: str) -> Any:
    if hint is float:
        if found is None:
            return math.nan
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            try:
                number = float(found)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
    elif isinstance(found, hint) and (hint is bool or not isinstance(found, bool)):
        return found
    raise _broken(path, f"it must be of type {hint.__name__}, got {str(found)[:20]!r}")


def _broken(path: str, why: str) -> ComparisonError:
    line = " ".join(f"comparison.json is damaged at {path}: {why}".split())
    return ComparisonError(f"{line} (make the comparison again)")
