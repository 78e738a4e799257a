"""Break-even curves: time and energy of each kernel against the density of the sparse operand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from energyprobe.costing.kernels.breakeven import candidates, kernels_breakeven
from energyprobe.costing.kernels.cost import kernel_cost
from energyprobe.costing.kernels.cpu import Cpu
from energyprobe.costing.kernels.crossing import Quantity
from energyprobe.costing.kernels.gpu_pricing import ZEROS_SAVE
from energyprobe.costing.lookup import AnyDevice, kernel_device
from energyprobe.costing.table import Array
from energyprobe.errors import ScenarioError
from energyprobe.reporting.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DENSITIES = np.logspace(-4, 0, 121)
"""Densities of the curves."""

HEIGHT_IN = 3.6
"""Height of one chart in inches."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Kernels of one product on one GPU or CPU.

    Attributes
    ----------
    device : str
        The device.
    quantity : {"energy", "time"}
        What the curves are of, in joules or seconds.
    density : ndarray, shape (points,)
        Densities of the sparse operand.
    dense : ndarray, shape (2, points)
        The dense kernel, and the least that it takes where zeros save power.
    kernels : dict of str to ndarray, shape (points,)
        The sparse kernels.
    crossing : float
        Density below which the best of them takes less than the dense one; 0 where none does.
    reason : str
        Why there is no crossing; empty where there is.
    now : float
        Density that was recorded; NaN where the product is of no recording.
    """

    device: str
    quantity: Quantity
    density: Array
    dense: Array
    kernels: dict[str, Array]
    crossing: float
    reason: str
    now: float = math.nan


def curves(device: AnyDevice, *, quantity: Quantity = "time", **problem: Any) -> Curves:
    """Price the kernels of one product over all densities.

    Parameters
    ----------
    device : str, os.PathLike or Device
        A GPU, or a CPU whose kernels were measured.
    quantity : {"energy", "time"}
        What is compared.
    **problem
        Of one product: ``m, k, n, dtype, batch, operand, structure, kernels, launch``, as for
        `energyprobe.breakeven`.

    Returns
    -------
    Curves

    Raises
    ------
    UnknownDeviceError, DeviceError, ScenarioError
        As `energyprobe.breakeven`; ScenarioError also if several products are given.
    """
    found = kernels_breakeven(device, quantity=quantity, **problem)
    if found.density.ndim:
        raise ScenarioError(f"a plot is of one product, got {found.density.size}: give one m, k, n and batch")
    names = _names(device, problem.pop("kernels", None), problem)

    def of(kernel: str, **density: Any) -> Array:
        priced = kernel_cost(device, kernel, **problem, **density)
        return priced.energy_j if quantity == "energy" else priced.time_s

    return Curves(
        device=found.device,
        quantity=quantity,
        density=DENSITIES,
        dense=dense_band(float(of("dense")), quantity),
        kernels={name: of(name, density=DENSITIES) for name in names},
        crossing=float(found.density),
        reason=str(found.reason),
    )


def dense_band(dense: float, quantity: Quantity) -> Array:
    """What a dense kernel takes at `DENSITIES`, and the least where zeros save power, shape (2, points)."""
    saved = ZEROS_SAVE * (1.0 - DENSITIES) if quantity == "energy" else np.zeros(len(DENSITIES))
    return dense * np.array([np.ones(len(DENSITIES)), 1.0 - saved])


def breakeven(
    device: AnyDevice, *, quantity: Quantity = "time", ax: Axes | None = None, **problem: Any
) -> Axes:
    """Draw time or energy of each kernel against density, and where the sparse ones begin to pay.

    Parameters
    ----------
    device : str, os.PathLike or Device
        A GPU, or a CPU whose kernels were measured.
    quantity : {"energy", "time"}
        What is drawn. The energy of the dense kernel is a band: zeros may save power in it.
    ax : matplotlib.axes.Axes, optional
        Where to; by default a new figure.
    **problem
        As for `curves`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    UnknownDeviceError, DeviceError, ScenarioError
        As `curves`.
    """
    told = curves(device, quantity=quantity, **problem)
    return draw(told, f"{told.device}: {told.reason or f'{quantity} by kernel'}", ax)


def draw(told: Curves, title: str, ax: Axes | None) -> Axes:
    """Draw curves under a title, into axes or a new figure."""
    axes = style.new_axes(HEIGHT_IN) if ax is None else ax
    divisor, unit = style.scale_of([told.dense[0, 0]], "J" if told.quantity == "energy" else "s")
    lines = [axes.plot(told.density, told.dense[0] / divisor, color=style.INK, linewidth=2)[0]]
    axes.fill_between(told.density, *(told.dense / divisor), color=style.INK, alpha=0.12, linewidth=0)
    for place, values in enumerate(told.kernels.values()):
        lines += axes.plot(told.density, values / divisor, **_line(place))
    if told.crossing:
        level = told.dense[0, 0] / divisor
        axes.plot([told.crossing], [level], "o", color=style.INK, zorder=5)
        axes.annotate(
            f"{100 * told.crossing:.3g} %", (told.crossing, level), (4, 6), textcoords="offset points"
        )
    names = ["dense", *told.kernels]
    if told.now > 0:
        lines.append(axes.axvline(told.now, color=style.INK, linewidth=1, linestyle=":"))
        names.append("density now")
    axes.set(xscale="log", yscale="log", xlabel="density", ylabel=f"{told.quantity} in {unit}")
    style.finish(axes, title, along="both")
    style.legend(axes, lines, names)
    return axes


def breakeven_figure(device: AnyDevice, **problem: Any) -> Figure:
    """Draw `breakeven` in time and in energy side by side, of a CPU in time; arguments as for `curves`.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not keep.
    """
    from matplotlib.figure import Figure

    quantities = ("time",) if isinstance(kernel_device(device), Cpu) else QUANTITIES
    figure = Figure(figsize=(len(quantities) * style.WIDTH_IN, 4.2), layout="constrained")
    for axes, quantity in zip(figure.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True):
        breakeven(device, quantity=quantity, ax=axes, **problem)
    return figure


QUANTITIES: tuple[Quantity, ...] = ("time", "energy")


def _names(device: AnyDevice, kernels: Sequence[str] | None, problem: dict[str, Any]) -> list[str]:
    """Kernels that are drawn: those asked for, or all that can run."""
    if kernels is not None:
        return list(kernels)
    asked = {name: value for name, value in problem.items() if name in CHOSEN_BY}
    return candidates(kernel_device(device), **asked)


CHOSEN_BY = ("n", "batch", "dtype", "operand", "structure")
"""What of a product decides which kernels can run."""


def _line(place: int) -> dict[str, Any]:
    round_, colour = divmod(place, len(style.COLOURS))
    return {"color": style.COLOURS[colour], "linestyle": style.DASHES[(colour + round_) % len(style.DASHES)]}
