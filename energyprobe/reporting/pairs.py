"""Two models on a device, priced again under other circumstances."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.costing.device import Device
from energyprobe.costing.scenario import Scenario
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
    """

    counts: CountTable
    scenario: Scenario
    lacks: frozenset[str]

    def energy_j(self, device: Device) -> float:
        """Joules per inference; NaN where the total lacks more than it does as it is."""
        cost = device.cost(self.counts, self.scenario)
        energy_j = cost.total().energy_j
        known = energy_j > 0 and not cost.does_not_fit and self.lacks.issuperset(cost.reasons)
        return energy_j if known else math.nan


@dataclass(frozen=True, eq=False)
class Pair:
    """A model and the baseline on a device.

    Attributes
    ----------
    case : Case
        The model, the device and the batch size.
    device : Device
        The device.
    model, baseline : Run
        The two.
    """

    case: Case
    device: Device
    model: Run
    baseline: Run

    def ratio(
        self, *, device: Device | None = None, model: Run | None = None, baseline: Run | None = None
    ) -> float:
        """Energy of the model over that of the baseline, with one thing or another in place of its own.

        Parameters
        ----------
        device : Device, optional
            Another device.
        model, baseline : Run, optional
            Other networks, or other ways to run them.

        Returns
        -------
        float
            NaN where either total lacks more than it does as it is.
        """
        if device is None:
            own = self._energies
            above = own[0] if model is None else model.energy_j(self.device)
            return above / (own[1] if baseline is None else baseline.energy_j(self.device))
        return (model or self.model).energy_j(device) / (baseline or self.baseline).energy_j(device)

    @functools.cached_property
    def _energies(self) -> tuple[float, float]:
        """Of the model and of the baseline, as they are."""
        return self.model.energy_j(self.device), self.baseline.energy_j(self.device)


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
    cell, baseline = comparison.pair(case)
    return Pair(case, cell.cost.device, _run(cell), _run(baseline))


def _run(cell: Cell) -> Run:
    return Run(cell.counts, cell.cost.scenario, frozenset(cell.cost.reasons))
