"""Rules of layers with weights between inputs and outputs: dense, einsum and convolution layers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.activations import activation_steps, has_activation
from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.contraction import from_equation, weighted
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, Weight, count, per_axis
from energyprobe.frontends.keras.rules.raw_windows import channels_first
from energyprobe.trace.operations import Conv, Lookup, Sparse
from energyprobe.trace.padding import conv, conv_transpose


def _finish(call: Call, *steps: StepDraft) -> Steps:
    """Add what a layer's ``use_bias`` and ``activation`` arguments compute."""
    finished = list(steps)
    if getattr(call.layer, "use_bias", False) or getattr(call.layer, "bias", None) is not None:
        finished += call.elementwise("bias")
    return finished + activation_steps(call)


def dense(call: Call) -> Steps:
    """``Dense``: a matrix on the last axis."""
    layer = call.layer
    axes = from_equation("...x,xy->...y", [len(call.input.shape), 2])
    step = weighted(axes, call.input, (call.input.shape[-1], layer.units), call.lead)
    return _finish(call, dataclasses.replace(step, weight=Weight.of(layer, "kernel"), fanout=None))


def einsum_dense(call: Call) -> Steps:
    """``EinsumDense``: the equation says which axes are contracted, kept, or each have weights."""
    layer = call.layer
    kernel = tuple(layer.kernel.shape)
    axes = from_equation(layer.equation, [len(call.input.shape), len(kernel)])
    step = weighted(axes, call.input, kernel, call.lead)
    return _finish(call, dataclasses.replace(step, weight=Weight.of(layer, "kernel")))


def _keeps_axis_1(frame: Frame) -> bool:
    """Whether the equation of an ``EinsumDense`` leaves the second axis alone."""
    layer = frame.layer
    axes = from_equation(layer.equation, [len(frame.inputs[0].shape), len(layer.kernel.shape)])
    return len(axes.left) > 1 and axes.left[1] not in axes.right and axes.out[1:2] == axes.left[1]


def _spatial(call: Call, tensor: Any) -> tuple[list[int], int]:
    """Spatial shape and channels of a tensor of a convolution layer."""
    shape = call.core(tensor)
    count(shape)
    sizes = [size for size in shape if size is not None]
    if call.layer.data_format == "channels_first":
        return sizes[1:], sizes[0]
    return sizes[:-1], sizes[-1]


def _layout(call: Call) -> Any:
    return "first" if call.layer.data_format == "channels_first" else "last"


def convolution(call: Call) -> Steps:
    """``Conv1D`` to ``Conv3D``."""
    layer = call.layer
    shape, channels = _spatial(call, call.input)
    operation = conv(
        shape,
        channels=channels,
        filters=layer.filters,
        kernel=layer.kernel_size,
        strides=layer.strides,
        dilation=layer.dilation_rate,
        padding=layer.padding,
        groups=layer.groups,
    )
    return _finish(call, StepDraft(operation, call.input, Weight.of(layer, "kernel"), layout=_layout(call)))


def _depthwise_layout(kernel: np.ndarray) -> np.ndarray:
    """``(*kernel, channels, multiplier)`` as a convolution of as many groups as channels."""
    *taps, channels, multiplier = kernel.shape
    return kernel.reshape(*taps, 1, channels * multiplier)


def _depthwise_conv(call: Call) -> Conv:
    layer = call.layer
    shape, channels = _spatial(call, call.input)
    axes = len(shape)
    return conv(
        shape,
        channels=channels,
        filters=channels * layer.depth_multiplier,
        kernel=per_axis(layer.kernel_size, axes),
        strides=per_axis(layer.strides, axes),
        dilation=per_axis(layer.dilation_rate, axes),
        padding=layer.padding,
        groups=channels,
    )


def _depthwise_weight(layer: Any) -> Weight:
    # Keras 3 names the kernel of a depthwise convolution as that of any other.
    name = "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"
    return Weight.of(layer, name, _depthwise_layout)


def depthwise(call: Call) -> Steps:
    """``DepthwiseConv1D`` and ``DepthwiseConv2D``: a group for each channel."""
    weight = _depthwise_weight(call.layer)
    return _finish(call, StepDraft(_depthwise_conv(call), call.input, weight, layout=_layout(call)))


def separable(call: Call) -> Steps:
    """``SeparableConv1D`` and ``SeparableConv2D``: depthwise, then pointwise on the hidden middle."""
    layer = call.layer
    first = _depthwise_conv(call)
    middle = conv(
        first.output_shape,
        channels=first.filters,
        filters=layer.filters,
        kernel=(1,) * len(first.output_shape),
    )
    weight = Weight.of(layer, "pointwise_kernel")
    return _finish(
        call,
        StepDraft(first, call.input, _depthwise_weight(layer), layout=_layout(call)),
        StepDraft(middle, _middle(call, middle), weight),
    )


