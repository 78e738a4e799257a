"""Energy of a kernel: static power over its time, bytes at each level, arithmetic, and the power limit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from energyprobe.costing.kernels.gpu import Gpu
from energyprobe.costing.kernels.parts import Array, Constants, Parts, Value
from energyprobe.costing.kernels.rates import Rates


class Board(NamedTuple):
    """Power limit of a board, and that of the same chip's board with the highest, in W."""

    limit_w: float
    full_w: float


def board_power(parts: Parts, seconds: Array, chip: Rates, board: Board, constants: Constants) -> Array:
    """Mean board power while a kernel runs, in W.

    ::

        static  = static_share full                       W
        budget  = full − static                           W
        dynamic = budget (dram (Q_dram + l2 Q_l2)/BW + flop F/peak)      W · s = J
        busy    = min(static + dynamic/T, limit)          W
        P       = idle + (busy − idle) T / (T + ramp)     W

    Energy roofline: Choi et al. 2013. Times overlap, energies add.

    Parameters
    ----------
    parts : Parts
        Work of the kernel.
    seconds : ndarray
        Its time.
    chip : Rates
        The chip.
    board : Board
        Its power limits.
    constants : mapping
        Those of a `energyprobe.costing.kernels.fits.PowerFit`.

    Returns
    -------
    ndarray
        Power.
    """
    static = constants["static"] * board.full_w
    idle = constants["idle"] * board.full_w
    busy = np.minimum(static + dynamic_energy(parts, chip, board, constants) / seconds, board.limit_w)
    power: Array = idle + (busy - idle) * seconds / (seconds + constants["ramp"])
    return power


def dynamic_energy(parts: Parts, chip: Rates, board: Board, constants: Constants) -> Value:
    """Energy of bytes and arithmetic, in J; see `board_power`."""
    budget = board.full_w * (1.0 - constants["static"])
    moved = (parts.dram_bytes + constants["l2"] * parts.l2_bytes) / chip.dram
    return budget * (constants["dram"] * moved + constants["flop"] * parts.flops / chip.peak)


def stretched(parts: Parts, seconds: Array, chip: Rates, board: Board, constants: Constants) -> Array:
    """Time of a kernel that would draw more than the power limit: as long as its energy takes.

    Only for times that were not measured: a measured time has been stretched already.
    """
    budget = board.limit_w - board.full_w * constants["static"]
    return np.maximum(seconds, dynamic_energy(parts, chip, board, constants) / budget)


def board_of(gpu: Gpu) -> Board:
    """Power limits of a GPU."""
    return Board(gpu.constants.limit_w.value_si, gpu.constants.full_limit_w.value_si)
