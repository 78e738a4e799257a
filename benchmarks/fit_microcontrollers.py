"""Fit one shape of costs to microcontrollers that ran the networks of MLPerf Tiny, and leave some out.

``python benchmarks/fit_microcontrollers.py CSV [--traces FOLDER]``. With four networks a board, a board has
one figure of its own, its scale, and shares the relative costs of convolutions, depthwise convolutions,
matrices, bytes and kernels with all others. These are drawn towards `PRIOR`, as no network tells all of them
apart. The scale of a board that was never measured follows from its data sheet (`CYCLES`): all boards are
taken to need as many clock cycles.
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

LDO_A_PER_HZ = 100e-12
"""Current of an STM32L4R5 that runs from its linear regulator, whatever the supply: 100 uA/MHz."""

CYCLES = {
    # X-CUBE-AI as submitted by Krai: 3.0 V.
    r"X-CUBE-AI": 3.0 * LDO_A_PER_HZ,
    # Skymizer states no voltage: between the 1.8 V and 3.0 V of the others.
    r"mbed|zephyr": np.sqrt(1.8 * 3.0) * LDO_A_PER_HZ,
    # An external converter at 3 V in place of the regulator: the data sheets of its family state 28 uA/MHz at
    # 3.3 V with one for 79 uA/MHz without, and 37 for 91: as much as 1.25 V at the core.
    r"L4R5ZI-P": 1.25 * LDO_A_PER_HZ,
    # 10 uA/MHz at 3.3 V, with a converter inside, so that the power is about the same at 1.8 V.
    r"U385": 3.3 * 10e-12,
    # STMicroelectronics: 1.8 V.
    r"L4R5ZI": 1.8 * LDO_A_PER_HZ,
}
"""Joules of a clock cycle: current of the data sheet times the supply that a submission states."""

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


def cycle_j(board: str) -> float:
    """Energy of a clock cycle of a board, without any measurement of a network."""
    return next(joules for pattern, joules in CYCLES.items() if re.search(pattern, board))


def unmeasured(scales: dict[str, float], board: str) -> float:
    """Scale of a board that was left out: its cycles cost what its data sheet says, as many as elsewhere."""
    cycles = [np.log(scale / cycle_j(name)) for name, scale in scales.items()]
    return float(cycle_j(board) * np.exp(np.mean(cycles)))


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
            own = np.array([scales.get(name) or unmeasured(scales, name) for name in boards])
            predicted[out] = (own * (asked @ within))[out]
            print(f"  {left:32} {error_of(predicted[out], energies[out])}")
        distance = np.abs(np.log(predicted / energies))
        inside = np.mean(distance <= np.log(FACTOR))
        print(
            f"a {what:8} left out: {error_of(predicted, energies)}  within x/{FACTOR:g} {inside:.0%}, "
            f"90 % within x/{np.exp(np.quantile(distance, 0.9)):.2f}"
        )


if __name__ == "__main__":
    main()
