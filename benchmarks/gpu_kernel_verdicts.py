"""Dense or sparse, and from which density on: predictions against what was measured on the same problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from gpu_kernel_fits import fit_cell
from gpu_kernel_rows import Cell

import energyprobe as ep
from energyprobe.costing.kernels.parts import Array, Problem

TIE = 0.1
"""Share by which two times must differ for one to have won."""


def verdicts(dense: Cell, dense_s: Array, sparse: Cell, sparse_s: Array) -> Iterator[str]:
    """Score of choosing between a dense and a sparse kernel by predicted times, as a line."""
    times = pd.DataFrame({"true_dense": dense.time_s, "predicted_dense": dense_s}, index=_keys(dense))
    ours = pd.DataFrame({"true_sparse": sparse.time_s, "predicted_sparse": sparse_s}, index=_keys(sparse))
    both = ours.join(times.groupby(level=[0, 1, 2]).median(), how="inner")
    ratio = both["true_dense"] / both["true_sparse"]
    clear = (ratio > 1 + TIE) | (ratio < 1 / (1 + TIE))
    right = balanced(ratio[clear] > 1, both["predicted_dense"][clear] > both["predicted_sparse"][clear])
    says_dense = both["predicted_dense"] < both["predicted_sparse"]
    chosen = np.where(says_dense, both["true_dense"], both["true_sparse"])
    best = both[["true_dense", "true_sparse"]].min(axis=1)
    regret = float(np.mean(chosen / best - 1))
    always = float(np.mean(both["true_dense"] / best - 1))
    share = float((ratio[clear] > 1).mean())
    says_always = 0.5 if 0 < share < 1 else 1 - share
    yield (
        f"{sparse.name:44} {int(clear.sum()):4} problems, sparse won {share:5.1%}: {right:6.1%}, "
        f"always dense {says_always:5.1%}; regret {regret:5.1%}, always dense {always:6.1%}"
    )


def balanced(truth: npt.ArrayLike, said: npt.ArrayLike) -> float:
    """Mean of the shares of right verdicts among problems that sparse won, and that dense won."""
    truth, said = np.asarray(truth), np.asarray(said)
    shares = [np.mean(said[truth == each] == each) for each in (True, False) if np.any(truth == each)]
    return float(np.mean(shares))


def breakevens(everything: Sequence[Cell]) -> Iterator[str]:
    """Break-even of Sputnik and cuSPARSE in fp32, and what 75 % sparsity does, over NM-SpMM's shapes."""
    for cell in everything:
        if cell.kernel != "sputnik" or cell.dtype != "fp32":
            continue
        shapes = np.unique(np.stack([cell.problem.m, cell.problem.k, cell.problem.n]), axis=1)
        sizes = dict(zip("mkn", shapes, strict=True))
        gpu = cell.chip.name
        for kernel in ("sputnik", "csr"):
            found = ep.breakeven(gpu, **sizes, quantity="time", operand="weights", kernels=[kernel])
            low, median, high = 1 - np.quantile(found.density, (0.9, 0.5, 0.1))
            dense = ep.kernel_cost(gpu, "dense", **sizes, operand="weights").time_s
            sparse = ep.kernel_cost(gpu, kernel, **sizes, density=0.25, operand="weights").time_s
            yield (
                f"{gpu} {kernel} fp32, n 256-4096, {shapes.shape[1]} shapes: "
                f"break-even sparsity {median:.3f} (10-90 % {low:.3f}-{high:.3f}); "
                f"at 75 % {np.median(dense / sparse):.2f} times the dense speed"
            )
        structured = ep.kernel_cost(
            gpu, "nm", **sizes, density=0.5, operand="weights", structure="n:32"
        ).time_s
        yield f"{gpu} nm fp32: at 50 % {np.median(dense / structured):.2f} times the dense speed"
    for gpu in ("v100", "a100-80gb", "rtx3090", "rtx4090", "h100"):
        size = {"m": 1, "k": 16384, "n": 16384, "dtype": "fp16"}
        dense_s = ep.kernel_cost(gpu, "dense", **size).time_s
        ratio = float(dense_s / ep.kernel_cost(gpu, "gather", density=0.25, **size).time_s)
        yield f"{gpu} gather fp16, batch 1, 16384²: at 75 % {ratio:.2f} times the dense speed (uncalibrated)"


def block_breakevens(frame: pd.DataFrame, everything: Sequence[Cell]) -> Iterator[str]:
    """Break-even of Blocked-ELL in fp16 against the dense times measured beside it, and the model's."""
    rows = frame.query("source == 'Magicube' and kernel == 'cublas_gemm' and dtype == 'fp16'")
    for cell in everything:
        if cell.kernel != "blocked-ell" or cell.dtype != "fp16":
            continue
        large = rows[(rows["m"] * rows["k"] > 1e6) & (rows["m"] % 8 == 0)]
        dense = large.groupby(["m", "k", "n"])["time_us"].median()
        keys = [key for key in dense.index if key in set(_keys(cell))]
        sizes = dict(zip("mkn", np.array(keys, dtype=np.float64).T, strict=True))
        beside = _crossing(cell, sizes, dense.loc[keys].to_numpy() * 1e-6)
        asked = {"dtype": "fp16", "operand": "weights", "structure": cell.structure, "quantity": "time"}
        in_stream, in_graph = (
            np.median(
                1 - ep.breakeven(cell.chip.name, **sizes, **asked, kernels=[cell.kernel], launch=way).density
            )
            for way in ("stream", "graph")
        )
        yield (
            f"{cell.name}, n 128-256, m·k > 1e6, {len(keys)} shapes: break-even sparsity "
            f"{np.median(1 - beside):.3f} against the dense times beside it; against the model's dense "
            f"kernel {in_stream:.3f} in a stream, {in_graph:.3f} in a CUDA graph"
        )


def _crossing(cell: Cell, sizes: dict[str, Array], dense_s: Array) -> Array:
    """Density at which the cell's kernel takes as long as given dense times, on a fine grid."""
    constants, _ = fit_cell(cell)
    found = np.zeros(len(dense_s))
    for density in np.linspace(0.005, 1.0, 400):
        problem = Problem(**sizes, density=np.full(len(dense_s), density), options=cell.problem.options)
        found[cell.kind.model(problem, cell.rates, constants).seconds() < dense_s] = density
    return found


def _keys(cell: Cell) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(cell.frame[["m", "k", "n"]])