def _middle(call: Call, middle: Conv) -> Any:
    """What the pointwise convolution reads, channels last: the input of the last convolution that ran."""
    *_, pointwise = (op for op in call.frame.ops if op.type == "Conv2D")
    hidden = pointwise.inputs[0]
    if channels_first(pointwise):
        hidden = call.tf.transpose(hidden, [0, 2, 3, 1])
    return call.tf.reshape(hidden, [-1, *middle.input_shape, middle.channels])


def _transposed_layout(kernel: np.ndarray) -> np.ndarray:
    return np.swapaxes(kernel, -1, -2)


def transposed(call: Call) -> Steps:
    """``Conv1DTranspose`` to ``Conv3DTranspose``."""
    layer = call.layer
    shape, channels = _spatial(call, call.input)
    out_shape, _ = _spatial(call, call.output)
    operation = conv_transpose(
        shape,
        channels=channels,
        filters=layer.filters,
        kernel=layer.kernel_size,
        strides=layer.strides,
        dilation=_dilation(call),
        padding=layer.padding,
        output_padding=getattr(layer, "output_padding", None),
        output_shape=out_shape,
    )
    weight = Weight.of(layer, "kernel", _transposed_layout)
    return _finish(call, StepDraft(operation, call.input, weight, layout=_layout(call)))


def _dilation(call: Call) -> Any:
    """Keras 2 takes ``dilation_rate`` of a ``Conv3DTranspose`` and leaves it unused."""
    unused = call.capture.framework.generation < 3 and len(call.layer.kernel_size) == 3
    return None if unused else call.layer.dilation_rate


def locally_connected(call: Call) -> Steps:
    """``LocallyConnected1D`` and ``LocallyConnected2D`` of Keras 2: a convolution that shares no weights."""
    layer = call.layer
    if layer.implementation != 1:
        return call.uncounted(f"implementation={layer.implementation} multiplies by a masked dense matrix")
    shape, channels = _spatial(call, call.input)
    window = conv(
        shape,
        channels=channels,
        filters=layer.filters,
        kernel=layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
    )
    outputs, first = window.output_shape, _layout(call) == "first"
    axes = (channels, *window.kernel) if first else (*window.kernel, channels)

    def fanout(mask: np.ndarray) -> np.ndarray:
        """Non-zero weights that read each input element."""
        by_output = mask.reshape(*outputs, *axes, layer.filters).sum(-1)
        if first:
            by_output = np.moveaxis(by_output, len(outputs), -1)
        counts = np.zeros((*shape, channels), np.int64)
        for place in np.ndindex(*outputs, *window.kernel):
            out, tap = place[: len(outputs)], place[len(outputs) :]
            read = tuple(o * stride + k for o, k, stride in zip(out, tap, window.strides, strict=True))
            counts[read] += by_output[place]
        return np.moveaxis(counts, -1, 0) if first else counts

    operation = Sparse(
        inputs=math.prod(shape) * channels,
        units=math.prod(outputs) * layer.filters,
        entries=math.prod(layer.kernel.shape),
    )
    return _finish(call, StepDraft(operation, call.input, Weight.of(layer, "kernel"), fanout=fanout))


def embedding(call: Call) -> Steps:
    """``Embedding``: rows fetched from a table."""
    layer = call.layer
    lookups, runs = call.per_run(call.input)
    operation = Lookup(rows=layer.input_dim, width=layer.output_dim, lookups=lookups)
    return [StepDraft(operation, None, Weight.of(layer, "embeddings"), runs=runs)]


def reversible_embedding(call: Call) -> Steps:
    """``ReversibleEmbedding``: an `embedding`, or a matrix from embeddings back to scores of the rows."""
    layer = call.layer
    if call.input.dtype.is_integer:
        return embedding(call)
    axes = from_equation("...x,xy->...y", [len(call.input.shape), 2])
    step = weighted(axes, call.input, (layer.output_dim, layer.input_dim), call.lead)
    tied = layer.tie_weights
    weight = Weight.of(layer, "embeddings", np.transpose) if tied else Weight.of(layer, "reverse_embeddings")
    capped = call.elementwise("soft_cap", 3) if layer.logit_soft_cap is not None else []
    return [dataclasses.replace(step, weight=weight, fanout=None), *capped]


def _rule(steps: Callable[[Call], Steps], **facts: Any) -> Rule:
    return Rule(steps, activation=has_activation, **facts)


RULES: dict[str, Rule] = {
    "Dense": _rule(dense, keeps_time=always),
    "EinsumDense": _rule(einsum_dense, keeps_time=_keeps_axis_1),
    **{f"Conv{axes}D": _rule(convolution) for axes in (1, 2, 3)},
    **{f"DepthwiseConv{axes}D": _rule(depthwise) for axes in (1, 2)},
    **{f"SeparableConv{axes}D": _rule(separable, plain=False) for axes in (1, 2)},
    **{f"Conv{axes}DTranspose": _rule(transposed) for axes in (1, 2, 3)},
    **{f"LocallyConnected{axes}D": _rule(locally_connected) for axes in (1, 2)},
    "Embedding": Rule(embedding, keeps_time=always),
    "ReversibleEmbedding": Rule(reversible_embedding, keeps_time=always),
}
