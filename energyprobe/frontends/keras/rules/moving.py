"""Layers that move, rename or merge data: free, or one operation for each element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from energyprobe.frontends.keras.axes import same_tail
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import SpikeCode, same, summed
from energyprobe.frontends.keras.rules.contraction import Contraction, product
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps
from energyprobe.trace.operations import Free


def free(reason: str) -> Callable[[Call], Steps]:
    """A rule that declares a layer free."""

    def steps(call: Call) -> Steps:
        return [StepDraft(Free(reason=reason))]

    return steps


def merging(function: str, extra: int = 0) -> Callable[[Call], Steps]:
    """A rule of n inputs merged element by element: n - 1 operations, and `extra` more."""

    def steps(call: Call) -> Steps:
        return call.elementwise(function, len(call.inputs) - 1 + extra)

    return steps


def upsampling(call: Call) -> Steps:
    """``UpSampling1D`` to ``UpSampling3D``: copies, or weighted neighbours."""
    return interpolated(call, getattr(call.layer, "interpolation", "nearest"))


def interpolated(call: Call, interpolation: str) -> Steps:
    """Arithmetic of an interpolation: bilinear takes 4 products and 3 sums; others are not modelled apart."""
    if interpolation == "nearest":
        return [StepDraft(Free(reason="copies elements"))]
    if interpolation == "bilinear":
        return call.elementwise("bilinear", 7)
    return call.uncounted(f"interpolation {interpolation!r} has no rule")


def _copied(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """The spikes of an upsampled input, where elements are copied."""
    return same(layer, codes) if getattr(layer, "interpolation", "nearest") == "nearest" else None


def dot(call: Call) -> Steps:
    """``Dot``: a product of two activations over one axis of each, perhaps normalised before."""
    layer, (left, right) = call.layer, call.inputs
    axes = (layer.axes,) * 2 if isinstance(layer.axes, int) else tuple(layer.axes)
    labels = ["Bacdefg"[: len(left.shape)], "Bhijklm"[: len(right.shape)]]
    shared = [axis % len(each.shape) for axis, each in zip(axes, (left, right), strict=True)]
    sides = [side[:axis] + "S" + side[axis + 1 :] for side, axis in zip(labels, shared, strict=True)]
    out = "".join(dict.fromkeys(sides[0] + sides[1])).replace("S", "")
    normalised: Steps = []
    if layer.normalize:
        # Squares and their sum, and the division.
        normalised = [*call.elementwise("normalize", 3, left), *call.elementwise("normalize", 3, right)]
    return [*normalised, product(Contraction(sides[0], sides[1], out), left, right)]


def _axis_1_free(frame: Frame) -> bool:
    """Whether a layer joins its inputs along another axis than the second."""
    return frame.layer.axis % len(frame.outputs[0].shape) != 1


def _tail_kept(frame: Frame) -> bool:
    return same_tail(frame.inputs[0].shape, frame.outputs[0].shape)


_MOVES = free("moves data")
_IDLE = free("does nothing at inference")

_PADDING = (
    *(f"ZeroPadding{axes}D" for axes in (1, 2, 3)),
    *(f"Cropping{axes}D" for axes in (1, 2, 3)),
)
_IDLE_LAYERS = (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
    "InputLayer",
)

RULES: dict[str, Rule] = {
    "Flatten": Rule(_MOVES, spikes=same),
    "Reshape": Rule(_MOVES, spikes=same, keeps_time=_tail_kept),
    "Permute": Rule(_MOVES, spikes=same, keeps_time=lambda frame: frame.layer.dims[0] == 1),
    "RepeatVector": Rule(_MOVES, spikes=same),
    **{name: Rule(_MOVES, spikes=same) for name in _PADDING},
    **{name: Rule(_IDLE, spikes=same, keeps_time=always) for name in _IDLE_LAYERS},
    **{f"UpSampling{axes}D": Rule(upsampling, spikes=_copied) for axes in (1, 2, 3)},
    "Concatenate": Rule(_MOVES, spikes=same, keeps_time=_axis_1_free),
    "Add": Rule(merging("add"), spikes=summed, keeps_time=always),
    "Subtract": Rule(merging("subtract"), keeps_time=always),
    "Multiply": Rule(merging("multiply"), keeps_time=always),
    "Maximum": Rule(merging("maximum"), spikes=summed, keeps_time=always),
    "Minimum": Rule(merging("minimum"), spikes=summed, keeps_time=always),
    "Average": Rule(merging("average", extra=1), keeps_time=always),
    "Dot": Rule(dot, plain=False),
    # A comparison with the mask's value, and a product.
    "Masking": Rule(lambda call: call.elementwise("masking", 2), spikes=same, keeps_time=always),
}
