"""Sampling error: how far prices may be off because only so many samples were recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from energyprobe.costing.activity import NORMAL_95, Factor, relative_error, with_activity
from energyprobe.costing.device import Device
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array, TotalCost
from energyprobe.counting.table import CountTable, count
from energyprobe.trace.records import Activity, Reading, Trace


@dataclass(frozen=True, eq=False)
class Sampling:
    """What the choice of recorded samples makes uncertain in the price of a network.

    Attributes
    ----------
    energy, latency : float
        Half of the 95 % interval as a fraction; NaN where not known.
    scores : ndarray, shape (draws,)
        In how many standard errors from the mean the recording lies, in each draw.
    """

    energy: float
    latency: float
    scores: Array

    @property
    def energy_factors(self) -> Array:
        """Factors on the energy, shape ``(draws,)``; 1 where the error is not known."""
        return self._factors(self.energy)

    @property
    def latency_factors(self) -> Array:
        """Factors on the latency, shape ``(draws,)``; 1 where the error is not known."""
        return self._factors(self.latency)

    def _factors(self, half: float) -> Array:
        # ln(1 + e) = e for small e: the factor stays above 0.
        return np.asarray(np.exp(np.nan_to_num(half) / NORMAL_95 * self.scores))


class Resampled:
    """A recording as it may have been with other samples of the same kind.

    The means of all tensors are taken to err together: a sample that is busy in one layer is in the next,
    which is the widest that their errors add up to.

    Parameters
    ----------
    trace : Trace
        The recording.
    scores : ndarray, shape (draws,)
        Standard normal.
    """

    def __init__(self, trace: Trace, scores: Array) -> None:
        self.scores = scores
        self.is_known = all(not math.isnan(relative_error(each)) for each in _observed(trace))
        self._ends = [with_activity(trace, _moved(sign)) for sign in (-1.0, 1.0)] if self.is_known else []
        self._counts: dict[Reading, list[CountTable]] = {}

    def sampling(self, device: Device, reading: Reading, scenario: Scenario, total: TotalCost) -> Sampling:
        """Price both ends of the interval of the activity.

        Parameters
        ----------
        device : Device
            Who prices.
        reading : {"literal", "folded"}
            Of the recording.
        scenario : Scenario
            How it is run.
        total : TotalCost
            What the recording itself costs.

        Returns
        -------
        Sampling
        """
        if not self.is_known:
            return Sampling(math.nan, math.nan, self.scores)
        if reading not in self._counts:
            self._counts[reading] = [count(end, reading) for end in self._ends]
        low, high = (device.cost(end, scenario).total() for end in self._counts[reading])
        return Sampling(
            energy=_half(low.energy_j, high.energy_j, total.energy_j),
            latency=_half(low.latency_s, high.latency_s, total.latency_s),
            scores=self.scores,
        )


def _half(low: float, high: float, value: float) -> float:
    return abs(high - low) / (2 * value) if value else 0.0


def _moved(sign: float) -> Factor:
    """One end of the interval of every tensor; of an output whose error is not known the mean."""

    def factor(activity: Activity, spiking: bool) -> float:
        error = relative_error(activity)
        return 1.0 if math.isnan(error) else max(0.0, 1 + sign * error)

    return factor


def _observed(trace: Trace) -> Iterator[Activity]:
    """Tensors that operations read: what prices depend on."""
    for call in trace.calls:
        for step in call.steps:
            if step.use is not None and step.use.activity is not None:
                yield step.use.activity
                if step.use.other is not None:
                    yield step.use.other
