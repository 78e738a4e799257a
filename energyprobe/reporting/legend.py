"""What the marks and words in the cells of tables mean: those that occur, once."""

from __future__ import annotations

from collections.abc import Iterable

from energyprobe.reporting import units
from energyprobe.reporting.document import Lines, Table
from energyprobe.reporting.prices import UNVERIFIED
from energyprobe.reporting.remarks import LOWER_BOUND_MEANS

_MEANINGS = {
    units.UNKNOWN: "unknown, not observed, or there is no such thing",
    units.FREE: "declared free: it does nothing that any device pays for",
    units.NOT_COUNTED: "recorded, but not counted; said above",
    units.NOT_MODELLED: "the device model has no figure for it, which is not 0",
    units.NONE: "no term of this device model",
    "0 J": "modelled, and none of it happened",
    units.NO_RANGE: "no range is published",
}
"""Cells that stand for themselves."""


def legend(tables: Iterable[Table]) -> Lines:
    """Say what the marks in some tables mean.

    Parameters
    ----------
    tables : iterable of Table
        The tables.

    Returns
    -------
    Lines
        One for each mark that occurs.
    """
    columns = [column for table in tables for column in table.columns]
    cells = {cell for column in columns for cell in (*column.cells, column.total)}
    headers = [column.heading for column in columns]
    lines = [f"{mark}: {meaning}" for mark, meaning in _MEANINGS.items() if mark in cells]
    if any(cell.startswith(units.LOWER_BOUND) for cell in cells):
        lines.append(LOWER_BOUND_MEANS)
    if any(UNVERIFIED in heading for heading in headers):
        lines.append(f"{UNVERIFIED}: not all figures of the device are verified in their publications")
    return Lines("Legend", tuple(lines))
