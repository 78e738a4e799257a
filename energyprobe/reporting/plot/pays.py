"""Break-evens by layer: how dense activations are, and below what density skipping zeros pays on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.gpu_breakeven import gpu_layers_breakeven
from energyprobe.errors import ReportError
from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.plot import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from energyprobe.reporting.result import Report


def breakevens(report: Report, device: str | None = None, *, top: int = style.SHOWN) -> pd.DataFrame:
    """Densities of the products of a network on a GPU, and where skipping zeros takes less energy.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        A GPU of the report; by default the first.
    top : int
        How many products to show: those that cost most.

    Returns
    -------
    pandas.DataFrame
        As `energyprobe.breakeven` gives it, the products in their order.

    Raises
    ------
    ReportError
        If the report has no such device, the device is no GPU, or the network no product.
    """
    for gpu in gpus_of(report, device).values():
        frame = gpu_layers_breakeven(report.trace, gpu, "energy", report.scenario)
        frame = frame[frame.density.notna()]
        if len(frame):
            return frame.nlargest(top, "dense_j").sort_index()
    raise no_breakevens(report, device)


def gpus_of(report: Report, device: str | None) -> dict[str, GpuDevice]:
    """The GPUs of a report that break-evens can be of, or one that is asked for, by name."""
    asked = report.devices if device is None else [report.asked(device)]
    devices = {name: report.costs[name].device for name in asked if not report.scenario.streaming}
    return {name: each for name, each in devices.items() if isinstance(each, GpuDevice)}


def no_breakevens(report: Report, device: str | None) -> ReportError:
    """What is raised where there is no break-even."""
    asked = " and ".join(report.devices if device is None else [device])
    return ReportError(
        f"there is nothing to draw: {asked} have no break-even, which is that of the layers of a network on "
        "a GPU"
    )


def breakeven_by_layer(
    report: Report, device: str | None = None, *, top: int = style.SHOWN, ax: Axes | None = None
) -> Axes:
    """Draw the density of each layer's input, and that below which skipping its zeros takes less energy.

    Parameters
    ----------
    report : Report
        The prices.
    device : str, optional
        A GPU of the report; by default the first.
    top : int
        How many products to show: those that cost most.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Per cent of values other than zero along the horizontal axis, logarithmic; layers from top to bottom,
        each with what is true of it: that it pays, is too dense, or why no density would do.

    Raises
    ------
    ReportError
        If the report has no such device, the device is no GPU, or the network no product.
    """
    told = breakevens(report, device, top=top)
    axes = style.new_axes(style.rows_height(len(told))) if ax is None else ax
    rows = range(len(told))
    pays = told.breakeven_density.where(told.breakeven_density > 0)
    points = [
        axes.plot(100 * values, rows, marker, color=colour, markersize=7, clip_on=False)[0]
        for values, marker, colour in (
            (told.density.where(told.density > 0), style.MARKERS[0], style.COLOURS[0]),
            (pays, style.MARKERS[3], style.COLOURS[3]),
        )
    ]
    for row, verdict in zip(rows, told.verdict, strict=True):
        axes.annotate(
            verdict, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize="small",
            annotation_clip=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlim(min(1.0, 100 * told.density[told.density > 0].min(), 100 * pays.min()) / 2, 100)
    style.name_rows(axes, list(told.path))
    axes.set_xlabel("density of the activations (%)")
    style.finish(axes, f"Where skipping zeros takes less energy on {device or 'the GPU'}", along="both")
    style.legend(axes, points, ["density now", "pays below"])
    return axes


def breakevens_table(told: pd.DataFrame, title: str) -> Table:
    """The figures of the chart in words.

    Parameters
    ----------
    told : pandas.DataFrame
        What is drawn.
    title : str
        What the table is about.

    Returns
    -------
    Table
        A row for each product: its density, where skipping zeros pays, and what is true of it.
    """

    def column(name: str, header: str) -> Column:
        values = told[name].tolist()
        return Column(
            name=name, header=header, cells=tuple(map(units.percentage, values)), values=tuple(values)
        )

    return Table(
        title,
        (
            Column(name="layer", header="layer", cells=tuple(told.path), text=True),
            column("density", "density now"),
            column("breakeven_density", "pays below"),
            Column(name="verdict", header="verdict", cells=tuple(told.verdict), text=True),
            Column(name="kernel", header="best sparse kernel", cells=tuple(told.kernel), text=True),
        ),
    )
