"""Arithmetic on each element: of all that a layer really gave, each element is counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from energyprobe.verification.capture import Seen
from energyprobe.verification.masks import CannotRecount, Counts

Recount = Callable[[Any, Seen, float | None], Counts]

MOST_POSITIONS = 4096
"""A pooling layer is fed one image for each position, so it is not checked on more of them."""

ONE_OPERATION = ("elu", "hard_sigmoid", "leaky_relu", "relu", "relu6", "selu", "sigmoid", "softplus", "tanh")
"""Activations that are one operation for each element, by convention."""


def bias_and_activation(layer: Any, elements: int) -> Counts:
    """Count additions of a bias, and evaluations of an activation where one is one operation."""
    name, bias = _activation(layer), getattr(layer, "bias", None) is not None
    if name not in (*ONE_OPERATION, "linear"):
        return {}
    return {"elementwise_ops": elements * (bias + (name != "linear"))}


def _activation(layer: Any) -> str:
    function = getattr(layer, "activation", None)
    return "linear" if function is None else str(getattr(function, "__name__", type(function).__name__))


def activation_layer(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count the evaluations of an activation that is a layer."""
    name = _activation(layer) if hasattr(layer, "activation") else "relu"
    return {"elementwise_ops": seen.output.size} if name in ONE_OPERATION else {}


def pooling(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count the windows that see an element: the outputs that an image of this element alone changes."""
    shape = list(seen.inputs.shape[1:])
    channel_axis = 0 if layer.data_format == "channels_first" else len(shape) - 1
    channels = shape[channel_axis]
    shape[channel_axis] = 1
    positions = math.prod(shape)
    if positions > MOST_POSITIONS:
        raise CannotRecount(f"its input has {positions} positions, more than {MOST_POSITIONS}")
    images = np.eye(positions, dtype=seen.inputs.dtype).reshape(positions, *shape)
    windows = int(np.count_nonzero(np.asarray(layer(images))))
    return {"elementwise_ops": windows * channels * len(seen.inputs)}


def each_element(operations: int) -> Recount:
    """Make the recount of a layer of so many operations for each element that it gives."""

    def recount(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
        return {"elementwise_ops": operations * seen.output.size}

    return recount


def merging(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count inputs that are merged element by element, each but the first by one operation."""
    (merged,) = seen.args
    return {"elementwise_ops": (len(merged) - 1) * seen.output.size}


def normalisation(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count layer and group normalisation.

    A sum for the mean; a difference, a square and a sum for the variance; a difference and a division for the
    result; a product and a sum where the layer has a scale and a centre.
    """
    return {"elementwise_ops": (6 + layer.scale + layer.center) * seen.output.size}
