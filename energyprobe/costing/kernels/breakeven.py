"""The density below which a sparse kernel is faster, or cheaper, than the dense one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.cost import Operand, kernel_cost, options_for
from energyprobe.costing.kernels.cpu import Cpu
from energyprobe.costing.kernels.crossing import Crossing, Priced, Quantity, crossing_of
from energyprobe.costing.kernels.fits import ready
from energyprobe.costing.kernels.gpu import Gpu
from energyprobe.costing.kernels.loading import fits
from energyprobe.costing.kernels.parts import Array
from energyprobe.costing.kernels.table import KERNELS, why_illegal
from energyprobe.costing.lookup import AnyDevice, kernel_device
from energyprobe.costing.scenario import Launch
from energyprobe.errors import DeviceError, ScenarioError

NOT_CHOSEN = ("dense", "elementwise", "conv-scatter", "conv-gather", "2:4")
"""No sparse products of any density, and convolutions, which the user names."""

CPU_SPARSE = ("csr", "gather")
"""Sparse products of a CPU."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Breakeven(Crossing):
    """Where sparse begins to pay.

    Attributes
    ----------
    device, dtype : str
        What runs where.
    quantity : str
        ``"energy"`` or ``"time"``.
    density, density_if_zeros_save, kernel, reason, calibrated : ndarray
        See `Crossing`.
    """

    device: str
    dtype: str
    quantity: Quantity

    def __str__(self) -> str:
        """A line for each product, such as ``"sputnik takes less energy below a density of 0.12"``."""
        return "\n".join(self._line(index) for index in np.ndindex(self.density.shape))

    def _line(self, index: tuple[int, ...]) -> str:
        if self.reason[index]:
            return str(self.reason[index])
        ends = f"{self.density[index]:.3g}"
        if self.quantity == "energy":
            ends += f" ({self.density_if_zeros_save[index]:.3g} if zeros save power in the dense kernel)"
        mark = "" if self.calibrated[index] else "; not calibrated"
        return f"{self.kernel[index]} takes less {self.quantity} below a density of {ends}{mark}"


def kernels_breakeven(
    device: AnyDevice,
    *,
    m: npt.ArrayLike,
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    dtype: str = "fp32",
    batch: npt.ArrayLike = 1,
    quantity: Quantity | None = None,
    operand: Operand = "activations",
    structure: str = "unstructured",
    kernels: Sequence[str] | None = None,
    launch: Launch = "stream",
    imbalance: float | None = None,
    strided: bool | None = None,
) -> Breakeven:
    """The density below which computing a product sparsely pays; see `energyprobe.breakeven`."""
    runs_on = kernel_device(device)
    products = _Products(
        device=runs_on,
        quantity=_quantity(runs_on, quantity),
        asked={"m": m, "k": k, "n": n, "batch": batch, "dtype": dtype, "operand": operand}
        | {"structure": structure, "launch": launch},
        options={"imbalance": imbalance, "strided": strided},
    )
    dense = products.priced("dense", 1.0)
    able = candidates(runs_on, n=n, batch=batch, dtype=dtype, operand=operand, structure=structure)
    names = list(able if kernels is None else kernels)
    if not names:
        raise ScenarioError("kernels: at least one sparse kernel is needed")
    if "2:4" in names:
        raise ScenarioError("kernels: 2:4 has one density; compare its kernel_cost with that of 'dense'")

    def choice(name: str, density: Array) -> Priced:
        priced = products.priced(name, density)
        if kernels is None and KERNELS[name].one_column:
            return replace(priced, cost=np.where(_one_column(n, batch, operand), priced.cost, np.inf))
        return priced

    def cheapest(density: Array) -> Priced:
        return _cheapest([choice(name, density) for name in names])

    crossing = crossing_of(dense, cheapest, names, zeros_save=products.quantity == "energy")
    return Breakeven(device=runs_on.name, dtype=dtype, quantity=products.quantity, **vars(crossing))


@dataclass(frozen=True)
class _Products:
    """Products on a device, as `kernel_cost` is asked for them, and what of them is compared."""

    device: Gpu | Cpu
    quantity: Quantity
    asked: dict[str, Any]
    options: dict[str, Any]

    def priced(self, kernel: str, density: npt.ArrayLike) -> Priced:
        """All products on one kernel."""
        options = options_for(kernel, self.options)
        found = kernel_cost(self.device, kernel, density=density, **self.asked, **options)
        return Priced(
            cost=found.energy_j if self.quantity == "energy" else found.time_s,
            kernel=np.zeros(found.time_s.shape, dtype=np.intp),
            launch_bound=found.limit_codes == 0,
            calibrated=found.calibrated,
        )


def _quantity(device: Gpu | Cpu, quantity: Quantity | None) -> Quantity:
    """What is to be less: what was asked for, or else energy, or time on a CPU."""
    if quantity not in ("energy", "time", None):
        raise ScenarioError(f"quantity must be 'energy' or 'time', got {quantity!r}")
    if isinstance(device, Cpu) and quantity == "energy":
        raise ScenarioError(
            f"the energy of {device.title} ({device.name}) is not modelled, its power was not measured: "
            "use quantity='time'"
        )
    return quantity or ("time" if isinstance(device, Cpu) else "energy")


def _cheapest(kernels: Sequence[Priced]) -> Priced:
    """Each product on that of some kernels which takes the least."""
    best = np.argmin([each.cost for each in kernels], axis=0)

    def of_best(name: str) -> npt.NDArray[Any]:
        columns = np.array([getattr(each, name) for each in kernels])
        return np.asarray(np.take_along_axis(columns, best[None], axis=0)[0])

    return Priced(
        cost=of_best("cost"),
        kernel=best,
        launch_bound=of_best("launch_bound"),
        calibrated=of_best("calibrated"),
    )


def candidates(
    device: Gpu | Cpu,
    *,
    n: npt.ArrayLike,
    batch: npt.ArrayLike = 1,
    dtype: str = "fp32",
    operand: Operand = "activations",
    structure: str = "unstructured",
) -> list[str]:
    """Sparse products that a device can run and that have constants for a data type.

    ``spmv``, which multiplies vectors, is one of them where some C has one column.
    """
    if isinstance(device, Cpu):
        return [name for name in CPU_SPARSE if name in device.kernels]
    return [
        name
        for name, kind in KERNELS.items()
        if name not in NOT_CHOSEN
        and why_illegal(name, device, structure, operand) is None
        and (not kind.one_column or _one_column(n, batch, operand).any())
        and _has_constants(name, device, dtype, structure)
    ]


def _one_column(n: npt.ArrayLike, batch: npt.ArrayLike, operand: str) -> npt.NDArray[np.bool_]:
    """Whether C has one column: the batch multiplies those of weights, and the rows of activations."""
    columns = np.asarray(n)
    return np.asarray((columns * batch if operand == "weights" else columns) == 1)


def _has_constants(kernel: str, gpu: Gpu, dtype: str, structure: str) -> bool:
    try:
        ready(fits(), gpu, kernel, dtype, structure)
    except DeviceError:
        return False
    return True
