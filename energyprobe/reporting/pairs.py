"""Two models on a device, priced again under other circumstances."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.costing.device import Device
from energyprobe.costing.draws import Draws
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array
from energyprobe.counting.table import CountTable

if TYPE_CHECKING:
    from energyprobe.reporting.cells import Case, Cell
    from energyprobe.reporting.comparison import Comparison


@dataclass(frozen=True, eq=False)
class Run:
    """A network, and how it is run.

    Attributes
    ----------
    counts : CountTable
        The network.
    scenario : Scenario
        How it is run.
    lacks : frozenset of str
        What its total lacks as it is: what is asked is asked of the rest.
    network : int
        Which of the compared networks it is.
    sampling : ndarray, shape (draws,)
        Factors on its energy for the error of the recorded activity, as it is.
    """

    counts: CountTable
    scenario: Scenario
    lacks: frozenset[str]
    network: int
    sampling: Array

    def energy_j(self, device: Device) -> float:
        """Joules per inference; NaN where the total lacks more than it does as it is."""
        cost = device.cost(self.counts, self.scenario)
        energy_j = cost.total().energy_j
        known = energy_j > 0 and not cost.does_not_fit and self.lacks.issuperset(cost.reasons)
        return energy_j if known else math.nan

    def energy_draws(self, drawn: Draws) -> Array:
        """Joules per inference in each draw of a device, shape ``(draws,)``."""
        return drawn.price(self.counts, self.scenario, self.network).energy_j * self.sampling


@dataclass(frozen=True, eq=False)
class Pair:
    """A model and the baseline on a device.

    Attributes
    ----------
    case : Case
        The model, the device and the batch size.
    drawn : Draws
        The device with drawn figures.
    model, baseline : Run
        The two.
    energy_draws : tuple of ndarray, each of shape (draws,)
        Joules of the two per inference in each draw, as they are.
    """

    case: Case
    drawn: Draws
    model: Run
    baseline: Run
    energy_draws: tuple[Array, Array]

    @property
    def device(self) -> Device:
        """The device, its figures at their values."""
        return self.drawn.device

    @functools.cached_property
    def energies_j(self) -> tuple[float, float]:
        """Joules of the two per inference, as they are."""
        return self.model.energy_j(self.device), self.baseline.energy_j(self.device)

    def ratio(self, device: Device) -> float:
        """Energy of the model over that of the baseline, both as they are, on a device.

        Parameters
        ----------
        device : Device
            The device of the pair, or the same with other figures.

        Returns
        -------
        float
            NaN where either total lacks more than it does as it is.
        """
        return self.model.energy_j(device) / self.baseline.energy_j(device)


def pair_of(comparison: Comparison, case: Case) -> Pair:
    """The model of a case beside the baseline.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    case : Case
        One of its cases.

    Returns
    -------
    Pair
    """
    cells = comparison.pair(case)
    model, baseline = (_run(cell, comparison.models.index(cell.case.model)) for cell in cells)
    draws = (cells[0].energy_draws, cells[1].energy_draws)
    return Pair(case, comparison.drawn[case.device], model, baseline, draws)


def _run(cell: Cell, network: int) -> Run:
    cost = cell.cost
    return Run(cell.counts, cost.scenario, frozenset(cost.reasons), network, cell.sampling.energy_factors)
