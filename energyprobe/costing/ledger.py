"""Terms of a cost as they come in, by row, and the table that they make in the end."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array, CostTable, Remark, TermCost
from energyprobe.costing.work import Work


def ends(figure: Figure | None) -> Array:
    """Value, low and high of a figure in its base unit, shape ``(3,)``; NaN without one."""
    if figure is None:
        return np.full(3, np.nan)
    return np.array([figure.value_si, figure.low_si, figure.high_si])


class Ledger:
    """What is charged to the rows of a network, and to rows of its own for what no layer causes.

    A term adds up over everything that is charged under its name. What is unknown is NaN and leaves a
    row's price as a lower bound; where nothing else is charged to the row, its price is NaN.

    Parameters
    ----------
    work : Work
        The counts of the network.
    network : tuple of str
        Names of the rows that no layer causes.
    """

    def __init__(self, work: Work, network: tuple[str, ...]) -> None:
        self.work = work
        self.network = network
        self.rows = len(work.calls) + len(network)
        self.unpriced = np.zeros(self.rows, dtype=bool)
        self.latency_s = np.zeros(self.rows)
        self._terms: dict[str, tuple[Array, Array, tuple[str, ...]]] = {}

    def charge(self, term: str, amounts: Array, prices: Array, cites: tuple[str, ...]) -> None:
        """Charge the entries of the network.

        Parameters
        ----------
        term : str
            Name of the term.
        amounts : ndarray, shape (entries,) or (3, entries)
            Per inference; NaN where unknown. Three of them where they are an interval, too.
        prices : ndarray, shape (3,) or (3, entries)
            Joules for each: value, low, high.
        cites : tuple of str
            Keys of the publications behind the prices.
        """
        amounts = np.broadcast_to(amounts, (3, len(self.work.row)))
        prices = prices[:, None] if prices.ndim == 1 else prices
        # J/operation * operations/inference = J/inference; nothing done costs nothing, priced or not.
        joules = np.where(amounts == 0, 0.0, amounts * prices)
        self.leave_out(np.isnan(joules[0]))
        self.charge_rows(
            term, self.work.by_row(amounts[0]), np.array([self.work.by_row(each) for each in joules]), cites
        )

    def charge_rows(self, term: str, amounts: Array, joules: Array, cites: tuple[str, ...]) -> None:
        """Charge the rows of the network.

        Parameters
        ----------
        term : str
            Name of the term.
        amounts : ndarray, shape (rows,)
            What is paid for, per inference.
        joules : ndarray, shape (3, rows)
            What it costs: value, low, high.
        cites : tuple of str
            Keys of the publications behind the price.
        """
        none = np.zeros((4, len(self.network)))
        rows = np.concatenate([[amounts, *joules], none], axis=1)
        self._add(term, rows[0], rows[1:], cites)

    def charge_network(self, name: str, term: str, amount: Array | float, figure: Figure) -> None:
        """Charge a row that no layer causes.

        Parameters
        ----------
        name : str
            One of `network`.
        term : str
            Name of the term.
        amount : float or ndarray of shape (3,)
            What the figure is multiplied by, per inference: seconds, chips, bytes; NaN where unknown.
        figure : Figure
            Watts, joules, or joules for each byte.
        """
        row = len(self.work.calls) + self.network.index(name)
        joules, done = np.zeros((3, self.rows)), np.zeros(self.rows)
        joules[:, row] = amount * ends(figure)
        done[row] = np.broadcast_to(amount, 3)[0]
        self._add(term, done, joules, figure.cites)

    def leave_out(self, entries: npt.NDArray[np.bool_]) -> None:
        """Note that these entries, shape ``(entries,)``, do something that is not charged."""
        self.unpriced[: len(self.work.calls)] |= self.work.any_by_row(entries)

    def leave_out_all(self) -> None:
        """Note that no price says anything, those of rows that no layer causes among them; nor any time."""
        self.unpriced[:] = True
        self.latency_s[:] = np.nan

    def table(
        self,
        device: Device,
        scenario: Scenario,
        *,
        not_modelled: tuple[str, ...],
        left_out: dict[str, float],
        remarks: tuple[Remark, ...],
        notes: tuple[str, ...],
        time_per_inference_s: float,
        timestep_s: float = math.nan,
        does_not_fit: str = "",
    ) -> CostTable:
        """Make the table; intervals are widened by the error of the device on held-out measurements."""
        factor = device.held_out.factor if device.held_out else 1.0
        widened = np.array([1.0, 1 / factor, factor])[:, None]
        terms = {}
        for name, (done, joules, cites) in self._terms.items():
            value, low, high = widened * joules
            terms[name] = TermCost(operations=done, energy_j=value, low_j=low, high_j=high, sources=cites)
        known = np.zeros((3, self.rows))
        for _, joules, _ in self._terms.values():
            known += np.nan_to_num(joules)
        # Where nothing at all has a price, the rows that no layer causes are unknown, too.
        unknown = self.unpriced & (known[0] == 0) if self._terms else np.ones(self.rows, dtype=bool)
        energy_j, low_j, high_j = np.where(unknown, np.nan, widened * known)
        calls = self.work.calls
        return CostTable(
            device=device,
            scenario=scenario,
            layer=(*(call.layer for call in calls), *self.network),
            call=(*(call.call_index for call in calls), *(0 for _ in self.network)),
            kind=("layer",) * len(calls) + ("network",) * len(self.network),
            terms=terms,
            energy_j=energy_j,
            low_j=low_j,
            high_j=high_j,
            latency_s=self.latency_s,
            not_modelled=not_modelled,
            left_out=left_out,
            remarks=remarks,
            notes=notes,
            time_per_inference_s=time_per_inference_s,
            timestep_s=timestep_s,
            does_not_fit=does_not_fit,
        )

    def _add(self, term: str, done: Array, joules: Array, cites: tuple[str, ...]) -> None:
        if term in self._terms:
            before_done, before, before_cites = self._terms[term]
            done, joules = done + before_done, joules + before
            cites = tuple(dict.fromkeys((*before_cites, *cites)))
        self._terms[term] = (done, joules, cites)
