"""Fitted kernels of a GPU as the tables of a device file."""

from __future__ import annotations

from typing import Any

import numpy as np

from energyprobe.costing.figures import per_base_unit
from energyprobe.costing.kernels.fits import POWER_UNITS
from energyprobe.costing.kernels.fitting import OPEN
from energyprobe.costing.kernels.gpu import Gpu
from energyprobe.costing.kernels.gpu_fitting import (
    Constants,
    Ends,
    MeasuredKernel,
    fit_kernel,
    fit_power,
    held_out,
)
from energyprobe.costing.kernels.parts import Array
from energyprobe.costing.kernels.table import KERNELS
from energyprobe.costing.schema import CATALOG, tomllib

SOURCE = "measured"
"""Key of the file of measurements among the sources of a device."""

Table = dict[str, Any]


def device_table(name: str, origin: str, year: int, like: Gpu, cells: list[MeasuredKernel]) -> Table:
    """A device file as a table: the data sheet of a GPU of the catalog, and kernels fitted anew.

    Parameters
    ----------
    name : str
        Of the device.
    origin : str
        Where its measurements are found: path or address.
    year : int
        When they were taken.
    like : Gpu
        GPU of the catalog that it is one of; what was not measured is priced as on it.
    cells : list of MeasuredKernel
        What was measured.

    Returns
    -------
    dict
        To be written as TOML.
    """
    table: Table = tomllib.loads((CATALOG / f"{like.name}.toml").read_text(encoding="utf-8"))
    table.pop("aliases", None)
    kernels = ", ".join(dict.fromkeys(cell.kernel for cell in cells))
    description = f"{like.title} with kernels measured on the machine at hand: {kernels}."
    table |= {
        "name": name,
        "title": f"{like.title}, calibrated",
        "description": f"{description} {like.description}",
        "fit": [_fit(cell, like) for cell in cells],
        "sources": {
            SOURCE: {
                "type": "misc",
                "authors": ["{the user}"],
                "title": f"Kernels measured for {name}",
                "year": year,
                "url": origin,
            }
        },
    }
    if power := fit_power(cells, like):
        constants, ends, ratios = power
        table["power"] = {
            "gpu": like.fitted_as,
            "rows": len(ratios),
            **_spread(ratios),
            "constants": _figures(constants, ends, POWER_UNITS, "board"),
        }
    return table


def _fit(cell: MeasuredKernel, gpu: Gpu) -> Table:
    constants, ends = fit_kernel(cell, gpu)
    units = {name: each.unit for name, each in KERNELS[cell.kernel].constants.items()}
    columns = {name: getattr(cell.problem, name) for name in ("m", "k", "n", "density")}
    return {
        "gpu": gpu.fitted_as,
        "kernel": cell.kernel,
        "dtype": cell.dtype,
        "structure": cell.structure,
        "regime": cell.launch,
        "rows": len(cell.time_s),
        "shapes": len(set(cell.layers.tolist())),
        **_spread(cell.time_s / held_out(cell, gpu)),
        "ranges": {name: [float(column.min()), float(column.max())] for name, column in columns.items()},
        "constants": _figures(constants, ends, units, "chip"),
    }


def _spread(ratios: Array) -> Table:
    """5 and 95 % quantiles of measured over predicted, which hold 1."""
    low, high = np.quantile(ratios, (0.05, 0.95))
    return {"low_ratio": min(float(low), 1.0), "high_ratio": max(float(high), 1.0)}


def _figures(constants: Constants, ends: Ends, units: dict[str, str], boundary: str) -> Table:
    return {name: _figure(value, ends[name], units[name], boundary) for name, value in constants.items()}


def _figure(value: float, ends: tuple[float, float], unit: str, boundary: str) -> Table:
    """A fitted constant; one that the data leaves open says so."""
    scale = per_base_unit(unit)
    left_open = ends[1] >= 0.99 * OPEN * value
    figure = {
        "value": value * scale,
        "low": min(ends[0], value) * scale,
        "high": max(ends[1], value) * scale,
        "unit": unit,
        "source": SOURCE,
        "provenance": "memory" if left_open else "derived",
        "verified": not left_open,
        "boundary": boundary,
    }
    return figure | ({"note": "left open by the data: near the start value"} if left_open else {})
