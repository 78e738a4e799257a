"""Events over time: in which timesteps each layer was active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energyprobe.costing.table import Array
from energyprobe.errors import ReportError
from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.result import Report
    from energyprobe.trace.records import LayerCall

LINES = 7
"""Layers that a chart shows: as many as there are colours."""

ROWS = 20
"""Stretches of time that the table shows."""


@dataclass(frozen=True, eq=False)
class EventsOverTime:
    """Share of a layer's elements that had an event, in each timestep.

    Attributes
    ----------
    names : tuple of str
        Calls of layers: those with most events.
    shares : tuple of ndarray, shape (timesteps,)
        One for each; the fraction of elements other than zero.
    left_out : int
        Calls with fewer events.
    """

    names: tuple[str, ...]
    shares: tuple[Array, ...]
    left_out: int


def events(report: Report, *, top: int = LINES) -> EventsOverTime:
    """Share of elements with an event, by timestep.

    Parameters
    ----------
    report : Report
        With the recording.
    top : int
        How many calls to show: those of spiking layers, or else of all, with most events.

    Returns
    -------
    EventsOverTime

    Raises
    ------
    ReportError
        If no layer was recorded over time.
    """
    calls = [row.call for row in report.counts.rows if _timed(row.call)]
    if not calls:
        raise ReportError(
            f"there is nothing to draw: no layer of {report.trace.model} was recorded over time"
        )
    spiking = [call for call in calls if call.output_spiking] or calls
    most = sorted(spiking, key=lambda call: -_events(call))[:top]
    shown = [call for call in spiking if call in most]
    return EventsOverTime(
        names=tuple(call.key for call in shown),
        shares=tuple(map(_shares, shown)),
        left_out=len(spiking) - len(shown),
    )


def events_over_time(report: Report, *, top: int = LINES, ax: Axes | None = None) -> Axes:
    """Draw the share of each layer's elements that had an event, timestep by timestep.

    Parameters
    ----------
    report : Report
        With the recording.
    top : int
        How many calls of layers to show: those of spiking layers, or else of all, with most events.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Timesteps along the horizontal axis, per cent of elements along the vertical one.

    Raises
    ------
    ReportError
        If no layer was recorded over time.
    """
    told = events(report, top=top)
    axes = style.new_axes(3.6) if ax is None else ax
    lines = []
    for place, shares in enumerate(told.shares):
        lines += axes.plot(
            np.arange(1, len(shares) + 1),
            100 * shares,
            color=style.COLOURS[place % len(style.COLOURS)],
            linestyle=style.DASHES[place % len(style.DASHES)],
            linewidth=1.8,
        )
    axes.set_xlim(1, max(map(len, told.shares)))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("timestep")
    axes.set_ylabel("elements with an event (%)")
    style.finish(axes, f"Events over time of {report.trace.model}", along="both")
    style.legend(axes, lines, told.names)
    return axes


def events_table(told: EventsOverTime) -> Table:
    """The figures of the chart in words: means over stretches of time where there are many timesteps.

    Parameters
    ----------
    told : EventsOverTime
        What is drawn.

    Returns
    -------
    Table
        A row for each stretch of timesteps, a column for each layer.
    """
    longest = max(map(len, told.shares))
    edges = np.unique(np.linspace(0, longest, min(longest, ROWS) + 1).round().astype(int)).tolist()
    stretches = list(zip(edges[:-1], edges[1:], strict=True))
    columns = []
    for name, shares in zip(told.names, told.shares, strict=True):
        means = [
            float(np.mean(part)) if (part := shares[start:end]).size else None for start, end in stretches
        ]
        cells = tuple(map(units.percentage, means))
        columns.append(Column(name=name, header=name, cells=cells, values=tuple(means)))
    steps = tuple(str(end) if end == start + 1 else f"{start + 1}–{end}" for start, end in stretches)
    key = Column(
        name="timestep", header="timestep", cells=steps, text=True, values=tuple(end for _, end in stretches)
    )
    return Table("Elements with an event, by timestep", (key, *columns))


def _timed(call: LayerCall) -> bool:
    output = call.output
    return (
        output is not None
        and bool(output.neurons)
        and output.events_by_step is not None
        and len(output.events_by_step) > 1
    )


def _events(call: LayerCall) -> int:
    return 0 if call.output is None else call.output.events


def _shares(call: LayerCall) -> Array:
    output = call.output
    assert output is not None and output.events_by_step is not None and output.neurons is not None
    samples = output.samples_by_step or (output.samples,) * len(output.events_by_step)
    # events / (neurons * samples that had this timestep)
    seen = np.array(samples, dtype=np.float64) * output.neurons
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.array(output.events_by_step) / seen, dtype=np.float64)
