"""How a tensor carries spikes, and what a layer makes of the spikes that it reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class SpikeCode:
    """How a tensor carries spikes.

    Attributes
    ----------
    amplitude : float or None
        Value of one spike; None where it is not known, so that only events can be counted.
    dt : float or None
        Length of a timestep in seconds.
    whole : bool
        Whether the layer makes nothing but whole numbers of spikes. What a user declares may hold anything.
    """

    amplitude: float | None
    dt: float | None = None
    whole: bool = False


Spikes = Callable[[Any, list[SpikeCode | None]], SpikeCode | None]


def graded(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """Outputs that carry no spikes, whatever comes in."""
    return None


def same(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """Outputs that carry the spikes of the inputs, unchanged in size."""
    if not codes or any(code is None for code in codes):
        return None
    if all(code == codes[0] for code in codes):
        return codes[0]
    steps = {code.dt for code in codes if code is not None}
    return SpikeCode(None, steps.pop() if len(steps) == 1 else None)


def summed(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    """Outputs in which spikes of one size add up, to several in a step."""
    return codes[0] if codes and all(code == codes[0] for code in codes) else None
