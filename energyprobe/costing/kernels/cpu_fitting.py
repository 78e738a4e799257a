"""Constants of a CPU's kernels from measured rows: fitted, and held out by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.core import Core, bandwidths
from energyprobe.costing.kernels.cpu import CPU_KERNELS, facts_of, make_core
from energyprobe.costing.kernels.cpu_models import ALL_ROWS
from energyprobe.costing.kernels.fitting import fit_log
from energyprobe.costing.kernels.measured import check_positive, year_of
from energyprobe.costing.kernels.parts import Array, Problem
from energyprobe.errors import DeviceError, nearest

if TYPE_CHECKING:
    import pandas as pd

BANDWIDTHS = (1e11, 6e10, 4e10, 2e10)
"""Bytes per second that fits start from: three caches and the memory."""

LAST_SHARE = 0.3
"""Share of the last cache that fits start from."""

HEAD = ("processor", "clock_ghz", "vector_bytes", "cache_kib", "threads", "date")
"""Lines that the head of a file must have."""

LIBRARIES = {"numpy": "NumPy and SciPy", "tensorflow": "TensorFlow"}
"""Libraries whose kernels are measured, and their names for people."""

SPIKING_ACCESSES = 4.0
"""Of a measured neuron: input and voltage in, voltage and spike out."""

FOLDS, SEED = 4, 20250101

Ends = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Processor:
    """What the head of a file says of the processor; see `energyprobe.costing.kernels.cpu.CpuFigures`.

    ``described`` holds what else it says: versions, and the model of the processor.
    """

    name: str
    described: str
    year: int
    clock_hz: float
    vector_bytes: float
    threads: float
    caches: tuple[float, ...]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Processor:
        """Read it from the head of a file.

        Raises
        ------
        DeviceError
            If a line is missing or wrong.
        """
        for name in HEAD:
            if name not in facts:
                raise DeviceError(f"no line '# {name} = …' at the head of the file")
        caches = facts["cache_kib"]
        if not isinstance(caches, list) or not 1 <= len(caches) <= 3:
            raise DeviceError(f"cache_kib: expected a list of one to three sizes, got {caches!r}")
        others = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in HEAD)
        return cls(
            name=str(facts["processor"]),
            described=f" ({others})" if others else "",
            year=year_of(facts),
            clock_hz=_number("clock_ghz", facts["clock_ghz"]) * 1e9,
            vector_bytes=_number("vector_bytes", facts["vector_bytes"]),
            threads=_number("threads", facts["threads"]),
            caches=tuple(_number("cache_kib", size) * 1024.0 for size in caches),
        )

    def core(self, last_share: float) -> Core:
        """Its rates, where so much of the last cache is left to the process."""
        return make_core(self.clock_hz, self.vector_bytes, self.threads, self.caches, last_share)


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or not value > 0:
        raise DeviceError(f"{name}: expected a number above 0, got {value!r}")
    return float(value)


@dataclass(frozen=True, eq=False)
class Cell:
    """Measured rows of one kernel.

    ``layer`` names the weights of each row, inputs × units: rows that share them are never split.
    """

    kernel: str
    problem: Problem
    time_s: Array
    layer: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.time_s)

    def part(self, rows: npt.NDArray[np.bool_]) -> Cell:
        """Some of its rows."""
        return Cell(self.kernel, self.problem.part(np.flatnonzero(rows)), self.time_s[rows], self.layer[rows])

    def seconds(self, core: Core, constants: Mapping[str, float]) -> Array:
        """Predicted times."""
        return CPU_KERNELS[self.kernel].model(self.problem, core, constants).seconds()


@dataclass(frozen=True, eq=False)
class Fitted:
    """Constants of all kernels in base units, their 90 % intervals, and the share of the last cache."""

    library: str
    last_share: float
    share_ends: tuple[float, float]
    constants: dict[str, dict[str, float]]
    ends: dict[str, Ends]


def cells_of(frame: pd.DataFrame, library: str) -> dict[str, Cell]:
    """Measured rows of a library by kernel.

    Raises
    ------
    DeviceError
        If there is no such library, or no rows of it, or none of the dense or the elementwise kernel.
    """
    if library not in LIBRARIES:
        raise DeviceError(f"no library {library!r}, {nearest(library, LIBRARIES)}")
    rows = frame[(frame["source"] == library) & (frame["dtype"] == "fp32")]
    there = [name for name in CPU_KERNELS if (rows["kernel"] == name).any()]
    found = {name: _cell(name, rows[rows["kernel"] == name]) for name in there}
    for name in ("dense", "elementwise"):
        if name not in found:
            raise DeviceError(
                f"no rows of kernel {name} in fp32 by {library!r}; there are "
                f"{', '.join(sorted(set(frame['source'].astype(str))))}"
            )
    return found


def _cell(kernel: str, rows: pd.DataFrame) -> Cell:
    check_positive(rows, ("m", "k", "n", "time_us", "nnz"))
    m, k, n = (rows[name].to_numpy(np.float64) for name in "mkn")
    pattern = rows["pattern"].astype(str)
    density = rows["nnz"].to_numpy(np.float64) / (m * k)
    turns = pattern.str.extract(r"rows=(\d+)")[0].astype(float).fillna(np.inf).to_numpy()
    options = {
        "rows": np.minimum(turns, ALL_ROWS),
        "accesses": np.full(len(rows), SPIKING_ACCESSES),
    }
    layer = pattern.str.extract(r"weights=(\d+x\d+)")[0]
    if layer.isna().any():
        raise DeviceError(f"pattern: expected 'weights=INPUTSxUNITS' in every row of kernel {kernel}")
    if kernel == "elementwise":
        layer = rows["n"].astype(str)
    if kernel in ("dense", "elementwise"):
        density = np.ones_like(m)
    return Cell(
        kernel=kernel,
        problem=Problem(m, k, n, np.minimum(density, 1.0), options),
        time_s=rows["time_us"].to_numpy(np.float64) * 1e-6,
        layer=layer.to_numpy(dtype=object),
    )


def fit_all(cells: Mapping[str, Cell], processor: Processor, library: str) -> Fitted:
    """Fit all kernels; the share of the last cache with the dense one, which tells most of it.

    Parameters
    ----------
    cells : mapping of str to Cell
        Measured rows by kernel.
    processor : Processor
        Where they were measured.
    library : str
        What ran them.

    Returns
    -------
    Fitted
        Constants.
    """

    def core_of(constants: Mapping[str, float]) -> Core:
        return processor.core(min(constants["last_share"], 1.0))

    dense, dense_ends = _fit(cells["dense"], core_of, processor, library, {"last_share": LAST_SHARE})
    share = min(dense.pop("last_share"), 1.0)
    low, high = dense_ends.pop("last_share")
    constants, ends = {"dense": dense}, {"dense": dense_ends}
    core = processor.core(share)
    for name, cell in cells.items():
        if name != "dense":
            constants[name], ends[name] = _fit(cell, lambda _: core, processor, library, {})
    return Fitted(library, share, (min(low, share), min(high, 1.0)), constants, ends)


def _fit(
    cell: Cell,
    core_of: Callable[[Mapping[str, float]], Core],
    processor: Processor,
    library: str,
    more: Mapping[str, float],
) -> tuple[dict[str, float], Ends]:
    """Constants of a kernel, and of ``more`` that the processor's rates depend on, with their intervals."""
    kind, caches = CPU_KERNELS[cell.kernel], len(processor.caches)
    speeds = dict(zip(bandwidths(caches), (*BANDWIDTHS[:caches], BANDWIDTHS[-1]), strict=True))
    facts = {kind.fact: facts_of(library, processor.vector_bytes)[kind.fact]} if kind.fact else {}
    found, ends = fit_log(
        lambda constants: cell.seconds(core_of(constants), {**constants, **facts}),
        cell.time_s,
        {**kind.constants, **(speeds if kind.moves else {}), **more},
    )
    return found | facts, ends | {name: (value, value) for name, value in facts.items()}


