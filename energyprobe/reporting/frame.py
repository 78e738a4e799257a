"""The costs as a tidy DataFrame: one row per layer call and device, columns that add up to the totals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from energyprobe.costing.table import CostTable
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting.kernels import KERNEL_COLUMNS, kernels_of
from energyprobe.reporting.prices import PRICE_UNITS, ordered_terms, price_of

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.reporting.result import Report


def frame_of(report: Report, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Put the costs of a report into a DataFrame; see `Report.to_dataframe`.

    Parameters
    ----------
    report : Report
        What to tell.
    columns : iterable of str, optional
        Columns to keep, in this order; all by default.

    Returns
    -------
    pandas.DataFrame
        Devices one after the other; the rows of each in the order of the calls, what no layer causes last.

    Raises
    ------
    ReportError
        If there is no such column.
    """
    import pandas as pd

    terms = ordered_terms(term for cost in report.costs.values() for term in cost.terms)
    prices = (*PRICE_UNITS, *(f"{term}_j" for term in terms))
    kernels = KERNEL_COLUMNS if any(cost.kernels is not None for cost in report.costs.values()) else ()
    parts = [
        _part(report, name, cost, prices) | {column: kernels_of(cost, column) for column in kernels}
        for name, cost in report.costs.items()
    ]
    frame = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    if columns is None:
        return frame
    chosen = list(columns)
    for name in chosen:
        if name not in frame.columns:
            raise ReportError(f"a report has no column {name!r}: {nearest(name, frame.columns)}")
    return frame[chosen]


def _part(report: Report, name: str, cost: CostTable, prices: Iterable[str]) -> dict[str, np.ndarray]:
    """Columns of one device."""
    table = report.tables[name]
    calls = [row.call for row in table.rows]
    network = len(cost) - len(calls)
    return {
        "layer": np.array([*(call.layer for call in calls), *cost.layer[len(calls) :]], object),
        "path": np.array([*(call.path for call in calls), *cost.layer[len(calls) :]], object),
        "call": np.array(cost.call, np.int64),
        "kind": np.array(cost.kind, object),
        "reading": np.full(len(cost), table.reading, object),
        "type": np.array([*(call.type for call in calls), *["network"] * network], object),
        "fate": np.array([*(call.fate for call in calls), *["counted"] * network], object),
        "device": np.full(len(cost), name, object),
        **{price: price_of(cost, price) for price in prices},
        "lower_bound": cost.lower_bounds,
    }
