"""Break-even curves of a network's costliest layers on a GPU: energy of each kernel against density."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyprobe.costing.gpu_curves import ProductCurves, gpu_curves
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting.plot.kernels import DENSITIES, Curves, dense_band, draw
from energyprobe.reporting.plot.pays import gpus_of, no_breakevens

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from energyprobe.reporting.result import Report

SHOWN = 3
"""Products that have curves: the costliest, of several alike the first."""


def layer_curves(report: Report, device: str | None = None, *, top: int = SHOWN) -> dict[str, Curves]:
    """Price the costliest products of a network over density, on each kernel of a GPU.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        A GPU of the report; by default the first.
    top : int
        How many products, at the most; of several alike the first.

    Returns
    -------
    dict of str to Curves
        By layer, in joules per inference; the costliest first.

    Raises
    ------
    ReportError
        If the report has no such device, the device is no GPU, or the network no product.
    """
    for name, gpu in gpus_of(report, device).items():
        found = gpu_curves(report.trace, gpu, "energy", report.scenario, density=DENSITIES, top=top)
        if found:
            return {each.layer: _curves(each, name) for each in found}
    raise no_breakevens(report, device)


def _curves(product: ProductCurves, device: str) -> Curves:
    return Curves(
        device=device,
        quantity="energy",
        density=DENSITIES,
        dense=dense_band(product.dense, "energy"),
        kernels=product.kernels,
        crossing=product.crossing,
        reason=product.reason,
        now=product.now,
    )


def breakeven_of_layer(
    report: Report, layer: str | None = None, device: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the energy of a layer's product on each kernel of a GPU, and where skipping zeros takes less.

    Parameters
    ----------
    report : Report
        The prices.
    layer : str, optional
        Path of a layer; by default the costliest.
    device : str, optional
        A GPU of the report; by default the first.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Joules per inference over the density of the activations; the density that was recorded is a line.

    Raises
    ------
    ReportError
        If the report has no such device or layer, the device is no GPU, or the network no product.
    """
    told = layer_curves(report, device, top=len(report.counts.rows))
    layer = next(iter(told)) if layer is None else layer
    if layer not in told:
        raise ReportError(f"no curves of a layer {layer!r}: {nearest(layer, told)}")
    return draw_layer(layer, told[layer], ax)


def draw_layer(layer: str, told: Curves, ax: Axes | None) -> Axes:
    """Draw the curves of a layer, into axes or a new figure."""
    return draw(told, f"{layer} on {told.device}: {told.reason or 'energy by kernel'}", ax)
