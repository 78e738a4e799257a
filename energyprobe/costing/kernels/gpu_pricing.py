"""`kernel_cost` on a GPU: times and energies of columns of problems, in chunks that fit the cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.conversion import with_conversion
from energyprobe.costing.kernels.fits import Fit, PowerFit, find_power, ready
from energyprobe.costing.kernels.gpu import Gpu, rates
from energyprobe.costing.kernels.loading import fits, power_fits
from energyprobe.costing.kernels.parts import Array, Problem
from energyprobe.costing.kernels.power import board_of, board_power, stretched
from energyprobe.costing.kernels.problem import first, refuse_unused
from energyprobe.costing.kernels.rates import Rates
from energyprobe.costing.kernels.result import KernelCost
from energyprobe.costing.kernels.table import CONVERTED, KERNELS, check_legal
from energyprobe.errors import ScenarioError, nearest

CHUNK = 16384
"""Problems worked out at a time, so that intermediate columns stay in the processor's cache."""

SHORTEST_LAUNCH_S = 5e-7
"""What is left of a kernel's fixed time where it is launched in a cheaper way than when it was timed."""

ZEROS_SAVE = 0.4
"""Largest share of energy that a dense kernel was seen to save on zeros (arXiv:2409.18324: almost 40 %)."""

LAUNCHES = {"launch", "pack"}
"""Constants that hold a launch: of fitted kernels all of their fixed time, of event kernels one launch."""


@dataclass(frozen=True)
class Pricer:
    """One kernel on one GPU.

    Attributes
    ----------
    gpu : Gpu
        The GPU.
    dtype : str
        The data type.
    rates : Rates
        Its rates for it.
    fit, power : Fit, PowerFit
        Constants.
    measured, power_measured : bool
        Whether the times, and the power, were fitted on this GPU.
    launch_s : ndarray, shape (3,)
        What a launch takes, less what one took when the kernel was timed: value, low, high.
    conversion_s : float or None
        What a launch takes, where A is converted before every product.
    """

    gpu: Gpu
    dtype: str
    rates: Rates
    fit: Fit
    power: PowerFit
    measured: bool
    power_measured: bool
    launch_s: Array
    conversion_s: float | None

    def cost(self, problem: Problem, shape: tuple[int, ...]) -> KernelCost:
        """Price problems, which are checked here as far as a kernel limits them, as columns of a shape."""
        kernel = self.fit.kernel
        if kernel == "2:4" and (wrong := first(problem.density, problem.density > 0.5)):
            raise ScenarioError(f"2:4 keeps half at the most: density must be at most 0.5, got {wrong}")
        return KernelCost(
            device=self.gpu.name,
            kernel=kernel,
            dtype=self.dtype,
            **{name: column.reshape(shape) for name, column in self.price(problem).items()},
            power_calibrated=self.power_measured,
            needs_custom_kernel=KERNELS[kernel].library is None,
            sources=self.cites,
        )

    def price(self, problem: Problem) -> dict[str, npt.NDArray[Any]]:
        """Columns of a `KernelCost`, by name."""
        size = len(problem.m)
        chunks = [slice(start, start + CHUNK) for start in range(0, max(size, 1), CHUNK)]
        parts = [problem.part(chunk) for chunk in chunks]
        workers = min(len(parts), os.cpu_count() or 1)
        if workers == 1:
            priced = [self._chunk(part) for part in parts]
        else:
            with ThreadPoolExecutor(workers) as pool:
                priced = list(pool.map(self._chunk, parts))
        return {name: np.concatenate([each[name] for each in priced]) for name in priced[0]}

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of the measurements and publications behind its constants."""
        figures = (*self.fit.constants.values(), *self.power.constants.values())
        return tuple(sorted({figure.source for figure in figures}))

    def _chunk(self, problem: Problem) -> dict[str, npt.NDArray[Any]]:
        kind = KERNELS[self.fit.kernel]
        constants = self._constants()
        parts = kind.model(problem, self.rates, constants)
        if self.conversion_s is not None:
            parts = with_conversion(parts, problem, self.rates, self.conversion_s)
        board = board_of(self.gpu)
        seconds = parts.seconds()
        if not self.measured:
            seconds = stretched(parts, seconds, self.rates, board, self.power.si)
        energy = seconds * board_power(parts, seconds, self.rates, board, self.power.si)
        inside = self._inside(problem)
        low, high = self.fit.ratios(inside)
        if self.launch_s[0] > 0:
            # The model errs in the kernel's own time; what its launches add is as uncertain as launches are.
            # It takes no time off the kernel, where it may be quicker than the one that was timed.
            added_s = np.maximum(self.launch_s, 0.0)
            share = np.outer(added_s / constants["launch"], parts.launch / seconds)
            low, high = (1.0 - share[0]) * low + share[1], (1.0 - share[0]) * high + share[2]
        power_low, power_high = np.log(self.power.low_ratio), np.log(self.power.high_ratio)
        low_j = energy * np.exp(-np.hypot(np.log(low), power_low))
        if self.fit.kernel == "dense":
            low_j = low_j * (1.0 - ZEROS_SAVE * (1.0 - problem.density))
        return {
            "time_s": seconds,
            "low_time_s": seconds * low,
            "high_time_s": seconds * high,
            "energy_j": energy,
            "low_j": low_j,
            "high_j": energy * np.exp(np.hypot(np.log(high), power_high)),
            "limit_codes": parts.limit(),
            "calibrated": inside & self.measured & (self.conversion_s is None),
        }

    def _constants(self) -> dict[str, float]:
        """The fit's constants, launched as asked for."""
        constants, added_s = dict(self.fit.si), float(self.launch_s[0])
        for name in LAUNCHES & constants.keys() if added_s else ():
            constants[name] = max(constants[name] + added_s, SHORTEST_LAUNCH_S)
        return constants

    def _inside(self, problem: Problem) -> npt.NDArray[np.bool_]:
        """Whether problems lie inside the ranges that were measured; densities matter to sparse kernels."""
        inside = np.ones(len(problem.m), dtype=bool)
        for name, (low, high) in self.fit.ranges.items():
            if name == "density" and self.fit.kernel in ("dense", "elementwise"):
                continue
            column = getattr(problem, name)
            inside &= (column >= low) & (column <= high)
        return inside