def held_out(cells: Mapping[str, Cell], processor: Processor, library: str) -> dict[str, Array]:
    """Times of every row, by kernel, as predicted by fits that have not seen its layer.

    Raises
    ------
    DeviceError
        If there are too few layers to leave some out.
    """
    names = np.unique(np.concatenate([cell.layer for cell in cells.values()]).astype(str))
    if len(set(cells["dense"].layer)) < FOLDS or len(set(cells["elementwise"].layer)) < FOLDS:
        raise DeviceError(f"expected rows of {FOLDS} layers at least of the dense and the elementwise kernel")
    fold_of = dict(zip(names, np.random.default_rng(SEED).permutation(len(names)) % FOLDS, strict=True))
    folds = {name: np.array([fold_of[str(each)] for each in cell.layer]) for name, cell in cells.items()}
    predicted = {name: np.empty(len(cell)) for name, cell in cells.items()}
    for fold in range(FOLDS):
        train = {name: cell.part(folds[name] != fold) for name, cell in cells.items()}
        fitted = fit_all(train, processor, library)
        for name, cell in cells.items():
            test = folds[name] == fold
            if test.any():
                core = processor.core(fitted.last_share)
                predicted[name][test] = cell.part(test).seconds(core, fitted.constants[name])
    return predicted
