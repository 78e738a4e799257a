"""What a network costs on one device: a row per call, a column per term, and their totals."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energyprobe.costing.chosen_kernels import ChosenKernels
from energyprobe.costing.device import Device
from energyprobe.costing.figures import widest
from energyprobe.costing.scenario import Scenario

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TermCost:
    """One named term of a cost, per inference.

    Attributes
    ----------
    operations : ndarray, shape (rows,)
        How many operations are paid for; NaN where the row's are unknown.
    energy_j, low_j, high_j : ndarray, shape (rows,)
        Joules, with every constant at its value, its cheap and its dear end.
    sources : tuple of str
        Keys of the publications behind its figures.
    boundary : str
        The largest boundary of its figures.
    """

    operations: Array
    energy_j: Array
    low_j: Array
    high_j: Array
    sources: tuple[str, ...]
    boundary: str

    def total(self) -> TermTotal:
        """Sum over the rows whose cost is known."""
        return TermTotal(
            operations=_known_sum(self.operations),
            energy_j=_known_sum(self.energy_j),
            low_j=_known_sum(self.low_j),
            high_j=_known_sum(self.high_j),
            sources=self.sources,
            boundary=self.boundary,
        )


@dataclass(frozen=True, kw_only=True)
class TermTotal:
    """One named term over the whole network, per inference; fields as in `TermCost`."""

    operations: float
    energy_j: float
    low_j: float
    high_j: float
    sources: tuple[str, ...]
    boundary: str


@dataclass(frozen=True)
class Remark:
    """What a reader must know of the price of one row.

    Attributes
    ----------
    row : int
        Row of the table.
    text : str
        A sentence without full stop.
    lower_bound : bool
        Whether the row costs more than its figure says.
    """

    row: int
    text: str
    lower_bound: bool


@dataclass(frozen=True, kw_only=True)
class TotalCost:
    """What one inference costs; or one second, of a stream.

    Attributes
    ----------
    energy_j, low_j, high_j : float
        Joules, with every constant at its value, its cheap and its dear end; NaN where nothing is priced.
    latency_s : float
        From the last input to the result, for the whole batch; NaN where the device model has no times.
    low_latency_s, high_latency_s : float
        The same, with every constant at its quick and its slow end.
    time_per_inference_s : float
        1 / throughput, pauses included; NaN where the device model has no times.
    terms : dict of str to TermTotal
        What the energy is the sum of.
    not_modelled : tuple of str
        Terms that the device has no figure for.
    lower_bound : bool
        Whether some rows cost more than their figures say.
    boundary : str
        See `CostTable.boundary`.
    timesteps : float
        Of the inference, or of the second.
    does_not_fit : str
        Why the network does not fit on the device; empty where it does, or where that is not known.
    """

    energy_j: float
    low_j: float
    high_j: float
    latency_s: float
    low_latency_s: float
    high_latency_s: float
    time_per_inference_s: float
    terms: dict[str, TermTotal]
    not_modelled: tuple[str, ...]
    lower_bound: bool
    boundary: str
    timesteps: float
    does_not_fit: str = ""

    @property
    def power_w(self) -> float:
        """Mean power in watts, pauses included; NaN where the device model has no times."""
        return self.energy_j / self.time_per_inference_s

    @property
    def energy_per_timestep_j(self) -> float:
        """Joules of a timestep, all that runs beside it included."""
        return self.energy_j / self.timesteps


@dataclass(frozen=True, kw_only=True, eq=False)
class CostTable:
    """What every call of a network costs on one device, per inference.

    Rows of kind ``"layer"`` stand in the order of the count table; rows of kind ``"network"`` follow with
    what no layer causes. NaN is *not modelled* or unknown, never zero; totals leave it out and say so.

    Attributes
    ----------
    device : Device
        Who is paid.
    scenario : Scenario
        How the network is run.
    layer : tuple of str
        Name of the layer, for each row; rows that no layer causes have names of their own.
    call : tuple of int
        Which of the layer's calls.
    kind : tuple of str
        ``"layer"`` or ``"network"``.
    terms : dict of str to TermCost
        The terms that the device has figures for.
    energy_j, low_j, high_j : ndarray, shape (rows,)
        Sums of the terms; NaN where a row does nothing that the device has figures for.
    latency_s, low_latency_s, high_latency_s : ndarray, shape (rows,)
        Share of the critical path, with every constant at its value, its quick and its slow end; NaN where
        the device model has no times.
    not_modelled : tuple of str
        Terms that the device has no figure for.
    left_out : dict of str to float
        Operations per inference of those terms that counts exist for.
    remarks : tuple of Remark
        What is special about single rows.
    notes : tuple of str
        What is assumed throughout.
    timesteps : float
        Of an inference, or of the second of a stream.
    time_per_inference_s : float
        1 / throughput, pauses included; NaN where the device model has no times.
    timestep_s : float
        Length of a timestep of an event-driven chip; NaN where that is not known, or there is none.
    does_not_fit : str
        Why the network does not fit on the device; empty where it does, or where that is not known.
    kernels : ChosenKernels or None
        Kernels of a GPU; None for other devices.
    """

    device: Device
    scenario: Scenario
    layer: tuple[str, ...]
    call: tuple[int, ...]
    kind: tuple[str, ...]
    terms: dict[str, TermCost]
    energy_j: Array
    low_j: Array
    high_j: Array
    latency_s: Array
    low_latency_s: Array
    high_latency_s: Array
    not_modelled: tuple[str, ...]
    left_out: dict[str, float]
    remarks: tuple[Remark, ...]
    notes: tuple[str, ...]
    timesteps: float
    time_per_inference_s: float = math.nan
    timestep_s: float = math.nan
    does_not_fit: str = ""
    kernels: ChosenKernels | None = None

    def __len__(self) -> int:
        return len(self.layer)

    @functools.cached_property
    def lower_bounds(self) -> npt.NDArray[np.bool_]:
        """Whether each row costs more than its figure says, shape ``(rows,)``."""
        bounds = np.zeros(len(self), dtype=bool)
        bounds[[remark.row for remark in self.remarks if remark.lower_bound]] = True
        return bounds

    @property
    def lower_bound(self) -> bool:
        """Whether the total costs more than its figure says."""
        return any(remark.lower_bound for remark in self.remarks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the total is a lower bound: the texts of those remarks."""
        return tuple(remark.text for remark in self.remarks if remark.lower_bound)

    @property
    def boundary(self) -> str:
        """What the price covers: the largest boundary of the figures that make it up.

        ``"operation"``, ``"core"``, ``"chip"``, ``"board"`` or ``"system"``; ``"unknown"`` where that of one
        of them is, or nothing is priced.
        """
        return widest(term.boundary for term in self.terms.values() if term.total().energy_j > 0)

    def same_boundary(self, other: CostTable) -> bool:
        """Whether another price covers the same, so that the two can be divided.

        Parameters
        ----------
        other : CostTable
            Of any network, on any device.

        Returns
        -------
        bool
            Prices of an unknown boundary are alike on one device only.
        """
        if self.boundary == other.boundary == "unknown":
            return self.device.name == other.device.name
        return self.boundary == other.boundary

    def total(self) -> TotalCost:
        """Sum over all rows whose cost is known."""
        return TotalCost(
            energy_j=_known_sum(self.energy_j),
            low_j=_known_sum(self.low_j),
            high_j=_known_sum(self.high_j),
            latency_s=float(self.latency_s.sum()),
            low_latency_s=float(self.low_latency_s.sum()),
            high_latency_s=float(self.high_latency_s.sum()),
            time_per_inference_s=self.time_per_inference_s,
            terms={name: term.total() for name, term in self.terms.items()},
            not_modelled=self.not_modelled,
            lower_bound=self.lower_bound,
            boundary=self.boundary,
            timesteps=self.timesteps,
            does_not_fit=self.does_not_fit,
        )


def _known_sum(column: Array) -> float:
    """Sum of what is known; NaN where nothing is."""
    known = column[~np.isnan(column)]
    return float(known.sum()) if known.size else float("nan")
