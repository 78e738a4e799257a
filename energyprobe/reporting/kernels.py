"""Columns of the kernels that a GPU runs: which, what dense ones cost, where skipping zeros pays."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.chosen_kernels import ChosenKernels
from energyprobe.costing.table import CostTable
from energyprobe.reporting import units
from energyprobe.reporting.document import Column
from energyprobe.reporting.prices import Prices, price_words

KERNEL_COLUMNS = {"kernel": "kernel", "dense_j": "dense\nenergy", "breakeven_density": "sparse pays\nbelow"}
"""Columns that GPUs have beside their prices, and what stands above them."""


def shown(price: Prices) -> bool:
    """Whether a report shows the columns unasked: where a device may run other kernels than dense."""
    return price.cost.kernels is not None and price.cost.device.skips != "nothing"


def kernel_columns(price: Prices, name: str) -> list[Column]:
    """Put a column of kernels into words.

    Parameters
    ----------
    price : Prices
        The prices of one device.
    name : str
        A key of `KERNEL_COLUMNS`.

    Returns
    -------
    list of Column
        One, with a cell for each line; none for a device without kernels.
    """
    kernels = price.cost.kernels
    if kernels is None:
        return []
    rows: list[list[int]] = [[] for _ in range(price.lines)]
    for row, line in enumerate(price.line_of_row[: len(kernels.kernel)].tolist()):
        if kernels.kernel[row]:
            rows[line].append(row)
    return [
        Column(
            name=name,
            header=f"{price.label}\n{' '.join(KERNEL_COLUMNS[name].split())}",
            cells=tuple(_cell(kernels, name, of_line) for of_line in rows),
            total=_total(kernels, name),
            group="kernels",
            text=name == "kernel",
        )
    ]


def kernels_of(cost: CostTable, name: str) -> np.ndarray:
    """A column in numbers, shape ``(rows,)``: empty or NaN where a row or device has no kernels."""
    missing = "" if name == "kernel" else np.nan
    column = np.full(len(cost), missing, object if name == "kernel" else np.float64)
    if cost.kernels is not None:
        values = getattr(cost.kernels, name)
        column[: len(values)] = values
    return column


def _cell(kernels: ChosenKernels, name: str, rows: list[int]) -> str:
    if not rows:
        return ""
    if name == "kernel":
        return ", ".join(dict.fromkeys(kernels.kernel[row] for row in rows))
    if name == "dense_j":
        return price_words(float(kernels.dense_j[rows].sum()), "J")
    # Of several calls, that which costs most.
    density = float(kernels.breakeven_density[max(rows, key=lambda row: float(kernels.dense_j[row]))])
    return f"{100 * density:.3g} %" if density else units.NONE


def _total(kernels: ChosenKernels, name: str) -> str:
    return price_words(float(np.nansum(kernels.dense_j)), "J") if name == "dense_j" else ""
