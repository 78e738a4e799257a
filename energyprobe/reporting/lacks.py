"""Why totals are lower bounds, in few words."""

from __future__ import annotations

from collections.abc import Sequence

from energyprobe.reporting.cells import Cell

PRICED_PART = "~"
"""Mark of figures that are of what is priced of a total only."""

SHOWN = 2
"""Reasons that are told of each total; of more it says how many."""


def lacks(cell: Cell) -> dict[str, int]:
    """What makes a total a lower bound, each with the number of calls that it is true of.

    Parameters
    ----------
    cell : Cell
        One model on one device.

    Returns
    -------
    dict of str to int
        Empty for a total that is complete.
    """
    keys = [row.call.key for row in cell.counts.rows]
    found: dict[str, int] = {}
    for remark in cell.cost.remarks:
        if remark.lower_bound:
            key = keys[remark.row] if remark.row < len(keys) else ""
            text = remark.text.replace(key, "…", 1) if key else remark.text
            text = text.removeprefix("… has ").removeprefix("… ")
            found[text] = found.get(text, 0) + 1
    return found


def lower_bound_words(cells: Sequence[Cell]) -> str:
    """Say whose totals are lower bounds, and why.

    Parameters
    ----------
    cells : sequence of Cell
        Whose totals are.

    Returns
    -------
    str
        ``"both totals are lower bounds (elementwise operations without a price)"``.
    """
    told = [_listed(list(lacks(cell))) for cell in cells]
    if len(cells) > 1 and len(set(told)) == 1:
        return f"both totals are lower bounds ({told[0]})"
    return "; ".join(
        f"{cell.case.model}'s total is a lower bound ({why})" for cell, why in zip(cells, told, strict=True)
    )


def _listed(reasons: list[str]) -> str:
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(reasons[:SHOWN]) + more
