"""The charts of a report: those that its recording and its devices have figures for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from energyprobe.errors import ReportError
from energyprobe.reporting import units
from energyprobe.reporting.chart import Chart
from energyprobe.reporting.kernel_tables import curves_table
from energyprobe.reporting.plot import activity, energy, kernels, layer_curves, pays, roof, style, time

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report


def charts_of(report: Report) -> tuple[Chart, ...]:
    """Make the charts of a report.

    Parameters
    ----------
    report : Report
        What to show.

    Returns
    -------
    tuple of Chart
        Energy by layer for each device that has a price, rooflines of processors, break-evens on GPUs and
        curves of their costliest layers, firing rate, sparsity, events over time; those that there is
        nothing for are left out.
    """
    return tuple(_charts(report))


def _charts(report: Report) -> Iterator[Chart]:
    for device in report.devices:
        if report.total(device).energy_j > 0:
            yield _energy(report, device)
    for device in report.devices:
        yield from _drawable(partial(_roof, report, device))
        yield from _drawable(partial(_breakevens, report, device))
        yield from _curves(report, device)
    if any(row.call.output_spiking for row in report.counts.rows):
        yield from _drawable(partial(_rates, report))
    yield from _drawable(partial(_zeros, report))
    yield from _drawable(partial(_events, report))


def _drawable(make: partial[Chart]) -> Iterator[Chart]:
    """The chart, where there is something to draw."""
    try:
        yield make()
    except ReportError:
        return


def _energy(report: Report, device: str) -> Chart:
    told = energy.energies(report, device)
    most = int(told.energy_j.argmax())
    share = units.percentage(float(told.energy_j[most] / told.energy_j.sum()))
    return Chart(
        title=f"Energy by layer on {device}",
        description=(
            f"Bars of stacked energy terms, one for each layer, per inference. Most goes to "
            f"{told.names[most]}: {units.quantity(float(told.energy_j[most]), 'J')}, {share}."
        ),
        draw=lambda axes: energy.energy_by_layer(report, device, ax=axes),
        height_in=style.rows_height(len(told.names)),
        table=energy.energy_table(told),
    )


def _roof(report: Report, device: str) -> Chart:
    told = roof.under_roof(report, device)
    return Chart(
        title=f"Roofline of {device}",
        description=(
            "Marks at the speed of each layer over its multiply-accumulates per byte moved; the line is what "
            "arithmetic and memory allow. The further below it, the more of the time is launches and waiting."
        ),
        draw=lambda axes: roof.roofline(report, device, ax=axes),
        height_in=4.2,
        table=roof.roofline_table(told),
    )


def _breakevens(report: Report, device: str) -> Chart:
    told = pays.breakevens(report, device)
    title = f"Where skipping zeros takes less energy on {device}"
    return Chart(
        title=title,
        description=(
            "Points at the per cent of each layer's inputs that are not zero now, and at that below which "
            "the best sparse kernel takes less energy than the dense one; beside them what is true of it now."
        ),
        draw=lambda axes: pays.breakeven_by_layer(report, device, ax=axes),
        height_in=style.rows_height(len(told)),
        table=pays.breakevens_table(told, title),
    )


def _curves(report: Report, device: str) -> Iterator[Chart]:
    try:
        found = layer_curves.layer_curves(report, device)
    except ReportError:
        return
    for layer, told in found.items():
        title = f"Energy of {layer} by kernel and density on {device}"
        pays = f"skipping zeros takes less below {units.percentage(told.crossing)}"
        yield Chart(
            title=title,
            description=(
                "Lines of the energy per inference, one for each kernel, over the share of inputs that are "
                "not zero; the band below the dense kernel is what zeros may save in it. Now "
                f"{units.percentage(told.now)}; {pays if told.crossing else told.reason}."
            ),
            draw=partial(layer_curves.draw_layer, layer, told),
            height_in=kernels.HEIGHT_IN,
            table=curves_table(told, title),
        )


def _rates(report: Report) -> Chart:
    layers = activity.spiking_layers(report, style.SHOWN)
    title = "Firing rate by layer"
    return Chart(
        title=title,
        description="Bars of spikes per neuron and second, one for each layer that spikes.",
        draw=lambda axes: activity.firing_rate_by_layer(report, ax=axes),
        height_in=style.rows_height(len(layers)),
        table=activity.activity_table(report, layers, (activity.RATE, "silent_fraction"), title),
    )


def _zeros(report: Report) -> Chart:
    layers = activity.observed_layers(report, style.SHOWN)
    title = "Sparsity by layer"
    return Chart(
        title=title,
        description="Points at the per cent of zeros in the input and in the output of each layer.",
        draw=lambda axes: activity.sparsity_by_layer(report, ax=axes),
        height_in=style.rows_height(len(layers)),
        table=activity.activity_table(report, layers, tuple(activity.ZEROS), title),
    )


def _events(report: Report) -> Chart:
    told = time.events(report)
    more = f" {told.left_out} calls with fewer events are not shown." if told.left_out else ""
    return Chart(
        title="Events over time",
        description=f"Lines of the per cent of elements with an event, timestep by timestep.{more}",
        draw=lambda axes: time.events_over_time(report, ax=axes),
        height_in=3.6,
        table=time.events_table(told),
    )
