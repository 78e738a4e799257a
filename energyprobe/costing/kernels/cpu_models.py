"""Kernels on a CPU: dense and compressed products, event-driven gather, compression, elementwise work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from energyprobe.costing.kernels.core import Core, held_share, moved_s
from energyprobe.costing.kernels.parts import Array, Constants, Parts, Problem, distinct_share

CpuKernel = Callable[[Problem, Core, Constants], Parts]
"""A kernel model: problem, processor and constants in base units to parts."""

ALL_ROWS = 1e12
"""Rows of A of which at least one uses every row of B, unless A is empty."""


def dense(problem: Problem, core: Core, constants: Constants) -> Parts:
    """Dense C = A·B, zeros and all.

    ::

        compute = mk ⌈n/tile⌉ tile / (eta lanes clock threads)
        memory  = (A, B and C, once, from the cache that holds them)
        pack    = pack_a mk + pack_b kn
        T       = call + pack + memory + compute                     matrices
        T       = call + overlap(compute, memory / vector)           m or n is 1

    A product of matrices is blocked: operands are brought into panels before they are used, and then used
    many times, in tiles of so many columns. One with a vector uses every weight once, as it comes. ``eta``
    is multiply-accumulates per lane and nominal clock; above 1 there are two units, or the clock is higher.

    Parameters
    ----------
    problem : Problem
        Sizes; the density changes nothing. Option ``resident``: bytes that are used before these are used
        again, such as the weights of a whole network; by default those of the problem alone.
    core : Core
        The processor.
    constants : mapping
        ``call, eta, tile, pack_a, pack_b, vector``, and `energyprobe.costing.kernels.core.bandwidths`.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, k, n = problem.m, problem.k, problem.n
    moved = core.item * (m * k + k * n + m * n)
    resident = np.maximum(moved, problem.options.get("resident", 0.0))
    memory = moved_s(moved, resident, core, constants)
    pack = constants["pack_a"] * m * k + constants["pack_b"] * k * n
    matrices = np.minimum(m, n) > 1
    columns = np.where(matrices, np.ceil(n / constants["tile"]) * constants["tile"], n)
    return Parts(
        launch=constants["call"] + 0.0 * m,
        output=np.where(matrices, pack + memory, 0.0),
        compute=m * k * columns / (constants["eta"] * core.lanes * core.clock_hz * core.threads),
        memory=np.where(matrices, 0.0, memory / constants["vector"]),
        flops=2.0 * m * k * n,
    )


def csr(problem: Problem, core: Core, constants: Constants) -> Parts:
    """Sparse A in compressed rows times dense B: each non-zero of A adds a row of B to a row of C.

    ::

        gather  = nnz n b, from the cache that holds B, times 1 + scattered (1 − ρ) beyond
        compute = nnz event
        T       = call + m row + mn out + overlap(compute, gather)
        T       = call + m row + mn out + nnz narrow       where n is at most ``narrow_up_to``

    ``beyond`` is the share of B that the second cache does not hold. At ρ = 1 rows of B follow one another
    and are fetched ahead of time; else they lie scattered.

    Parameters
    ----------
    problem : Problem
        Sizes and density. Option ``rows``: so many rows of A are used again and again, so that only their
        part of B is; all of B where it is left out.
    core : Core
        The processor.
    constants : mapping
        ``call, row, out, event, scattered, narrow, narrow_up_to``, and bandwidths.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, n, nonzeros = problem.m, problem.n, problem.nonzeros
    narrow = n <= constants["narrow_up_to"]
    return Parts(
        launch=constants["call"] + 0.0 * m,
        output=m * constants["row"] + m * n * constants["out"],
        compute=nonzeros * np.where(narrow, constants["narrow"], constants["event"]),
        memory=0.0,
        gather=np.where(narrow, 0.0, _rows_s(problem, core, constants)),
        flops=2.0 * nonzeros * n,
    )


def gather(problem: Problem, core: Core, constants: Constants) -> Parts:
    """Event-driven C = A·B: find the non-zeros of each row of A, and add up their rows of B.

    ::

        event' = event + branch (1 − ρ)
        live   = m (1 − (1 − ρ)^k)                        rows of A with a non-zero
        T      = call + m row + mk scan + nnz event' + live n out + gather       gather as for `csr`

    A non-zero among zeros is a branch that the processor did not foresee; among non-zeros it does.

    Parameters
    ----------
    problem : Problem
        As for `csr`.
    core : Core
        The processor.
    constants : mapping
        ``call, row, out, event, branch, scan, scattered``, and bandwidths.

    Returns
    -------
    Parts
        Of the kernel.
    """
    m, k, n, nonzeros = problem.m, problem.k, problem.n, problem.nonzeros
    live = m * distinct_share(problem.density, k)
    scan = m * k * constants["scan"] + nonzeros * _event(problem, constants)
    return Parts(
        launch=constants["call"] + m * constants["row"],
        output=scan + live * n * constants["out"],
        compute=0.0,
        memory=0.0,
        gather=_rows_s(problem, core, constants),
        flops=nonzeros * n,
    )


def compress(problem: Problem, core: Core, constants: Constants) -> Parts:
    """Compressed rows of a dense A: ``T = call + m row + mk scan + nnz event'``, ``event'`` as for `gather`.

    Parameters
    ----------
    problem : Problem
        Sizes and density of A.
    core : Core
        The processor.
    constants : mapping
        ``call, row, scan, event, branch``.

    Returns
    -------
    Parts
        Of the conversion.
    """
    looked_at = problem.m * problem.k
    rows_and_events = problem.m * constants["row"] + problem.nonzeros * _event(problem, constants)
    return Parts(
        launch=constants["call"] + 0.0 * looked_at,
        compute=rows_and_events + looked_at * constants["scan"],
        memory=0.0,
    )


def elementwise(problem: Problem, core: Core, constants: Constants) -> Parts:
    """One operation on each of m·k·n elements, in every timestep.

    ::

        T = steps (call + accesses b mkn, from the cache that holds them)

    Parameters
    ----------
    problem : Problem
        m·k·n elements. Options ``accesses`` (reads and writes per element and step; a leaky
        integrate-and-fire neuron 4: input and voltage in, voltage and spike out) and ``steps``.
    core : Core
        The processor.
    constants : mapping
        ``call``, and bandwidths, which hold what the library writes and reads in between.

    Returns
    -------
    Parts
        Of all steps.
    """
    elements = problem.m * problem.k * problem.n
    steps = problem.options.get("steps", 1.0)
    moved = problem.options.get("accesses", 4.0) * core.item * elements
    return Parts(
        launch=steps * constants["call"] + 0.0 * elements,
        compute=0.0,
        memory=steps * moved_s(moved, moved, core, constants),
        flops=steps * elements,
    )


def _event(problem: Problem, constants: Constants) -> Array:
    """Seconds that finding a non-zero takes."""
    return constants["event"] + constants["branch"] * (1.0 - problem.density)


def _rows_s(problem: Problem, core: Core, constants: Constants) -> Array:
    """Seconds in which a row of B comes for each non-zero of A."""
    row = problem.n * core.item
    used = distinct_share(problem.density, problem.options.get("rows", ALL_ROWS))
    resident = problem.k * used * row
    beyond = 1.0 - held_share(resident, core.caches[min(1, len(core.caches) - 1)])
    scattered = 1.0 + constants["scattered"] * (1.0 - problem.density) * beyond
    return moved_s(problem.nonzeros * row, resident, core, constants) * scattered
