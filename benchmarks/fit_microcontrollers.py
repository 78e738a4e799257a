"""Fit one shape of costs to microcontrollers that ran the networks of MLPerf Tiny, and leave some out.

``python benchmarks/fit_microcontrollers.py CSV [--traces FOLDER]``. With four networks a board, a board has
one figure of its own, its scale, and shares the relative costs of convolutions, depthwise convolutions,
matrices, bytes and kernels with all others. These are drawn towards `PRIOR`, as no network tells all of them
apart.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measured import Row, error_of, kernels_of, read_rows
from numpy.typing import NDArray
from scipy.optimize import nnls

Array = NDArray[np.float64]

CORTEX = re.compile(r"NUCLEO", re.IGNORECASE)
"""Names of boards with a Cortex-M; accelerators have a shape of their own."""

PRIOR = np.array([1.0, 3.0, 1.5, 3.0, 2000.0])
"""Costs beside one multiply-accumulate of a convolution: of one depthwise, of one of a matrix, of a byte of
activations, of a kernel."""

STRENGTH = 0.2
"""Weight of the prior beside the rows."""

ROUNDS = 60
FACTOR = 2.0
"""Half-width of the interval that is judged: prediction / factor to prediction x factor."""


def board_of(row: Row) -> str:
    """A board with one version of its software."""
    return f"{row.device} {row.source.split()[2]}"


def asked_of(row: Row, folder: Path | None) -> Array:
    """What the costs are multiplied by."""
    kernels = kernels_of(row, folder)
    conv, pointwise, depthwise, dense = kernels.macs.sum(axis=1)
    return np.array(
        [conv + pointwise, depthwise, dense, kernels.activation_bytes.sum(), kernels.launches.sum()]
    )


def fit(asked: Array, energies: Array, boards: Sequence[str]) -> tuple[Array, dict[str, float]]:
    """Relative costs, and the energy of one unit of them on each board; in turns."""
    names = np.array(boards)
    scale = {name: float(np.median((energies / asked[:, :3].sum(axis=1))[names == name])) for name in boards}
    weight = np.sqrt(STRENGTH * len(energies))
    costs = PRIOR
    for _ in range(ROUNDS):
        relative = asked * np.array([scale[name] for name in boards])[:, None] / energies[:, None]
        rows = np.vstack([relative * PRIOR, weight * np.eye(len(PRIOR))])
        costs = nnls(rows, np.append(np.ones(len(energies)), weight * np.ones(len(PRIOR))))[0] * PRIOR
        ratios = energies / (asked @ costs)
        scale = {name: float(np.exp(np.log(ratios[names == name]).mean())) for name in scale}
    return costs, scale


def main() -> None:
    """Print the costs, and the errors with a network and with a board left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--traces", type=Path, help="folder in which recordings are kept")
    given = parser.parse_args()
    rows = [row for row in read_rows(given.csv) if "Tiny" in row.source and CORTEX.match(row.device)]
    boards = [board_of(row) for row in rows]
    asked = np.array([asked_of(row, given.traces) for row in rows])
    energies = np.array([row.energy_j for row in rows])
    costs, scale = fit(asked, energies, boards)
    print("relative costs:", ", ".join(f"{cost:.3g}" for cost in costs))
    for name, value in scale.items():
        print(f"  {name:36} {value * 1e12:7.1f} pJ")
    for what, groups in (("network", [row.network for row in rows]), ("board", [row.device for row in rows])):
        predicted = np.zeros(len(rows))
        for left in sorted(set(groups)):
            out = np.array([group == left for group in groups])
            known = [name for name, is_out in zip(boards, out, strict=True) if not is_out]
            within, scales = fit(asked[~out], energies[~out], known)
            # Of a board that was left out only the mean of the others is known.
            mean = float(np.exp(np.mean(np.log(list(scales.values())))))
            own = np.array([scales.get(name, mean) for name in boards])
            predicted[out] = (own * (asked @ within))[out]
        inside = np.mean(np.abs(np.log(predicted / energies)) <= np.log(FACTOR))
        print(f"a {what:8} left out: {error_of(predicted, energies)}  within x/{FACTOR:g} {inside:.0%}")


if __name__ == "__main__":
    main()
