"""Fit the times and energies of processors to measured rows, and test them on the largest networks.

``python benchmarks/fit_devices.py CSV --device PATTERN [--traces FOLDER]`` fits every device of the file
whose name matches, one after the other: times to the published times, energies to the published energies,
with non-negative least squares of relative errors. Networks of the largest widths and resolutions are held
out. The interval comes from the others: those of one resolution at a time, predicted by a fit to the rest.
It prints the figures as they stand in the catalog, the errors, and how many held-out networks the interval
holds. The last line is the error of one energy for each multiply-accumulate, as in ``catalog/models.toml``.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measured import Row, error_of, kernels_of, read_rows
from numpy.typing import NDArray
from scipy.optimize import nnls

from energyprobe.costing.kernel_work import KernelWork
from energyprobe.costing.processor_figures import KINDS

TIMES = ("conv_s", "depthwise_s", "dense_s", "weights_s", "activations_s", "call_s", "run_s")
"""Fitted times of a data type, in the order of `times_of`. Convolutions of kernel 1 stand with the others:
the only larger kernel of a MobileNet is its first, on three channels, and would stand for all."""

FLOOR_S = 1e-11
"""Least time of a multiply-accumulate: 4 cores at 1.5 GHz with 16 lanes each."""

Array = NDArray[np.float64]
Kernels = dict[tuple[str, str], KernelWork]
"""By network and data type."""


@dataclass(frozen=True)
class Fit:
    """Fitted figures of one device in SI units.

    Attributes
    ----------
    times : dict of str to dict of str to float
        By data type and name.
    macs : dict of str to float
        Energy of a multiply-accumulate, by data type.
    memory, static_w : float
        Energy of a byte, and power while it runs.
    """

    times: dict[str, dict[str, float]]
    macs: dict[str, float]
    memory: float
    static_w: float

    def predict(self, row: Row, kernels: KernelWork) -> tuple[float, float]:
        """Time and energy of an inference."""
        time_s = float(times_of(kernels) @ np.array([self.times[row.dtype][name] for name in TIMES]))
        arithmetic_j = kernels.macs.sum() * self.macs[row.dtype]
        return time_s, float(time_s * self.static_w + arithmetic_j + bytes_of(kernels) * self.memory)


def energies(model: Fit, rows: Sequence[Row], kernels: Kernels) -> Array:
    """Predicted and measured energies ``(2, rows)``."""
    predicted = [model.predict(row, kernels[row.network, row.dtype])[1] for row in rows]
    return np.array([predicted, [row.energy_j for row in rows]])


def times_of(kernels: KernelWork) -> Array:
    """What the times of a data type are multiplied by."""
    moved = kernels.weight_bytes.sum(), kernels.activation_bytes.sum(), kernels.launches.sum()
    by_kind = dict(zip(KINDS, kernels.macs.sum(axis=1).tolist(), strict=True))
    convolutions = by_kind["conv_s"] + by_kind["pointwise_s"]
    return np.array([convolutions, by_kind["depthwise_s"], by_kind["dense_s"], *moved, 1.0])


def bytes_of(kernels: KernelWork) -> float:
    """Bytes moved in an inference."""
    return float((kernels.weight_bytes + kernels.activation_bytes).sum())


def fit(rows: Sequence[Row], kernels: Kernels) -> Fit:
    """Fit one device to rows that have times."""
    dtypes = sorted({row.dtype for row in rows})
    times = {}
    for dtype in dtypes:
        own = [row for row in rows if row.dtype == dtype]
        asked = np.array([times_of(kernels[row.network, dtype]) for row in own])
        least = np.array([FLOOR_S if name in KINDS else 0.0 for name in TIMES])
        solved = least + relative_nnls(asked, np.array([row.time_s for row in own]), least)
        times[dtype] = dict(zip(TIMES, solved.tolist(), strict=True))
    powers = []
    for row in rows:
        work = kernels[row.network, row.dtype]
        time_s = times_of(work) @ np.array([times[row.dtype][name] for name in TIMES])
        macs = [work.macs.sum() if row.dtype == dtype else 0.0 for dtype in dtypes]
        powers.append([time_s, bytes_of(work), *macs])
    static_w, memory, *macs = relative_nnls(
        np.array(powers), np.array([row.energy_j for row in rows])
    ).tolist()
    return Fit(times=times, macs=dict(zip(dtypes, macs, strict=True)), memory=memory, static_w=static_w)


def relative_nnls(columns: Array, values: Array, least: Array | None = None) -> Array:
    """Non-negative least squares of relative errors, of what exceeds the least; columns are scaled."""
    relative = columns / values[:, None]
    scale = np.where(relative.max(axis=0) > 0, relative.max(axis=0), 1.0)
    known = 0.0 if least is None else relative @ least
    solved, _ = nnls(relative / scale, 1 - known * np.ones(len(values)))
    return np.asarray(solved / scale, dtype=np.float64)


def interval_factor(rows: Sequence[Row], kernels: Kernels) -> float:
    """Factor within which 90 % of the energies lie, of networks whose resolution was not fitted to."""
    sizes = np.array([row.model.split("-")[3] for row in rows])
    logs: list[float] = []
    for size in np.unique(sizes):
        model = fit([row for row, own in zip(rows, sizes, strict=True) if own != size], kernels)
        left = [row for row, own in zip(rows, sizes, strict=True) if own == size]
        predicted, measured = energies(model, left, kernels)
        logs += np.log(predicted / measured).tolist()
    return float(np.exp(np.quantile(np.abs(logs), 0.9)))


def constant_factor(rows: Sequence[Row], kernels: Kernels) -> float:
    """Factor within which 90 % of the energies lie of one energy for each MAC, set on the other family."""
    each = [(row, row.energy_j / kernels[row.network, row.dtype].macs.sum()) for row in rows]
    logs: list[float] = []
    for row, energy in each:
        others = [
            joules
            for other, joules in each
            if (other.device, other.dtype) == (row.device, row.dtype) and other.family != row.family
        ]
        logs.append(math.log(energy / np.exp(np.median(np.log(others)))))
    return float(np.exp(np.quantile(np.abs(logs), 0.9)))


def tell_figures(device: str, fitted: Fit) -> None:
    """Print what was fitted."""
    print(f"\n{device}\n  static {fitted.static_w:.4g} W, memory {fitted.memory * 1e12:.4g} pJ/byte")
    for dtype, times in fitted.times.items():
        figures = ", ".join(f"{name} {value:.4g}" for name, value in times.items())
        print(f"  {dtype}: macs {fitted.macs[dtype] * 1e12:.4g} pJ, {figures}")


def tell_errors(fitted: Fit, train: Sequence[Row], held: Sequence[Row], kernels: Kernels) -> None:
    """Print how many held-out networks the interval holds, and the errors of each family."""
    factor = interval_factor(train, kernels)
    predicted, measured = energies(fitted, held, kernels)
    inside = np.mean(np.abs(np.log(predicted / measured)) <= math.log(factor))
    print(f"  interval x/{factor:.4f} from the fitted resolutions holds {inside:.0%} of {len(held)} held out")
    for family in sorted({row.family for row in held}):
        own = [row for row in held if row.family == family]
        within = fit([row for row in train if row.family == family], kernels)
        for name, model in (("within the family", within), ("pooled", fitted)):
            print(f"  {family} {name:18} {error_of(*energies(model, own, kernels))}")


def main() -> None:
    """Fit, and print figures and errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--device", default="rpi4", help="pattern of device names; all rows must have times")
    parser.add_argument("--traces", type=Path, help="folder in which recordings are kept")
    given = parser.parse_args()
    rows = [
        row
        for row in read_rows(given.csv)
        if re.search(given.device, row.device) and row.time_s and row.family.startswith("mobilenet")
    ]
    kernels = {(row.network, row.dtype): kernels_of(row, given.traces) for row in rows}
    pooled = []
    for device in sorted({row.device for row in rows}):
        own = [row for row in rows if row.device == device]
        train, held = ([row for row in own if row.held_out == out] for out in (False, True))
        fitted = fit(train, kernels)
        tell_figures(device, fitted)
        tell_errors(fitted, train, held, kernels)
        pooled.append(energies(fitted, held, kernels))
    print(f"\nall, held out            {error_of(*np.hstack(pooled))}")
    factor = constant_factor(rows, kernels)
    print(f"one energy for each MAC  {len(rows)} rows, 90 % within x/{factor:.3f}")


if __name__ == "__main__":
    main()
