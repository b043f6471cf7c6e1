"""A trace as a NumPy archive, as a figure, and as a JSON object."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from chargen.evaluation.inspection import InspectionSettings
from chargen.text.display import one_line, visible_character

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from chargen.evaluation.trace import Arrays, Trace, Tracer

    Integers = npt.NDArray[np.intp]

_MAX_TITLE = 48  # characters of the text


def npz(trace: Trace) -> bytes:
    """Return all arrays as a NumPy archive, by the names of `Trace.arrays`."""
    import numpy as np

    buffer = io.BytesIO()
    arrays: dict[str, Any] = trace.arrays()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def png(tracer: Tracer, trace: Trace, settings: InspectionSettings, model: str) -> bytes:
    """Return a figure with the gates and the memory of every unit of a layer.

    model: its name. The units that keep their memory longest are at the top, as in the page.
    """
    from chargen.evaluation.trace import shown_arrays
    from chargen.report.activations import Panel, draw

    arrays, held = trace.layers[trace.layer], settings.held_gates(tracer.config)
    words = {**tracer.cell.gates, "c": "long-term memory", "h": "short-term memory"}
    order = _longest_first(tracer, arrays)
    panels = []
    for name in shown_arrays(tracer.cell):
        if name in ("kept", "written"):
            continue
        title, start = f"{words.get(name, 'output')}, {name}", None
        if name in held:
            unit = "" if settings.unit is None else f" in unit {settings.unit}"
            start = settings.start
            title += f": held at {held[name]:g}{unit} from character {start:,} on"
        panels.append(Panel(title, arrays[name][:, order], start))
    text = one_line(trace.text)
    shown = text if len(text) <= _MAX_TITLE else f"{text[: _MAX_TITLE - 1]}\u2026"
    depth = f", layer {trace.layer}" if tracer.config.num_layers > 1 else ""
    title = f"{model}{depth}: \u201c{shown}\u201d\nunits with the longest memory at the top"
    return draw(title, list(map(visible_character, trace.text)), panels)


def _longest_first(tracer: Tracer, arrays: Arrays) -> Integers:
    """Return the units in descending order of how open the gate is that keeps their memory."""
    name, sign = next(iter(tracer.cell.chrono_signs.items()), ("used", 1))
    order: Integers = (-sign * arrays[name].sum(0)).argsort(kind="stable")
    return order


def trace_record(tracer: Tracer, trace: Trace, settings: InspectionSettings) -> dict[str, Any]:
    """Return a trace as a JSON object."""
    unit = trace.unit
    columns = {name: values.tolist() for name, values in trace.shown.items()}
    return {
        "cell": trace.cell,
        "layer": trace.layer,
        "unit": unit,
        "held": settings.held_gates(tracer.config),
        "from": settings.start,
        "each": [
            {
                "character": character,
                "means" if unit is None else "values": {k: v[t] for k, v in columns.items()},
                "next": [
                    {"character": likely, "probability": probability}
                    for likely, probability in trace.next_characters(t)
                ],
            }
            for t, character in enumerate(trace.text)
        ],
        "arrays": {name: values.tolist() for name, values in trace.arrays().items()},
    }


def versus_record(
    tracer: Tracer, texts: tuple[str, str], settings: InspectionSettings
) -> dict[str, Any]:
    """Return how far the states and the predictions of two texts differ, as a JSON object."""
    from chargen.evaluation.trace_distance import prediction_distance, state_distance

    one, two = (tracer.trace(text, settings) for text in texts)
    layer = settings.shown_layer(tracer.config)
    states = state_distance(one, two, one.memory, layer=layer, unit=settings.unit)
    predictions = prediction_distance(one, two)
    return {
        "layer": layer,
        "unit": settings.unit,
        "array": one.memory,
        "each": [
            {"characters": [a, b], "state": state, "prediction": prediction}
            for a, b, state, prediction in zip(
                *texts, states.tolist(), predictions.tolist(), strict=True
            )
        ],
    }
