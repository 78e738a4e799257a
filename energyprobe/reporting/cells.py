"""One model on one device at one batch size, with its draws; and the ratio of two of them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from energyprobe.costing.draws import TAIL, Drawn
from energyprobe.costing.table import Array, CostTable, TotalCost
from energyprobe.costing.titles import TERMS
from energyprobe.counting.table import CountTable
from energyprobe.reporting import units
from energyprobe.reporting.sampling import Sampling


class Case(NamedTuple):
    """What a cell of a comparison is of.

    Attributes
    ----------
    model, device : str
        Names, as they were given.
    batch_size : int
        Samples that run together.
    """

    model: str
    device: str
    batch_size: int


@dataclass(frozen=True)
class Interval:
    """A value and an interval that holds it; NaN where unknown."""

    value: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    def words(self, unit: str = "") -> str:
        """The two ends under one prefix, or one figure where they read alike."""
        return units.interval(self.low, self.high, unit)


UNKNOWN = Interval(math.nan, math.nan, math.nan)
"""Of what is not known, or cannot be divided."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One model on one device at one batch size.

    Attributes
    ----------
    case : Case
        What it is of.
    counts : CountTable
        What was counted of the model, in the reading that the device is priced for.
    cost : CostTable
        The price, with all constants at their values.
    drawn : Drawn
        Prices with drawn constants.
    sampling : Sampling
        What the choice of recorded samples makes uncertain.
    """

    case: Case
    counts: CountTable
    cost: CostTable
    drawn: Drawn
    sampling: Sampling

    @functools.cached_property
    def total(self) -> TotalCost:
        """The total with all constants at their values."""
        return self.cost.total()

    @functools.cached_property
    def energy_j(self) -> Interval:
        """Joules per inference, with every constant at its value, its cheap and its dear end."""
        return Interval(self.total.energy_j, self.total.low_j, self.total.high_j)

    @property
    def waiting_s(self) -> float:
        """How long the first sample of a batch waits for the last, where they arrive at a pace; else 0."""
        pace, batch_size = self.cost.scenario.inferences_per_second, self.case.batch_size
        return (batch_size - 1) / pace if pace else 0.0

    @functools.cached_property
    def latency_s(self) -> Interval:
        """Seconds from a sample's arrival to the result of its batch; 5-95 % of the draws.

        Of samples that arrive one by one the first is meant, which waits for the others.
        """
        return around(self.total.latency_s + self.waiting_s, self.latency_draws)

    @functools.cached_property
    def edp_js(self) -> Interval:
        """Energy of an inference times latency, in joule-seconds; 5-95 % of the draws."""
        value = self.total.energy_j * (self.total.latency_s + self.waiting_s)
        return around(value, self.energy_draws * self.latency_draws)

    @functools.cached_property
    def energy_draws(self) -> Array:
        """Joules per inference in each draw, the sampling error of the activity drawn with it."""
        return self.drawn.energy_j * self.sampling.energy_factors

    @functools.cached_property
    def latency_draws(self) -> Array:
        """Seconds in each draw."""
        return self.drawn.latency_s * self.sampling.latency_factors + self.waiting_s

    @property
    def is_lower_bound(self) -> bool:
        """Whether it costs more than its figure says."""
        return self.total.lower_bound

    @property
    def is_latency_lower_bound(self) -> bool:
        """Whether it takes longer than its figure says, as far as is known: power in pauses takes no time."""
        rows = {remark.row for remark in self.cost.remarks if remark.lower_bound}
        return any(not self.cost.layer[row].endswith(TERMS["idle"]) for row in rows)

    @property
    def is_complete(self) -> bool:
        """Whether its total is one: priced, no lower bound, and the model fits on the device."""
        return self.is_priced and not self.is_lower_bound and not self.total.does_not_fit

    @property
    def is_priced(self) -> bool:
        """Whether anything of it has a price."""
        return self.total.energy_j > 0


def around(value: float, draws: Array) -> Interval:
    """The 5 % and 95 % quantiles of draws, widened to hold the value.

    Parameters
    ----------
    value : float
        With all constants at their values.
    draws : ndarray, shape (draws,)
        With drawn ones.

    Returns
    -------
    Interval
        NaN where the value is.
    """
    if math.isnan(value) or bool(np.isnan(draws).any()):
        return UNKNOWN
    low, high = np.quantile(draws, (TAIL, 1 - TAIL))
    return Interval(value, min(value, float(low)), max(value, float(high)))


def energy_ratio(cell: Cell, baseline: Cell) -> Interval:
    """How many times the energy of another cell.

    Parameters
    ----------
    cell, baseline : Cell
        Two models; of one device the draws are of the same constants.

    Returns
    -------
    Interval
        NaN where either has no price.
    """
    return _ratio(cell.energy_j, baseline.energy_j, cell.energy_draws, baseline.energy_draws)


def latency_ratio(cell: Cell, baseline: Cell) -> Interval:
    """How many times the latency; as `energy_ratio`, and NaN where either does not fit."""
    if cell.total.does_not_fit or baseline.total.does_not_fit:
        return UNKNOWN
    return _ratio(cell.latency_s, baseline.latency_s, cell.latency_draws, baseline.latency_draws)


def edp_ratio(cell: Cell, baseline: Cell) -> Interval:
    """How many times the energy-delay product; as `energy_ratio`."""
    return _ratio(
        cell.edp_js,
        baseline.edp_js,
        cell.energy_draws * cell.latency_draws,
        baseline.energy_draws * baseline.latency_draws,
    )


def _ratio(quantity: Interval, baseline: Interval, draws: Array, of_draws: Array) -> Interval:
    if not baseline.value > 0 or not quantity.is_known:
        return UNKNOWN
    return around(quantity.value / baseline.value, draws / of_draws)
