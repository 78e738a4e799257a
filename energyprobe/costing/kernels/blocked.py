"""Sparse in blocks: Blocked-ELL (square blocks on tensor cores) and vector-sparse (columns of a few rows)."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.kernels.parts import Constants, Parts, Problem
from energyprobe.costing.kernels.rates import Rates

WIDTH = 128
"""Columns of C that one thread block works out."""

RESIDENT = 4
"""Thread blocks that a multiprocessor holds at a time; 4 fits best of 1 to 8."""


def blocked(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B where A is empty but for blocks.

    A thread block walks one row of blocks, and thread blocks come in waves::

        per_row   = nnz / (block_rows block_columns) / ⌈m/block_rows⌉
        waves     = ⌈⌈m/block_rows⌉ ⌈n/128⌉ / (4 sms)⌉
        compute   = waves per_row block (n / (128 ⌈n/128⌉)) / clock
        imbalance = imbalance per_row latency / clock
        T         = launch + m n output / (sms clock) + overlap(compute, imbalance, memory)

    Parameters
    ----------
    problem : Problem
        Options ``block_rows``, ``block_columns``, ``imbalance`` (longest row of blocks over the mean).
    chip : Rates
        The chip.
    constants : mapping
        ``launch``; ``block``, ``latency`` and ``output`` in clocks.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, n, nonzeros = problem.m, problem.n, problem.nonzeros
    rows = np.ceil(m / problem.options["block_rows"])
    area = problem.options["block_rows"] * problem.options["block_columns"]
    per_row = nonzeros / area / rows
    panels = np.ceil(n / WIDTH)
    waves = np.ceil(rows * panels / (RESIDENT * chip.sms))
    dram = chip.item * (problem.k * n + m * n + nonzeros) + 4.0 * nonzeros / area
    return Parts(
        launch=constants["launch"] + 0.0 * m,
        output=m * n * constants["output"] / (chip.sms * chip.clock_hz),
        compute=waves * per_row * constants["block"] * n / (WIDTH * panels) / chip.clock_hz,
        memory=dram / (0.85 * chip.dram),
        imbalance=problem.options.get("imbalance", 1.0) * per_row * constants["latency"] / chip.clock_hz,
        flops=2.0 * nonzeros * n,
        dram_bytes=dram,
        l2_bytes=nonzeros / problem.options["block_rows"] * n * chip.item,
    )
