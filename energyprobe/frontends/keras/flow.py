"""What flows between calls: which tensors carry spikes, and which have time as their second axis.

Both are declared by layer types and followed from call to call, never guessed from values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprobe.frontends.keras.capture import Capture, Frame, RawOp
from energyprobe.frontends.keras.rules.base import SpikeCode
from energyprobe.frontends.keras.rules.raw import PER_OUTPUT

_PASSING = frozenset(
    "Identity Cast Reshape Transpose Squeeze ExpandDims StridedSlice Slice ConcatV2 Pad Pack Unpack "
    "TensorListGetItem TensorListFromTensor".split()
)
"""Operations whose output carries the spikes of the inputs."""

_AXIS_KEEPING = frozenset(PER_OUTPUT) | {"Identity", "Cast", "Placeholder"}


class SpikeFlow:
    """Follows spikes from the layers that make them.

    Parameters
    ----------
    capture : Capture
        The step.
    inputs : mapping of int to float
        Amplitude of the spikes that a model input carries, by the identity of its tensor.
    own : mapping of type to float
        Amplitude of the spikes of the user's own layers.
    """

    def __init__(self, capture: Capture, inputs: Mapping[int, float], own: Mapping[type, float]) -> None:
        self._capture = capture
        self._inputs = inputs
        self._own = own
        self._known: dict[int, SpikeCode | None] = {}

    def code(self, tensor: Any) -> SpikeCode | None:
        """Say how a tensor carries spikes; None where it is graded or cannot be followed."""
        key = id(tensor)
        if key not in self._known:
            self._known[key] = None
            self._known[key] = self._follow(tensor)
        return self._known[key]

    def _follow(self, tensor: Any) -> SpikeCode | None:
        if id(tensor) in self._inputs:
            return SpikeCode(self._inputs[id(tensor)])
        frame = self._capture.producers.get(id(tensor))
        if frame is not None:
            return self.of_call(frame)
        op = self._capture.makers.get(id(tensor))
        if op is None or op.type not in _PASSING:
            return None
        sources = op.inputs[:-1] if op.type == "ConcatV2" else op.inputs[:1]
        codes = [self.code(each) for each in sources]
        return codes[0] if codes and all(code == codes[0] for code in codes) else None

    def of_call(self, frame: Frame) -> SpikeCode | None:
        """Say how the output of a call carries spikes."""
        for cls in type(frame.layer).__mro__:
            if cls in self._own:
                return SpikeCode(self._own[cls])
        if frame.rule is None:
            return None
        code: SpikeCode | None = frame.rule.spikes(frame.layer, [self.code(each) for each in frame.inputs])
        return code


class TimeFlow:
    """Finds the tensors whose second axis is time.

    Axis 1 is time where a layer that runs over time feeds or is fed by the tensor, through layers and
    elementwise operations that keep the axis.

    Parameters
    ----------
    capture : Capture
        The step.
    axis : {"auto", 1, None}
        ``1``: every tensor of rank 3 or more has time as axis 1; ``None``: none has.
    """

    def __init__(self, capture: Capture, axis: str | int | None) -> None:
        self._axis = axis
        self._marked: set[int] = set()
        if axis == "auto":
            self._mark(capture)

    def has_time(self, tensor: Any) -> bool:
        """Whether axis 1 of a tensor is time."""
        rank = len(tensor.shape) if tensor.shape.rank is not None else 0
        if rank < 2:
            return False
        return rank >= 3 if self._axis == 1 else id(tensor) in self._marked

    def _mark(self, capture: Capture) -> None:
        links: dict[int, set[int]] = {}
        waiting: list[int] = []

        def link(one: Any, two: Any) -> None:
            links.setdefault(id(one), set()).add(id(two))
            links.setdefault(id(two), set()).add(id(one))

        for frame in capture.frames:
            if frame.rule is None or not frame.inputs or not frame.outputs:
                continue
            if frame.rule.times:
                waiting += [id(frame.inputs[0]), id(frame.outputs[0])]
            if len(frame.outputs[0].shape) > 2 and frame.rule.keeps_time(frame.layer):
                for tensor in frame.inputs:
                    if len(tensor.shape) > 2 or len(tensor.shape) < len(frame.outputs[0].shape):
                        link(tensor, frame.outputs[0])
        for op in _raw_ops(capture):
            if op.type in _AXIS_KEEPING and op.outputs:
                for tensor in op.inputs:
                    if len(tensor.shape or ()) == len(op.outputs[0].shape or ()) > 2:
                        link(tensor, op.outputs[0])
        while waiting:
            tensor = waiting.pop()
            if tensor not in self._marked:
                self._marked.add(tensor)
                waiting += links.get(tensor, ())


def _raw_ops(capture: Capture) -> list[RawOp]:
    return [op for frame in capture.frames if frame.rule is None for op in frame.ops]
