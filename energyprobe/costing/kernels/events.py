"""Event-driven kernels: a row of weights gathered per spike; convolution by scatter or by gather."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.kernels.parts import Array, Constants, Parts, Problem, distinct_share
from energyprobe.costing.kernels.rates import Rates

SECTOR = 32.0
"""Bytes that the memory system moves for one value on its own."""


def gather(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """Find the spikes, then add up a row of weights for each.

    With S = ρ m k spikes, of which k (1 − (1 − ρ)^m) have different columns::

        memory  = (b mk + 4 S + rows_read) / (beta dram)   flags, list of spikes, weights from DRAM
        gather  = S row / (l2 L2)                   a row of weights per spike, from L2
        compute = S n / (lanes sms clock)
        T       = launches launch + overlap(compute, memory, gather)

    ``row`` is n·b in whole sectors where the row is contiguous (Keras: (in, out)), and n sectors where it
    is not; of weights stored as lists only what is not zero, each with its position. The weights come from
    DRAM, as they do for the dense kernels. The launches are those of flag, scan, scatter and gather.

    Parameters
    ----------
    problem : Problem
        Options ``strided``: 1 where the weights are stored (out, in); ``weight_density``: share of B that is
        not zero, where weights are stored as lists.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, launches, beta, l2, lanes``.

    Returns
    -------
    Parts
        Of all launches.
    """
    spikes = problem.nonzeros
    share = np.asarray(problem.options.get("weight_density", 1.0), dtype=np.float64)
    lists = np.ceil(share * problem.n * (chip.item + 4.0) / SECTOR) * SECTOR
    row = np.where(share < 1.0, np.minimum(lists, _row_bytes(problem, chip)), _row_bytes(problem, chip))
    columns = problem.k * distinct_share(problem.density, problem.m)
    flags = chip.item * problem.m * problem.k + 4.0 * spikes
    outputs = 2.0 * chip.item * problem.m * problem.n
    dram = flags + outputs + columns * row
    return _event_parts(spikes, dram, spikes * row, share * problem.n, chip, constants)


def scatter(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """Convolution by scatter: each spike adds its taps to the outputs around it, atomically.

    A is the lowered input: ρ mk is the number of (spike, tap) pairs, and each reads a row of n weights and
    reads and writes n outputs::

        gather = ρ mk 3 row / (l2 L2)

    With channels last the n outputs are contiguous; with channels first each takes a sector of its own.

    Parameters
    ----------
    problem : Problem
        Option ``strided``: 1 for channels first.
    chip : Rates
        The chip.
    constants : mapping
        As `gather`.

    Returns
    -------
    Parts
        Of all launches.
    """
    pairs = problem.nonzeros
    outputs = 2.0 * chip.item * problem.m * problem.n
    dram = outputs + chip.item * problem.k * problem.n + 4.0 * pairs
    return _event_parts(pairs, dram, 3.0 * pairs * _row_bytes(problem, chip), problem.n, chip, constants)


def stationary(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """Convolution by gather: each output looks at all of its taps and adds the weights of those that spike.

    No list of spikes and no atomics, but every tap of every output is looked at::

        gather = (b mk + ρ mk row) / (l2 L2)

    Parameters
    ----------
    problem : Problem
        Option ``strided``: 1 where the weights of a tap are not contiguous.
    chip : Rates
        The chip.
    constants : mapping
        As `gather`, with one launch.

    Returns
    -------
    Parts
        Of the kernel.
    """
    pairs = problem.nonzeros
    looked_at = chip.item * problem.m * problem.k
    dram = 2.0 * chip.item * problem.m * problem.n + chip.item * problem.k * problem.n
    read = looked_at + pairs * _row_bytes(problem, chip)
    return _event_parts(pairs, dram, read, problem.n, chip, constants)


def _row_bytes(problem: Problem, chip: Rates) -> Array:
    """Bytes moved for n values: whole sectors of a contiguous row, or a sector for each."""
    contiguous = np.ceil(problem.n * chip.item / SECTOR) * SECTOR
    return np.where(np.asarray(problem.options.get("strided", 0.0)) > 0.0, problem.n * SECTOR, contiguous)


def _event_parts(
    events: Array, dram: Array, scattered: Array, n: Array, chip: Rates, constants: Constants
) -> Parts:
    clocks = chip.sms * chip.clock_hz
    return Parts(
        launch=constants["launches"] * constants["launch"] + 0.0 * events,
        compute=events * n / (constants["lanes"] * clocks),
        memory=dram / (constants["beta"] * chip.dram),
        gather=scattered / (constants["l2"] * chip.l2),
        flops=events * n,
        dram_bytes=dram,
        l2_bytes=scattered,
    )
