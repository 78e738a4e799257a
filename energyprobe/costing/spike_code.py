"""How many spikes code a value: a becomes min(T, floor(T a / lambda + 1/2)) spikes in T timesteps.

Lambda is a percentile of what a layer reads: a spike in every timestep stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from energyprobe.costing.scenario import FirstLayer
from energyprobe.costing.table import Array
from energyprobe.trace.histograms import MAGNITUDE_EDGES
from energyprobe.trace.records import Activity, LayerCall, Magnitudes

_CENTRES = np.sqrt(MAGNITUDE_EDGES[:-1] * MAGNITUDE_EDGES[1:])


@dataclass(frozen=True)
class Code:
    """How values become spikes.

    Attributes
    ----------
    timesteps : int
        T.
    percentile : float
        Of what a layer reads, up to 100: the value that is coded as a spike in every timestep.
    first_layer : {"rate", "direct", "off chip"}
        What the layers that read the input do with it.
    max_activations : mapping of str to float
        The value that is coded so, for layers by path, in place of the percentile.
    """

    timesteps: int
    percentile: float = 99.9
    first_layer: FirstLayer = "rate"
    max_activations: Mapping[str, float] = field(default_factory=dict)

    def spikes_of(self, call: LayerCall, activity: Activity) -> int:
        """Spikes that code what a call reads."""
        scale = self.max_activations.get(call.path) or scale_of(activity, self.percentile)
        scale = scale or scale_of(activity, 100)
        return sum(spike_counts(each, scale, self.timesteps) for each in signs(activity)) if scale else 0


def spike_counts(magnitudes: Magnitudes, scale: float, timesteps: int) -> int:
    """Spikes of all values of one sign.

    Parameters
    ----------
    magnitudes : Magnitudes
        Their histogram.
    scale : float
        The value that is coded as a spike in every timestep.
    timesteps : int
        How many there are.

    Returns
    -------
    int
    """
    each = np.minimum(timesteps, np.floor(timesteps * _CENTRES / scale + 0.5))
    return int(np.dot(each, np.array(magnitudes.histogram, dtype=np.float64)))


def scale_of(activity: Activity, percentile: float) -> float:
    """Percentile of the sizes of all values, zeros among them; their maximum at 100.

    Parameters
    ----------
    activity : Activity
        With the sizes of its values.
    percentile : float
        Up to 100.

    Returns
    -------
    float
        0.0 where the percentile is zero.
    """
    both = signs(activity)
    if percentile >= 100:
        return max((each.maximum for each in both), default=0.0)
    counts: Array = np.sum([each.histogram for each in both], axis=0, dtype=np.float64)
    below = activity.elements - counts.sum() + np.cumsum(counts)
    reached = np.flatnonzero(below >= activity.elements * percentile / 100)
    if not reached.size or activity.elements - counts.sum() >= activity.elements * percentile / 100:
        return 0.0
    return float(MAGNITUDE_EDGES[reached[0] + 1])


def signs(activity: Activity) -> list[Magnitudes]:
    """Sizes of the positive and of the negative values, where they were recorded."""
    return [each for each in (activity.positive, activity.negative) if each is not None]
