"""Fitting cells of measured kernels, splitting them without leaks, and scoring predictions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from gpu_kernel_rows import Cell

from energyprobe.costing.figures import per_base_unit
from energyprobe.costing.kernels.fitting import fit_log
from energyprobe.costing.kernels.loading import launches
from energyprobe.costing.kernels.parts import Array, Problem

Rows = npt.NDArray[np.intp]
Constants = dict[str, float]

FOLDS = 3
SEED = 20250101
LARGE = 2e7
"""Weights of a layer from which it counts as large in extrapolation."""


@dataclasses.dataclass(frozen=True)
class Score:
    """Errors of predictions: exp(median |ln ratio|) − 1, exp(median ln ratio) − 1, MAPE, R² of log time."""

    rows: int
    median: float
    bias: float
    mape: float
    r2: float

    def __str__(self) -> str:
        return f"{self.median:6.1%} {self.bias:+7.1%} {self.mape:6.1%} {self.r2:6.3f}"


def score(predicted: Array, measured: Array) -> Score:
    ratio = np.log(predicted / measured)
    spread = np.var(np.log(measured))
    return Score(
        rows=len(ratio),
        median=float(np.expm1(np.median(np.abs(ratio)))),
        bias=float(np.expm1(np.median(ratio))),
        mape=float(np.mean(np.abs(predicted / measured - 1.0))),
        r2=float(1.0 - np.mean(ratio**2) / spread) if spread > 0 else float("nan"),
    )


def starts(cell: Cell) -> Constants:
    """Start values in base units; a dense kernel timed in a stream starts with the launch of a stream."""
    found = {name: each.start / per_base_unit(each.unit) for name, each in cell.kind.constants.items()}
    if cell.kernel == "dense":
        found["launch"] += launches()[cell.regime].value_si - launches()["graph"].value_si
    return found


def fit_cell(
    cell: Cell, rows: Rows | slice = slice(None)
) -> tuple[Constants, dict[str, tuple[float, float]]]:
    """Constants of a cell, in base units, fitted on some of its rows, and their 90 % intervals."""
    known, known_ends = taken_over(cell)
    free = {name: value for name, value in starts(cell).items() if name not in known}
    found, ends = fit_log(
        lambda constants: cell.seconds({**known, **constants}, rows), cell.time_s[rows], free
    )
    return found | known, ends | known_ends


@functools.cache
def taken_over(cell: Cell) -> tuple[Constants, dict[str, tuple[float, float]]]:
    """Constants that a cell has from its base, all but the launch, and their intervals."""
    if cell.base is None:
        return {}, {}
    constants, ends = fit_cell(cell.base)
    del constants["launch"], ends["launch"]
    return constants, ends


def folds(cell: Cell) -> Iterator[tuple[Rows, Rows]]:
    """Training and test rows, where a weight matrix is in one of them only."""
    names = np.unique(cell.weights.astype(str))
    fold_of = dict(zip(names, np.random.default_rng(SEED).permutation(len(names)) % FOLDS, strict=True))
    fold = np.array([fold_of[str(name)] for name in cell.weights])
    for each in range(FOLDS):
        yield np.flatnonzero(fold != each), np.flatnonzero(fold == each)


def extrapolations(cell: Cell) -> Iterator[tuple[str, Rows, Rows]]:
    """Fit on small layers and test on large ones, and the reverse, where there are enough of both."""
    in_b = cell.kernel == "dense" and cell.source == "aiconfigurator"
    weights = cell.problem.k * (cell.problem.n if in_b else cell.problem.m)
    small, large = np.flatnonzero(weights < LARGE), np.flatnonzero(weights >= LARGE)
    if min(len(small), len(large)) >= 15:
        yield "to large", small, large
        yield "to small", large, small


def held_out(cell: Cell) -> tuple[Array, Array]:
    """Predicted times of every row by a fit that has not seen its weights, and by nearest neighbour."""
    predicted, nearest = np.empty(len(cell)), np.empty(len(cell))
    for train, test in folds(cell):
        constants, _ = fit_cell(cell, train)
        predicted[test] = cell.seconds(constants, test)
        nearest[test] = look_up(cell, train, test)
    return predicted, nearest


def places(problem: Problem) -> Array:
    """Where problems lie in ln m, ln k, ln n and ln density: ``(rows, 4)``."""
    columns = (problem.m, problem.k, problem.n, np.maximum(problem.density, 1e-9))
    return np.log(np.stack(columns, axis=1))


def look_up(cell: Cell, train: Rows, test: Rows) -> Array:
    """Time of the nearest training row."""
    where = places(cell.problem)
    found = np.empty(len(test), dtype=np.intp)
    for part in np.array_split(np.arange(len(test)), max(1, len(test) // 500)):
        distance = np.sum((where[test[part], None] - where[train][None]) ** 2, axis=2)
        found[part] = train[np.argmin(distance, axis=1)]
    return cell.time_s[found]


def fit_shared(cells: Sequence[Cell]) -> Constants:
    """Constants that GPUs share: fitted together, every GPU alike, each with a launch time of its own."""
    names = list(starts(cells[0]))
    own = {f"launch {index}": starts(cells[0])["launch"] for index in range(len(cells))}
    shared = {name: value for name, value in starts(cells[0]).items() if name != "launch"}
    picked = [thinned(cell) for cell in cells]

    def predict(constants: Mapping[str, float]) -> Array:
        return np.concatenate(
            [
                cell.seconds({**constants, "launch": constants[f"launch {index}"]})
                for index, cell in enumerate(picked)
            ]
        )

    found, _ = fit_log(predict, np.concatenate([cell.time_s for cell in picked]), shared | own)
    launches = [found[name] for name in own]
    return {name: float(np.median(launches)) if name == "launch" else found[name] for name in names}


def thinned(cell: Cell, most: int = 300) -> Cell:
    """At most so many rows of a cell, evenly spaced in time, so that no GPU outweighs another."""
    if len(cell) <= most:
        return cell
    return sample(cell, np.argsort(cell.time_s)[np.linspace(0, len(cell) - 1, most).astype(np.intp)])


def siblings(cell: Cell, others: Sequence[Cell]) -> list[Cell]:
    """Cells of the same kernel, data type, structure and source on other GPUs."""
    key = (cell.kernel, cell.dtype, cell.structure)
    return [
        each
        for each in others
        if (each.kernel, each.dtype, each.structure) == key and each.chip.fitted_as != cell.chip.fitted_as
    ]


def sample(cell: Cell, rows: Rows) -> Cell:
    """Some rows of a cell."""
    return dataclasses.replace(
        cell,
        problem=cell.problem.part(rows),
        time_s=cell.time_s[rows],
        power_w=cell.power_w[rows],
        weights=cell.weights[rows],
        frame=cell.frame.iloc[rows],
    )
