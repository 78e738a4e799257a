"""What a rule is given, and what it gives back."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame
from energyprobe.trace.operations import AnyOperation, Elementwise, Uncounted

Shape = tuple[int | None, ...]
Runs = tuple[tuple[Any, int], ...]
"""Pairs of a tensor and one of its axes; an operation ran as often as the product of these sizes says."""


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
    """Weights of a synaptic operation.

    Attributes
    ----------
    read : callable
        Gives the variable, or its present value.
    layout : callable
        Brings the value into the layout that `energyprobe.trace.geometry.effective_fanout` takes.
    """

    read: Callable[[], Any]
    layout: Callable[[np.ndarray], np.ndarray] = staticmethod(lambda value: value)

    @classmethod
    def of(cls, layer: Any, name: str, layout: Callable[[np.ndarray], np.ndarray] | None = None) -> Weight:
        """The weights that a layer has under a name; the layer is held weakly."""
        held = weakref.ref(layer)

        def read() -> Any:
            return getattr(held(), name)

        return cls(read) if layout is None else cls(read, layout)

    def value(self) -> np.ndarray | None:
        """Its present value, laid out; None where it is only known inside the graph."""
        import tensorflow as tf

        with tf.init_scope():
            now = self.read()
            if tf.is_tensor(now) and not hasattr(now, "numpy"):
                return None
            return self.layout(np.asarray(now))


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
        Second operand of a product: another activation, or weights that only the graph knows.
    pairs : callable or None
        ``pairs(tf, counts, other counts)`` adds up the pairs that meet in a product of `source` and `other`.
    layout : {"last", "first"}
        Whether channels are the last or the first axis of `source`.
    each : int
        Connections that leave each input element of a `Sparse` operation.
    fanout : callable or None
        ``fanout(mask)``: non-zero weights that read each element, broadcastable to one sample in one
        timestep of `source`; needed where geometry cannot tell.
    repeat : int
        Times that the operation runs for one sample in one timestep.
    runs : Runs or None
        How often it ran; None: once for each sample and timestep of the call.
    time : bool or None
        Whether axis 1 of `source` is time; None: as for the call.
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
    runs: Runs | None = None
    time: bool | None = None
    state_elements: int = 0


Steps = list[StepDraft]


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

    def __init__(
        self,
        frame: Frame,
        capture: Capture,
        time: bool,
        layer: Any = None,
        has_time: Callable[[Any], bool] = lambda tensor: False,
    ) -> None:
        self.frame = frame
        self.capture = capture
        self.layer = frame.layer if layer is None else layer
        self.inputs = [frame.seen(each) for each in frame.inputs]
        self.outputs = frame.outputs
        self.time = time
        self.has_time = has_time

    def of(self, layer: Any, time: bool) -> Call:
        """The same call as one of a layer within this one."""
        return Call(self.frame, self.capture, time, layer, self.has_time)

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

    @property
    def lead(self) -> int:
        """Leading axes that stand for samples and timesteps: 2 where axis 1 is time, else 1."""
        return 2 if self.time else 1

    def core(self, tensor: Any) -> Shape:
        """Shape of a tensor without batch and time."""
        return tuple(tensor.shape[self.lead :])

    @property
    def input_shape(self) -> Shape:
        """Shape of the first input without batch and time."""
        return self.core(self.input)

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output without batch and time."""
        return self.core(self.output)

    def per_run(self, tensor: Any) -> tuple[int, Runs | None]:
        """Elements of a tensor for each sample and timestep; sizes not yet known go to how often it ran."""
        return per_run(tensor, self.lead)

    def elementwise(self, function: str, ops: int = 1, tensor: Any = None) -> Steps:
        """Arithmetic on each element of the output, or of another tensor of the call."""
        elements, runs = self.per_run(self.output if tensor is None else tensor)
        return [StepDraft(Elementwise(function=function, elements=elements, ops_per_element=ops), runs=runs)]

    def synaptic(self, operation: AnyOperation, kernel: Any = None, source: Any = None) -> StepDraft:
        """A synaptic operation that reads `source` (the first input, if not given) by the weights `kernel`.

        Parameters
        ----------
        operation : Dense or Conv
            What is computed for one sample in one timestep.
        kernel : variable or array, optional
            Weights, laid out as `energyprobe.trace.geometry.effective_fanout` wants them. Without them
            effective synaptic operations stay unknown.
        source : tensor, optional
            What is read.
        """
        weight = None if kernel is None else Weight(lambda: kernel)
        return StepDraft(operation, self.input if source is None else source, weight)

    def uncounted(self, reason: str) -> Steps:
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
        raise UnknownShapeError(
            f"shape {tuple(shape)} is not known before the model runs (run_eagerly=True knows it)"
        )
    return math.prod(known)


