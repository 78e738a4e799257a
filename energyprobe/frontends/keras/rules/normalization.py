"""Normalisation layers, as arithmetic on each element.

Conventions, in operations for each output element: batch normalisation and other fixed affine maps 2
(product, sum); layer and group normalisation 8 (sum for the mean; difference, square and sum for the
variance; difference, division, product and sum for the result).
"""

from __future__ import annotations

from collections.abc import Callable

from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import Steps


def per_element(function: str, ops: int) -> Callable[[Call], Steps]:
    """A rule of a fixed number of operations for each output element."""

    def steps(call: Call) -> Steps:
        return call.elementwise(function, ops)

    return steps


RULES: dict[str, Rule] = {
    "BatchNormalization": Rule(per_element("batch_normalization", 2), keeps_time=always),
    "LayerNormalization": Rule(per_element("layer_normalization", 8), keeps_time=always),
    "GroupNormalization": Rule(per_element("group_normalization", 8), keeps_time=always),
    "UnitNormalization": Rule(per_element("unit_normalization", 3), keeps_time=always),
    # The squares and their sum, the root, the division and the scale.
    "RMSNormalization": Rule(per_element("rms_normalization", 4), keeps_time=always),
}
