"""Rooflines: how near each layer comes to what arithmetic and memory of a processor allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energyprobe.costing.roofline import roofline_of
from energyprobe.costing.table import Array
from energyprobe.errors import ReportError
from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.result import Report

NAMED = len(style.MARKERS)
"""Layers with a mark of their own: as many as there are marks."""


@dataclass(frozen=True, eq=False)
class LayersUnderRoof:
    """Layers below the roof of one device.

    Attributes
    ----------
    device : str
        The device, as the report calls it.
    peak_hz, bandwidth : float
        Multiply-accumulates per second and bytes per second at best; NaN where not known.
    names : tuple of str
        Layers with multiply-accumulates, those that take most time first.
    intensity : ndarray, shape (names,)
        Multiply-accumulates per byte moved.
    speed_hz : ndarray, shape (names,)
        Multiply-accumulates per second.
    time_s : ndarray, shape (names,)
        Seconds for a batch.
    """

    device: str
    peak_hz: float
    bandwidth: float
    names: tuple[str, ...]
    intensity: Array
    speed_hz: Array
    time_s: Array

    def roof_hz(self, intensity: Array) -> Array:
        """Multiply-accumulates per second at best: arithmetic, or byte/s * MAC/byte."""
        return np.fmin(self.peak_hz, self.bandwidth * intensity)


def under_roof(report: Report, device: str | None = None) -> LayersUnderRoof:
    """Layers below the roof of one device.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        One of the report's; by default the first conventional one that has times of its own.

    Returns
    -------
    LayersUnderRoof

    Raises
    ------
    ReportError
        If the report has no such device, or the device is no such processor.
    """
    asked = report.devices if device is None else [report.asked(device)]
    for name in asked:
        view = next(view for view in report.views if name in view.costs)
        price = next(price for price in view.prices if price.name == name)
        roof = roofline_of(price.cost, view.counts)
        if roof is None:
            continue
        rows = np.array(price.line_of_row[: len(view.counts)])
        macs, moved, time_s = (
            np.bincount(rows, column, minlength=len(view.layers)).astype(np.float64)
            for column in (roof.macs, roof.moved_bytes, np.nan_to_num(roof.time_s))
        )
        shown = [
            line for line in np.argsort(-time_s, kind="stable") if macs[line] and moved[line] and time_s[line]
        ]
        if shown:
            return LayersUnderRoof(
                device=name,
                peak_hz=roof.peak_hz,
                bandwidth=roof.bandwidth,
                names=tuple(view.layers[line].path for line in shown),
                intensity=macs[shown] / moved[shown],
                speed_hz=macs[shown] / time_s[shown],
                time_s=time_s[shown],
            )
    raise ReportError(
        f"there is nothing to draw: {' and '.join(asked)} have no roofline, which is that of a processor of "
        "dense kernels with times of its own"
    )


def roofline(report: Report, device: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the roofline of a processor, and each layer below it.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        One of the report's; by default the first conventional one that has times of its own.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Multiply-accumulates per byte along the horizontal axis, multiply-accumulates per second along the
        vertical one, both logarithmic.

    Raises
    ------
    ReportError
        If the report has no such device, or the device is no such processor.
    """
    from matplotlib.ticker import EngFormatter, NullFormatter

    told = under_roof(report, device)
    axes = style.new_axes(4.2) if ax is None else ax
    lowest, highest = told.intensity.min() / 4, max(told.intensity.max(), _ridge(told)) * 4
    along = np.geomspace(lowest, highest, 200)
    axes.plot(along, told.roof_hz(along), color=style.INK, linewidth=1.6)
    points = [
        axes.plot(
            told.intensity[place], told.speed_hz[place], style.MARKERS[place],
            color=style.COLOURS[place], markersize=8,
        )[0]
        for place in range(min(NAMED, len(told.names)))
    ]  # fmt: skip
    names = list(told.names[:NAMED])
    if len(told.names) > NAMED:
        points += axes.plot(told.intensity[NAMED:], told.speed_hz[NAMED:], ".", color=style.INK)
        names.append(f"{len(told.names) - NAMED} others")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(min(told.speed_hz.min(), told.roof_hz(along).min()) / 3, told.peak_hz * 3)
    axes.yaxis.set_major_formatter(EngFormatter())
    axes.xaxis.set_major_formatter("{x:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("multiply-accumulates per byte moved (MAC/byte)")
    axes.set_ylabel("speed (MAC/s)")
    style.finish(axes, f"Roofline of {told.device}", along="both")
    style.legend(axes, points, names)
    return axes


def roofline_table(told: LayersUnderRoof) -> Table:
    """The figures of the chart in words.

    Parameters
    ----------
    told : LayersUnderRoof
        What is drawn.

    Returns
    -------
    Table
        A row for each layer: intensity, speed, the roof above it, and the share of the roof that it reaches.
    """
    roof = told.roof_hz(told.intensity)

    def column(name: str, header: str, values: Array, write: Callable[[float], str]) -> Column:
        numbers = values.tolist()
        return Column(name=name, header=header, cells=tuple(map(write, numbers)), values=tuple(numbers))

    return Table(
        f"Roofline of {told.device}",
        (
            Column(name="layer", header="layer", cells=told.names, text=True),
            column("intensity", "MAC per byte", told.intensity, lambda value: f"{value:.3g}"),
            column("speed", "speed", told.speed_hz, lambda value: units.quantity(value, "MAC/s")),
            column("roof", "roof", roof, lambda value: units.quantity(value, "MAC/s")),
            column("share", "share of the roof", told.speed_hz / roof, units.percentage),
            column("time", "time", told.time_s, lambda value: units.quantity(value, "s")),
        ),
    )


def _ridge(told: LayersUnderRoof) -> float:
    """Intensity from which on arithmetic limits; that of the layers where bandwidth is not known."""
    return float(np.nan_to_num(told.peak_hz / told.bandwidth))
