"""Energies of the models of a comparison, on each device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energyprobe.errors import ReportError
from energyprobe.reporting.cells import Case, Cell
from energyprobe.reporting.plot import style
from energyprobe.reporting.running import per_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.comparison import Comparison


def energy_by_device(comparison: Comparison, *, ax: Axes | None = None) -> Axes:
    """Draw the energy of every model on every device, with its interval.

    Parameters
    ----------
    comparison : Comparison
        The prices.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Joules per inference along the horizontal axis, logarithmic; a row for each device and batch size, in
        which each model has a mark of its own. A mark that is not filled is a lower bound.

    Raises
    ------
    ReportError
        If no model has a price.
    """
    places = priced_places(comparison)
    axes = style.new_axes(style.rows_height(2 * len(places))) if ax is None else ax
    handles = []
    for order, model in enumerate(comparison.models):
        shift = 0.5 * ((order + 0.5) / len(comparison.models) - 0.5)
        colour, marker = style.colour_and_marker(order)
        mark: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none"}
        handles.append(axes.plot([], [], **mark)[0])
        for row, (device, batch_size) in enumerate(places):
            cell = comparison.cells[Case(model, device, batch_size)]
            if cell.is_priced:
                _mark(axes, cell, row + shift, mark)
    style.energy_axis(axes, *_ends([cell for cell in comparison.cells.values() if cell.is_priced]))
    style.name_rows(axes, [place_words(comparison, place) for place in places])
    style.finish(axes, "Energy of each model on each device")
    style.legend(axes, handles, comparison.models)
    return axes


def _mark(axes: Axes, cell: Cell, row: float, mark: dict[str, Any]) -> None:
    value, low, high = cell.energy_j.value, cell.energy_j.low, cell.energy_j.high
    filled = mark["color"] if not cell.is_lower_bound else "none"
    axes.errorbar(
        value, row, xerr=[[value - low], [high - value]], capsize=2.5, markerfacecolor=filled, **mark
    )  # fmt: skip


def _ends(cells: list[Cell]) -> tuple[float, float, str]:
    """Lowest and highest joules of some cells, and what they are for."""
    energies = [cell.energy_j for cell in cells]
    return (
        min(energy.low for energy in energies),
        max(energy.high for energy in energies),
        per_words(cells[0].cost.scenario),
    )


def priced_places(comparison: Comparison) -> list[tuple[str, int]]:
    """Devices and batch sizes at which a model has a price."""
    places = dict.fromkeys(
        (case.device, case.batch_size) for case, cell in comparison.cells.items() if cell.is_priced
    )
    if not places:
        raise ReportError("there is nothing to draw: no model has a price on any device")
    return list(places)


def place_words(comparison: Comparison, place: tuple[str, int]) -> str:
    """A device, with its batch size where there are several."""
    device, batch_size = place
    return device if len(comparison.batch_sizes) == 1 else f"{device}, batch {batch_size}"
