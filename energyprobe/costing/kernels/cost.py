"""`kernel_cost`: time and energy of one kernel on a GPU or CPU, over columns of problems."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

from energyprobe.costing.kernels import cpu_pricing, gpu_pricing
from energyprobe.costing.kernels.cpu import Cpu
from energyprobe.costing.kernels.parts import Value
from energyprobe.costing.kernels.problem import at_least, make_problem, share
from energyprobe.costing.kernels.result import KernelCost
from energyprobe.costing.kernels.table import block_options, check_operand, kernel_type
from energyprobe.costing.lookup import AnyDevice, kernel_device
from energyprobe.costing.scenario import Launch
from energyprobe.errors import ScenarioError

Operand = Literal["activations", "weights"]


def kernel_cost(
    device: AnyDevice,
    kernel: str,
    *,
    m: npt.ArrayLike,
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    density: npt.ArrayLike | None = None,
    dtype: str = "fp32",
    batch: npt.ArrayLike = 1,
    operand: Operand = "activations",
    structure: str = "unstructured",
    launch: Launch = "stream",
    imbalance: float | None = None,
    clustered: bool | None = None,
    strided: bool | None = None,
    weight_density: float | None = None,
    pack: bool | None = None,
    steps: float | None = None,
    accesses: float | None = None,
) -> KernelCost:
    """Price C[m×n] = A[m×k]·B[k×n] on a GPU or CPU, with A the sparse operand.

    Sparse activations: A holds the activations, m = positions, k = inputs × taps, n = units, and `batch`
    multiplies m. Sparse weights: A holds the weights, m = units, n = positions, and `batch` multiplies n.
    Activations change at every step, so that their conversion to compressed rows is part of the price of
    ``csr``, ``csr-colmajor``, ``sputnik`` and ``spmv``; weights are converted once.

    Parameters
    ----------
    device : str, os.PathLike or Device
        A GPU, or a CPU whose kernels were measured: its name, such as ``"a100"``, the path of a device
        file, or the device.
    kernel : str
        On a CPU ``dense``, ``csr``, ``gather``, ``compress`` (making compressed rows), ``elementwise``.
        On a GPU ``dense``; ``csr`` (cuSPARSE), ``csr-colmajor`` (the same with column-major B), ``sputnik``;
        ``gather`` (event-driven); ``conv-scatter``, ``conv-gather``; ``tile-skip``, ``column-skip``;
        ``blocked-ell``, ``vector-sparse``, ``nm``, ``2:4``; ``spmv``; ``elementwise``.
    m, k, n : array-like
        Sizes, at least 1; they, `density` and `batch` are broadcast.
    density : array-like
        Share of A's elements that are not zero, in [0, 1]; may be left out of ``dense`` and
        ``elementwise`` only, whose time it does not change.
    dtype : str
        ``"fp32"``, ``"fp16"``, …: of the operands.
    batch : array-like
        Samples that run together.
    operand : {"activations", "weights"}
        What A is.
    structure : str
        Where A's non-zeros lie: ``"unstructured"``, ``"block8x8"``, ``"vector8x1"``, ``"n:32"``, ``"2:4"``.
        Activations are unstructured.
    launch : {"graph", "stream", "framework"}
        How kernels are launched: a CUDA graph, a stream, a framework's loop over operations.
    imbalance : float, optional
        Of kernels that walk rows of A (``csr``, ``csr-colmajor``, ``sputnik``, ``spmv``, ``blocked-ell``,
        ``vector-sparse``): longest row over the mean row, at least 1 (by default).
    clustered : bool, optional
        Of ``csr``: whether rows that follow each other have their non-zeros in like columns, as in graphs, so
        that they read the same part of B. By default columns are random.
    strided : bool, optional
        Of ``gather``, ``conv-scatter`` and ``conv-gather``: whether what a spike reads lies apart in memory:
        weights stored (out, in), or channels first. By default it does not.
    weight_density : float, optional
        Of ``gather``: share of B that is not zero, where weights are stored as lists; by default 1, a matrix.
    pack : bool, optional
        Of ``2:4``: whether A is brought into its form before every product, as for weights in training.
    steps, accesses : float, optional
        Of ``elementwise``: kernels (one per timestep, by default 1), and reads and writes per element in each
        (by default 2, on a CPU 4: a neuron).

    Returns
    -------
    KernelCost
        Columns of the broadcast shape. On a CPU energies are NaN: its power was not measured.

    Raises
    ------
    UnknownDeviceError
        If there is no such device.
    DeviceError
        If kernels are not priced on the device, it cannot run this one, or there are no figures for the
        data type.
    ScenarioError
        If a size, density, structure, operand or option is impossible, or the kernel does not use it, or a
        CPU is given an option of GPUs.
    """
    runs_on = kernel_device(device)
    asked = {
        "imbalance": imbalance,
        "clustered": clustered,
        "strided": strided,
        "weight_density": weight_density,
        "pack": pack,
        "steps": steps,
        "accesses": accesses,
    }
    given = {name: _checked(name, value) for name, value in asked.items() if value is not None}
    check_operand(operand, structure)
    if isinstance(runs_on, Cpu):
        cpu_pricing.check(runs_on, kernel, structure, dtype, launch, given)
    else:
        gpu_pricing.check(runs_on, kernel, structure, operand, launch, given)
    if density is None and kernel not in ANY_DENSITY:
        raise ScenarioError(f"{kernel} needs a density: the share of A that is not zero")
    problem, shape = make_problem(
        {"m": m, "k": k, "n": n},
        1.0 if density is None else density,
        batch,
        "m" if operand == "activations" else "n",
        {**block_options(structure), **given},
    )
    if isinstance(runs_on, Cpu):
        return cpu_pricing.price(runs_on, kernel, problem, shape, converts=operand == "activations")
    way = gpu_pricing.pricer(
        runs_on, kernel, dtype=dtype, operand=operand, structure=structure, launch=launch
    )
    return way.cost(problem, shape)


def options_for(kernel: str, options: dict[str, Any]) -> dict[str, Any]:
    """Those of some options that a kernel uses."""
    return {name: value for name, value in options.items() if name in kernel_type(kernel).options}


ANY_DENSITY = ("dense", "elementwise")
"""Kernels to which zeros change nothing."""

LEAST = {"imbalance": 1.0, "steps": 1.0, "accesses": 0.0}
"""Options, and what they are at least."""


def _checked(name: str, value: Any) -> Value:
    if name in LEAST:
        return at_least(name, value, LEAST[name])
    return float(share(name, value)) if name == "weight_density" else float(bool(value))
