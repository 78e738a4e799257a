"""Firing rate and sparsity by layer: how active the network was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energyprobe.errors import ReportError
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.fields import FIELDS
from energyprobe.reporting.layers import Layer
from energyprobe.reporting.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.result import Report

RATE = "output_firing_rate_hz"
ZEROS = {"input_sparsity": "zeros in its input", "output_sparsity": "zeros in its output"}


def firing_rate_by_layer(report: Report, *, top: int = style.SHOWN, ax: Axes | None = None) -> Axes:
    """Draw the firing rate of each layer that spikes.

    Parameters
    ----------
    report : Report
        With the recording.
    top : int
        How many layers to show: those that fire most.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Spikes per neuron and second along the horizontal axis, layers from top to bottom.

    Raises
    ------
    ReportError
        If no layer has a firing rate.
    """
    layers = spiking_layers(report, top)
    rates = [_value(report, layer, RATE) for layer in layers]
    axes = style.new_axes(style.rows_height(len(layers))) if ax is None else ax
    axes.barh(range(len(layers)), rates, height=0.72, color=style.COLOURS[0])
    style.name_rows(axes, [layer.path for layer in layers])
    axes.set_xlim(left=0)
    axes.set_xlabel("firing rate (spikes per neuron and second, Hz)")
    style.finish(axes, f"Firing rate by layer of {report.trace.model}")
    return axes


def sparsity_by_layer(report: Report, *, top: int = style.SHOWN, ax: Axes | None = None) -> Axes:
    """Draw the fraction of zeros in the input and the output of each layer.

    Parameters
    ----------
    report : Report
        With the recording.
    top : int
        How many layers to show: the first ones.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Per cent of zeros along the horizontal axis, layers from top to bottom.

    Raises
    ------
    ReportError
        If no layer was observed.
    """
    layers = observed_layers(report, top)
    axes = style.new_axes(style.rows_height(len(layers))) if ax is None else ax
    rows = np.arange(len(layers))
    points = []
    for place, name in enumerate(ZEROS):
        zeros = np.array([_value(report, layer, name) for layer in layers])
        points += axes.plot(
            100 * zeros, rows, style.MARKERS[place], color=style.COLOURS[place], markersize=7 - 2 * place,
            clip_on=False,
        )  # fmt: skip
    style.name_rows(axes, [layer.path for layer in layers])
    axes.set_xlim(0, 100)
    axes.set_xlabel("zeros (%)")
    style.finish(axes, f"Sparsity by layer of {report.trace.model}", along="both")
    style.legend(axes, points, list(ZEROS.values()))
    return axes


def spiking_layers(report: Report, top: int) -> list[Layer]:
    """Layers that have a firing rate, in their order: the most active ones."""
    rates = {layer.path: _value(report, layer, RATE) for layer in report.layers}
    known = [layer for layer in report.layers if not np.isnan(rates[layer.path])]
    if not known:
        raise ReportError(f"there is nothing to draw: no layer of {report.trace.model} has a firing rate")
    most = sorted(known, key=lambda layer: -rates[layer.path])[:top]
    return [layer for layer in known if layer in most]


def observed_layers(report: Report, top: int) -> list[Layer]:
    """The first layers of which the zeros of the input or the output are known."""
    known = [
        layer for layer in report.layers if not all(np.isnan(_value(report, layer, name)) for name in ZEROS)
    ]
    if not known:
        raise ReportError(f"there is nothing to draw: no layer of {report.trace.model} was observed")
    return known[:top]


def activity_table(report: Report, layers: list[Layer], names: tuple[str, ...], title: str) -> Table:
    """Columns of activity of some layers in words.

    Parameters
    ----------
    report : Report
        With the recording.
    layers : list of Layer
        The rows.
    names : tuple of str
        The columns, keys of `energyprobe.reporting.fields.FIELDS`.
    title : str
        What the table is about.

    Returns
    -------
    Table
    """
    samples = report.trace.samples
    return Table(
        title,
        (
            Column(name="layer", header="layer", cells=tuple(each.path for each in layers), text=True),
            *(
                Column(
                    name=name,
                    header=FIELDS[name].header,
                    cells=tuple(FIELDS[name].cell(layer, samples) for layer in layers),
                    values=tuple(FIELDS[name].value(layer, samples) for layer in layers),
                )
                for name in names
            ),
        ),
    )


def _value(report: Report, layer: Layer, name: str) -> float:
    value = FIELDS[name].value(layer, report.trace.samples)
    return np.nan if value is None else value
