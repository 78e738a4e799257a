"""Charts of comparisons: ratios with their intervals by device, and quality against energy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from energyprobe.errors import ReportError
from energyprobe.reporting.cells import Case
from energyprobe.reporting.plot import style
from energyprobe.reporting.views import pareto

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.comparison import Comparison
    from energyprobe.reporting.verdicts import Verdict

DECADE = 10.0
"""Factor between values from which on their axis is logarithmic."""

APART = 0.18
"""Distance of models in one row, of the distance between rows."""


def known_verdicts(comparison: Comparison) -> list[Verdict]:
    """Those with a ratio to draw.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    list of Verdict
        In the order of devices, batch sizes and models.
    """
    return [verdict for verdict in comparison.verdicts if verdict.ratio.is_known]


def energy_ratios(comparison: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw the energy of each model over that of the baseline, with its interval, device by device.

    Parameters
    ----------
    comparison : Comparison
        What is compared.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Ratios along the horizontal axis, devices and batch sizes from top to bottom; hollow where
        they are of the priced part of a total only.

    Raises
    ------
    ReportError
        If no ratio is known.
    """
    verdicts = known_verdicts(comparison)
    if not verdicts:
        raise ReportError("there is nothing to draw: no two energies can be divided on any device")
    places = list(dict.fromkeys((verdict.case.device, verdict.case.batch_size) for verdict in verdicts))
    axes = style.new_axes(style.rows_height(len(places))) if ax is None else ax
    axes.axvline(1, color=style.INK, linewidth=1)
    handles = []
    for order, model in enumerate(comparison.others):
        own = [verdict for verdict in verdicts if verdict.case.model == model]
        shift = (order - (len(comparison.others) - 1) / 2) * APART
        rows = [places.index((each.case.device, each.case.batch_size)) + shift for each in own]
        values = [each.ratio.value for each in own]
        colour, marker = style.colour_and_marker(comparison.models.index(model))
        spans = [(each.ratio.low, each.ratio.high) for each in own]
        for row, (low, high) in zip(rows, spans, strict=True):
            axes.plot([low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt")
        for row, value, each in zip(rows, values, own, strict=True):
            face = "white" if each.outcome == "unknown" else colour
            axes.plot([value], [row], marker, color=colour, markerfacecolor=face, markersize=6)
        handles += axes.plot([], [], marker, linestyle="-", color=colour, linewidth=2.2)
    _spread(axes, [end for each in verdicts for end in (each.ratio.low, each.ratio.high, 1.0)])
    several = len(comparison.batch_sizes) > 1
    style.name_rows(axes, [device + (f", batch {size}" if several else "") for device, size in places])
    axes.set_xlabel(f"energy per inference / that of {comparison.baseline}", parse_math=False)
    style.finish(axes, f"Energy beside {comparison.baseline}: less on the left, more on the right")
    style.legend(axes, handles, comparison.others)
    return axes


def pareto_front(comparison: Comparison, device: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw quality against energy on one device, and the front of models that no other beats in both.

    Parameters
    ----------
    comparison : Comparison
        With the quality of its models.
    device : str, optional
        One of its devices; by default the first where all energies of the front are known.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Joules per inference along the horizontal axis, quality along the vertical one, both with
        intervals; at the first batch size.

    Raises
    ------
    ReportError
        If no quality was given, the comparison has no such device, or no total is complete on it.
    """
    device = device or next(iter(drawable_devices(comparison)), comparison.devices[0])
    size = comparison.batch_sizes[0]
    comparison.cell(comparison.baseline, device)
    front = pareto(comparison, device, size)
    if not front:
        raise ReportError(
            f"there is nothing to draw: no model has a quality and a complete total on {device}"
        )
    axes = style.new_axes(3.6) if ax is None else ax
    cells = {name: comparison.cells[Case(name, device, size)] for name in comparison.quality}
    complete = {name: cell for name, cell in cells.items() if cell.is_complete}
    scale, unit = style.scale_of([cell.energy_j.high for cell in complete.values()], "J")
    points = [(complete[name].energy_j.value / scale, comparison.quality[name].value) for name in front]
    axes.plot(*zip(*points, strict=True), color=style.LINES, linewidth=2, zorder=1)
    handles = []
    for name, cell in complete.items():
        quality, energy = comparison.quality[name], cell.energy_j
        colour, marker = style.colour_and_marker(comparison.models.index(name))
        low, high = quality.interval or (quality.value, quality.value)
        handles.append(
            axes.errorbar(
                energy.value / scale,
                quality.value,
                xerr=[[(energy.value - energy.low) / scale], [(energy.high - energy.value) / scale]],
                yerr=[[quality.value - low], [high - quality.value]],
                fmt=marker,
                color=colour,
                capsize=2.5,
            )
        )
    ends = (end / scale for cell in complete.values() for end in (cell.energy_j.low, cell.energy_j.high))
    _spread(axes, list(ends))
    axes.set_xlabel(f"energy per inference on {device} ({unit})", parse_math=False)
    metric = next(iter(comparison.quality.values()))
    axes.set_ylabel(
        metric.metric + ("" if metric.higher_is_better else " (less is better)"), parse_math=False
    )
    style.finish(axes, f"{metric.metric} against energy on {device}", along="both")
    style.legend(axes, handles, list(complete))
    return axes


def drawable_devices(comparison: Comparison) -> list[str]:
    """Devices on which quality can be drawn against energy.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    list of str
        Those with two complete totals at least of models whose quality is known.
    """
    size = comparison.batch_sizes[0]
    return [
        device
        for device in comparison.devices
        if sum(comparison.cells[Case(name, device, size)].is_complete for name in comparison.quality) > 1
    ]


def _spread(axes: Axes, values: Sequence[float]) -> None:
    """Make the horizontal axis logarithmic where values lie far apart, with plain numbers on it."""
    if max(values) < DECADE * min(values):
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
