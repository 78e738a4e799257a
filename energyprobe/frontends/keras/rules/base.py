"""What a rule is given, and what it gives back."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from energyprobe.frontends.keras.capture import Capture, Frame
from energyprobe.trace.operations import AnyOperation, Elementwise, Uncounted

Shape = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class SpikeCode:
    """How a tensor carries spikes.

    Attributes
    ----------
    amplitude : float or None
        Value of one spike; None where it is not known, so that only events can be counted.
    dt : float or None
        Length of a timestep in seconds.
    """

    amplitude: float | None
    dt: float | None = None


@dataclasses.dataclass(eq=False)
class Weight:
    """A weight tensor of a synaptic operation.

    Attributes
    ----------
    variable : object
        The layer's variable.
    layout : callable
        Brings its value into the layout that `energyprobe.trace.geometry.effective_fanout` takes.
    """

    variable: Any
    layout: Callable[[np.ndarray], np.ndarray] = staticmethod(lambda value: value)

    def value(self) -> np.ndarray:
        """Its present value, laid out; also while a graph is being traced."""
        import tensorflow as tf

        with tf.init_scope():
            return self.layout(np.asarray(self.variable))


@dataclasses.dataclass(eq=False)
class StepDraft:
    """One operation of a call, before it is observed.

    Attributes
    ----------
    operation : AnyOperation
        What is computed for one sample in one timestep.
    source : tensor or None
        What a synaptic operation reads; None where it cannot be observed.
    weight : Weight or None
        Its weights.
    other : tensor or None
        Second operand of a product.
    pairs : callable or None
        ``pairs(tf, mask, other_mask)`` counts the event pairs of a product in the graph.
    layout : {"last", "first"}
        Whether channels are the last or the first axis of `source`.
    each : int
        Connections that leave each input element of a `Sparse` or `Dense` operation.
    fanout : callable or None
        ``fanout(mask)``: non-zero weights that read each element, broadcastable to one sample in one
        timestep of `source`; needed where the operation's input is not the last axis.
    repeat : int
        Times that the operation runs for one sample in one timestep.
    rows : bool
        Whether the operation runs once for each row of `source`, whose first axis may hold more than the
        samples.
    state_elements : int
        Elements of state kept between timesteps for one sample.
    """

    operation: AnyOperation
    source: Any = None
    weight: Weight | None = None
    other: Any = None
    pairs: Any = None
    layout: Literal["last", "first"] = "last"
    each: int = 1
    fanout: Callable[[np.ndarray], np.ndarray] | None = None
    repeat: int = 1
    rows: bool = False
    state_elements: int = 0


class Call:
    """One call of a layer, as a rule sees it.

    Attributes
    ----------
    layer : object
        The layer.
    inputs, outputs : list of tensor
        What it read (as cast by the layer) and made.
    time : bool
        Whether axis 1 of its first input is time.
    """

    def __init__(self, frame: Frame, capture: Capture, time: bool, layer: Any = None) -> None:
        self.frame = frame
        self.capture = capture
        self.layer = frame.layer if layer is None else layer
        self.inputs = [frame.seen(each) for each in frame.inputs]
        self.outputs = frame.outputs
        self.time = time

    @property
    def tf(self) -> Any:
        """TensorFlow."""
        return self.capture.framework.tf

    @property
    def input(self) -> Any:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> Any:
        """The first output."""
        return self.outputs[0]

    def core(self, tensor: Any, time: bool | None = None) -> Shape:
        """Shape of a tensor without batch and time."""
        return tuple(tensor.shape[2 if (self.time if time is None else time) else 1 :])

    @property
    def input_shape(self) -> Shape:
        """Shape of the first input without batch and time."""
        return self.core(self.input)

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output without batch and time."""
        keeps = self.time and len(self.output.shape) > 1
        return self.core(self.output, keeps)

    def elementwise(self, function: str, ops: int = 1, tensor: Any = None) -> list[StepDraft]:
        """Arithmetic on each element of the output, or of another tensor of the call."""
        shape = self.output_shape if tensor is None else self.core(tensor)
        elements = count(shape)
        return [StepDraft(Elementwise(function=function, elements=elements, ops_per_element=ops))]

    def uncounted(self, reason: str) -> list[StepDraft]:
        """Say that no count can be given, and why."""
        return [StepDraft(Uncounted(reason=reason))]


class UnknownShapeError(Exception):
    """A size that a count needs is not known while the step is traced."""


def count(shape: Shape) -> int:
    """Number of elements of a shape.

    Raises
    ------
    UnknownShapeError
        If a size is unknown.
    """
    known = [size for size in shape if size is not None]
    if len(known) < len(shape):
        raise UnknownShapeError(f"shape {shape} is not known before the model runs (run_eagerly=True knows it)")
    return math.prod(known)


Steps = list[StepDraft]
Spikes = Callable[[Any, list[SpikeCode | None]], SpikeCode | None]


def graded(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """Outputs that carry no spikes, whatever comes in."""
    return None


def same(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """Outputs that carry the spikes of the inputs, unchanged in size."""
    if not codes or any(code is None for code in codes):
        return None
    if all(code == codes[0] for code in codes):
        return codes[0]
    steps = {code.dt for code in codes if code is not None}
    return SpikeCode(None, steps.pop() if len(steps) == 1 else None)


def always(layer: Any) -> bool:
    """Yes, for every layer of the type."""
    return True


@dataclasses.dataclass(frozen=True)
class Rule:
    """How one type of layer is counted.

    Attributes
    ----------
    steps : callable
        ``steps(call)`` gives the operations.
    spikes : callable
        ``spikes(layer, codes of the inputs)`` says whether the output carries spikes.
    keeps_time : callable
        ``keeps_time(layer)``: whether axis 1 of the output stands for the same as axis 1 of the input.
    keeps_samples : bool
        Whether axis 0 of the output is as long as axis 0 of the input.
    times : bool
        Whether axis 1 of the input is time by the nature of the layer.
    activation : callable
        ``activation(layer)``: whether the output is that of an activation, worth observing.
    around : callable
        Context manager around the call while it is captured.
    narrow : callable
        ``narrow(frame, result)`` gives what the caller gets, and what was really made.
    """

    steps: Callable[[Call], Steps]
    spikes: Spikes = graded
    keeps_time: Callable[[Any], bool] = staticmethod(lambda layer: False)
    keeps_samples: bool = True
    times: bool = False
    activation: Callable[[Any], bool] = staticmethod(lambda layer: False)
    around: Callable[[Frame], contextlib.AbstractContextManager[None]] = staticmethod(
        lambda frame: contextlib.nullcontext()
    )
    narrow: Callable[[Frame, Any], tuple[Any, Any]] = staticmethod(lambda frame, result: (result, result))


@contextlib.contextmanager
def attribute(layer: Any, name: str, value: Any) -> Iterator[None]:
    """Give a layer's attribute another value for the length of a call."""
    before = getattr(layer, name)
    if before == value:
        yield
        return
    object.__setattr__(layer, name, value)
    try:
        yield
    finally:
        object.__setattr__(layer, name, before)
