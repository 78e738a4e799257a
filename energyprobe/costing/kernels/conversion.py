"""Making compressed rows of a dense matrix: what a sparse kernel costs besides where A changes every time."""

from __future__ import annotations

import dataclasses

from energyprobe.costing.kernels.parts import Parts, Problem
from energyprobe.costing.kernels.rates import Rates

LAUNCHES = 3
"""Count the non-zeros of each row, add them up, write them: three kernels."""


def with_conversion(parts: Parts, problem: Problem, chip: Rates, launch_s: float) -> Parts:
    """Add to a kernel the conversion of its A from a dense matrix.

    ::

        bytes = 2 b mk + (b + 4) nnz        A is read to count and to write

    Parameters
    ----------
    parts : Parts
        The kernel.
    problem : Problem
        Its problem.
    chip : Rates
        The chip.
    launch_s : float
        Time of a launch.

    Returns
    -------
    Parts
        Kernel and conversion. Building the formats of tensor-core kernels takes much longer, 20 to 330 times
        the product itself (RA-SpMM), and is not offered.
    """
    moved = 2.0 * chip.item * problem.m * problem.k + (chip.item + 4.0) * problem.nonzeros
    return dataclasses.replace(
        parts,
        launch=parts.launch + LAUNCHES * launch_s,
        memory=parts.memory + moved / (0.85 * chip.dram),
        dram_bytes=parts.dram_bytes + moved,
    )
