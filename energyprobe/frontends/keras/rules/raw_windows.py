"""Raw convolutions and poolings: windows slid over an activation, read from an operation's attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from energyprobe.frontends.keras.frames import RawOp
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import StepDraft, Weight, count
from energyprobe.frontends.keras.rules.raw_products import fixed_weights
from energyprobe.trace.geometry import axis_fanout
from energyprobe.trace.operations import Conv, Pool, Uncounted
from energyprobe.trace.padding import conv, conv_transpose

_FORWARD = frozenset("Conv2D Conv3D DepthwiseConv2dNative".split())
_BACKWARD = frozenset("Conv2DBackpropInput Conv3DBackpropInputV2".split())
CONVOLUTIONS = (
    _FORWARD
    | _BACKWARD
    | frozenset(
        "Conv _FusedConv2D XlaConvV2 SparseTensorDenseMatMul SparseMatMul CudnnRNN CudnnRNNV2 "
        "CudnnRNNV3".split()
    )
)
POOLINGS = frozenset("MaxPool AvgPool MaxPool3D AvgPool3D".split())


def channels_first(op: RawOp) -> bool:
    """Whether an operation has channels as the first axis after the batch."""
    return op.attribute("data_format").startswith("NC")


def convolution_step(call: Call, op: RawOp) -> StepDraft:
    """Count a convolution whose filters are weights."""
    if op.type not in _FORWARD | _BACKWARD:
        return StepDraft(Uncounted(reason=f"operation {op.type} has no rule"))
    filters = op.inputs[1]
    if call.capture.varies(filters):
        return StepDraft(Uncounted(reason=f"{op.type} whose filters depend on the data"))
    backward = op.type in _BACKWARD
    data = op.inputs[2] if backward else op.inputs[0]
    shape, channels = _spatial(op, data)
    taps = tuple(filters.shape)
    weight = fixed_weights(call.capture, filters)
    if backward:
        operation = _backward(op, shape, channels, taps)
        weight = _laid_out(weight, lambda value: np.swapaxes(value, -1, -2))
    elif op.type == "DepthwiseConv2dNative":
        operation = _forward(op, shape, channels, taps[-1] * channels, taps, groups=channels)
        weight = _laid_out(weight, lambda value: value.reshape(*taps[:-2], 1, -1))
    else:
        operation = _forward(op, shape, channels, taps[-1], taps, groups=channels // taps[-2])
    layout: Any = "first" if channels_first(op) else "last"
    # The first axis may hold more than the samples.
    return StepDraft(operation, data, weight, layout=layout, runs=((data, 0),), time=False)


def pooling_step(op: RawOp) -> StepDraft:
    """Count a pooling window, padding left out."""
    data = op.inputs[0]
    shape, channels = _spatial(op, data)
    window = _forward(op, shape, 1, 1, _per_axis(op, "ksize"), groups=1)
    taps, outputs = channels, channels
    for axis, size in zip(axis_fanout(window), window.output_shape, strict=True):
        taps *= int(axis.sum())
        outputs *= size
    method = "max" if op.type.startswith("Max") else "average"
    return StepDraft(Pool(method=method, taps=taps, outputs=outputs), runs=((data, 0),))


def _laid_out(weight: Weight | None, layout: Any) -> Weight | None:
    return None if weight is None else Weight(weight.read, lambda value: layout(weight.layout(value)))


def _forward(
    op: RawOp, shape: tuple[int, ...], channels: int, filters: int, taps: tuple[int, ...], groups: int
) -> Conv:
    padding = op.attribute("padding").lower()
    axes = len(shape)
    strides = _per_axis(op, "strides")
    dilation = _per_axis(op, "dilations") if "dilations" in op.attributes else (1,) * axes
    known: dict[str, Any] = {"channels": channels, "filters": filters, "groups": groups}
    known |= {"kernel": taps[:axes], "strides": strides, "dilation": dilation}
    if padding != "explicit":
        return conv(shape, padding=padding, **known)
    output_shape, _ = _spatial(op, op.outputs[0])
    return Conv(input_shape=shape, output_shape=output_shape, padding=_explicit(op), **known)


def _backward(op: RawOp, shape: tuple[int, ...], channels: int, taps: tuple[int, ...]) -> Conv:
    padding = op.attribute("padding").lower()
    out, filters = _spatial(op, op.outputs[0])
    transposed = conv_transpose(
        shape,
        channels=channels,
        filters=filters,
        kernel=taps[: len(shape)],
        strides=_per_axis(op, "strides"),
        dilation=_per_axis(op, "dilations"),
        padding="valid" if padding == "explicit" else padding,
        output_shape=out,
    )
    return replace(transposed, padding=_explicit(op)) if padding == "explicit" else transposed


def _explicit(op: RawOp) -> tuple[int, ...]:
    """Zeros before each spatial axis."""
    both = tuple(op.attribute("explicit_paddings"))
    return _without_channels(op, both[0::2])


def _per_axis(op: RawOp, name: str) -> tuple[int, ...]:
    return _without_channels(op, tuple(op.attribute(name)))


def _without_channels(op: RawOp, figures: tuple[int, ...]) -> tuple[int, ...]:
    return figures[2:] if channels_first(op) else figures[1:-1]


def _spatial(op: RawOp, tensor: Any) -> tuple[tuple[int, ...], int]:
    """Spatial shape and channels of a tensor."""
    shape = tuple(tensor.shape[1:])
    count(shape)
    return (shape[1:], shape[0]) if channels_first(op) else (shape[:-1], shape[-1])
