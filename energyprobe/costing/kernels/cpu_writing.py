"""Fitted kernels of a CPU as the tables of a device file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energyprobe.costing.kernels.core import LEVELS
from energyprobe.costing.kernels.cpu import CPU_KERNELS, DIMENSIONS, column
from energyprobe.costing.kernels.cpu_fitting import LIBRARIES, Cell, Ends, Fitted, Processor
from energyprobe.costing.kernels.fitting import OPEN
from energyprobe.costing.kernels.parts import Array

SCALES = {"time": ("ns", 1e9), "bandwidth": ("GB/s", 1e-9), "number": ("1", 1.0)}
"""Units that constants of kernels are written in, and how many of each make one base unit."""

Table = dict[str, object]


@dataclass(frozen=True)
class Figures:
    """Tables of figures that cite one source."""

    source: str

    def known(self, value: float, unit: str, note: str) -> Table:
        """What the processor says of itself."""
        return self._figure(value, unit, "primary") | {"note": note}

    def fitted(self, value: float, ends: tuple[float, float], unit: str, scale: float) -> Table:
        """A fitted constant; what the data leaves open says no more than where the fit started."""
        if ends[0] == ends[1]:
            return self._figure(rounded(value * scale), unit, "derived")
        left_open = ends[1] >= 0.99 * OPEN * value
        low, middle, high = (rounded(each * scale) for each in (ends[0], value, ends[1]))
        figure = self._figure(middle, unit, "memory" if left_open else "derived")
        figure |= {"low": min(low, middle), "high": max(high, middle)}
        return figure | ({"note": "left open by the data"} if left_open else {})

    def _figure(self, value: float, unit: str, provenance: str) -> Table:
        return {
            "value": value,
            "unit": unit,
            "source": self.source,
            "provenance": provenance,
            "verified": provenance != "memory",
            "boundary": "chip",
        }


def device_table(
    name: str,
    origin: str,
    processor: Processor,
    cells: Mapping[str, Cell],
    fitted: Fitted,
    unseen: Mapping[str, Array],
) -> Table:
    """A device file as a table.

    Parameters
    ----------
    name : str
        Of the device.
    origin : str
        Where its measurements are found: path or address.
    processor : Processor
        Where they were taken.
    cells : mapping of str to Cell
        Measurements by kernel.
    fitted : Fitted
        Constants.
    unseen : mapping of str to ndarray
        Times of each kernel as predicted without the layer in question, in seconds.

    Returns
    -------
    dict
        To be written as TOML.
    """
    library, figures = LIBRARIES[fitted.library], Figures(f"measured-{name}")
    threads = "one thread" if processor.threads == 1 else f"{processor.threads:g} threads"
    kernels = {
        kernel: _kernel(cell, fitted.constants[kernel], fitted.ends[kernel], unseen[kernel], figures)
        for kernel, cell in cells.items()
    }
    return {
        "model": "cpu",
        "name": name,
        "title": f"{processor.name}, {threads}, {library}",
        "kind": "conventional",
        "skips": "nothing",
        "graded_events": True,
        "library": fitted.library,
        "description": (
            f"Kernels of {library} in single precision, timed one by one with operands in the cache as far "
            "as they fit. Times only: its power was not measured."
        ),
        "sources": {
            figures.source: {
                "type": "misc",
                "authors": ["energyprobe"],
                "title": f"Kernels measured on {processor.name}{processor.described}",
                "year": processor.year,
                "url": origin,
            }
        },
        "constants": _constants(processor, fitted, figures),
        "kernels": kernels,
    }


def _constants(processor: Processor, fitted: Fitted, figures: Figures) -> Table:
    caches = {
        f"{level}_bytes": figures.known(size / 1024, "kiB", "as the system lists it")
        for level, size in zip(LEVELS, processor.caches, strict=False)
    }
    return {
        "clock_hz": figures.known(processor.clock_hz, "Hz", "nominal"),
        "vector_bytes": figures.known(processor.vector_bytes, "byte", "widest vectors"),
        "threads": figures.known(processor.threads, "1", "as many as were timed"),
        **caches,
        "last_share": figures.fitted(fitted.last_share, fitted.share_ends, "1", 1.0)
        | {"note": "fitted with the dense kernel: others on the chip use that cache, too"},
    }


def _kernel(
    cell: Cell, constants: Mapping[str, float], ends: Ends, predicted: Array, figures: Figures
) -> Table:
    """A fitted kernel, with the errors of predictions of layers not fitted."""
    low, high = np.quantile(cell.time_s / predicted, (0.05, 0.95))
    columns = {each: column(cell.problem, each) for each in CPU_KERNELS[cell.kernel].extent}
    scales = {each: SCALES[DIMENSIONS.get(each, "time")] for each in constants}
    return {
        "low_ratio": rounded(min(float(low), 1.0)),
        "high_ratio": rounded(max(float(high), 1.0)),
        "rows": len(cell),
        "shapes": len(set(cell.layer)),
        "ranges": {each: [float(values.min()), float(values.max())] for each, values in columns.items()},
        "constants": {
            each: figures.fitted(value, ends[each], *scales[each]) for each, value in constants.items()
        },
    }


def rounded(value: float) -> float:
    """A number of four digits."""
    return float(f"{value:.4g}")