def check(gpu: Gpu, kernel: str, structure: str, operand: str, launch: str, options: Iterable[str]) -> None:
    """Refuse what a GPU or a kernel cannot do.

    Parameters
    ----------
    gpu : Gpu
        The GPU.
    kernel, structure, operand, launch : str
        As for `energyprobe.kernel_cost`.
    options : iterable of str
        Options that were given.

    Raises
    ------
    DeviceError
        If the GPU cannot run the kernel.
    ScenarioError
        If there is no such kernel or way of launching, or the kernel cannot use the structure or an option.
    """
    check_legal(kernel, gpu, structure, operand)
    if launch not in gpu.constants.launches:
        raise ScenarioError(f"no way of launching {launch!r}, {nearest(launch, gpu.constants.launches)}")
    refuse_unused(kernel, options, KERNELS[kernel].options)


def pricer(
    gpu: Gpu, kernel: str, *, dtype: str, operand: str, structure: str = "unstructured", launch: str
) -> Pricer:
    """Find the constants of a kernel on a GPU.

    Parameters
    ----------
    gpu : Gpu
        The GPU.
    kernel, dtype, operand, structure, launch : str
        As for `energyprobe.kernel_cost`.

    Returns
    -------
    Pricer
        To price columns of problems with.

    Raises
    ------
    DeviceError
        If there are no figures for the data type.
    """
    fit, measured = ready(fits(), gpu, kernel, dtype, structure, launch)
    power, power_measured = find_power(power_fits(), gpu)
    asked, timed = gpu.constants.launches[launch], gpu.constants.launches[fit.regime]
    converted = kernel in CONVERTED and operand == "activations"
    return Pricer(
        gpu=gpu,
        dtype=dtype,
        rates=rates(gpu, dtype),
        fit=fit,
        power=power,
        measured=measured,
        power_measured=power_measured,
        launch_s=np.array([asked.value_si, asked.low_si, asked.high_si]) - timed.value_si,
        conversion_s=asked.value_si if converted else None,
    )
