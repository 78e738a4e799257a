"""How large tensors are when the model runs, found without reading those that TensorFlow fuses away.

Even asking for the shape of a tensor makes it one that somebody reads, and TensorFlow then computes it:
a convolution, its normalisation and its activation are no longer one kernel, and last bits differ. So sizes
that are not known beforehand are followed up, through layers and through operations that may be fused, to
a tensor that is none of them.
"""

from __future__ import annotations

from typing import Any

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import RawOp
from energyprobe.frontends.keras.framework import current_graph
from energyprobe.frontends.keras.rules.raw import PER_OUTPUT

Size = Any
"""An int, or a scalar int64 tensor."""

_SAME_SHAPE = frozenset(PER_OUTPUT) | {"Identity", "Cast"}
_CONVOLUTIONS = frozenset(("Conv2D", "Conv3D", "DepthwiseConv2dNative"))


class Sizes:
    """Finds the sizes of the tensors of one step.

    Parameters
    ----------
    capture : Capture
        The step.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._tf = capture.framework.tf
        self._found: dict[tuple[int, int], Size] = {}

    def leading(self, tensor: Any, time: bool) -> Size:
        """Samples, times timesteps where axis 1 is time."""
        return self.axis(tensor, 0) * self.axis(tensor, 1) if time else self.axis(tensor, 0)

    def nbytes(self, tensors: list[Any]) -> Size:
        """Bytes of some tensors together."""
        total = self._tf.constant(0, self._tf.int64)
        for tensor in tensors:
            total += self._elements(tensor) * tensor.dtype.size
        return total

    def _elements(self, tensor: Any) -> Size:
        if tensor.shape.rank is None:
            return self._tf.size(tensor, out_type=self._tf.int64)
        elements = 1
        for axis in range(tensor.shape.rank):
            elements *= self.axis(tensor, axis)
        return elements

    def axis(self, tensor: Any, axis: int) -> Size:
        """Size of one axis."""
        while tensor.shape.rank is None or tensor.shape[axis] is None:
            source = self._as_long(tensor, axis)
            if source is None:
                key = (id(tensor), axis)
                if key not in self._found:
                    self._found[key] = self._worked_out(tensor, axis)
                return self._found[key]
            tensor = source
        return int(tensor.shape[axis])

    def _as_long(self, tensor: Any, axis: int) -> Any:
        """A tensor from which this one was made, and which is as long along an axis."""
        source = self._across_a_layer(tensor, axis)
        op = self._capture.makers.get(id(tensor))
        if source is not None or op is None or op.outputs[0] is not tensor:
            return source
        if op.type in _CONVOLUTIONS and axis == 0:
            return op.inputs[0]
        return self._same_shape(op)

    def _worked_out(self, tensor: Any, axis: int) -> Size:
        op = self._capture.makers.get(id(tensor))
        if op is not None and op.outputs[0] is tensor:
            if op.type == "MatMul" and axis == 0:
                return self.axis(op.inputs[0], 1 if op.attribute("transpose_a") else 0)
            if op.type in _CONVOLUTIONS and op.attribute("padding") in ("SAME", "VALID"):
                return self._strided(op, self.axis(op.inputs[0], axis), axis)
        return self._tf.shape(tensor, out_type=self._tf.int64)[axis]

    def _across_a_layer(self, tensor: Any, axis: int) -> Any:
        """What a layer made a tensor from, if that has the same unknown size."""
        frame = self._capture.producers.get(id(tensor))
        if frame is None or frame.graph is not current_graph(self._tf):
            return None
        kept = frame.rule.keeps_samples if axis == 0 else axis == 1 and frame.rule.keeps_time(frame)
        inputs = [each for each in frame.inputs if each.shape.rank is not None and each.shape.rank > axis]
        unknown = [each for each in inputs if each.shape[axis] is None]
        return unknown[0] if kept and unknown else None

    def _same_shape(self, op: RawOp) -> Any:
        if op.type not in _SAME_SHAPE:
            return None
        shape = op.outputs[0].shape.as_list()
        same = [each for each in op.inputs if each.shape.rank is not None and each.shape.as_list() == shape]
        return same[0] if same else None

    def _strided(self, op: RawOp, size: Size, axis: int) -> Size:
        """Size of a spatial axis of a convolution: that of the input, less what padding leaves out."""
        stride, dilation = op.attribute("strides")[axis], op.attribute("dilations")[axis]
        if op.attribute("padding") == "VALID":
            last = op.attribute("data_format").endswith("C")
            taps = op.inputs[1].shape[axis - 1 if last else axis - 2]
            size -= (taps - 1) * dilation
        return (size + stride - 1) // stride
