"""Measured rows of a CSV file, with the networks that they were measured on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import networks
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from energyprobe.costing.execution import runs_at_once
from energyprobe.costing.kernel_work import KernelWork, kernel_work
from energyprobe.costing.work import work_of
from energyprobe.counting.table import count

JOULES = {"J": 1.0, "J/inf": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9}
ENERGIES = re.compile(r"energy_(system_per_sample|per_inf|dynamic_per_inf|per_sample)|cpu_energy_per_sample")
POWER_AND_RATE = re.compile(r"power ([\d.]+) W x 1/\(([\d.]+) samples/s\)")
RATE = re.compile(r"inf/s=([\d.]+)")
FLOAT_RESNET = re.compile(r"rpi4\S* resnet50")
"""Rows of which the file does not say the data type: their energy is that of the float32 rows beside them."""

MODES = {"offline": 64}
"""Batch that stands for a mode in which the system may choose it."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    source, device, model : str
        As the file has them.
    network, dtype : str
        What was measured.
    batch : int
        Samples in a batch.
    energy_j : float
        Of an inference.
    time_s : float or None
        Of an inference, where it was published.
    """

    source: str
    device: str
    model: str
    network: str
    dtype: str
    batch: int
    energy_j: float
    time_s: float | None

    @property
    def family(self) -> str:
        """Networks of one design: ``"mobilenet-v1"``, or the network itself."""
        match = networks.MOBILENET.fullmatch(self.model)
        return f"mobilenet-v{match[1]}" if match else self.network

    @property
    def held_out(self) -> bool:
        """Whether it belongs to the largest widths and resolutions, to which nothing is fitted."""
        match = networks.MOBILENET.fullmatch(self.model)
        if not match:
            return False
        width, size = float(match[2]), int(match[3])
        return size == 224 or (width >= 1 and size >= 192)


def read_rows(path: Path) -> list[Row]:
    """Read the energies of known networks, simulations and predictions left out; repeated rows once."""
    rows: dict[tuple[object, ...], Row] = {}
    for given in pd.read_csv(path, dtype={"batch": str}).to_dict("records"):
        known = networks.network_of(str(given["model"]))
        if known is None or given["kind"] not in ("measured", "derived"):
            continue
        if not ENERGIES.match(given["metric"]) or given["unit"] not in JOULES:
            continue
        row = Row(
            source=given["source"],
            device=given["device"],
            model=given["model"],
            network=known[0],
            dtype="float32" if FLOAT_RESNET.match(f"{given['device']} {known[0]}") else known[1],
            batch=_batch(str(given["batch"])),
            energy_j=given["value"] * JOULES[given["unit"]],
            time_s=_time_s(str(given["notes"])),
        )
        rows.setdefault((row.device, row.model, row.batch, row.energy_j), row)
    return list(rows.values())


def _batch(text: str) -> int:
    return int(text) if text.isdigit() else next((n for mode, n in MODES.items() if mode in text), 1)


def _time_s(notes: str) -> float | None:
    if match := POWER_AND_RATE.search(notes):
        return 1 / float(match[2])
    match = RATE.search(notes)
    return 1 / float(match[1]) if match else None


def kernels_of(row: Row, folder: Path | None) -> KernelWork:
    """What a row's network asks of a processor, for a batch of one."""
    work = work_of(count(networks.record(row.network, folder)))
    return kernel_work(work, 1, row.dtype, runs_at_once(work, "stepwise"))


@dataclass(frozen=True)
class Error:
    """How far predictions lie from measurements.

    Attributes
    ----------
    rows : int
        How many.
    median, bias, mape, worst : float
        exp(median |ln(p/m)|) - 1, exp(median ln(p/m)) - 1, mean |p/m - 1|, exp(max |ln(p/m)|) - 1.
    """

    rows: int
    median: float
    bias: float
    mape: float
    worst: float

    def __str__(self) -> str:
        return (
            f"{self.rows:4d} rows  median {self.median:6.1%}  bias {self.bias:+6.1%}  "
            f"MAPE {self.mape:6.1%}  worst {self.worst:6.1%}"
        )


def error_of(predicted: NDArray[np.float64], measured: NDArray[np.float64]) -> Error:
    """Errors of predictions, in the figures of the validation."""
    logs = np.log(predicted / measured)
    return Error(
        rows=len(logs),
        median=float(np.exp(np.median(np.abs(logs))) - 1),
        bias=float(np.exp(np.median(logs)) - 1),
        mape=float(np.mean(np.abs(predicted / measured - 1))),
        worst=float(np.exp(np.abs(logs).max()) - 1),
    )
