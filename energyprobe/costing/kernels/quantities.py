"""A number about a chip or a kernel: value, unit, interval and where it comes from."""

from __future__ import annotations

import math

import msgspec

from energyprobe.costing.figures import VERIFIABLE, Provenance
from energyprobe.errors import DeviceError, nearest

UNITS: dict[str, float] = {
    "1": 1.0,
    "FLOP/s": 1.0,
    "GFLOP/s": 1e9,
    "TFLOP/s": 1e12,
    "GB/s": 1e9,
    "TB/s": 1e12,
    "byte": 1.0,
    "kiB": 2.0**10,
    "MiB": 2.0**20,
    "Hz": 1.0,
    "GHz": 1e9,
    "s": 1.0,
    "us": 1e-6,
    "ns": 1e-9,
    "ps": 1e-12,
    "W": 1.0,
    "J/byte": 1.0,
    "pJ/byte": 1e-12,
    "pJ/bit": 8e-12,
    "pJ/FLOP": 1e-12,
    "MAC/clock": 1.0,
    "byte/clock": 1.0,
}
"""Units, as how many base units (FLOP/s, byte/s, byte, Hz, s, W, J/byte, J/FLOP) each is."""


class Quantity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure of a data sheet, a publication or a fit.

    Attributes
    ----------
    value : float
        In `unit`.
    unit : str
        One of `UNITS`.
    low, high : float
        90 % interval in `unit`; equal to `value` for what has none, such as a number of cores.
    source : str
        Key of the publication or of the measurements behind it, in ``kernels/sources.toml``;
        ``"assumption"`` where there is neither.
    provenance : str
        As for `energyprobe.costing.figures.Figure`; a fit is ``"derived"``.
    verified : bool
        True only where the provenance allows it.
    note : str
        What a reader should know.

    Raises
    ------
    DeviceError
        If the unit is unknown, a number is negative or not finite, the interval does not hold the value,
        or it is called verified against its provenance.
    """

    value: float
    unit: str
    low: float
    high: float
    source: str
    provenance: Provenance
    verified: bool
    note: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise DeviceError(f"unit: {self.unit!r} is no known unit, {nearest(self.unit, UNITS)}")
        for field in ("value", "low", "high"):
            number = getattr(self, field)
            if not (math.isfinite(number) and number >= 0):
                raise DeviceError(f"{field}: expected a finite number of at least 0, got {number:g}")
        if not self.low <= self.value <= self.high:
            raise DeviceError(
                f"value: expected low <= value <= high, got {self.low:g} <= {self.value:g} <= {self.high:g}"
            )
        if self.verified and self.provenance not in VERIFIABLE:
            raise DeviceError(f"verified: a figure of provenance {self.provenance!r} cannot be verified")

    @property
    def si(self) -> float:
        """Value in the base unit."""
        return self.value * UNITS[self.unit]

    @property
    def ends_si(self) -> tuple[float, float]:
        """Low and high in the base unit."""
        return self.low * UNITS[self.unit], self.high * UNITS[self.unit]
