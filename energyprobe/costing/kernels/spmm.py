"""Sparse times dense, A in compressed rows: cuSPARSE's CSR and Sputnik have this form."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.kernels.parts import Constants, Parts, Problem, distinct_share
from energyprobe.costing.kernels.rates import Rates


def spmm(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B where every non-zero of A reads a row of B.

    ::

        compute   = nnz n / (lanes sms clock)
        gather    = (m/rows) k (1 − (1 − ρ)^rows) n b / (l2 L2)
        memory    = (b (kn + mn) + (b + 4) nnz + miss (nnz − k) n b (1 − hit)) / (0.85 dram)
        imbalance = imbalance nnz/m latency / clock
        T         = launch + m n output / (sms clock) + overlap(compute, gather, memory, imbalance)

    Rows that one multiprocessor works on at a time share the rows of B that they read: of ``rows`` rows,
    1 − (1 − ρ)^rows of the columns are read once. ``hit`` is the part of B that the L2 cache holds. The
    longest row is read by one worker, element after element.

    Parameters
    ----------
    problem : Problem
        Option ``imbalance``: longest row of A over the mean row.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, lanes, miss, latency, output``; ``rows`` and ``l2``, 1 where they are not given.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, k, n, nonzeros = problem.m, problem.k, problem.n, problem.nonzeros
    clocks = chip.sms * chip.clock_hz
    rows, share = constants.get("rows", 1.0), constants.get("l2", 1.0)
    read = m / rows * k * distinct_share(problem.density, rows) * n * chip.item
    operand = k * n * chip.item
    missed = np.maximum(nonzeros * n * chip.item - operand, 0.0) * (
        1.0 - np.minimum(1.0, chip.l2_bytes / operand)
    )
    compulsory = operand + m * n * chip.item + nonzeros * (chip.item + 4.0)
    dram = compulsory + constants["miss"] * missed
    return Parts(
        launch=constants["launch"] + 0.0 * nonzeros,
        output=m * n * constants["output"] / clocks,
        compute=nonzeros * n / (constants["lanes"] * clocks),
        memory=dram / (0.85 * chip.dram),
        gather=read / (share * chip.l2),
        imbalance=problem.options.get("imbalance", 1.0) * nonzeros / m * constants["latency"] / chip.clock_hz,
        flops=2.0 * nonzeros * n,
        dram_bytes=dram,
        l2_bytes=read,
    )
