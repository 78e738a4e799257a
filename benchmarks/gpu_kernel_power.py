"""Fitting board power to measured kernels, given their measured times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from gpu_kernel_fits import Constants, Rows, folds, sample, starts, thinned
from gpu_kernel_rows import Cell

from energyprobe.costing.kernels.fitting import Loss, fit_log
from energyprobe.costing.kernels.gpu_fitting import POWER_PRIOR, POWER_START
from energyprobe.costing.kernels.parts import Array, Parts
from energyprobe.costing.kernels.power import board_of, board_power

LOSS: Loss = "cauchy"
"""A quarter of the H200's readings between 8 and 50 µs are about half of those of like shapes: a sensor that
samples part of the time. They are not to move the constants."""

KERNELS = ("dense", "spmv")
"""Kernels whose measured power the constants are fitted to."""


def power_cells(everything: Sequence[Cell]) -> dict[str, list[Cell]]:
    """Rows with measured power, by GPU."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in everything:
        rows = np.flatnonzero(np.isfinite(cell.power_w))
        if cell.kernel in KERNELS and len(rows) >= 100:
            found[cell.chip.fitted_as].append(sample(cell, rows))
    return dict(found)


def work(cell: Cell) -> Parts:
    """FLOPs and bytes of a cell's rows, which do not depend on the constants but for missed reads."""
    return cell.kind.model(cell.problem, cell.rates, starts(cell))


def power(cell: Cell, constants: Mapping[str, float], parts: Parts) -> Array:
    return board_power(parts, cell.time_s, cell.rates, board_of(cell.chip), constants)


def mean_power(cell: Cell) -> Array:
    """Geometric mean of the power stated and of the energy stated over the time, which need not agree."""
    energy_j = cell.frame["energy_uj"].to_numpy(np.float64) * 1e-6
    return np.sqrt(cell.power_w * energy_j / cell.time_s)


def fit_power(cells: Sequence[Cell]) -> tuple[Constants, dict[str, tuple[float, float]], Array]:
    """Constants of board power, their intervals, and the power that they predict for all rows."""
    picked = [thinned(cell, 2000) for cell in cells]
    parts = [work(cell) for cell in picked]

    def predict(constants: Mapping[str, float]) -> Array:
        return np.concatenate(
            [power(cell, constants, each) for cell, each in zip(picked, parts, strict=True)]
        )

    measured = np.concatenate([mean_power(cell) for cell in picked])
    constants, ends = fit_log(predict, measured, POWER_START, POWER_PRIOR, LOSS)
    predicted = np.concatenate([power(cell, constants, work(cell)) for cell in cells])
    return constants, ends, predicted


def held_out_power(cell: Cell) -> Array:
    """Predicted power of every row by a fit that has not seen its weights."""
    predicted = np.empty(len(cell))
    for train, test in folds(cell):
        constants, _, _ = fit_power([sample(cell, train)])
        tested = sample(cell, test)
        predicted[test] = power(tested, constants, work(tested))
    return predicted


def time_bins(cell: Cell) -> Iterator[tuple[str, Rows]]:
    """Rows by how long they take."""
    edges = (0.0, 4e-6, 8e-6, 16e-6, 50e-6, 200e-6, np.inf)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        rows = np.flatnonzero((cell.time_s >= low) & (cell.time_s < high))
        if len(rows):
            yield f"{low * 1e6:g}-{high * 1e6:g} µs", rows
