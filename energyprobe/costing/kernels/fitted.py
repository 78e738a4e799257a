"""What all fits have in common: constants fitted to measurements, and how far off predictions are."""

from __future__ import annotations

import functools

import msgspec

from energyprobe.costing.figures import Figure
from energyprobe.errors import DeviceError


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

    @functools.cached_property
    def si(self) -> dict[str, float]:
        """The constants in base units."""
        return {name: figure.value_si for name, figure in self.constants.items()}
