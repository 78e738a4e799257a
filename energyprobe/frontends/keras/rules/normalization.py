"""Normalisation layers, as arithmetic on each element.

Conventions, in operations for each output element: batch normalisation and other fixed affine maps 2
(product, sum); layer and group normalisation 6 (sum for the mean; difference, square and sum for the
variance; difference and division for the result), and 1 each for a scale and a centre (product, sum).
"""

from __future__ import annotations

from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import Steps


def per_element(function: str, ops: int) -> Rule:
    """Make the rule of a fixed number of operations for each output element."""

    def steps(call: Call) -> Steps:
        return call.elementwise(function, ops)

    return Rule(steps, keeps_time=always)


def layer_or_group(function: str) -> Rule:
    """Make the rule of a normalisation by mean and variance, whose scale and centre are options."""

    def steps(call: Call) -> Steps:
        return call.elementwise(function, 6 + bool(call.layer.scale) + bool(call.layer.center))

    return Rule(steps, keeps_time=always)


RULES: dict[str, Rule] = {
    "BatchNormalization": per_element("batch_normalization", 2),
    "LayerNormalization": layer_or_group("layer_normalization"),
    "GroupNormalization": layer_or_group("group_normalization"),
    "UnitNormalization": per_element("unit_normalization", 3),
    # The squares and their sum, the root, the division and the scale.
    "RMSNormalization": per_element("rms_normalization", 4),
}