def per_run(tensor: Any, lead: int) -> tuple[int, Runs | None]:
    """Known elements behind the first `lead` axes of a tensor, and how often they come if any is unknown."""
    unknown = [axis for axis, size in enumerate(tensor.shape) if axis >= lead and size is None]
    elements = math.prod(size for size in tensor.shape[lead:] if size is not None)
    return elements, tuple((tensor, axis) for axis in [*range(lead), *unknown]) if unknown else None


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


def summed(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """Outputs in which spikes of one size add up, to several in a step."""
    return codes[0] if codes and all(code == codes[0] for code in codes) else None


def always(anything: Any) -> bool:
    """Yes, for every layer or call."""
    return True


def never(anything: Any) -> bool:
    """No, for every layer or call."""
    return False


def batch_first(tf: Any, layer: Any, sequence: Any) -> Any:
    """What a layer read or made, samples before timesteps (``time_major`` of Keras 2 puts them last)."""
    if not getattr(layer, "time_major", False):
        return sequence
    return tf.transpose(sequence, [1, 0, *range(2, len(sequence.shape))])


def last(layer: Any, sequence: Any) -> Any:
    """The last timestep of what a layer made."""
    return sequence[-1] if getattr(layer, "time_major", False) else sequence[:, -1]


def tail_kept(frame: Frame) -> bool:
    """Whether axis 1 stays what it is because the axes behind it hold as many elements before and after."""
    before, after = frame.inputs[0].shape, frame.outputs[0].shape
    tails = [tuple(shape[2:]) for shape in (before, after)]
    if min(len(before), len(after)) < 2 or any(None in tail for tail in tails):
        return False
    return math.prod(tails[0]) == math.prod(tails[1])


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
        ``keeps_time(frame)``: whether axis 1 of the output stands for the same as axis 1 of the input.
    keeps_samples : bool
        Whether axis 0 of the output is as long as axis 0 of the input.
    times : callable
        ``times(layer)``: whether the layer runs over time by its nature: the first two axes of its input are
        samples and timesteps.
    activation : callable
        ``activation(layer)``: whether the output is that of an activation, worth observing.
    around : callable
        ``around(frame, capture)``: context manager around the call while it is captured.
    narrow : callable
        ``narrow(frame, result)`` gives what the caller gets, and what was really made.
    inside : callable or None
        ``inside(frame)`` gives the calls within that are counted on their own; None where there are none,
        because the rule counts all that the layer does.
    plain : bool
        Whether shapes, inputs and outputs of a call tell all that `steps` needs, whatever is around it.
    loops : bool
        Whether it runs the calls inside once for each timestep of its first input.
    """

    steps: Callable[[Call], Steps]
    spikes: Spikes = graded
    keeps_time: Callable[[Frame], bool] = never
    keeps_samples: bool = True
    times: Callable[[Any], bool] = never
    activation: Callable[[Any], bool] = never
    around: Callable[[Frame, Capture], contextlib.AbstractContextManager[None]] = staticmethod(
        lambda frame, capture: contextlib.nullcontext()
    )
    narrow: Callable[[Frame, Any], tuple[Any, Any]] = staticmethod(lambda frame, result: (result, result))
    inside: Callable[[Frame], list[Frame]] | None = None
    plain: bool = True
    loops: bool = False

    @property
    def open(self) -> bool:
        """Whether calls inside are counted on their own."""
        return self.inside is not None


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
