"""Hold the GPU kernel models against measured kernels that their fits have not seen.

Run it as ``python benchmarks/validate_gpu_kernels.py CSV [PLOT]``; the file's columns are those of
`gpu_kernel_rows`. Everything is fitted anew: on some shapes and tested on others, on small layers and tested
on large ones and the reverse, and on all GPUs but one. PLOT is an image of predicted against measured times.
Errors are exp(median |ln(predicted/measured)|) − 1, the bias, MAPE, and R² of log time.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from gpu_kernel_fits import extrapolations, fit_cell, fit_shared, held_out, look_up, score, siblings
from gpu_kernel_power import held_out_power, power_cells, time_bins
from gpu_kernel_rows import Cell, cells, read
from gpu_kernel_verdicts import block_breakevens, breakevens, verdicts

from energyprobe.costing.kernels.parts import Array


@dataclass(frozen=True)
class Held:
    """A cell with predictions by fits that have not seen the shapes, and by nearest neighbour."""

    cell: Cell
    predicted: Array
    nearest: Array


def title(text: str) -> None:
    print(f"\n## {text}\n")


def unseen_shapes(held: Sequence[Held]) -> None:
    title("Unseen shapes: median error, bias, MAPE, R² of log time; then the median error of a look-up")
    by_kernel: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in held:
        cell, found = each.cell, score(each.predicted, each.cell.time_s)
        table = score(each.nearest, cell.time_s)
        by_kernel[cell.kernel].append((found.median, found.mape))
        shapes = len(set(cell.weights))
        print(f"{cell.name:44} {len(cell):5} rows {shapes:4} shapes {found}   look-up {table.median:7.1%}")
    print()
    for kernel, pairs in by_kernel.items():
        median, mape = np.median(pairs, axis=0)
        print(f"{kernel:14} median over {len(pairs)} cells: {median:6.1%}, MAPE {mape:6.1%}")


def extrapolation(everything: Sequence[Cell]) -> None:
    title(
        "Extrapolation: fitted on layers of less than 2e7 weights and tested on larger ones, and the reverse"
    )
    for cell in everything:
        for name, train, test in extrapolations(cell):
            found = score(cell.seconds(fit_cell(cell, train)[0], test), cell.time_s[test])
            table = score(look_up(cell, train, test), cell.time_s[test])
            print(f"{cell.name:44} {name} {len(test):5} rows {found}   look-up {table.median:7.1%}")


def left_out(everything: Sequence[Cell]) -> None:
    title(
        "A GPU left out: constants shared by the others; launch time theirs, or the GPU's own (of its host)"
    )
    errors: dict[str, list[float]] = defaultdict(list)
    for cell in everything:
        others = siblings(cell, everything)
        if not others:
            continue
        shared = fit_shared(others)
        own = {**shared, "launch": fit_cell(cell)[0]["launch"]}
        theirs, with_own = (score(cell.seconds(each), cell.time_s) for each in (shared, own))
        print(f"{cell.name:44} from {len(others)} GPUs {theirs}   own launch {with_own}")
        if len(others) > 1:
            errors[f"{cell.kernel} {cell.dtype}"].append(with_own.median)
    print()
    for name, found in errors.items():
        print(f"{name:20} median over {len(found)} GPUs left out: {np.median(found):6.1%}")


def powers(everything: Sequence[Cell]) -> None:
    title("Power, and energy at the measured time: unseen shapes, by time")
    for members in power_cells(everything).values():
        for cell in members:
            predicted = held_out_power(cell)
            constant = score(np.full(len(cell), np.median(cell.power_w)), cell.power_w)
            print(f"{cell.name:44} {score(predicted, cell.power_w)}   constant power {constant.median:7.1%}")
            energy_j = cell.frame["energy_uj"].to_numpy(np.float64) * 1e-6
            print(f"{'  energy':44} {score(predicted * cell.time_s, energy_j)}")
            for name, rows in time_bins(cell):
                print(f"  {name:42} {score(predicted[rows], cell.power_w[rows])}   {len(rows)} rows")


def dense_or_sparse(held: Sequence[Held]) -> None:
    title("Dense or sparse: balanced accuracy outside ±10 %, that of always dense, mean regret of both")
    for sparse in held:
        for dense in held:
            same = all(
                getattr(dense.cell, name) == getattr(sparse.cell, name) for name in ("gpu", "source", "dtype")
            )
            if dense.cell.kernel == "dense" and sparse.cell.kernel not in ("dense", "elementwise") and same:
                for line in verdicts(dense.cell, dense.predicted, sparse.cell, sparse.predicted):
                    print(line)


def plot(held: Sequence[Held], path: str) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    kernels = sorted({each.cell.kernel for each in held})
    figure, axes = pyplot.subplots(2, -(-len(kernels) // 2), figsize=(15, 7.5), layout="constrained")
    for axis, kernel in zip(axes.flat, kernels, strict=False):
        for each in (each for each in held if each.cell.kernel == kernel):
            rows = slice(None, None, max(1, len(each.cell) // 400))
            label = each.cell.name.replace(f" {kernel}", "")
            axis.loglog(each.cell.time_s[rows] * 1e6, each.predicted[rows] * 1e6, ".", ms=2, label=label)
        low, high = axis.get_xlim()
        axis.plot((low, high), (low, high), "k-", lw=0.7)
        axis.set(title=kernel, xlabel="measured time in µs", ylabel="predicted, shape not fitted")
        axis.legend(fontsize=6, markerscale=3)
    for axis in axes.flat[len(kernels) :]:
        axis.remove()
    figure.savefig(path, dpi=80)


def predictions(everything: Sequence[Cell]) -> Iterator[Held]:
    for cell in everything:
        yield Held(cell, *held_out(cell))


def main(path: str, image: str | None = None) -> int:
    frame = read(path)
    everything = cells(frame)
    held = list(predictions(everything))
    unseen_shapes(held)
    extrapolation(everything)
    left_out(everything)
    powers(everything)
    dense_or_sparse(held)
    title("Break-even sparsity, and claims")
    for line in (*breakevens(everything), *block_breakevens(frame, everything)):
        print(line)
    if image:
        plot(held, image)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
