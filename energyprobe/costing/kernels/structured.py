"""Fine-grained structured weights: N of every M vectors kept, and 2:4 on sparse tensor cores."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.kernels.dense import tiled
from energyprobe.costing.kernels.parts import Constants, Parts, Problem
from energyprobe.costing.kernels.rates import Rates


def n_of_m(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B where A keeps N of every M vectors, as nmSPARSE and NM-SpMM do it.

    ::

        compute = ρ mkn / (lanes sms clock)
        cache   = ⌈m/64⌉ kn b / (l2 L2)         B is staged whether its rows are used or not
        memory  = b (ρ mk + kn + mn) / (0.85 dram)
        T       = launch + overlap(compute, cache, memory)

    Parameters
    ----------
    problem : Problem
        The density is N/M.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, lanes, l2``.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, k, n = problem.m, problem.k, problem.n
    macs = m * k * n
    dram = chip.item * (problem.nonzeros + k * n + m * n)
    return Parts(
        launch=constants["launch"] + 0.0 * macs,
        compute=problem.density * macs / (constants["lanes"] * chip.sms * chip.clock_hz),
        memory=dram / (0.85 * chip.dram),
        cache=np.ceil(m / 64.0) * k * n * chip.item / (constants["l2"] * chip.l2),
        flops=2.0 * problem.density * macs,
        dram_bytes=dram,
    )


def two_of_four(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """C = A·B where A keeps two of every four, on tensor cores that skip the rest.

    A dense product whose arithmetic is done ``speedup`` times faster (2 in theory) and whose A takes 9/16
    of its bytes (half the values, two bits of position each, at 16 bits a value). Where A is made at run
    time (option ``pack``), packing reads it, writes 9/16 of it and takes a launch.

    Parameters
    ----------
    problem : Problem
        Option ``pack``: 1 where A is packed before every product.
    chip : Rates
        The chip; it must have sparse tensor cores.
    constants : mapping
        Those of `energyprobe.costing.kernels.dense.dense`, ``speedup`` and ``setup`` (seconds).

    Returns
    -------
    Parts
        Of the kernel.
    """
    a_share = 0.5 + 0.125 / chip.item
    parts = tiled(problem, chip, constants, flop_share=1.0 / constants["speedup"], a_share=a_share)
    pack = problem.options.get("pack", 0.0)
    packing = pack * (1.0 + a_share) * chip.item * problem.m * problem.k
    return Parts(
        launch=parts.launch + constants["setup"] + pack * constants["launch"],
        compute=parts.compute,
        memory=parts.memory + packing / (0.85 * chip.dram),
        cache=parts.cache,
        flops=problem.m * problem.k * problem.n,
        dram_bytes=parts.dram_bytes + packing,
    )
