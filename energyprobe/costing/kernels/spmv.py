"""Sparse matrix times one vector, A in compressed rows: batch 1 with pruned weights.

Where kernels are chosen (`best`, break-evens, their curves) it is one of them only where C has one column.
"""

from __future__ import annotations

from energyprobe.costing.kernels.parts import Constants, Parts, Problem
from energyprobe.costing.kernels.rates import Rates


def spmv(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B for each of n columns, one column at a time: a choice where n is 1, as `csr` shares its A.

    ::

        bytes     = (b + 4) nnz + (b + 4) m + b k
        memory    = bytes / (beta dram)
        gather    = 32 nnz / (l2 L2)                       a sector of the vector per non-zero
        imbalance = imbalance nnz/m latency / clock        the longest row
        T         = launch + overlap(memory, gather, imbalance)

    Parameters
    ----------
    problem : Problem
        Option ``imbalance``: longest row of A over the mean row.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, beta, l2, latency``.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, n, nonzeros = problem.m, problem.n, problem.nonzeros
    moved = (chip.item + 4.0) * (nonzeros + m) + chip.item * problem.k
    longest = problem.options.get("imbalance", 1.0) * nonzeros / m
    return Parts(
        launch=constants["launch"] * n,
        compute=2.0 * nonzeros * n / chip.peak,
        memory=n * moved / (constants["beta"] * chip.dram),
        gather=n * 32.0 * nonzeros / (constants["l2"] * chip.l2),
        imbalance=n * longest * constants["latency"] / chip.clock_hz,
        flops=2.0 * nonzeros * n,
        dram_bytes=n * moved,
    )
