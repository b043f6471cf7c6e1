"""comparison.json holds everything, at paths that others rely on, and gives it back."""

import dataclasses
import json
import math
import types
from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.comparison.storage import read_json, to_json
from chargen.errors import ComparisonError
from chargen.records import Comparison

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the type of a record's field; every number finite."""
    origin, inner = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        kind: Any = hint
        return st.fixed_dictionaries({name: of(one) for name, one in hints.items()}).map(
            lambda fields: kind(**fields)
        )
    if origin is types.UnionType:
        return st.none() | of(inner[0])
    if origin is tuple and inner[1:] == (...,):
        return st.lists(of(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of, inner))
    if origin is dict:
        if inner[1] is Any:
            return st.dictionaries(st.text(max_size=3), JSON, max_size=2)
        # "about" is where a task keeps what belongs to it as a whole.
        keys = st.text(max_size=3) if inner[0] is str else of(inner[0])
        if get_origin(inner[0]) is tuple:
            keys = st.tuples(st.integers(0), st.integers(0))
        return st.dictionaries(keys, of(inner[1]), max_size=1)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(),
        float: FINITE,
        bool: st.booleans(),
        str: st.text(max_size=5),
    }
    return plain[hint]


def test_the_whole_comparison_comes_back(build: Callable[..., Comparison]) -> None:
    """What is written and read is equal, but for a run that diverged: that is not a number."""
    comparison = build()
    back = read_json(to_json(comparison))
    lost = [value for _, value in back.cells["rnn"].sweep]
    assert [math.isnan(value) for value in lost] == [False] * 5 + [True]
    assert back.tasks["recall"] != comparison.tasks["recall"]  # one rate diverged there too
    assert to_json(back) == to_json(comparison)
    finite = build(["lstm", "gru"], [])
    assert read_json(to_json(finite)) == finite


def named(comparison: Comparison) -> Comparison:
    """The same with every cell under its own name."""

    def under(cells: dict[str, Any]) -> dict[str, Any]:
        return {name: dataclasses.replace(cell, cell=name) for name, cell in cells.items()}

    tasks = {
        name: dataclasses.replace(task, cells=under(task.cells))
        for name, task in comparison.tasks.items()
    }
    return dataclasses.replace(comparison, cells=under(comparison.cells), tasks=tasks)


@given(of(Comparison).map(named))
def test_any_comparison_comes_back(comparison: Comparison) -> None:
    """Whatever the records hold, as long as it is finite, is read as it was written."""
    assert read_json(to_json(comparison)) == comparison


def test_the_paths_that_others_rely_on(comparison: Comparison) -> None:
    """Parameters, losses, contexts, accuracies and spans stand where they are looked for."""
    found = json.loads(to_json(comparison))
    for name, cell in comparison.cells.items():
        stored = found["cells"][name]
        assert stored["parameters"] == cell.parameters
        assert stored["validation_nats"] == cell.validation_nats
        assert stored["validation_bpc"] == cell.validation_bpc
        assert stored["effective_context"] == cell.effective_context
    for task_name, task in comparison.tasks.items():
        about = found["tasks"][task_name]["about"]
        assert about["least_accuracy"] == task.least_accuracy
        for name, result in task.cells.items():
            stored = found["tasks"][task_name][name]
            assert stored["span"] == result.span
            assert stored["accuracy"] == {
                str(lag): one.value for lag, one in result.accuracy.items()
            }
            assert stored["accuracy_interval"]["25"] == [
                result.accuracy[25].low,
                result.accuracy[25].high,
            ]
    assert found["settings"] == comparison.settings


def test_everything_is_documented(comparison: Comparison) -> None:
    """Every part of the file has a sentence on what it is."""
    found = json.loads(to_json(comparison))
    documented = found["documentation"]
    assert set(found) - {"format", "version", "documentation"} <= {
        path.split(".")[0] for path in documented
    }
    for field in found["cells"]["lstm"]:
        assert field == "cell" or f"cells.*.{field}" in documented
    for field in found["tasks"]["recall"]["lstm"]:
        said = documented["tasks.*.*"]
        assert field == "cell" or f"tasks.*.*.{field}" in documented or field in said


def test_only_numbers_of_json_are_written(comparison: Comparison) -> None:
    """A strict reader takes the file: no NaN, no infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(to_json(comparison), parse_constant=refuse)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"format": "chargen comparison"}',
        b'{"format": "chargen comparison", "version": 2}',
        b'{"format": "chargen comparison", "version": 1}',
        b'{"format": "chargen comparison", "version": 1, "corpus": NaN}',
        b"[" * 100_000,
        b"9" * 10_000,
    ],
)
def test_what_is_none_of_ours_is_refused(content: bytes) -> None:
    """The reason is one line."""
    with pytest.raises(ComparisonError) as caught:
        read_json(content)
    assert "\n" not in str(caught.value)
    assert "comparison.json" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("cells",), []),
        (("cells", "lstm", "parameters"), "many"),
        (("cells", "lstm", "parameters"), True),
        (("cells", "lstm", "parameters"), 1.5),
        (("cells", "lstm", "sweep"), [[1]]),
        (("cells", "lstm", "context_curve"), {"x\ny": {}}),
        (("cells", "lstm", "closers"), {"1": {}}),
        (("cells", "lstm", "validation_nats"), 10**400),
        (("tasks", "recall", "about"), 1),
        (("tasks", "recall", "lstm", "accuracy_interval"), {}),
        (("tasks", "recall", "lstm", "accuracy_count"), {}),
        (("checks",), [None]),
    ],
)
def test_damage_is_named(comparison: Comparison, path: tuple[str, ...], value: object) -> None:
    """The error says where the file is not what it must be, in one line."""
    found = json.loads(to_json(comparison))
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(
        ComparisonError, match=r"comparison\.json is damaged at comparison"
    ) as caught:
        read_json(json.dumps(found).encode())
    assert "\n" not in str(caught.value)


def test_a_file_without_later_fields_is_read(comparison: Comparison) -> None:
    """A field that has a default may be missing."""
    found = json.loads(to_json(comparison))
    del found["tasks"]["recall"]["lstm"]["spans"]
    assert read_json(json.dumps(found).encode()).tasks["recall"].cells["lstm"].spans == ()
