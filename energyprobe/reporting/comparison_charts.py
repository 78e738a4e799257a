"""The charts of a comparison: energies and their ratios by device, and quality against energy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from energyprobe.reporting.chart import Chart
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.plot import comparing, models, style
from energyprobe.reporting.prices import price_words
from energyprobe.reporting.ratio_words import ratio_figure, ratio_words
from energyprobe.reporting.verdicts import told_once
from energyprobe.reporting.views import pareto, quality_table

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


def comparison_charts(comparison: Comparison) -> tuple[Chart, ...]:
    """Make the charts of a comparison.

    Parameters
    ----------
    comparison : Comparison
        What to show.

    Returns
    -------
    tuple of Chart
        Those that there are figures for.
    """
    return tuple(_charts(comparison))


def _charts(comparison: Comparison) -> Iterator[Chart]:
    if any(cell.is_priced for cell in comparison.cells.values()):
        yield _energies(comparison)
    if comparing.known_verdicts(comparison):
        yield _ratios(comparison)
    for device in comparing.drawable_devices(comparison):
        yield _pareto(comparison, device)


def _energies(comparison: Comparison) -> Chart:
    cells = [cell for cell in comparison.cells.values() if cell.is_priced]
    words = (price_words(each.energy_j.value, "J", lower_bound=each.is_lower_bound) for each in cells)
    title = "Energy of each model on each device"
    return Chart(
        title=title,
        description=(
            "Points with intervals, a row for each device and batch size. Hollow points are of the priced "
            "part of lower bounds."
        ),
        draw=lambda axes: models.energy_by_device(comparison, ax=axes),
        height_in=style.rows_height(2 * len(models.priced_places(comparison))),
        table=Table(
            title,
            (
                Column(
                    name="device",
                    header="device",
                    cells=tuple(models.place_words(comparison, cell.case[1:]) for cell in cells),
                    text=True,
                ),
                Column(
                    name="model", header="model", cells=tuple(each.case.model for each in cells), text=True
                ),
                Column(
                    name="energy_j",
                    header="energy",
                    cells=tuple(words),
                    values=tuple(cell.energy_j.value for cell in cells),
                ),
                Column(
                    name="range",
                    header="range",
                    cells=tuple(cell.energy_j.words("J") for cell in cells),
                    values=tuple(cell.energy_j.high for cell in cells),
                ),
            ),
        ),
    )


def _ratios(comparison: Comparison) -> Chart:
    verdicts = comparing.known_verdicts(comparison)
    places = {(verdict.case.device, verdict.case.batch_size) for verdict in verdicts}
    keys = tuple(comparison.label(verdict.case, batch_size=True) for verdict in verdicts)
    title = f"Energy over that of {comparison.baseline}"
    return Chart(
        title=title,
        description=(
            "Points with intervals, a row for each device and batch size; left of 1 is less. "
            "Hollow points are of the priced part of lower bounds. "
            + " ".join(f"{told}." for told in told_once(verdicts, comparison.batch_sizes)[:2])
        ),
        draw=lambda axes: comparing.energy_ratios(comparison, ax=axes),
        height_in=style.rows_height(len(places)),
        table=Table(
            title,
            (
                Column(name="device", header="device", cells=keys, text=True),
                Column(
                    name="ratio",
                    header="ratio",
                    cells=tuple(ratio_figure(verdict.ratio.value) for verdict in verdicts),
                    values=tuple(verdict.ratio.value for verdict in verdicts),
                ),
                Column(
                    name="interval",
                    header="5–95 %",
                    cells=tuple(ratio_words(verdict.ratio) for verdict in verdicts),
                    values=tuple(verdict.ratio.high for verdict in verdicts),
                ),
            ),
        ),
    )


def _pareto(comparison: Comparison, device: str) -> Chart:
    table = quality_table(comparison)
    assert table is not None
    own = ("model", "quality", "interval", f"{device} energy", f"{device} front")
    front = ", ".join(pareto(comparison, device, comparison.batch_sizes[0]))
    return Chart(
        title=f"Quality against energy on {device}",
        description=f"Points with intervals, one for each model. No other beats in both: {front}.",
        draw=lambda axes: comparing.pareto_front(comparison, device, ax=axes),
        height_in=3.6,
        table=Table(
            f"Quality against energy on {device}",
            tuple(column for column in table.columns if column.name in own),
        ),
    )
