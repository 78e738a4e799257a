"""Rules of layers with weights between inputs and outputs: dense, einsum and convolution layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from energyprobe.frontends.keras.rules.activations import activation_steps, has_activation
from energyprobe.frontends.keras.rules.base import Call, Rule, StepDraft, Steps, Weight, always, count
from energyprobe.trace.operations import Conv, Dense, Lookup, Sparse
from energyprobe.trace.padding import conv, conv_transpose


def _finish(call: Call, *steps: StepDraft) -> Steps:
    """Add what a layer's ``use_bias`` and ``activation`` arguments compute."""
    finished = list(steps)
    if getattr(call.layer, "use_bias", False) or getattr(call.layer, "bias", None) is not None:
        finished += call.elementwise("bias")
    return finished + activation_steps(call)


def dense(call: Call) -> Steps:
    """``Dense``: a matrix on the last axis."""
    *positions, inputs = call.input_shape
    operation = Dense(inputs=count((inputs,)), units=call.layer.units, positions=count(tuple(positions)))
    return _finish(call, StepDraft(operation, call.input, Weight(call.layer.kernel)))


def einsum_dense(call: Call) -> Steps:
    """``EinsumDense``: the equation says which axes are contracted, kept, or each have weights."""
    left, kernel, right = _einsum_labels(call.layer.equation, len(call.input.shape))
    lead = 2 if call.time else 1
    shape = dict(zip(left, call.input.shape, strict=True))
    weights = dict(zip(kernel, call.layer.kernel.shape, strict=True))
    inputs = [label for label in left[lead:] if label in kernel and label not in right]
    own = [label for label in left[lead:] if label in kernel and label in right]
    kept = [label for label in left[lead:] if label not in kernel]
    units = [label for label in kernel if label not in left]
    sizes = {**shape, **weights}

    def size(labels: list[str]) -> int:
        return count(tuple(sizes[label] for label in labels))

    copies = size(own)
    operation: Dense | Sparse
    if own:
        operation = Sparse(
            inputs=copies * size(inputs),
            units=copies * size(units),
            entries=copies * size(inputs) * size(units),
        )
    else:
        operation = Dense(inputs=size(inputs), units=size(units), positions=size(kept))

    def fanout(mask: np.ndarray) -> np.ndarray:
        """Non-zero weights that read each element, broadcastable to one sample."""
        counts = np.einsum(mask.astype(np.int64), list(range(len(kernel))), _numbers(kernel, own + inputs))
        order = [label for label in left[lead:] if label in own + inputs]
        counts = np.transpose(counts, [(own + inputs).index(label) for label in order])
        return counts.reshape([sizes[label] if label in order else 1 for label in left[lead:]])

    weight = Weight(call.layer.kernel)
    repeat = size(kept) if own else 1
    step = StepDraft(operation, call.input, weight, each=size(units), fanout=fanout, repeat=repeat)
    return _finish(call, step)


def _numbers(labels: str, wanted: list[str]) -> list[int]:
    return [labels.index(label) for label in wanted]


def _einsum_labels(equation: str, rank: int) -> tuple[str, str, str]:
    """Labels of input, kernel and output, ellipses written out."""
    arguments, right = equation.replace(" ", "").split("->")
    left, kernel = arguments.split(",")
    free = [label for label in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if label not in equation]
    hidden = "".join(free[: rank - len(left.replace("...", ""))])
    return left.replace("...", hidden), kernel, right.replace("...", hidden)


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
    return _finish(call, StepDraft(operation, call.input, Weight(layer.kernel), layout=_layout(call)))


def _depthwise_layout(kernel: np.ndarray) -> np.ndarray:
    """``(*kernel, channels, multiplier)`` as a convolution of as many groups as channels."""
    *taps, channels, multiplier = kernel.shape
    return kernel.reshape(*taps, 1, channels * multiplier)


def _per_axis(figures: Any, axes: int) -> tuple[int, ...]:
    return tuple(figures) if isinstance(figures, (tuple, list)) else (figures,) * axes


def _depthwise_conv(call: Call) -> Conv:
    layer = call.layer
    shape, channels = _spatial(call, call.input)
    axes = len(shape)
    return conv(
        shape,
        channels=channels,
        filters=channels * layer.depth_multiplier,
        kernel=_per_axis(layer.kernel_size, axes),
        strides=_per_axis(layer.strides, axes),
        dilation=_per_axis(layer.dilation_rate, axes),
        padding=layer.padding,
        groups=channels,
    )


def _depthwise_kernel(layer: Any) -> Any:
    kernel = getattr(layer, "depthwise_kernel", None)
    return layer.kernel if kernel is None else kernel


def depthwise(call: Call) -> Steps:
    """``DepthwiseConv1D`` and ``DepthwiseConv2D``: a group for each channel."""
    weight = Weight(_depthwise_kernel(call.layer), _depthwise_layout)
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
    depthwise_step = StepDraft(
        first, call.input, Weight(_depthwise_kernel(layer), _depthwise_layout), layout=_layout(call)
    )
    hidden = _middle(call, middle)
    pointwise_step = StepDraft(middle, hidden, Weight(layer.pointwise_kernel), layout=_layout(call))
    return _finish(call, depthwise_step, pointwise_step)


def _middle(call: Call, middle: Conv) -> Any:
    """What the pointwise convolution reads: the input of the last convolution that ran."""
    convolutions = [op for op in call.frame.ops if op.type == "Conv2D"]
    if not convolutions or call.layer.data_format == "channels_first":
        return None
    hidden = convolutions[-1].inputs[0]
    wanted = (*middle.input_shape, middle.channels)
    if math.prod(wanted) != math.prod(size or 0 for size in hidden.shape[1:]):
        return None
    return call.tf.reshape(hidden, [-1, *wanted])


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
        dilation=layer.dilation_rate,
        padding=layer.padding,
        output_padding=getattr(layer, "output_padding", None),
        output_shape=out_shape,
    )
    weight = Weight(layer.kernel, _transposed_layout)
    return _finish(call, StepDraft(operation, call.input, weight, layout=_layout(call)))


def embedding(call: Call) -> Steps:
    """``Embedding``: rows fetched from a table."""
    layer = call.layer
    operation = Lookup(rows=layer.input_dim, width=layer.output_dim, lookups=count(call.input_shape))
    return [StepDraft(operation, None, Weight(layer.embeddings))]


def _rule(steps: Callable[[Call], Steps], **facts: Any) -> Rule:
    return Rule(steps, activation=has_activation, **facts)


RULES: dict[str, Rule] = {
    "Dense": _rule(dense, keeps_time=always),
    "EinsumDense": _rule(einsum_dense, keeps_time=always),
    **{f"Conv{axes}D": _rule(convolution) for axes in (1, 2, 3)},
    **{f"DepthwiseConv{axes}D": _rule(depthwise) for axes in (1, 2)},
    **{f"SeparableConv{axes}D": _rule(separable) for axes in (1, 2)},
    **{f"Conv{axes}DTranspose": _rule(transposed) for axes in (1, 2, 3)},
    "Embedding": _rule(embedding, keeps_time=always),
}

