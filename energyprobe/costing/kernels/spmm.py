"""Sparse times dense, A in compressed rows: cuSPARSE's CSR and Sputnik have this form."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.kernels.parts import Array, Constants, Parts, Problem, Value, distinct_share, overlap
from energyprobe.costing.kernels.rates import Rates

UNBOUND = {"rows": 1.0, "l2": 1.0, "width": np.inf}
"""Constants that only Sputnik has, and what they are for others."""

COLUMNS = 128.0
"""Columns of B that cuSPARSE works through at a time: from n = 128 on, measured times per column no longer
depend on n, whatever the L2 cache holds of all of B (RA-SpMM)."""


def spmm(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B where every non-zero of A reads a row of B.

    ::

        compute   = nnz n / (lanes sms clock)
        read      = (m/rows) k (1 − (1 − ρ)^rows) n b                   bytes
        gather    = overlap(read / (l2 L2), read / (width sms clock))
        memory    = (b (kn + mn) + (b + 4) nnz + miss (nnz − k) n b (1 − hit)) / (0.85 dram)
        imbalance = imbalance nnz/m latency / clock
        T         = launch + m n output / (sms clock) + overlap(compute, gather, memory, imbalance)

    Rows that one multiprocessor works on at a time share the rows of B that they read: of ``rows`` rows,
    1 − (1 − ρ)^rows of the columns are read once. What they read is bound by the L2 cache, or by what the
    multiprocessors take in per clock. ``hit`` is the part of B that the L2 cache holds. The longest row is
    read by one worker, element after element.

    Parameters
    ----------
    problem : Problem
        Option ``imbalance``: longest row of A over the mean row.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, lanes, miss, latency, output``; ``rows`` and ``l2``, 1 where they are not given, and
        ``width``, no bound where it is not given.

    Returns
    -------
    Parts
        Of the kernel.
    """
    held = problem.k * problem.n * chip.item
    return _compressed_rows(problem, chip, constants, held, constants["miss"])


def csr(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B as cuSPARSE does it, with B in rows.

    As `spmm`, but for what is found in the L2 cache: only `COLUMNS` columns of B are in use at a time, and
    columns of A's non-zeros that are random find no more of them than the cache holds::

        hit  = min(1, L2 / (k min(n, 128) b))
        miss = 1 for random columns, the constant for clustered ones

    Parameters
    ----------
    problem : Problem
        Options ``imbalance``: longest row of A over the mean row; ``clustered``: 1 where the non-zeros of
        rows that are worked on together lie together, as in a graph; 0 (at random) by default.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, lanes, miss, latency, output``.

    Returns
    -------
    Parts
        Of the kernel.
    """
    held = problem.k * np.minimum(problem.n, COLUMNS) * chip.item
    clustered = np.asarray(problem.options.get("clustered", 0.0), dtype=np.float64)
    return _compressed_rows(problem, chip, constants, held, 1.0 - clustered * (1.0 - constants["miss"]))


def _compressed_rows(problem: Problem, chip: Rates, constants: Constants, held: Array, miss: Value) -> Parts:
    """As `spmm`, where so many bytes of B are in use at a time and such a share of misses goes to DRAM."""
    m, k, n, nonzeros = problem.m, problem.k, problem.n, problem.nonzeros
    clocks = chip.sms * chip.clock_hz
    rows, share, width = (constants.get(name, free) for name, free in UNBOUND.items())
    read = m / rows * k * distinct_share(problem.density, rows) * n * chip.item
    operand = k * n * chip.item
    missed = np.maximum(nonzeros * n * chip.item - operand, 0.0) * (
        1.0 - np.minimum(1.0, chip.l2_bytes / held)
    )
    compulsory = operand + m * n * chip.item + nonzeros * (chip.item + 4.0)
    dram = compulsory + miss * missed
    return Parts(
        launch=constants["launch"] + 0.0 * nonzeros,
        output=m * n * constants["output"] / clocks,
        compute=nonzeros * n / (constants["lanes"] * clocks),
        memory=dram / (0.85 * chip.dram),
        gather=overlap(read / (share * chip.l2), read / (width * clocks)),
        imbalance=problem.options.get("imbalance", 1.0) * nonzeros / m * constants["latency"] / chip.clock_hz,
        flops=2.0 * nonzeros * n,
        dram_bytes=dram,
        l2_bytes=read,
    )
