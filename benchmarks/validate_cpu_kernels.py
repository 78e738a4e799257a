"""Hold the CPU kernel models against measured kernels of layers that their fits have not seen.

Run it as ``python benchmarks/validate_cpu_kernels.py CSV [PLOT]``, with a file of `measure_cpu_kernels`. All
is fitted anew without a quarter of the layers, four times; the rows of a layer stay together. Errors are
exp(median |ln(predicted/measured)|) − 1, the bias, MAPE, and R² of log time; *look-up* is the time of the
nearest row of another layer. PLOT is an image of predicted against measured times.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from gpu_kernel_fits import places, score
from gpu_kernel_verdicts import TIE, balanced

from energyprobe.costing.kernels.cpu_fitting import Cell, Processor, cells_of, held_out
from energyprobe.costing.kernels.measured import read_kernels
from energyprobe.costing.kernels.parts import Array

WITHIN = 1.5
"""Factor within which a predicted break-even density is right."""

PROBLEM = ["layer", "m", "k", "n"]


@dataclass(frozen=True)
class Held:
    """Measured rows of a kernel, and their times as predicted without their layer."""

    library: str
    cell: Cell
    predicted: Array

    def frame(self) -> pd.DataFrame:
        """Times in seconds, by problem and density."""
        problem = self.cell.problem
        columns = {"layer": self.cell.layer, "m": problem.m, "k": problem.k, "n": problem.n}
        times = {"measured": self.cell.time_s, "predicted": self.predicted}
        return pd.DataFrame({**columns, "density": problem.density, **times})


def look_up(cell: Cell) -> Array:
    """Time of the nearest row of another layer."""
    where = places(cell.problem)
    distance = np.sum((where[:, None] - where[None]) ** 2, axis=2)
    distance[cell.layer[:, None] == cell.layer[None]] = np.inf
    return cell.time_s[np.argmin(distance, axis=1)]


def errors(held: list[Held]) -> Iterator[str]:
    yield "library     kernel        rows layers   error    bias   MAPE     R²   look-up"
    for each in held:
        found, table = score(each.predicted, each.cell.time_s), score(look_up(each.cell), each.cell.time_s)
        name, layers = f"{each.library:11} {each.cell.kernel:12}", len(set(each.cell.layer))
        yield f"{name} {len(each.cell):5} {layers:6}  {found}   {table.median:7.1%}"


def products(held: list[Held], library: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Sparse products beside the dense one: measured and predicted seconds of both, for each way of use."""
    frames = {each.cell.kernel: each.frame() for each in held if each.library == library}
    dense = frames["dense"].drop(columns="density")
    # Activations have the units as n, weights as m; square layers are either.
    inputs, units = (frames["csr"]["layer"].str.split("x").str[part].astype(float) for part in (0, 1))
    of_weights = (frames["csr"]["m"] == units) & (frames["csr"]["k"] == inputs)
    key = [*PROBLEM, "density"]
    compressed = frames["csr"].merge(frames["compress"], on=key, suffixes=("", "_compress"))
    for name in ("measured", "predicted"):
        compressed[name] += compressed[f"{name}_compress"]
    ways = {
        "csr, pruned weights": frames["csr"][of_weights],
        "csr, spikes compressed every time": compressed[[*key, "measured", "predicted"]],
        "gather, spikes": frames["gather"],
    }
    for name, sparse in ways.items():
        yield name, sparse.merge(dense, on=PROBLEM, suffixes=("", "_dense"))


def verdicts(both: pd.DataFrame) -> str:
    """Score of choosing between dense and sparse by predicted times."""
    ratio = both["measured_dense"] / both["measured"]
    clear = (ratio > 1 + TIE) | (ratio < 1 / (1 + TIE))
    truth, says = ratio > 1, both["predicted_dense"] > both["predicted"]
    right, always = (balanced(truth[clear], said[clear]) for said in (says, says & False))
    chosen = np.where(says, both["measured"], both["measured_dense"])
    best = both[["measured", "measured_dense"]].min(axis=1)
    regret, of_always = (np.mean(times / best - 1) for times in (chosen, both["measured_dense"]))
    return (
        f"{int(clear.sum()):4} problems, sparse won {truth[clear].mean():5.1%}: {right:6.1%}, "
        f"always dense {always:5.1%}; regret {regret:5.1%}, always dense {of_always:6.1%}"
    )


def breakevens(both: pd.DataFrame) -> str:
    """Break-even densities of predicted times against those of measured ones."""
    pairs = []
    for _, rows in both.sort_values("density").groupby(PROBLEM):
        density = np.log(rows["density"].to_numpy())
        true, said = (
            crossing(density, np.log((rows[name] / rows[f"{name}_dense"]).to_numpy()))
            for name in ("measured", "predicted")
        )
        if np.isfinite(true):
            pairs.append((true, said))
    true, said = np.array(pairs).T
    apart = np.abs(true - said)
    # A break-even that is predicted beyond the measured densities is infinitely far.
    near, median = np.mean(apart < np.log(WITHIN)), np.exp(np.median(true))
    return (
        f"{len(true):3} break-evens within the measured densities, median {median:.3f}; median factor "
        f"{np.exp(np.median(apart)):.2f}, within {WITHIN:g}: {near:6.1%}"
    )


def crossing(x: Array, y: Array) -> float:
    """Where a line through points first rises above 0; −inf or inf where it is above or below throughout."""
    above = y > 0
    if above[0]:
        return -np.inf
    if not above.any():
        return np.inf
    right = int(np.argmax(above))
    return float(np.interp(0.0, y[right - 1 : right + 1], x[right - 1 : right + 1]))


def plot(held: list[Held], path: str) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    kernels = list(dict.fromkeys(each.cell.kernel for each in held))
    figure, axes = pyplot.subplots(1, len(kernels), figsize=(4 * len(kernels), 4), layout="constrained")
    for axis, kernel in zip(axes, kernels, strict=True):
        for each in (each for each in held if each.cell.kernel == kernel):
            axis.loglog(
                each.cell.time_s * 1e6, each.predicted * 1e6, ".", ms=3, alpha=0.6, label=each.library
            )
        low, high = axis.get_xlim()
        axis.plot((low, high), (low, high), "k-", lw=0.7)
        axis.set(title=kernel, xlabel="measured time in µs")
        axis.legend(markerscale=3)
    axes[0].set_ylabel("predicted time in µs, layer not fitted")
    figure.savefig(path, dpi=80)


def main(path: str, image: str | None = None) -> int:
    facts, frame = read_kernels(path)
    processor = Processor.of(facts)
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    held = []
    for library in dict.fromkeys(frame["source"]):
        cells = cells_of(frame, library)
        predicted = held_out(cells, processor, library)
        held += [Held(library, cell, predicted[name]) for name, cell in cells.items()]
    print("\n## Layers not fitted\n", *errors(held), sep="\n")
    print("\n## Dense or sparse: balanced accuracy outside ±10 %, that of always dense, mean regrets\n")
    for library in dict.fromkeys(frame["source"]):
        for name, both in products(held, library):
            print(f"{library:11} {name:34} {verdicts(both)}")
    print("\n## Break-even densities\n")
    for library in dict.fromkeys(frame["source"]):
        for name, both in products(held, library):
            print(f"{library:11} {name:34} {breakevens(both)}")
    if image:
        plot(held, image)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
