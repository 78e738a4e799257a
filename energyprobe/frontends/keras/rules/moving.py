"""Layers that move, rename or merge data: free, or one operation for each element."""

from __future__ import annotations

from collections.abc import Callable

from energyprobe.frontends.keras.rules.base import Call, Rule, StepDraft, Steps, always, same
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
    """``UpSampling1D`` to ``UpSampling3D``: copies, or four weighted neighbours."""
    if getattr(call.layer, "interpolation", "nearest") == "nearest":
        return [StepDraft(Free(reason="copies elements"))]
    # Bilinear: 4 products and 3 sums; other interpolations have more taps and are not modelled apart.
    if call.layer.interpolation == "bilinear":
        return call.elementwise("bilinear", 7)
    return call.uncounted(f"interpolation {call.layer.interpolation!r} has no rule")


_MOVES = free("moves data")
_IDLE = free("does nothing at inference")

_RESHAPING = ("Flatten", "Reshape", "Permute", "RepeatVector")
_PADDING = (
    *(f"ZeroPadding{axes}D" for axes in (1, 2, 3)),
    *(f"Cropping{axes}D" for axes in (1, 2, 3)),
    "CenterCrop",
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
    **{name: Rule(_MOVES, spikes=same) for name in (*_RESHAPING, *_PADDING)},
    **{name: Rule(_IDLE, spikes=same, keeps_time=always) for name in _IDLE_LAYERS},
    **{f"UpSampling{axes}D": Rule(upsampling, spikes=same) for axes in (1, 2, 3)},
    "Concatenate": Rule(_MOVES, spikes=same, keeps_time=lambda layer: layer.axis != 1),
    "Add": Rule(merging("add"), keeps_time=always),
    "Subtract": Rule(merging("subtract"), keeps_time=always),
    "Multiply": Rule(merging("multiply"), keeps_time=always),
    "Maximum": Rule(merging("maximum"), keeps_time=always),
    "Minimum": Rule(merging("minimum"), keeps_time=always),
    "Average": Rule(merging("average", extra=1), keeps_time=always),
}
