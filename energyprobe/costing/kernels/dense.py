"""Dense matrix multiplication in tiles: wave quantisation, split-K, tensor cores through the chip's peak."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.parts import Array, Constants, Parts, Problem, Value
from energyprobe.costing.kernels.rates import Rates

TILES = ((256, 128), (128, 128), (64, 128), (64, 64), (64, 16), (16, 64))
"""Rows and columns of the output tiles that a library is assumed to choose from."""

SPLITS = (1, 2, 4, 8)
"""Parts that the sum over k is split into."""

DEPTH = 64
"""Elements of k in one step of the main loop."""


def dense(problem: Problem, chip: Rates, constants: Constants) -> Parts:
    """Dense C = A·B, zeros and all.

    For each tile and split-K, with ``blocks`` on ``sms`` multiprocessors in ``waves``::

        compute = waves ⌈k/(64 s)⌉ 2·64 tile / (eta peak/sms)       and at least `step` per step
        l2      = blocks (tile_m + tile_n) k b / (l2 L2)             operands of every tile
        memory  = b (mk + kn + mn) / (beta dram)                    compulsory bytes
        T       = launch + waves wave + [s>1] reduce + overlap(compute, l2, memory)

    The library is taken to choose the fastest; both traffic terms slow down where blocks are fewer than
    multiprocessors. Wave quantisation and tile shapes: NVIDIA, Matrix Multiplication Background User's
    Guide; roofline: Williams et al. 2009.

    Parameters
    ----------
    problem : Problem
        Sizes; the density changes nothing. Option ``a_share``: bytes of A that are read, of mk b; less than 1
        for a lowered convolution, whose inputs several positions share.
    chip : Rates
        The chip.
    constants : mapping
        ``launch, eta, beta, wave, reduce, step, l2``.

    Returns
    -------
    Parts
        Of the fastest tile.
    """
    return tiled(problem, chip, constants, a_share=problem.options.get("a_share", 1.0))


def tiled(
    problem: Problem,
    chip: Rates,
    constants: Constants,
    flop_share: Value = 1.0,
    a_share: Value = 1.0,
) -> Parts:
    """As `dense`, where only a share of the FLOPs is done and of the bytes of A is read."""
    m, k, n = problem.m, problem.k, problem.n
    compulsory = chip.item * (a_share * m * k + k * n + m * n)
    # What single precision cannot hold, such as a fit may try out, is infinite and never the fastest.
    with np.errstate(over="ignore"):
        choice = _fastest(problem, compulsory, chip, constants, flop_share)
    chosen = np.array(TILES, dtype=np.float64)[choice % len(TILES)]
    split_k = np.array(SPLITS, dtype=np.float64)[choice // len(TILES)]
    rows_of, columns_of = chosen[:, 0], chosen[:, 1]
    blocks = np.ceil(m / rows_of) * np.ceil(n / columns_of) * split_k
    steps = np.ceil(k / (split_k * DEPTH))
    traffic = compulsory + np.where(split_k > 1, 4.0 * split_k * m * n, 0.0)
    compute, memory, l2, fixed = _one_tile(
        blocks, steps, traffic, rows_of, columns_of, split_k, chip, constants, flop_share
    )
    return Parts(
        launch=constants["launch"] + constants["wave"] + 0.0 * fixed,
        output=fixed - constants["wave"],
        compute=compute,
        memory=memory,
        cache=l2,
        flops=2.0 * flop_share * m * k * n,
        dram_bytes=compulsory,
    )


def _fastest(
    problem: Problem, compulsory: Array, chip: Rates, constants: Constants, flop_share: Value
) -> npt.NDArray[np.int16]:
    """Index of the fastest split and tile: split · len(TILES) + tile.

    The times of `_one_tile` in milliseconds, in fourth powers, in place and in single precision, which tells
    tiles apart as well as double does: this loop is nearly all of the work.
    """
    m, k, n = (np.asarray(each, dtype=np.float32) for each in (problem.m, problem.k, problem.n))
    least = np.asarray(compulsory, dtype=np.float32)
    down = {rows: np.ceil(m / np.float32(rows)) for rows in {tile[0] for tile in TILES}}
    across = {columns: np.ceil(n / np.float32(columns)) for columns in {tile[1] for tile in TILES}}
    step_ms = [_single(1e3 * _step(*tile, chip, constants, flop_share), m) for tile in TILES]
    operands_ms = [np.float32(1e3 * _operands(*tile, chip, constants)) for tile in TILES]
    outputs, byte_ms = np.float32(4.0) * m * n, np.float32(1e3 / (constants["beta"] * chip.dram))
    wave_ms, reduce_ms = np.float32(1e3 * constants["wave"]), np.float32(1e3 * constants["reduce"])
    one = np.float32(1.0)
    best = np.full(m.shape, np.inf, dtype=np.float32)
    choice = np.zeros(m.shape, dtype=np.int16)
    # Tiles that take longer than single precision can say are not chosen.
    with np.errstate(over="ignore"):
        for split_index, split in enumerate(SPLITS):
            steps = np.ceil(k / np.float32(split * DEPTH))
            traffic = least + np.float32(split) * outputs if split > 1 else least
            memory_4 = np.square(np.square(traffic * byte_ms))
            for tile_index, (rows, columns) in enumerate(TILES):
                load = down[rows] * across[columns]
                load *= np.float32(split / chip.sms)
                waves = np.ceil(load)
                time_ms = waves * steps
                time_ms *= step_ms[tile_index]
                np.square(time_ms, out=time_ms)
                np.square(time_ms, out=time_ms)
                time_ms += memory_4 / np.sqrt(np.minimum(load, one))
                np.maximum(load, one, out=load)
                load *= steps
                load *= operands_ms[tile_index]
                np.square(load, out=load)
                np.square(load, out=load)
                time_ms += load
                np.sqrt(time_ms, out=time_ms)
                np.sqrt(time_ms, out=time_ms)
                waves *= wave_ms
                time_ms += waves
                if split > 1:
                    time_ms += reduce_ms
                np.copyto(choice, np.int16(split_index * len(TILES) + tile_index), where=time_ms < best)
                np.minimum(best, time_ms, out=best)
    return choice


def _single(value: Array, like: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A number or column in single precision."""
    return np.asarray(value, dtype=like.dtype)


