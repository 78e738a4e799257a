"""Kernels measured on a GPU as cells, and their constants: fitted, and held against layers not fitted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energyprobe.costing.figures import per_base_unit
from energyprobe.costing.kernels.fitting import fit_log
from energyprobe.costing.kernels.gpu import Gpu, rates
from energyprobe.costing.kernels.measured import check_positive
from energyprobe.costing.kernels.parts import Array, Parts, Problem, Value
from energyprobe.costing.kernels.power import board_of, board_power
from energyprobe.costing.kernels.table import KERNELS, block_options
from energyprobe.errors import DeviceError

if TYPE_CHECKING:
    import pandas as pd

NAMES = {
    "cublas_gemm": "dense",
    "cusparse_csr": "csr",
    "cusparse_csr_colmajorB": "csr-colmajor",
    "sputnik_csr": "sputnik",
    "cusparse_blocked_ell": "blocked-ell",
    "vectorsparse": "vector-sparse",
    "nm-spmm": "nm",
    "spmv_cuSPARSE_csr11": "spmv",
} | {name: name for name, kind in KERNELS.items() if kind.base is None}
"""Names of kernels in files of measurements, and the kernels that they are."""

FEWEST = 8
"""Rows that a kernel is fitted to at least."""

FOLDS = 3
SEED = 20250101

POWER_START = {"idle": 0.19, "static": 0.22, "dram": 0.9, "flop": 1.0, "l2": 0.36, "ramp": 2e-6}
"""Where fits of power start. The L2 share is 4.71 over 13.11 pJ/bit, as measured on an A100 (Antepara et al.
2025)."""

POWER_PRIOR = 1.0
"""Power depends on few of the constants at a time: what it leaves open stays near the start."""

Constants = dict[str, float]
Ends = dict[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class MeasuredKernel:
    """Rows of one kernel, data type and structure.

    Attributes
    ----------
    kernel, dtype, structure, launch : str
        What was measured, and how it was launched.
    problem : Problem
        The problems.
    time_s, power_w : ndarray, shape (rows,)
        Times; mean power of the board, NaN where it was not measured.
    layers : ndarray of str, shape (rows,)
        The weights that each row was measured on: rows that share them are never split.
    """

    kernel: str
    dtype: str
    structure: str
    launch: str
    problem: Problem
    time_s: Array
    power_w: Array
    layers: npt.NDArray[np.str_]

    def parts(self, gpu: Gpu, constants: Mapping[str, float], rows: npt.NDArray[np.intp] | slice) -> Parts:
        """What the model makes of some rows."""
        return KERNELS[self.kernel].model(self.problem.part(rows), rates(gpu, self.dtype), constants)

    @property
    def start(self) -> Constants:
        """Constants that fits start from, in base units."""
        constants = KERNELS[self.kernel].constants
        return {name: each.start / per_base_unit(each.unit) for name, each in constants.items()}


def measured_kernels(frame: pd.DataFrame) -> Iterator[MeasuredKernel]:
    """Take the rows of a file of measurements apart.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `energyprobe.costing.kernels.measured.read_kernels` reads it. ``pattern`` may hold ``launch``
        (``graph``, ``stream``, ``framework``), ``accesses`` and ``steps`` of elementwise kernels, and
        ``strided``. Left out are rows with ``l2=warm`` (models read weights from DRAM), ``held=1`` (kept
        for validation), and ``zeros`` in a dense operand.

    Yields
    ------
    MeasuredKernel
        Kernels with enough rows; those that the program has no model of are left out.

    Raises
    ------
    DeviceError
        If a number is impossible.
    """
    left_out = _said(frame).str.contains("l2=warm|held=1|zeros=0.[0-9]*[1-9]", regex=True)
    known = frame[frame["kernel"].isin(list(NAMES)) & ~left_out]
    said = _said(known)
    launch = said.str.extract(r"launch=(\w+)")[0].fillna("stream")
    for (kernel, dtype, structure, way), part in known.groupby(
        [known["kernel"].map(NAMES), "dtype", "structure", launch], sort=True
    ):
        if len(part) >= FEWEST:
            yield _measured(str(kernel), str(dtype), str(structure), str(way), part)


def fit_kernel(
    cell: MeasuredKernel, gpu: Gpu, rows: npt.NDArray[np.intp] | slice = slice(None)
) -> tuple[Constants, Ends]:
    """Constants of a kernel in base units, fitted on some of its rows, and their 90 % intervals."""
    return fit_log(
        lambda constants: cell.parts(gpu, constants, rows).seconds(), cell.time_s[rows], cell.start
    )


def held_out(cell: MeasuredKernel, gpu: Gpu) -> Array:
    """Times of every row, predicted by a fit that has not seen its layer, shape ``(rows,)``."""
    names = np.unique(cell.layers)
    folds = min(FOLDS, len(names))
    if folds < 2:
        return cell.parts(gpu, fit_kernel(cell, gpu)[0], slice(None)).seconds()
    fold_of = dict(zip(names, np.random.default_rng(SEED).permutation(len(names)) % folds, strict=True))
    fold = np.array([fold_of[name] for name in cell.layers])
    predicted = np.empty(len(fold))
    for each in range(folds):
        constants, _ = fit_kernel(cell, gpu, np.flatnonzero(fold != each))
        test = np.flatnonzero(fold == each)
        predicted[test] = cell.parts(gpu, constants, test).seconds()
    return predicted


def fit_power(cells: list[MeasuredKernel], gpu: Gpu) -> tuple[Constants, Ends, Array] | None:
    """Constants of board power, their intervals, and measured over predicted; None without measurements."""
    found = [(cell, np.flatnonzero(np.isfinite(cell.power_w))) for cell in cells]
    found = [(cell, rows) for cell, rows in found if len(rows)]
    if sum(len(rows) for _, rows in found) < FEWEST:
        return None
    parts = [cell.parts(gpu, cell.start, rows) for cell, rows in found]
    measured = np.concatenate([cell.power_w[rows] for cell, rows in found])

    def predict(constants: Mapping[str, float]) -> Array:
        return np.concatenate(
            [
                board_power(work, cell.time_s[rows], rates(gpu, cell.dtype), board_of(gpu), constants)
                for (cell, rows), work in zip(found, parts, strict=True)
            ]
        )

    constants, ends = fit_log(predict, measured, POWER_START, POWER_PRIOR)
    return constants, ends, measured / predict(constants)


def _measured(kernel: str, dtype: str, structure: str, launch: str, part: pd.DataFrame) -> MeasuredKernel:
    check_positive(part, ("m", "k", "n", "time_us"))
    m, k, n, time_us = (part[name].to_numpy(np.float64) for name in ("m", "k", "n", "time_us"))
    sparsity = part["sparsity"].to_numpy(np.float64)
    density = np.where(part["nnz"].isna(), 1.0 - sparsity, part["nnz"].to_numpy(np.float64) / (m * k))
    if not np.all(shares := (density >= 0.0) & (density <= 1.0)):
        raise DeviceError(f"sparsity: expected shares in [0, 1], got {sparsity[~shares][0]:g}")
    if kernel in ("dense", "elementwise"):
        density = np.ones_like(m)
    structure = structure if re.fullmatch(r"(block|vector)\d+x\d+", structure) else "unstructured"
    options: dict[str, Value] = {**block_options(structure), **_options(kernel, part)}
    return MeasuredKernel(
        kernel=kernel,
        dtype=dtype,
        structure="n:32" if kernel == "nm" else structure,
        launch=launch,
        problem=Problem(m, k, n, density, options),
        time_s=time_us * 1e-6,
        power_w=part["power_w"].to_numpy(np.float64),
        layers=(part["k"].astype(str) + "x" + part["n"].astype(str)).to_numpy(dtype=str),
    )


def _options(kernel: str, part: pd.DataFrame) -> dict[str, Value]:
    """Options that the pattern tells."""
    said = _said(part)
    found: dict[str, Value] = {}
    for name in KERNELS[kernel].options:
        column = said.str.extract(rf"{name}=([\d.eE+-]+)")[0]
        if column.notna().all():
            found[name] = column.to_numpy(np.float64)
    return found


def _said(frame: pd.DataFrame) -> pd.Series[str]:
    return frame["pattern"].astype("string").fillna("")
