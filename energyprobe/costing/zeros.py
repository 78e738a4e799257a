"""What the zeros of a recorded network are, beside what they would need to be for a device to skip them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.crossing import Crossing
from energyprobe.costing.lowering import Products
from energyprobe.costing.table import Array
from energyprobe.counting.columns import COLUMNS
from energyprobe.counting.table import CountTable

PAYS, TOO_DENSE, UNRECORDED = "pays now", "too dense", "zeros not recorded"
"""Verdicts, besides why there is no break-even."""


def zeros_columns(counts: CountTable, products: Products, crossing: Crossing) -> dict[str, object]:
    """Columns of what a network's zeros are, beside what they would need to be.

    Parameters
    ----------
    counts : CountTable
        The network.
    products : Products
        Its synaptic operations.
    crossing : Crossing
        Where skipping zeros begins to pay for each of them.

    Returns
    -------
    dict of str to sequence
        A value for each of the products.
    """
    rows = [counts.rows[row] for row in products.row.tolist()]
    rates = np.array([COLUMNS["input_firing_rate_hz"](row) for row in rows], dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(crossing.density > 0, rates * crossing.density / products.density, np.nan)
    return {
        "layer": [row.call.layer for row in rows],
        "path": [row.call.path for row in rows],
        "call": [row.call.call_index for row in rows],
        "density": products.density,
        "breakeven_density": crossing.density,
        "firing_rate_hz": rates,
        "firing_rate_needed_hz": needed,
        "verdict": _verdicts(products.density, crossing.density, crossing.reason),
    }


def _verdicts(density: Array, needed: Array, reason: npt.NDArray[np.str_]) -> npt.NDArray[np.object_]:
    """What is said of densities beside those needed, or of the reasons why none pays."""
    # At a break-even of 1 the sparse kernel takes less on dense data, too.
    pays = np.where((density < needed) | (needed == 1), PAYS, TOO_DENSE)
    told = np.where(reason == "", pays, reason)
    return np.where(np.isnan(density), UNRECORDED, told).astype(object)
