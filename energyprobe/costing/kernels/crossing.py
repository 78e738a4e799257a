"""Where a gain ends, searched in the logarithm of the density."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from energyprobe.costing.kernels.parts import Array

SMALLEST = 1e-7
"""Density from which the search starts: a kernel that does not win here wins nowhere."""

HALVINGS = 30
"""Steps of the search in ln density."""


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
