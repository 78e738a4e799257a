"""Fitted constants of kernels, and which of them stand in where a GPU has none of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from energyprobe.costing.kernels.fitted import FittedConstants
from energyprobe.costing.kernels.table import BY_BYTES, KERNELS
from energyprobe.errors import DeviceError, nearest

if TYPE_CHECKING:
    from energyprobe.costing.kernels.gpu import Gpu

Regime = Literal["graph", "stream", "framework"]

GENERIC = "generic"
"""Name of the fits that stand for all GPUs: medians over those measured."""

SAME_UNITS = {"fp16": "bf16", "bf16": "fp16"}
"""Data types that the same units multiply at the same rate: a fit of one holds for the other."""

POWER_UNITS = {"idle": "1", "static": "1", "dram": "1", "flop": "1", "l2": "1", "ramp": "us"}
"""Constants of a `PowerFit`, and their units."""

STAND_IN = {"int8": "bf16", "fp8": "bf16", "tf32": "bf16"}
"""Data types of tensor cores that no dense kernel was fitted for, and the one whose constants stand in, at
their own peak: uncalibrated."""

UNMEASURED = (0.5, 2.0)
"""Interval of a time that rests on an assumption: half to twice."""


class Fit(FittedConstants, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Constants of one kernel on one GPU for one data type.

    Attributes
    ----------
    gpu : str
        `Gpu.fitted_as` of the GPUs that it was fitted on, or ``"generic"``.
    kernel : str
        A key of `KERNELS`.
    dtype : str
        Data type; ``"any"`` where the constants do not depend on it.
    regime : str
        How the kernels were launched when they were timed.
    constants : dict of str to Figure
        The constants that the kernel needs.
    low_ratio, high_ratio : float
        5 and 95 % quantiles of measured over predicted time, on rows that the fit has not seen.
    structure : str
        Of A, where the constants depend on it.
    calibrated : bool
        Whether the constants were fitted on measured kernels of this kind.
    rows, shapes : int
        Measured rows, and different shapes among them.
    ranges : dict of str to tuple of float
        Smallest and largest ``m``, ``k``, ``n``, ``density`` among them.
    """

    gpu: str
    kernel: str
    dtype: str
    regime: Regime
    structure: str = "unstructured"
    calibrated: bool = True
    rows: int = 0
    shapes: int = 0
    ranges: dict[str, tuple[float, float]] = {}

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise DeviceError(f"kernel: no kernel {self.kernel!r}, {nearest(self.kernel, KERNELS)}")
        kind = KERNELS[self.kernel]
        needed = {**(KERNELS[kind.base].constants if kind.base else {}), **kind.constants}
        if set(self.constants) not in (set(needed), set(kind.constants)):
            raise DeviceError(f"constants: {self.kernel} needs {', '.join(needed)}")
        super().__post_init__()


