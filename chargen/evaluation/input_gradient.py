"""The gradient of a prediction with respect to each earlier input, with numpy.

Each cell's own `step` is differentiated: it runs on variables that record how they were computed.

Shapes: T time, D input, H hidden, G gates, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from chargen.evaluation.trace import Trace, Tracer

Doubles = npt.NDArray[np.float64]
Pull = Callable[[Any], Any]  # the gradient of a result -> that of one of its inputs


def input_gradient(tracer: Tracer, trace: Trace, target: int) -> Doubles:
    """Return the norm of the gradient of log p(target | trace.text) for the input at each t, [T].

    The input is what the first layer reads: the embedding of a character, or its one-hot vector.
    target: an id. The state before the trace is constant. A tracer of float64 weights is exact
    where gradients vanish.
    Source: backpropagation through time, Werbos 1990; reverse mode, Linnainmaa 1976.
    """
    length = len(trace.text)
    upstream = -trace.probabilities[-1]
    upstream[target] += 1
    outer = np.zeros((length, tracer.config.hidden_size))  # of the outputs of the layer
    outer[-1] = upstream @ tracer.decoder
    resets, inputs = tracer.resets(trace.text), tracer.inputs(trace)
    for k in reversed(range(len(trace.layers))):
        layer, before = trace.layers[k], trace.states_before[k]
        weights, names = tracer.layer_weights[k], tracer.cell.state
        projected = np.zeros_like(inputs[k], dtype=np.float64)
        carried = [np.zeros((1, tracer.config.hidden_size)) for _ in names]
        for t in reversed(range(length)):
            old = [layer[name][t - 1] if t else before[name] for name in names]
            old = [np.zeros_like(part) if resets[t] else part for part in old]
            tape: list[Variable] = []
            x = Variable(inputs[k][t : t + 1], tape)
            state = tuple(Variable(part[None], tape) for part in old)
            h, after, _ = tracer.cell.step(_Namespace, x, state, weights)
            h.gradient = h.gradient + outer[t : t + 1]
            for part, gradient in zip(after, carried, strict=True):
                part.gradient = part.gradient + gradient
            for variable in reversed(tape):
                variable.pull()
            projected[t] = x.gradient
            carried = [part.gradient * (not resets[t]) for part in state]
        outer = projected @ weights["weight_ih"]
    norms: Doubles = np.linalg.norm(outer, axis=1)
    return norms


class Variable:
    """An array that can be differentiated: it records the inputs from which it was computed.

    tape: all variables of a computation, in order. It supports the operations of the cells.
    """

    __array_ufunc__ = None  # numpy arrays leave their operators to this class

    def __init__(
        self, value: Any, tape: list[Variable], inputs: tuple[tuple[Any, Pull], ...] = ()
    ) -> None:
        self.value, self.tape = value, tape
        self.gradient: Any = np.zeros_like(value, dtype=np.float64)
        self._inputs = [(each, pull) for each, pull in inputs if isinstance(each, Variable)]
        tape.append(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        shape: tuple[int, ...] = self.value.shape
        return shape

    def pull(self) -> None:
        """Add this variable's share to the gradient of each of its inputs."""
        for each, pull in self._inputs:
            each.gradient = each.gradient + pull(self.gradient)

    def __add__(self, other: Any) -> Variable:
        return self._result(self.value + _value(other), (self, _same), (other, _same))

    def __sub__(self, other: Any) -> Variable:
        return self._result(self.value - _value(other), (self, _same), (other, np.negative))

    def __mul__(self, other: Any) -> Variable:
        factor = _value(other)
        return self._result(
            self.value * factor, (self, lambda g: g * factor), (other, lambda g: g * self.value)
        )

    def __matmul__(self, matrix: Any) -> Variable:
        return self._result(self.value @ matrix, (self, lambda g: g @ matrix.T))

    def __getitem__(self, part: Any) -> Variable:
        def pull(gradient: Any) -> Any:
            whole = np.zeros_like(self.gradient)
            whole[part] = gradient
            return whole

        return self._result(self.value[part], (self, pull))

    def __ge__(self, other: float) -> Any:
        return self.value >= other

    __radd__ = __add__
    __rmul__ = __mul__

    def _result(self, value: Any, *inputs: tuple[Any, Pull]) -> Variable:
        return Variable(value, self.tape, inputs)


class _Namespace:
    """The functions that cells use, for variables."""

    @staticmethod
    def tanh(x: Variable) -> Variable:
        y = np.tanh(x.value)
        return Variable(y, x.tape, ((x, lambda g: g * (1 - y * y)),))

    @staticmethod
    def where(condition: Any, x: Variable, y: Variable) -> Variable:
        value = np.where(condition, x.value, y.value)
        return Variable(
            value, x.tape, ((x, lambda g: g * condition), (y, lambda g: g * ~condition))
        )


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x


def _same(gradient: Any) -> Any:
    return gradient
