"""Terms of a cost as they come in, by row, and the table that they make in the end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure, widest
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array, CostTable, Remark, TermCost
from energyprobe.costing.titles import term_title
from energyprobe.costing.work import Work


def ends(figure: Figure | None) -> Array:
    """Value, low and high of a figure in its base unit, shape ``(3,)``; NaN without one."""
    if figure is None:
        return np.full(3, np.nan)
    return np.array([figure.value_si, figure.low_si, figure.high_si])


class Ledger:
    """What is charged to the rows of a network, and to rows of its own for what no layer causes.

    A term adds up over everything that is charged under its name. What is unknown is NaN and leaves a
    row's price as a lower bound; where nothing else is charged to the row, its price is NaN. A term that no
    figure is for leaves a remark with each row that has some of it.

    Parameters
    ----------
    device : Device
        Who is paid.
    work : Work
        The counts of the network.
    network : tuple of str
        Names of the rows that no layer causes.

    Attributes
    ----------
    latency_s : ndarray, shape (3, rows)
        Share of the critical path: value, quick and slow end; for the device model to fill in.
    """

    def __init__(self, device: Device, work: Work, network: tuple[str, ...] = ()) -> None:
        self.device = device
        self.work = work
        self.network = network
        self.rows = len(work.calls) + len(network)
        self.unpriced = np.zeros(self.rows, dtype=bool)
        self.latency_s = np.zeros((3, self.rows))
        self._terms: dict[str, tuple[Array, Array, tuple[Figure, ...]]] = {}
        self._left_out: dict[str, float] = {}
        self._remarks: list[Remark] = []

    def charge(self, term: str, amounts: Array, prices: Array, figures: Iterable[Figure]) -> None:
        """Charge the entries of the network.

        Parameters
        ----------
        term : str
            Name of the term.
        amounts : ndarray, shape (entries,) or (3, entries)
            Per inference; NaN where unknown. Three of them where they are an interval, too.
        prices : ndarray, shape (3,) or (3, entries)
            Joules for each: value, low, high; NaN where there is none.
        figures : iterable of Figure
            What the prices come from.
        """
        amounts = np.broadcast_to(amounts, (3, len(self.work.row)))
        prices = np.broadcast_to(prices[:, None] if prices.ndim == 1 else prices, amounts.shape)
        # J/operation * operations/inference = J/inference; nothing done costs nothing, priced or not.
        joules = np.where(amounts == 0, 0.0, amounts * prices)
        self.unknown(np.isnan(amounts[0]))
        self.leave_out(term, np.where(np.isnan(prices[0]), amounts[0], 0.0))
        self.charge_rows(
            term, self.work.by_row(amounts[0]), np.array([self.work.by_row(each) for each in joules]), figures
        )

    def charge_rows(self, term: str, amounts: Array, joules: Array, figures: Iterable[Figure]) -> None:
        """Charge the rows of the network.

        Parameters
        ----------
        term : str
            Name of the term.
        amounts : ndarray, shape (rows,)
            What is paid for, per inference.
        joules : ndarray, shape (3, rows)
            What it costs: value, low, high.
        figures : iterable of Figure
            What the price comes from.
        """
        none = np.zeros((4, len(self.network)))
        rows = np.concatenate([[amounts, *joules], none], axis=1)
        self._add(term, rows[0], rows[1:], figures)

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
        row = self.row_of(name)
        joules, done = np.zeros((3, self.rows)), np.zeros(self.rows)
        joules[:, row] = amount * ends(figure)
        done[row] = np.broadcast_to(amount, 3)[0]
        self._add(term, done, joules, (figure,))

    def row_of(self, name: str) -> int:
        """The row of something that no layer causes."""
        return len(self.work.calls) + self.network.index(name)

    def unknown(self, entries: npt.NDArray[np.bool_]) -> None:
        """Note that of these entries, shape ``(entries,)``, something is not known: others say what."""
        self.unpriced[: len(self.work.calls)] |= self.work.any_by_row(entries)

    def leave_out(self, term: str, amounts: Array, *, told: bool = False) -> None:
        """Note what is done without a price, unless it is in another figure already.

        Parameters
        ----------
        term : str
            Name of the term.
        amounts : ndarray, shape (entries,)
            Operations per inference; NaN where unknown.
        told : bool
            Whether remarks of others say so.
        """
        if term in self.device.included or not np.any(amounts != 0):
            return
        self.unknown(amounts != 0)
        if total := float(np.nansum(amounts)):
            self._left_out[term] = total
        for row in () if told else np.flatnonzero(self.work.any_by_row(amounts > 0)).tolist():
            text = f"{self.work.calls[row].key} has {term_title(term)} without a price"
            self._remarks.append(Remark(row, text, True))

    def leave_out_all(self) -> None:
        """Note that no price says anything, those of rows that no layer causes among them; nor any time."""
        self.unpriced[:] = True
        self.latency_s[:] = np.nan

    def table(
        self,
        scenario: Scenario,
        *,
        not_modelled: Iterable[str],
        remarks: tuple[Remark, ...],
        notes: Iterable[str],
        time_per_inference_s: float = math.nan,
        timestep_s: float = math.nan,
        does_not_fit: str = "",
    ) -> CostTable:
        """Make the table; intervals are widened by the error of the device on held-out measurements."""
        if scenario.streaming and math.isnan(time_per_inference_s):
            # Without times, it is taken to keep up.
            time_per_inference_s = 1.0
        energy_j, low_j, high_j = self._energies()
        latency_s, low_latency_s, high_latency_s = self.latency_s
        calls = self.work.calls
        return CostTable(
            device=self.device,
            scenario=scenario,
            layer=(*(call.layer for call in calls), *self.network),
            call=(*(call.call_index for call in calls), *(0 for _ in self.network)),
            kind=("layer",) * len(calls) + ("network",) * len(self.network),
            terms={
                name: term_of(done, self._widening * joules, of)
                for name, (done, joules, of) in self._terms.items()
            },
            energy_j=energy_j,
            low_j=low_j,
            high_j=high_j,
            latency_s=latency_s,
            low_latency_s=low_latency_s,
            high_latency_s=high_latency_s,
            not_modelled=tuple(dict.fromkeys((*self._absent(not_modelled), *self._left_out))),
            left_out=self._left_out,
            remarks=tuple(sorted((*remarks, *self._remarks), key=lambda remark: remark.row)),
            notes=(*((does_not_fit,) if does_not_fit else ()), *notes),
            timesteps=float(self.work.timesteps.max()),
            time_per_inference_s=time_per_inference_s,
            timestep_s=timestep_s,
            does_not_fit=does_not_fit,
        )

    @property
    def _widening(self) -> Array:
        """What value, low and high are multiplied by, shape ``(3, 1)``."""
        held_out = self.device.held_out
        factor = held_out.factor if held_out and held_out.widens else 1.0
        return np.array([1.0, 1 / factor, factor])[:, None]

    def _energies(self) -> Array:
        """Joules of each row, shape ``(3, rows)``: value, low, high; NaN where nothing has a price."""
        known = np.zeros((3, self.rows))
        for _, joules, _ in self._terms.values():
            known += np.nan_to_num(joules)
        # Where nothing at all has a price, the rows that no layer causes are unknown, too.
        unknown = self.unpriced & (known[0] == 0) if self._terms else np.ones(self.rows, dtype=bool)
        return np.where(unknown, np.nan, self._widening * known)

    def _absent(self, terms: Iterable[str]) -> Iterator[str]:
        """Those terms that no other figure holds, and that of the link to the host."""
        # No device of the catalog has a published energy of its link; at the wall it is in the whole.
        link = () if self.device.covers == "system" else ("io",)
        yield from (term for term in (*terms, *link) if term not in self.device.included)

    def _add(self, term: str, done: Array, joules: Array, figures: Iterable[Figure]) -> None:
        before_done, before, others = self._terms.get(term, (0.0, 0.0, ()))
        self._terms[term] = (done + before_done, joules + before, (*others, *figures))


def term_of(done: Array, joules: Array, figures: tuple[Figure, ...]) -> TermCost:
    """A term of what was done, shape ``(rows,)``, and its joules, shape ``(3, rows)``, by some figures."""
    value, low, high = joules
    return TermCost(
        operations=done,
        energy_j=value,
        low_j=low,
        high_j=high,
        sources=tuple(dict.fromkeys(key for figure in figures for key in figure.cites)),
        boundary=widest(figure.boundary for figure in figures),
    )
