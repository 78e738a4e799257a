"""Dense kernels that skip what is wholly empty: tiles of A, or columns that no row of the batch uses."""

from __future__ import annotations

import dataclasses

import numpy as np

from energyprobe.costing.kernels.dense import tiled
from energyprobe.costing.kernels.parts import Array, Constants, Parts, Problem, Value, distinct_share
from energyprobe.costing.kernels.rates import Rates


def live_tiles(density: Array, elements: Value) -> Array:
    """Share of tiles that are not empty, where non-zeros lie anywhere: 1 − (1 − ρ)^elements.

    At a density of 1 %, 92 % of tiles of 16×16 are live and all of 128×128: random sparsity leaves nothing
    for wide units to skip.

    Parameters
    ----------
    density : ndarray
        Share of elements that are not zero.
    elements : float or ndarray
        Elements of a tile.

    Returns
    -------
    ndarray
        Shares in [0, 1].
    """
    return distinct_share(np.asarray(density, dtype=np.float64), elements)


def live_columns(density: Array, batch: Value) -> Array:
    """Share of columns that at least one row of a batch uses: 1 − (1 − ρ)^batch.

    Skipping a whole neuron needs it silent in every sample and folded timestep: at a density of 5 %, 81 % of
    the columns of a batch of 32 are live.

    Parameters
    ----------
    density : ndarray
        Share of elements that are not zero.
    batch : float or ndarray
        Rows: samples × folded timesteps × positions.

    Returns
    -------
    ndarray
        Shares in [0, 1].
    """
    return distinct_share(np.asarray(density, dtype=np.float64), batch)


def tile_skip(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """Dense product that passes over empty tiles of A.

    Where A is empty but for blocks, the share of live tiles is the density itself; else it is `live_tiles`.

    Parameters
    ----------
    problem : Problem
        Option ``tile``: elements of a tile; 1 where the blocks of A are tiles.
    chip : Rates
        The chip.
    constants : mapping
        Those of the dense kernel.

    Returns
    -------
    Parts
        Of the kernel, and of another that finds the empty tiles.
    """
    live = live_tiles(problem.density, problem.options.get("tile", 256.0))
    parts = tiled(problem, chip, constants, flop_share=live)
    looked_at = chip.item * problem.m * problem.k
    return dataclasses.replace(
        parts,
        launch=parts.launch + constants["launch"],
        memory=parts.memory + looked_at / (constants["beta"] * chip.dram),
        dram_bytes=parts.dram_bytes + looked_at,
    )


def column_skip(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """Dense product over the columns that are used at all, after finding and packing them.

    Parameters
    ----------
    problem : Problem
        Sizes and density; A is packed to k·`live_columns` columns.
    chip : Rates
        The chip.
    constants : mapping
        Those of the dense kernel, and ``launches`` of the packing, each of ``pack`` seconds.

    Returns
    -------
    Parts
        Of packing and product.
    """
    live = problem.k * live_columns(problem.density, problem.m)
    parts = tiled(dataclasses.replace(problem, k=np.maximum(live, 1.0)), chip, constants)
    packing = chip.item * problem.m * (problem.k + live)
    return dataclasses.replace(
        parts,
        launch=parts.launch + constants["launches"] * constants["pack"],
        memory=parts.memory + packing / (constants["beta"] * chip.dram),
        dram_bytes=parts.dram_bytes + packing,
    )
