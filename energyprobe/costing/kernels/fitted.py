"""What all fits have in common: constants fitted to measurements, and how far off predictions are."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import numpy.typing as npt

from energyprobe.costing.figures import Figure
from energyprobe.costing.kernels.parts import Array
from energyprobe.errors import DeviceError

OUTSIDE = 2.0
"""Factor on the logarithms of an interval outside the measured range."""


class FittedConstants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Constants that were fitted to measurements.

    Attributes
    ----------
    constants : dict of str to Figure
        The constants.
    low_ratio, high_ratio : float
        5 and 95 % quantiles of measured over predicted, on what the fit has not seen.
    """

    constants: dict[str, Figure]
    low_ratio: float
    high_ratio: float

    def __post_init__(self) -> None:
        if not 0 < self.low_ratio <= 1 <= self.high_ratio:
            raise DeviceError(
                f"low_ratio: expected 0 < low_ratio <= 1 <= high_ratio, "
                f"got {self.low_ratio:g} and {self.high_ratio:g}"
            )

    def ratios(self, inside: npt.NDArray[np.bool_]) -> Array:
        """Ends of the interval as multiples of predictions, inside of what was measured or not: low, high."""
        ends = (self.low_ratio, self.high_ratio)
        return np.stack([np.where(inside, end, end**OUTSIDE) for end in ends])

    @functools.cached_property
    def si(self) -> dict[str, float]:
        """The constants in base units."""
        return {name: figure.value_si for name, figure in self.constants.items()}
