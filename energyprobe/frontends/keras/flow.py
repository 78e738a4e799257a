"""What flows between calls: which tensors carry spikes, and which have time as their second axis.

Both are declared by layer types and followed from call to call, never guessed from values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyprobe.frontends.keras.axes import same_tail
from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame, RawOp
from energyprobe.frontends.keras.rules.codes import SpikeCode
from energyprobe.frontends.keras.rules.raw import PER_OUTPUT, SYNAPTIC

_PASSING = frozenset(
    "Identity Cast Reshape Transpose Squeeze ExpandDims StridedSlice Slice Split SplitV Unpack Pad Tile "
    "BroadcastTo GatherV2 ReverseV2 MaxPool MaxPool3D EnsureShape Snapshot StopGradient SpaceToBatchND "
    "BatchToSpaceND TensorListGetItem TensorListFromTensor TensorListStack".split()
)
"""Operations whose output carries the spikes of the first input."""

_JOINING = {"ConcatV2": slice(-1), "Pack": slice(None), "Concat": slice(1, None), "IdentityN": slice(None)}
"""Operations whose output carries the spikes of these inputs, if all agree."""

_GRADING = SYNAPTIC | {"AvgPool", "AvgPool3D", "Mean"}
"""Operations that are known to make spikes graded."""

_AXIS_KEEPING = frozenset(PER_OUTPUT) | {"Identity", "Cast", "ReverseV2", "StopGradient"}


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

    Attributes
    ----------
    lost : dict of str to str
        Calls that read what was made from spikes in a way that cannot be followed, and that way.
    """

    def __init__(self, capture: Capture, inputs: Mapping[int, float], own: Mapping[type, float]) -> None:
        self._capture = capture
        self._inputs = inputs
        self._own = own
        self._known: dict[int, SpikeCode | None] = {}
        self._declared: dict[int, SpikeCode] = {}
        for frame in capture.frames:
            code = self._of_own(frame)
            if code is not None:
                self._declared |= {id(tensor): code for tensor in [*frame.outputs, *frame.handed]}
        self.lost: dict[str, str] = {}
        # In the order in which they ran, so that nothing is followed far.
        for frame in capture.frames:
            for tensor in () if frame.rule.open else frame.outputs:
                self.code(tensor)

    def read_by(self, frame: Frame, tensor: Any) -> SpikeCode | None:
        """Say how a tensor that a call reads carries spikes, and note where it cannot be followed."""
        code = self.code(tensor)
        if code is None:
            way = self._lost_way(tensor)
            if way is not None:
                self.lost[frame.path] = way
        return code

    def code(self, tensor: Any) -> SpikeCode | None:
        """Say how a tensor carries spikes; None where it is graded or cannot be followed."""
        key = id(tensor)
        if key not in self._known:
            self._known[key] = None
            self._known[key] = self._follow(tensor)
        return self._known[key]

    def of_call(self, frame: Frame) -> SpikeCode | None:
        """Say how the output of a call carries spikes."""
        own = self._of_own(frame)
        if own is not None or not frame.outputs:
            return own
        if frame.rule.open:
            return self.code(frame.outputs[0])
        code: SpikeCode | None = frame.rule.spikes(frame.layer, [self.code(each) for each in frame.inputs])
        return code

    def _of_own(self, frame: Frame) -> SpikeCode | None:
        for cls in type(frame.layer).__mro__:
            if cls in self._own:
                return SpikeCode(self._own[cls])
        return None

    def _follow(self, tensor: Any) -> SpikeCode | None:
        key = id(tensor)
        if key in self._inputs:
            return SpikeCode(self._inputs[key])
        if key in self._declared:
            return self._declared[key]
        frame = self._capture.producers.get(key)
        if frame is not None:
            return self.of_call(frame)
        op = self._capture.makers.get(key)
        if op is None:
            return None
        codes = [self.code(each) for each in _sources(op)]
        return codes[0] if codes and all(code == codes[0] for code in codes) else None

    def _lost_way(self, tensor: Any) -> str | None:
        """The operation, of no layer that has a rule, in which spikes became something unknown."""
        waiting, seen = [tensor], set()
        while waiting:
            each = waiting.pop()
            if id(each) in seen or id(each) in self._capture.producers:
                continue
            seen.add(id(each))
            op = self._capture.makers.get(id(each))
            if op is None:
                continue
            if not _sources(op) and any(self.code(source) is not None for source in op.inputs):
                return None if op.type in _GRADING else op.type
            waiting += op.inputs
        return None


