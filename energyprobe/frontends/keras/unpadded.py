"""Zeros put around a tensor before a convolution: they are no events, so the tensor itself tells as much."""

from __future__ import annotations

from typing import Any

import numpy as np

from energyprobe.frontends.keras.capture import Capture

Crop = tuple[slice, ...]
"""Where, along each axis behind samples and timesteps, a tensor lies in its padded copy."""


def unpadded(capture: Capture, tensor: Any, lead: int) -> tuple[Any, Crop] | None:
    """Give what a tensor was made from by padding it with zeros.

    Parameters
    ----------
    capture : Capture
        The step that it was made in.
    tensor : tensor
        What may be a padded copy.
    lead : int
        Leading axes that stand for samples and timesteps, which must not be padded.

    Returns
    -------
    tuple or None
        The tensor within, and where it lies; None where that is not so, or not known while tracing.
    """
    tf = capture.framework.tf
    op = capture.makers.get(id(tensor))
    if op is None or op.type not in ("Pad", "PadV2") or None in op.inputs[0].shape[lead:]:
        return None
    known = [tf.get_static_value(each) for each in op.inputs[1:]]
    if any(each is None for each in known) or op.type == "PadV2" and known[1] != 0:
        return None
    before = [int(first) for first, _ in known[0]]
    if np.any(known[0][:lead]):
        return None
    sizes = op.inputs[0].shape[lead:]
    crop = tuple(slice(start, start + size) for start, size in zip(before[lead:], sizes, strict=True))
    return op.inputs[0], crop


def cropped(values: np.ndarray, crop: Crop) -> np.ndarray:
    """The part of a map of the padded copy that belongs to the tensor; axes of size 1 stay as they are."""
    return values[
        tuple(slice(None) if size == 1 else part for size, part in zip(values.shape, crop, strict=True))
    ]
