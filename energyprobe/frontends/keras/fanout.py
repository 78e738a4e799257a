"""Weights of sums over events: how many connections, all or of non-zero weight, leave an element."""

from __future__ import annotations

import numpy as np

from energyprobe.frontends.keras.observation import Weighting
from energyprobe.frontends.keras.rules.draft import StepDraft
from energyprobe.frontends.keras.unpadded import Crop, cropped
from energyprobe.trace.geometry import axis_fanout, connections, effective_fanout
from energyprobe.trace.operations import Conv, Dense


def event_weighting(draft: StepDraft, crop: Crop | None = None) -> Weighting:
    """Connections that leave each element of one sample, the factor common to all taken out.

    Parameters
    ----------
    draft : StepDraft
        The operation.
    crop : Crop, optional
        The elements, where not all.
    """
    operation = draft.operation
    if isinstance(operation, Conv):
        spatial = np.ones((), np.int64)
        for axis in axis_fanout(operation):
            spatial = np.multiply.outer(spatial, axis)
        values = spatial[np.newaxis] if draft.layout == "first" else spatial[..., np.newaxis]
        values = values if crop is None else cropped(values, crop)
        return _weighting(values, operation.filters // operation.groups)
    if isinstance(operation, Dense) or draft.fanout is None or draft.weight is None:
        return Weighting(None, (), 1, operation.units if isinstance(operation, Dense) else draft.each)
    weights = draft.weight.value()
    assert weights is not None
    return _weighting(draft.fanout(np.ones(weights.shape, bool)))


def _weighting(values: np.ndarray, scale: int = 1) -> Weighting:
    if values.min() == values.max():
        return Weighting(None, (), 1, scale * int(values.max()))
    return Weighting(values.astype(np.float32), values.shape, int(values.max()), scale)


def effective_weighting(draft: StepDraft, values: object, shape: tuple[int, ...]) -> Weighting:
    """The same for connections of non-zero weight, from the values of an `effective_map`."""
    return Weighting(values, shape, connections(draft.operation))


def effective_map(draft: StepDraft, shape: tuple[int, ...], crop: Crop | None = None) -> np.ndarray:
    """Connections of non-zero weight that leave each element of one sample, or of a part of it; float32."""
    values = _effective_map(draft, shape)
    return values if crop is None else cropped(values, crop)


def _effective_map(draft: StepDraft, shape: tuple[int, ...]) -> np.ndarray:
    assert draft.weight is not None
    weights = draft.weight.value()
    assert weights is not None
    mask = weights != 0
    if draft.fanout is not None:
        return np.broadcast_to(draft.fanout(mask), shape).astype(np.float32)
    values = effective_fanout(draft.operation, mask)
    if isinstance(draft.operation, Conv) and draft.layout == "first":
        values = np.moveaxis(values, -1, 0)
    return np.broadcast_to(values, shape).astype(np.float32)


def has_zeros(draft: StepDraft) -> bool:
    """Whether some weight of an operation is zero now."""
    assert draft.weight is not None
    weights = draft.weight.value()
    return weights is not None and not bool(np.all(weights))
