"""Energy terms stacked by layer: where the energy of an inference goes on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energyprobe.costing.table import Array
from energyprobe.costing.titles import term_title
from energyprobe.errors import ReportError
from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.plot import style
from energyprobe.reporting.prices import ordered_terms, price_of
from energyprobe.reporting.running import per_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.result import Report


@dataclass(frozen=True, eq=False)
class EnergyByLayer:
    """What each layer costs on one device, term by term, per inference.

    Attributes
    ----------
    device : str
        The device, as the report calls it.
    names : tuple of str
        Layers in their order, then what no layer causes; layers that cost nothing are left out.
    terms : dict of str to ndarray, shape (names,)
        Joules of each term; 0 where it is not known.
    low_j, high_j : ndarray, shape (names,)
        Ends of the range of each sum.
    """

    device: str
    names: tuple[str, ...]
    terms: dict[str, Array]
    low_j: Array
    high_j: Array

    @property
    def energy_j(self) -> Array:
        """Sums of the terms, shape ``(names,)``."""
        return sum(self.terms.values(), np.zeros(len(self.names)))


def energies(report: Report, device: str | None = None, *, top: int = style.SHOWN) -> EnergyByLayer:
    """Energy terms of each layer on one device.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        One of the report's; by default the first that has a price.
    top : int
        How many rows to show: those that cost most; the others share one more.

    Returns
    -------
    EnergyByLayer

    Raises
    ------
    ReportError
        If the report has no such device, or the device prices nothing.
    """
    name = _priced(report) if device is None else report.asked(device)
    view = next(view for view in report.views if name in view.costs)
    price = next(price for price in view.prices if price.name == name)
    columns = {
        term: np.nan_to_num(price.by_line(price_of(price.cost, f"{term}_j"))) for term in price.cost.terms
    }
    low_j, high_j = (np.nan_to_num(price.by_line(price_of(price.cost, end))) for end in ("low_j", "high_j"))
    energy_j = sum(columns.values(), np.zeros(price.lines))
    if not energy_j.any():
        raise ReportError(
            f"there is nothing to draw: {name} has no price for any layer of {report.trace.model}"
        )
    kept = [line for line in np.argsort(-energy_j, kind="stable")[:top].tolist() if energy_j[line]]
    shown = sorted(kept)
    others = [line for line in np.flatnonzero(energy_j).tolist() if line not in kept]
    names = [*(layer.path for layer in view.layers), *view.network_lines]

    def rows(column: Array) -> Array:
        rest = [column[others].sum()] if others else []
        return np.array([*column[shown], *rest])

    return EnergyByLayer(
        device=name,
        names=(*(names[line] for line in shown), *([f"{len(others)} others"] if others else [])),
        terms={term: rows(columns[term]) for term in ordered_terms(columns) if columns[term].any()},
        low_j=rows(low_j),
        high_j=rows(high_j),
    )


def energy_by_layer(
    report: Report, device: str | None = None, *, top: int = style.SHOWN, ax: Axes | None = None
) -> Axes:
    """Draw the energy of each layer on one device, a bar of stacked terms with its range.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        One of the report's; by default the first that has a price.
    top : int
        How many rows to show: those that cost most; the others share one more.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Joules per inference along the horizontal axis, layers from top to bottom.

    Raises
    ------
    ReportError
        If the report has no such device, or the device prices nothing.
    """
    told = energies(report, device, top=top)
    axes = style.new_axes(style.rows_height(len(told.names))) if ax is None else ax
    scale, unit = style.scale_of(told.high_j, "J")
    rows = np.arange(len(told.names))
    left = np.zeros(len(told.names))
    bars = []
    for term, energy_j in told.terms.items():
        bars.append(axes.barh(rows, energy_j / scale, left=left, height=0.72, **style.term_style(term)))
        left = left + energy_j / scale
    below, above = np.maximum(0, left - told.low_j / scale), np.maximum(0, told.high_j / scale - left)
    # A range too short for a line would only hide its bar.
    ranged = below + above > 0.004 * left.max()
    axes.errorbar(
        left[ranged], rows[ranged], xerr=[below[ranged], above[ranged]], fmt="none", ecolor=style.INK,
        elinewidth=1.2, capsize=2.5,
    )  # fmt: skip
    style.name_rows(axes, told.names)
    axes.set_xlim(0, 1.04 * max(told.high_j.max(), told.energy_j.max()) / scale)
    axes.set_xlabel(f"energy {per_words(report.scenario)} ({unit})")
    style.finish(axes, f"Energy by layer on {told.device}")
    style.legend(axes, bars, [term_title(term) for term in told.terms])
    return axes


def energy_table(told: EnergyByLayer) -> Table:
    """The figures of the chart in words.

    Parameters
    ----------
    told : EnergyByLayer
        What is drawn.

    Returns
    -------
    Table
        A row for each layer, a column for each term, and their sum with its range.
    """

    def column(name: str, header: str, values: Array) -> Column:
        return Column(
            name=name,
            header=header,
            cells=tuple(units.quantity(value, "J") for value in values.tolist()),
            total=units.quantity(float(values.sum()), "J"),
            values=tuple(values.tolist()),
        )

    ranges = [
        units.interval(low, high, "J")
        for low, high in zip(told.low_j.tolist(), told.high_j.tolist(), strict=True)
    ]
    return Table(
        f"Energy by layer on {told.device}, per inference",
        (
            Column(name="layer", header="layer", cells=told.names, total="total", text=True),
            *(column(term, term_title(term), values) for term, values in told.terms.items()),
            column("energy_j", "energy", told.energy_j),
            Column(name="range", header="range", cells=tuple(ranges), values=tuple(told.high_j.tolist())),
        ),
    )


def _priced(report: Report) -> str:
    """The first device that has a price."""
    for name in report.devices:
        if report.total(name).energy_j > 0:
            return name
    raise ReportError(
        f"there is nothing to draw: no device of the report has a price for {report.trace.model}"
    )
