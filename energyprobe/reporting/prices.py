"""Columns of prices: on each device, what each layer costs and what no layer causes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energyprobe.costing.table import Array, CostTable
from energyprobe.costing.titles import TERMS, term_title
from energyprobe.reporting import units
from energyprobe.reporting.document import Column
from energyprobe.reporting.layers import Layer

UNVERIFIED = "†"
"""Mark of a figure that was not verified in its publication."""

PRICE_UNITS = {"energy_j": "J", "low_j": "J", "high_j": "J", "latency_s": "s"}
"""Columns of prices that every device has, and their units; each term has one more, ``TERM_j``."""

SHARE = "energy_share"
"""Column of each line's share of a device's total energy."""

BOUNDED = ("energy_j", "low_j", "high_j")
"""Columns that are marked where something in them has no price."""

_PRICE_WORDS = {"energy_j": "", "low_j": "\nlow", "high_j": "\nhigh", "latency_s": "\nlatency"}


@dataclass(frozen=True, eq=False)
class Prices:
    """The prices of one device, line by line of the per-layer table.

    Attributes
    ----------
    name : str
        What the user calls the device.
    cost : CostTable
        What it charges for each call.
    layers : tuple of Layer
        The layers, each a line; lines of what no layer causes follow.
    keys : tuple of str
        What each row of the cost table is called.
    line_of_row : ndarray of int, shape (rows of the cost table,)
        The line that each row of the cost table belongs to.
    network : tuple of str
        What no layer causes, on any of the devices, each a line.
    """

    name: str
    cost: CostTable
    layers: tuple[Layer, ...]
    keys: tuple[str, ...]
    line_of_row: npt.NDArray[np.intp]
    network: tuple[str, ...]

    @property
    def lines(self) -> int:
        """Number of lines."""
        return len(self.layers) + len(self.network)

    @property
    def label(self) -> str:
        """The device's name, marked where figures of it are not verified."""
        return self.name if self.cost.device.verified else f"{self.name} {UNVERIFIED}"

    def column(self, name: str) -> Column:
        """Put a column of prices into words.

        Parameters
        ----------
        name : str
            A key of `PRICE_UNITS`, or a term followed by ``_j``.

        Returns
        -------
        Column
            One cell for each line; a price that is not known says why.
        """
        if name == SHARE:
            return self._shares()
        unit = PRICE_UNITS.get(name, "J")
        values = self.by_line(price_of(self.cost, name))
        below = self._lower_bounds
        cells = tuple(
            self._cell(line, value, unit, lower_bound and name in BOUNDED)
            for line, (value, lower_bound) in enumerate(zip(values.tolist(), below.tolist(), strict=True))
        )
        words = _PRICE_WORDS.get(name, f"\n{term_title(name.removesuffix('_j'))}")
        total = price_words(self._total(name), unit, lower_bound=self.cost.lower_bound and name in BOUNDED)
        group = "latency" if unit == "s" else "energy"
        return Column(
            name=name,
            header=self.label + words,
            cells=cells,
            total=total,
            group=group,
            values=tuple(None if np.isnan(value) else value for value in values.tolist()),
        )

    def _shares(self) -> Column:
        """Each line's energy over the device's total, as far as it has a price."""
        energies, total = self.by_line(self.cost.energy_j), self.cost.total().energy_j
        known = total > 0
        values = [None if np.isnan(value) or not known else value / total for value in energies.tolist()]
        return Column(
            name=SHARE,
            header=f"{self.label}\nshare",
            cells=tuple("" if value is None else units.percentage(value) for value in values),
            total=units.percentage(1.0) if known else "",
            group="energy",
            values=tuple(values),
            bars=True,
        )

    def tells(self, line: int, name: str) -> bool:
        """Whether a column has a figure other than 0 for a line, or what it has is a lower bound."""
        column = price_of(self.cost, "energy_j" if name == SHARE else name)
        known = np.nan_to_num(self.by_line(column)[line])
        return bool(known) or bool(self._lower_bounds[line])

    @property
    def _lower_bounds(self) -> npt.NDArray[np.bool_]:
        """Whether each line costs more than its figure says, shape ``(lines,)``."""
        return np.bincount(self.line_of_row, self.cost.lower_bounds, minlength=self.lines) > 0

    @property
    def _uncharged(self) -> npt.NDArray[np.bool_]:
        """Rows of what no layer causes that the device does not charge, shape (rows of the cost table,)."""
        charged = {term_title(term) for term in self.cost.terms}
        without = set(TERMS.values()) - charged
        rows = zip(self.cost.kind, self.cost.layer, strict=True)
        named = np.array([kind == "network" and name in without for kind, name in rows], dtype=bool)
        uncharged: npt.NDArray[np.bool_] = named & (self.cost.energy_j == 0)
        return uncharged

    def by_line(self, values: Array) -> Array:
        """Add up a column of the cost table.

        Parameters
        ----------
        values : ndarray, shape (rows of the cost table,)
            The column; NaN is unknown.

        Returns
        -------
        ndarray, shape (lines,)
            Sums of what is known; NaN where nothing is.
        """
        known = ~np.isnan(values) & ~self._uncharged
        sums = np.bincount(self.line_of_row[known], values[known], minlength=self.lines)
        return np.where(np.bincount(self.line_of_row[known], minlength=self.lines) > 0, sums, np.nan)

    def _cell(self, line: int, value: float, unit: str, lower_bound: bool) -> str:
        if line >= len(self.layers):
            return self._network_cell(self.network[line - len(self.layers)], value, unit, lower_bound)
        fates = self.layers[line].fates
        if fates == {"free"} and value == 0:
            return units.FREE
        if fates == {"uncounted"}:
            return units.NOT_COUNTED
        return price_words(value, unit, lower_bound=lower_bound)

    def _network_cell(self, name: str, value: float, unit: str, lower_bound: bool) -> str:
        """What no layer causes: without a price, the device model has no such term, or no figure for it."""
        unmodelled = {term_title(term) for term in self.cost.not_modelled}
        if np.isnan(value) and name in TERMS.values() and name not in unmodelled:
            return units.NONE
        return price_words(value, unit, lower_bound=lower_bound)

    def _total(self, name: str) -> float:
        total = self.cost.total()
        if name in PRICE_UNITS:
            return float(getattr(total, name))
        term = total.terms.get(name.removesuffix("_j"))
        return np.nan if term is None else term.energy_j


def price_of(cost: CostTable, name: str) -> Array:
    """Column of a cost table by its public name, shape ``(rows,)``; NaN for a term not modelled."""
    if name in PRICE_UNITS:
        return np.asarray(getattr(cost, name), dtype=np.float64)
    term = cost.terms.get(name.removesuffix("_j"))
    return np.full(len(cost), np.nan) if term is None else term.energy_j


def price_words(value: float, unit: str, *, lower_bound: bool = False) -> str:
    """A price; one of which nothing is known is not modelled, not 0."""
    if units.is_unknown(value) or (lower_bound and value == 0):
        return units.NOT_MODELLED
    return units.quantity(value, unit, lower_bound=lower_bound)


def ordered_terms(terms: Iterable[str]) -> list[str]:
    """Cost terms, each once: those of every device model in their usual order, then the others."""
    given = dict.fromkeys(terms)
    return [*(term for term in TERMS if term in given), *(term for term in given if term not in TERMS)]
