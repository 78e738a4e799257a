"""Hold the devices of the catalog against measured rows.

``python benchmarks/validate_devices.py CSV [--traces FOLDER]`` prints for every device of the file that the
catalog has, and every family of networks, the error of the predicted energy (exp(median |ln(p/m)|) - 1, bias,
MAPE, worst), how many measurements lie within the interval, and how wide it is. Networks are built from their
definitions and recorded. Rows that a device was fitted to are listed apart from those held out.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path

import networks
import numpy as np
import operating_points
from measured import Row, error_of, read_rows

import energyprobe as ep
from energyprobe.costing.lookup import device
from energyprobe.costing.table import TotalCost

DEVICES = {
    r"rpi4-tflite-v2\.7": "raspberry-pi-4",
    r"rpi4-armnn-v21\.11": "raspberry-pi-4-armnn",
    r"rpi4coral-fan\.on-tflite-v2\.4": "raspberry-pi-4-tflite-2.4",
    r"rpi4coral-fan\.on-armnn-v21\.02": "raspberry-pi-4-armnn-21.02",
    r"odroid.*(armnn|neon)": "odroid-n2",
    r"NUCLEO.L4R5": "cortex-m4",
    r"NUCLEO.H7A3": "cortex-m7",
    r"NUCLEO.U575": "cortex-m33",
    r"NUCLEO.U385": "cortex-m33-u385",
    r"gap9_650": "gap9",
    r"syntiant_9120_0v9": "ndp9120",
    r"2x Xeon Gold 5120": "xeon-gold-5120",
    r"CPU \(Xeon E5-2630": "xeon-e5-2630",
    r"GPU \(Quadro K4000": "quadro-k4000",
    r".*A100": "a100",
    r".*T4x": "t4",
    r".*A10x1": "a10",
    r"Orin": "jetson-agx-orin",
}
"""Patterns of device names in the file, and the device of the catalog that each is."""

FITTED = ("raspberry-pi-4",)
"""Beginnings of the devices that were fitted to the rows that are not held out."""

ONE_TYPE = {"odroid-n2": {"int8": "odroid-n2-int8"}}
"""Devices of one data type, and those that have another."""


def name_of(row: Row) -> str | None:
    """Device of the catalog that a row was measured on."""
    name = next((name for pattern, name in DEVICES.items() if re.match(pattern, row.device)), None)
    if name is None:
        return None
    name = ONE_TYPE.get(name, {}).get(row.dtype, name)
    try:
        device(name).check_dtype(row.dtype)
    except ep.ScenarioError:
        return None
    return name


def part_of(row: Row, name: str) -> str:
    """Whether a row was held out, fitted to, or is of another design than those fitted to."""
    if name.startswith("cortex-m"):
        return "fitted to"
    if not name.startswith(FITTED) or not networks.MOBILENET.fullmatch(row.model):
        return "not fitted to"
    return "held out" if row.held_out else "fitted to"


def predict(row: Row, name: str, folder: Path | None) -> TotalCost:
    """What the catalog says of a row."""
    trace = networks.record(row.network, folder)
    return device(name).cost(trace, ep.Scenario(dtype=row.dtype, batch_size=row.batch)).total()


def main() -> None:
    """Print one line for each device, family and part, and what all devices make together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--traces", type=Path, help="folder in which recordings are kept")
    given = parser.parse_args()
    groups: dict[tuple[str, str, str], list[tuple[Row, TotalCost]]] = defaultdict(list)
    unknown: dict[str, int] = defaultdict(int)
    for row in read_rows(given.csv):
        name = name_of(row)
        if name is None:
            unknown[row.device] += 1
            continue
        total = predict(row, name, given.traces)
        for family in (row.family, "all"):
            groups[name, part_of(row, name), family].append((row, total))
    for (name, part, family), pairs in sorted(groups.items()):
        print(f"{name:28} {part:14} {family:24} {summary(pairs)}")
    print("\nconsistency with the operating points that figures were taken from:")
    for point in operating_points.points():
        print(f"{point.chip:28} {point.what:42} error {point.error:+.1%}")
    print(
        "\nnot in the catalog: "
        + "; ".join(f"{name} ({rows} rows)" for name, rows in sorted(unknown.items()))
    )


def summary(pairs: list[tuple[Row, TotalCost]]) -> str:
    """Errors, share within the interval, and median of high over low."""
    measured = np.array([row.energy_j for row, _ in pairs])
    value, low, high = np.array([(cost.energy_j, cost.low_j, cost.high_j) for _, cost in pairs]).T
    inside = np.mean((low <= measured) & (measured <= high))
    return f"{error_of(value, measured)}  within {inside:4.0%}  high/low {np.median(high / low):.2f}"


if __name__ == "__main__":
    main()