def _step(rows: Value, columns: Value, chip: Rates, constants: Constants, flop_share: Value) -> Array:
    """Seconds of one step of the main loop."""
    flops = 2.0 * DEPTH * flop_share * rows * columns
    return np.asarray(np.maximum(flops * chip.sms / (constants["eta"] * chip.peak), constants["step"]))


def _operands(rows: Value, columns: Value, chip: Rates, constants: Constants) -> Value:
    """Seconds in which the operands of a step of all multiprocessors come from L2."""
    return chip.sms * (rows + columns) * DEPTH * chip.item / (constants["l2"] * chip.l2)


def _one_tile(
    blocks: Array,
    steps: Array,
    traffic: Array,
    rows: Value,
    columns: Value,
    split: Value,
    chip: Rates,
    constants: Constants,
    flop_share: Value,
) -> tuple[Array, Array, Array, Array]:
    """Compute, memory, L2 and fixed seconds of one tile shape."""
    load = blocks / chip.sms
    waves = np.ceil(load)
    compute = waves * steps * _step(rows, columns, chip, constants, flop_share)
    # Few blocks draw less than the full bandwidth; the exponent 1/8 fits A100 and H200 alike.
    idle = np.minimum(load, 1.0) ** -0.125
    memory = traffic * idle / (constants["beta"] * chip.dram)
    l2 = np.maximum(load, 1.0) * steps * _operands(rows, columns, chip, constants)
    fixed = waves * constants["wave"] + (split > 1) * constants["reduce"]
    return compute, memory, l2, fixed
