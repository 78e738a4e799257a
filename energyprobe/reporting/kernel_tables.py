"""Break-evens of kernels as tables: of one product over density, and of the layers of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Document, Lines, Table, printable

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.costing.kernels.crossing import Quantity
    from energyprobe.reporting.plot.kernels import Curves
    from energyprobe.trace.records import Trace

SHOWN = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Densities for which a table tells the costs."""

UNCALIBRATED, CUSTOM = "?", "*"
"""Marks of a kernel."""

UNITS = {"time": "s", "energy": "J"}


def curves_document(told: Sequence[Curves]) -> Document:
    """Set the kernels of one product side by side, at some densities.

    Parameters
    ----------
    told : sequence of Curves
        Costs in time, in energy, or in both.

    Returns
    -------
    Document
        A table for each; the break-even is a row of its own, and the cheapest kernel of a row is named last.
    """
    tables = tuple(curves_table(each, f"{each.quantity.capitalize()} by density") for each in told)
    return Document(f"Kernels on {told[0].device}", "", tables).mapped(printable)


def curves_table(told: Curves, title: str) -> Table:
    """Set the kernels of one product side by side, at some densities and at the break-even.

    Parameters
    ----------
    told : Curves
        Costs in time or in energy.
    title : str
        What the table is about.

    Returns
    -------
    Table
        A row for each density, a column for each kernel.
    """
    densities = sorted({*SHOWN, *([told.crossing] if 0 < told.crossing < 1 else [])})
    unit = UNITS[told.quantity]

    def at(values: np.ndarray) -> tuple[str, ...]:
        # Straight in both logarithms between two points of a curve.
        found = np.exp(np.interp(np.log(densities), np.log(told.density), np.log(values)))
        return tuple(units.quantity(float(value), unit) for value in found)

    names = tuple(
        f"{units.percentage(density)} break-even" if density == told.crossing else units.percentage(density)
        for density in densities
    )
    columns = (
        Column(name="density", header="density", cells=names, text=True),
        Column(name="dense", header="dense", cells=at(told.dense[0])),
        *(Column(name=name, header=name, cells=at(values)) for name, values in told.kernels.items()),
    )
    return Table(title, columns)


def layers_document(trace: Trace, device: str, found: Mapping[Quantity, pd.DataFrame]) -> Document:
    """Say for every layer of a network what its zeros are, and what they would need to be.

    Parameters
    ----------
    trace : Trace
        The recording.
    device : str
        Name of the GPU or CPU.
    found : dict of str to pandas.DataFrame
        What `energyprobe.breakeven` says in time, in energy, or in both.

    Returns
    -------
    Document
        A table for each.
    """
    tables = tuple(_layers_table(quantity, frame) for quantity, frame in found.items())
    notes = Lines(
        "Remarks",
        (
            "density: share of non-zero inputs; below the break-even the best sparse kernel takes less",
            "gain: what the dense kernel takes over what that kernel takes",
            f"{UNCALIBRATED}: not both kernels are calibrated there; {CUSTOM}: frameworks do not offer it",
        ),
    )
    heading = f"When computing {trace.model} sparsely pays on {device}"
    return Document(heading, "", (*tables, notes)).mapped(printable)


def _layers_table(quantity: Quantity, frame: pd.DataFrame) -> Table:
    gain = {"time": "speedup", "energy": "energy_saving"}[quantity]
    names = [
        path if call == 0 else f"{path}#{call}"
        for path, call in zip(frame["path"], frame["call"], strict=True)
    ]
    rates = [_column("firing_rate_hz", "firing\nrate", map(units.frequency, frame["firing_rate_hz"]))]
    rates += [_column("needed", "rate\nneeded", map(units.frequency, frame["firing_rate_needed_hz"]))]
    columns = (
        Column(name="layer", header="layer", cells=tuple(names), text=True),
        _column("density", "density\nnow", map(units.percentage, frame["density"])),
        _column("breakeven", "break-\neven", map(units.percentage, frame["breakeven_density"])),
        *(rates if frame["firing_rate_hz"].notna().any() else ()),
        Column(name="verdict", header="verdict", cells=tuple(frame["verdict"]), text=True),
        Column(name="kernel", header="sparse\nkernel", cells=tuple(_kernels(frame)), text=True),
        _column("gain", "gain", (f"{value:.3g}" for value in frame[gain])),
    )
    return Table(f"In {quantity}", columns)


def _column(name: str, header: str, cells: Iterable[str]) -> Column:
    return Column(name=name, header=header, cells=tuple(cells))


def _kernels(frame: pd.DataFrame) -> Iterator[str]:
    """Names of the kernels with their marks."""
    marks = zip(frame["kernel"], frame["calibrated"], frame["needs_custom_kernel"], strict=True)
    for kernel, calibrated, custom in marks:
        yield f"{kernel}{'' if calibrated else UNCALIBRATED}{CUSTOM if custom else ''}"