class PowerFit(FittedConstants, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Constants of board power, as shares, so that one GPU's can stand for another's.

    Attributes
    ----------
    gpu : str
        As for `Fit`.
    constants : dict of str to Figure
        ``idle, static`` (shares of the power limit), ``dram, flop`` (power of full bandwidth and of full
        arithmetic as shares of the limit less the static power), ``l2`` (energy of an L2 byte over that of
        a DRAM byte), ``ramp`` (seconds of every kernel in which power stays idle).
    low_ratio, high_ratio : float
        5 and 95 % quantiles of measured over predicted power.
    calibrated : bool
        Whether it was fitted on measured power.
    rows : int
        Measured rows.
    """

    gpu: str
    calibrated: bool = True
    rows: int = 0

    def __post_init__(self) -> None:
        if set(self.constants) != set(POWER_UNITS):
            raise DeviceError(f"constants: power needs {', '.join(POWER_UNITS)}")
        super().__post_init__()


def find_power(fits: tuple[PowerFit, ...], gpu: Gpu) -> tuple[PowerFit, bool]:
    """Power constants of a GPU, or the generic ones, and whether they were fitted on it."""
    if gpu.power is not None:
        return gpu.power, gpu.power.calibrated
    by_gpu = {each.gpu: each for each in fits}
    fit = by_gpu.get(gpu.fitted_as, by_gpu[GENERIC])
    return fit, fit.calibrated and fit.gpu == gpu.fitted_as


def find_fit(
    fits: tuple[Fit, ...], gpu: Gpu, kernel: str, dtype: str, structure: str, launch: str = "stream"
) -> Fit:
    """The constants that price a kernel on a GPU.

    The GPU's own fit comes first, those of its file before the catalog's, then the generic one; each for the
    data type or one that the same units multiply, for any, for one that stands in (`STAND_IN`), and for
    another where bytes are all that differs (`BY_BYTES`). Among those, one that was timed as it is launched
    comes before one timed in a CUDA graph, to which any launch can be added, and that before others.

    Parameters
    ----------
    fits : tuple of Fit
        All fits.
    gpu : Gpu
        The GPU.
    kernel, dtype, structure, launch : str
        What is run, and how it is launched.

    Returns
    -------
    Fit
        The constants.

    Raises
    ------
    DeviceError
        If there are none for the data type or the structure.
    """
    mine = [each for each in (*gpu.fit, *fits) if each.kernel == kernel]
    if any(each.structure != "unstructured" for each in mine):
        mine = [each for each in mine if each.structure == structure]
    known = sorted({each.dtype for each in mine})
    for name in (gpu.fitted_as, GENERIC):
        for wanted in _dtypes(kernel, dtype, known):
            found = [each for each in mine if each.gpu == name and each.dtype in wanted]
            if found:
                return min(found, key=lambda each: _distance(each, gpu, dtype, launch))
    raise DeviceError(
        f"{kernel} has no constants for data type {dtype!r} and structure {structure!r}, "
        f"{nearest(dtype, known)}"
    )


def _distance(fit: Fit, gpu: Gpu, dtype: str, launch: str) -> tuple[bool, ...]:
    """How far a fit that may stand for others is from them, the gravest difference first."""
    return fit not in gpu.fit, fit.regime != launch, fit.regime != "graph", fit.dtype != dtype


def _dtypes(kernel: str, dtype: str, known: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """Data types whose constants hold for one, the nearest first; those that hold alike together."""
    yield dtype, SAME_UNITS.get(dtype)
    yield ("any",)
    if kernel == "dense" and dtype in STAND_IN:
        yield STAND_IN[dtype], SAME_UNITS[STAND_IN[dtype]]
    if kernel in BY_BYTES:
        yield tuple(known)


def ready(
    fits: tuple[Fit, ...], gpu: Gpu, kernel: str, dtype: str, structure: str, launch: str = "stream"
) -> tuple[Fit, bool]:
    """Constants of a kernel and of the one that it is based on, as one fit; and whether measured on the GPU.

    Parameters and errors as `find_fit`.

    Returns
    -------
    Fit
        All constants that the model needs.
    bool
        Whether all were fitted on this GPU, on measured kernels of this kind.
    """
    kind = KERNELS[kernel]
    last = find_fit(fits, gpu, kernel, dtype, structure, launch) if kind.constants else None
    if kind.base is None and last is not None:
        same = last.dtype in (dtype, SAME_UNITS.get(dtype))
        return last, last.calibrated and same and last.gpu == gpu.fitted_as
    first = find_fit(fits, gpu, kind.base or kernel, dtype, "unstructured", launch)
    low, high = (last.low_ratio, last.high_ratio) if last else UNMEASURED
    merged = msgspec.structs.replace(
        first,
        kernel=kernel,
        constants=first.constants | (last.constants if last else {}),
        low_ratio=first.low_ratio * low,
        high_ratio=first.high_ratio * high,
    )
    return merged, False
