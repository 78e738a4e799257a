"""`kernel_cost` on a CPU: times of its measured kernels, with intervals; energies are not modelled."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.cpu import CPU_KERNELS, Cpu, CpuFit, column
from energyprobe.costing.kernels.parts import Parts, Problem
from energyprobe.costing.kernels.problem import refuse_unused
from energyprobe.costing.kernels.result import KernelCost
from energyprobe.errors import DeviceError, ScenarioError

DTYPE = "fp32"


OF_GPUS = ("launch", "imbalance", "clustered", "strided", "weight_density", "pack")
"""Options of kernels on GPUs."""


def check(cpu: Cpu, kernel: str, structure: str, dtype: str, launch: str, options: Iterable[str]) -> None:
    """Refuse what only GPUs have, and what was not measured.

    Parameters
    ----------
    cpu : Cpu
        The device.
    kernel, structure, dtype, launch : str
        As for `energyprobe.kernel_cost`.
    options : iterable of str
        Options that were given.

    Raises
    ------
    DeviceError
        If there are no figures for the data type.
    ScenarioError
        If A has a structure, an option of GPUs or one that the kernel does not use was given, or the kernel
        is unknown or was not measured.
    """
    if dtype != DTYPE:
        raise DeviceError(f"{cpu.title} ({cpu.name}) was measured in {DTYPE} only, got dtype {dtype!r}")
    if structure != "unstructured":
        raise ScenarioError(
            f"{cpu.title} ({cpu.name}) was measured on unstructured sparsity only, got {structure!r}"
        )
    given = [*(["launch"] if launch != "stream" else []), *options]
    for name in OF_GPUS:
        if name in given:
            raise ScenarioError(
                f"{name} is an option of GPUs, and {cpu.title} ({cpu.name}) is a CPU: leave it out"
            )
    cpu.fitted(kernel)
    refuse_unused(kernel, given, CPU_KERNELS[kernel].options)


def price(cpu: Cpu, kernel: str, problem: Problem, shape: tuple[int, ...], converts: bool) -> KernelCost:
    """Price problems on a CPU.

    Parameters
    ----------
    cpu : Cpu
        The device.
    kernel : str
        Its kernel.
    problem : Problem
        Columns.
    shape : tuple of int
        Of the result.
    converts : bool
        Whether A is compressed before every product, where the kernel takes compressed rows.

    Returns
    -------
    KernelCost
        Energies are NaN: power was not measured.

    Raises
    ------
    ScenarioError
        If the kernel is unknown, or was not measured on the device.
    """
    names = ("compress", kernel) if kernel == "csr" and converts else (kernel,)
    fits = [cpu.fitted(name) for name in names]
    parts = [
        CPU_KERNELS[name].model(problem, cpu.core, fit.si) for name, fit in zip(names, fits, strict=True)
    ]
    times = [each.seconds() for each in parts]
    inside = [_inside(problem, fit) for fit in fits]
    ends = np.zeros((2, len(problem.m)))
    for time_s, fit, within in zip(times, fits, inside, strict=True):
        ends += time_s * fit.ratios(within)
    unknown = np.full(shape, np.nan)
    return KernelCost(
        device=cpu.name,
        kernel=kernel,
        dtype=DTYPE,
        time_s=np.sum(times, axis=0).reshape(shape),
        low_time_s=ends[0].reshape(shape),
        high_time_s=ends[1].reshape(shape),
        energy_j=unknown,
        low_j=unknown,
        high_j=unknown,
        limit_codes=_added(parts).limit().reshape(shape),
        calibrated=np.all(inside, axis=0).reshape(shape),
        power_calibrated=False,
        needs_custom_kernel=False,
        sources=cpu.cites,
    )


def _inside(problem: Problem, fit: CpuFit) -> npt.NDArray[np.bool_]:
    """Whether problems lie inside what was measured."""
    inside = np.ones(len(problem.m), dtype=bool)
    for name, (low, high) in fit.ranges.items():
        values = column(problem, name)
        inside &= (values >= low) & (values <= high)
    return inside


def _added(parts: list[Parts]) -> Parts:
    """Kernels one after the other, as one."""
    fields = ("launch", "compute", "memory", "gather", "output")
    return Parts(**{name: sum(getattr(each, name) for each in parts) for name in fields})
