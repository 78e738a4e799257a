"""The density below which a sparse kernel is faster, or cheaper, than the dense one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.cost import Operand, kernel_cost, options_for
from energyprobe.costing.kernels.cpu import Cpu
from energyprobe.costing.kernels.crossing import SMALLEST, highest
from energyprobe.costing.kernels.fits import ready
from energyprobe.costing.kernels.gpu import Gpu
from energyprobe.costing.kernels.loading import fits
from energyprobe.costing.kernels.parts import Array
from energyprobe.costing.kernels.pricing import ZEROS_SAVE
from energyprobe.costing.kernels.result import KernelCost
from energyprobe.costing.kernels.table import KERNELS, why_illegal
from energyprobe.costing.lookup import AnyDevice, kernel_device
from energyprobe.costing.scenario import Launch
from energyprobe.errors import DeviceError, ScenarioError

Quantity = Literal["energy", "time"]

NOT_CHOSEN = ("dense", "elementwise", "conv-scatter", "conv-gather", "2:4")
"""No sparse products of any density, and convolutions, which the user names."""

CPU_SPARSE = ("csr", "gather")
"""Sparse products of a CPU."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Breakeven:
    """Where sparse begins to pay.

    Attributes
    ----------
    gpu, dtype : str
        What runs where.
    quantity : str
        ``"energy"`` or ``"time"``.
    density : ndarray
        Below it the best sparse kernel wins; 0 where none does, 1 where it wins on dense data too.
    density_if_zeros_save : ndarray
        The same where the dense kernel draws less power on zeros, as much less as was ever seen; equal to
        `density` for time.
    kernel : ndarray of str
        The sparse kernel that wins just below the break-even; empty where none does.
    reason : ndarray of str
        Empty where there is a break-even; else why there is none, such as ``"none: launch-bound"``.
    calibrated : ndarray of bool
        Whether both kernels are calibrated at the break-even.
    """

    gpu: str
    dtype: str
    quantity: Quantity
    density: Array
    density_if_zeros_save: Array
    kernel: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]
    calibrated: npt.NDArray[np.bool_]

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
    gpu: AnyDevice,
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
    if quantity not in ("energy", "time", None):
        raise ScenarioError(f"quantity must be 'energy' or 'time', got {quantity!r}")
    device = kernel_device(gpu)
    if isinstance(device, Cpu) and quantity == "energy":
        raise ScenarioError(
            f"the energy of {device.title} ({device.name}) is not modelled, its power was not measured: "
            "use quantity='time'"
        )
    quantity = quantity or ("time" if isinstance(device, Cpu) else "energy")
    names = candidates(device, dtype, structure, operand) if kernels is None else list(kernels)
    if not names:
        raise ScenarioError("kernels: at least one sparse kernel is needed")
    if "2:4" in names:
        raise ScenarioError("kernels: 2:4 has one density; compare its kernel_cost with that of 'dense'")

    def cost(name: str, density: npt.ArrayLike) -> KernelCost:
        return kernel_cost(
            device,
            name,
            m=m,
            k=k,
            n=n,
            density=density,
            dtype=dtype,
            batch=batch,
            operand=operand,
            structure=structure,
            launch=launch,
            **options_for(name, {"imbalance": imbalance, "strided": strided}),
        )

    def of(priced: KernelCost) -> Array:
        return priced.energy_j if quantity == "energy" else priced.time_s

    dense = cost("dense", 1.0)

    def gain(density: Array, saved: float) -> Array:
        """Cost of the dense kernel, which zeros may lower, less that of the best sparse one."""
        sparse = np.min([of(cost(name, density)) for name in names], axis=0)
        return np.asarray(of(dense) * (1.0 - saved * (1.0 - density)) - sparse)

    found = highest(lambda density: gain(density, 0.0), dense.time_s.shape)
    saving = found if quantity == "time" else highest(lambda density: gain(density, ZEROS_SAVE), found.shape)
    at = [cost(name, np.maximum(found * 0.99, SMALLEST)) for name in names]
    best = np.argmin([of(each) for each in at], axis=0)
    wins = found > 0.0
    # Where even an empty A does not win, launches are all that is left of the sparse kernel's time, or they
    # are most of the dense one's, so that there is nothing to gain.
    launches = np.take_along_axis(np.array([each.limit_codes for each in at]), best[None], axis=0)[0] == 0
    why = np.where(
        launches | (dense.limit_codes == 0), "none: launch-bound", "none: dense is cheaper at any density"
    )
    sparse_calibrated = np.take_along_axis(np.array([each.calibrated for each in at]), best[None], axis=0)[0]
    return Breakeven(
        gpu=dense.gpu,
        dtype=dtype,
        quantity=quantity,
        density=found,
        density_if_zeros_save=saving,
        kernel=np.where(wins, np.array(names)[best], ""),
        reason=np.where(wins, "", why),
        calibrated=dense.calibrated & sparse_calibrated,
    )


def candidates(device: Gpu | Cpu, dtype: str, structure: str, operand: str) -> list[str]:
    """Sparse products that a device can run and that have constants for a data type."""
    if isinstance(device, Cpu):
        return [name for name in CPU_SPARSE if name in device.kernels]
    found = []
    for name in KERNELS:
        if name not in NOT_CHOSEN and why_illegal(name, device, structure, operand) is None:
            try:
                ready(fits(), device, name, dtype, structure)
            except DeviceError:
                continue
            found.append(name)
    return found
