"""Convolutions from a framework's settings: TensorFlow's rules for padding and output shape resolved."""

from __future__ import annotations

from collections.abc import Sequence

from energyprobe.errors import CountingError
from energyprobe.trace.operations import Conv


def conv(
    input_shape: Sequence[int],
    *,
    channels: int,
    filters: int,
    kernel: Sequence[int],
    strides: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
    padding: str = "valid",
    groups: int = 1,
) -> Conv:
    """Build a convolution as Keras runs it.

    Parameters
    ----------
    input_shape : sequence of int
        Spatial shape of the input, without channels.
    channels, filters : int
        Input and output channels; a depthwise convolution has ``filters = channels * multiplier``.
    kernel, strides, dilation : sequence of int
        One figure for each spatial dimension; strides and dilation are 1 by default.
    padding : {"valid", "same", "causal"}
        Causal padding lies before the input, and is for one spatial dimension.
    groups : int
        A depthwise convolution has ``groups = channels``.

    Returns
    -------
    Conv

    Raises
    ------
    CountingError
        If the padding is unknown, the kernel is larger than the padded input, or figures are missing.
    """
    strides = strides or (1,) * len(input_shape)
    dilation = dilation or (1,) * len(input_shape)
    _expect_axes(input_shape, kernel=kernel, strides=strides, dilation=dilation)
    rule = _known(padding, ("valid", "same", "causal"))
    if rule == "causal" and len(input_shape) != 1:
        raise CountingError(
            f"padding 'causal' is for one spatial dimension, got input_shape {tuple(input_shape)}"
        )
    spans = _spans(kernel, dilation)
    if rule == "same":
        sizes = [-(-size // stride) for size, stride in zip(input_shape, strides, strict=True)]
        before = _same(input_shape, spans, strides, sizes)
    else:
        before = [span - 1 if rule == "causal" else 0 for span in spans]
        sizes = [
            (size + pad - span) // stride + 1
            for size, pad, span, stride in zip(input_shape, before, spans, strides, strict=True)
        ]
    if min(sizes) < 1:
        raise CountingError(
            f"kernel {tuple(kernel)} with dilation {tuple(dilation)} is larger than the input "
            f"{tuple(input_shape)}"
        )
    return Conv(
        input_shape=tuple(input_shape),
        output_shape=tuple(sizes),
        channels=channels,
        filters=filters,
        kernel=tuple(kernel),
        strides=tuple(strides),
        dilation=tuple(dilation),
        padding=tuple(before),
        groups=groups,
    )


def conv_transpose(
    input_shape: Sequence[int],
    *,
    channels: int,
    filters: int,
    kernel: Sequence[int],
    strides: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
    padding: str = "valid",
    output_padding: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    groups: int = 1,
) -> Conv:
    """Build a transposed convolution as Keras runs it.

    Parameters
    ----------
    input_shape, channels, filters, kernel, strides, dilation, groups
        See `conv`.
    padding : {"valid", "same"}
        Padding of the convolution that this one transposes; here it crops the output.
    output_padding : sequence of int, optional
        Added to the shape of the output.
    output_shape : sequence of int, optional
        Spatial shape of the output; by default Keras' rule for `padding` and `output_padding`.

    Returns
    -------
    Conv

    Raises
    ------
    CountingError
        If the padding is unknown or figures are missing.
    """
    strides = strides or (1,) * len(input_shape)
    dilation = dilation or (1,) * len(input_shape)
    extra = output_padding or (None,) * len(input_shape)
    _expect_axes(input_shape, kernel=kernel, strides=strides, dilation=dilation, output_padding=extra)
    rule = _known(padding, ("valid", "same"))
    spans = _spans(kernel, dilation)
    output_shape = output_shape or [
        _transposed_size(size, span, stride, rule, more)
        for size, span, stride, more in zip(input_shape, spans, strides, extra, strict=True)
    ]
    _expect_axes(input_shape, output_shape=output_shape)
    # A transposed convolution maps back what a convolution maps from its output to its input.
    crop = _same(output_shape, spans, strides, input_shape) if rule == "same" else [0] * len(spans)
    return Conv(
        input_shape=tuple(input_shape),
        output_shape=tuple(output_shape),
        channels=channels,
        filters=filters,
        kernel=tuple(kernel),
        strides=tuple(strides),
        dilation=tuple(dilation),
        padding=tuple(crop),
        groups=groups,
        transposed=True,
    )


def _same(
    sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int], outputs: Sequence[int]
) -> list[int]:
    """Zeros before each axis under SAME: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2."""
    return [
        max((out - 1) * stride + span - size, 0) // 2
        for size, span, stride, out in zip(sizes, spans, strides, outputs, strict=True)
    ]


def _transposed_size(size: int, span: int, stride: int, padding: str, extra: int | None) -> int:
    """Output size along one axis by Keras' rule, for a kernel that spans `span` inputs."""
    if padding == "valid":
        return (size - 1) * stride + span + (max(stride - span, 0) if extra is None else extra)
    return size * stride if extra is None else (size - 1) * stride + span % 2 + extra


def _spans(kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """Inputs from the first to the last tap, along each axis."""
    return [(taps - 1) * spacing + 1 for taps, spacing in zip(kernel, dilation, strict=True)]


def _expect_axes(input_shape: Sequence[int], **settings: Sequence[int | None]) -> None:
    """Raise unless each setting has one figure for each dimension of the input."""
    for name, figures in settings.items():
        if len(figures) != len(input_shape):
            raise CountingError(
                f"{name} {tuple(figures)} needs one figure for each dimension of the input "
                f"{tuple(input_shape)}"
            )


def _known(padding: str, known: tuple[str, ...]) -> str:
    """Return the padding in lower case, or raise."""
    if padding.lower() not in known:
        raise CountingError(f"unknown padding {padding!r}: known are {', '.join(known)}")
    return padding.lower()
