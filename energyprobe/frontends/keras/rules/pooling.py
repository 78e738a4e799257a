"""Pooling layers: one operation for each element that a window reads, padding left out."""

from __future__ import annotations

import math
from collections.abc import Callable

from energyprobe.frontends.keras.rules.base import Rule
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import graded, same
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, count, per_axis
from energyprobe.trace.geometry import axis_fanout
from energyprobe.trace.operations import Pool
from energyprobe.trace.padding import conv


def windowed(method: str) -> Callable[[Call], Steps]:
    """A rule of a pooling window slid over the input."""

    def steps(call: Call) -> Steps:
        layer = call.layer
        shape = list(call.input_shape)
        channels = shape.pop(0 if layer.data_format == "channels_first" else -1)
        count((*shape, channels))
        window = conv(
            [size for size in shape if size is not None],
            channels=1,
            filters=1,
            kernel=per_axis(layer.pool_size, len(shape)),
            strides=per_axis(layer.strides, len(shape)),
            padding=layer.padding,
        )
        taps = math.prod(int(axis.sum()) for axis in axis_fanout(window)) * count((channels,))
        return [StepDraft(Pool(method=method, taps=taps, outputs=count(call.output_shape)))]

    return steps


def whole(method: str) -> Callable[[Call], Steps]:
    """A rule of global pooling: every input element is read once."""

    def steps(call: Call) -> Steps:
        taps, runs = call.per_run(call.input)
        return [StepDraft(Pool(method=method, taps=taps, outputs=count(call.output_shape)), runs=runs)]

    return steps


def adaptive(method: str) -> Callable[[Call], Steps]:
    """A rule of pooling to a given size: output o of n reads inputs floor(o s / n) to ceil((o + 1) s / n)."""

    def steps(call: Call) -> Steps:
        shape = list(call.input_shape)
        taps = count((shape.pop(0 if call.layer.data_format == "channels_first" else -1),))
        for axis, outputs in enumerate(call.layer.output_size):
            size = count((shape[axis],))
            taps *= sum(-(-(o + 1) * size // outputs) - o * size // outputs for o in range(outputs))
        return [StepDraft(Pool(method=method, taps=taps, outputs=count(call.output_shape)))]

    return steps


RULES: dict[str, Rule] = {
    f"{scope}{word}Pooling{axes}D": Rule(rule(method), spikes=spikes)
    for axes in (1, 2, 3)
    for word, method, spikes in (("Max", "max", same), ("Average", "average", graded))
    for scope, rule in (("", windowed), ("Global", whole), ("Adaptive", adaptive))
}