def _sources(op: RawOp) -> list[Any]:
    """The tensors whose spikes an operation's output carries."""
    if op.type in _PASSING:
        return list(op.inputs[:1])
    if op.type in _JOINING:
        return list(op.inputs[_JOINING[op.type]])
    if op.frame is None or not op.frame.rule.loops:
        return []
    if op.type == "Placeholder" and op.outputs[0].dtype.name == "variant":
        # The sequence that a loop reads, from inside its body.
        return op.frame.inputs[:1]
    if op.type in ("While", "StatelessWhile"):
        # The sequence that a loop makes: what the cell gave in the body.
        bodies = [each for each in op.frame.children if each.graph is not op.frame.graph]
        return bodies[-1].outputs[:1] if bodies else []
    return []


class TimeFlow:
    """Finds the tensors whose second axis is time.

    Axis 1 is time where a layer that runs over time feeds or is fed by the tensor, through layers and
    operations that keep the axis.

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
        rank = tensor.shape.rank or 0
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
            if not frame.inputs or not frame.outputs:
                continue
            if getattr(frame.layer, "time_major", False):
                continue
            if frame.rule.times(frame.layer):
                waiting.append(id(frame.inputs[0]))
                waiting += [id(frame.outputs[0])] if frame.rule.keeps_time(frame) else []
            elif not frame.rule.open and frame.rule.keeps_time(frame):
                for tensor in _sharing_time(frame):
                    link(tensor, frame.outputs[0])
        for frame in capture.frames:
            for op in frame.ops if frame.rule.open else ():
                for tensor in _axis_kept(op):
                    link(tensor, op.outputs[0])
        while waiting:
            tensor = waiting.pop()
            if tensor not in self._marked:
                self._marked.add(tensor)
                waiting += links.get(tensor, ())


def _sharing_time(frame: Frame) -> list[Any]:
    """The inputs of a call whose axis 1 is that of its output."""
    rank = frame.outputs[0].shape.rank or 0
    if len(frame.inputs) == 1:
        inner = frame.inputs[0].shape.rank or 0
        return frame.inputs if min(rank, inner) >= 2 and max(rank, inner) >= 3 else []
    return [each for each in frame.inputs if each.shape.rank == rank >= 3]


def _axis_kept(op: RawOp) -> list[Any]:
    """The inputs whose axis 1 is that of an operation's output."""
    if not op.outputs or (op.outputs[0].shape.rank or 0) < 2:
        return []
    rank = op.outputs[0].shape.rank
    alike = [each for each in op.inputs if each.shape.rank == rank]
    if op.type in _AXIS_KEEPING:
        return alike
    if op.type == "ConcatV2":
        axis = _static(op.inputs[-1])
        return alike if axis is not None and int(axis) % rank != 1 else []
    if op.type == "Transpose":
        order = _static(op.inputs[1])
        return alike[:1] if order is not None and list(order[:2]) == [0, 1] else []
    if op.type in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        return [each for each in op.inputs[:1] if each.shape.rank == rank > 2]
    if op.type in ("Reshape", "ExpandDims", "Squeeze"):
        return [each for each in op.inputs[:1] if same_tail(each.shape, op.outputs[0].shape)]
    return []


def _static(tensor: Any) -> Any:
    import tensorflow as tf

    return tf.get_static_value(tensor)
