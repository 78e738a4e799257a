"""Where skipping zeros begins to pay: a gain's end, searched in the logarithm of the density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.gpu_pricing import ZEROS_SAVE
from energyprobe.costing.kernels.parts import Array

Quantity = Literal["energy", "time"]
"""What is to be less."""

SMALLEST = 1e-7
"""Density from which the search starts: a kernel that does not win here wins nowhere."""

HALVINGS = 30
"""Steps of the search in ln density."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Priced:
    """What products cost, each on one kernel.

    Attributes
    ----------
    cost : ndarray
        Joules or seconds.
    kernel : ndarray of int
        Which of the kernels it is.
    launch_bound : ndarray of bool
        Whether its launch takes longest.
    calibrated : ndarray of bool
        Whether it was measured on the device at such sizes.
    """

    cost: Array
    kernel: npt.NDArray[np.intp]
    launch_bound: npt.NDArray[np.bool_]
    calibrated: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossing:
    """Where skipping zeros begins to pay, for each product.

    Attributes
    ----------
    density : ndarray
        Below it the best sparse kernel wins; 0 where none does, 1 where it wins on dense data too.
    density_if_zeros_save : ndarray
        The same where the dense kernel draws less power on zeros, as much less as was ever seen; equal to
        `density` for time.
    kernel : ndarray of str
        The sparse kernel that wins just below the break-even; empty where none does.
    reason : ndarray of str
        Empty where there is a break-even; else why there is none, such as ``"none: launch-bound"``.
    calibrated : ndarray of bool
        Whether both kernels are calibrated at the break-even.
    """

    density: Array
    density_if_zeros_save: Array
    kernel: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]
    calibrated: npt.NDArray[np.bool_]


def crossing_of(
    dense: Priced, cheapest: Callable[[Array], Priced], names: Sequence[str], *, zeros_save: bool
) -> Crossing:
    """Find the density below which the best sparse kernel takes less than the dense one.

    Parameters
    ----------
    dense : Priced
        The products on the dense kernel.
    cheapest : callable
        Gives them, at densities, on the sparse kernel that takes the least.
    names : sequence of str
        Of the sparse kernels.
    zeros_save : bool
        Whether zeros may lower what the dense kernel takes: its energy, not its time.

    Returns
    -------
    Crossing
    """

    def below_which(saved: float) -> Array:
        return highest(
            lambda density: dense.cost * (1.0 - saved * (1.0 - density)) - cheapest(density).cost,
            dense.cost.shape,
        )

    density = below_which(0.0)
    best = cheapest(np.maximum(0.99 * density, SMALLEST))
    wins = density > 0.0
    # Where even an empty A does not win, launches are all that is left of the sparse kernel's time, or they
    # are most of the dense one's, so that there is nothing to gain.
    launches = best.launch_bound | dense.launch_bound
    why = np.where(launches, "none: launch-bound", "none: dense is cheaper at any density")
    return Crossing(
        density=density,
        density_if_zeros_save=below_which(ZEROS_SAVE) if zeros_save else density,
        kernel=np.where(wins, np.array(names)[best.kernel], ""),
        reason=np.where(wins, "", why),
        calibrated=dense.calibrated & best.calibrated,
    )


def highest(gain: Callable[[Array], Array], shape: tuple[int, ...]) -> Array:
    """Highest density up to which there is a gain, by halving in ln density; 0 where there is none."""
    low = np.full(shape, np.log(SMALLEST))
    high = np.zeros(shape)
    always = gain(np.ones(shape)) > 0.0
    never = gain(np.full(shape, SMALLEST)) <= 0.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        gains = gain(np.exp(middle)) > 0.0
        low, high = np.where(gains, middle, low), np.where(gains, high, middle)
    return np.where(always, 1.0, np.where(never, 0.0, np.exp(low)))
