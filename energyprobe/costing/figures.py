"""A published figure: its value, unit and range, where it comes from, and what it covers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from energyprobe.errors import DeviceError, nearest

Provenance = Literal["primary", "derived", "secondary-multiple", "secondary", "memory"]
Boundary = Literal["operation", "core", "chip", "board", "system", "unknown"]

BOUNDARIES: tuple[Boundary, ...] = ("operation", "core", "chip", "board", "system")
"""What figures cover, from the smallest to the largest."""

VERIFIABLE: tuple[Provenance, ...] = ("primary", "derived", "secondary-multiple")
"""Kinds of provenance that may be called verified."""

Dimension = Literal[
    "energy",
    "energy per byte",
    "power",
    "time",
    "time per byte",
    "memory",
    "number",
    "number per clock",
    "bytes per clock",
    "frequency",
    "speed",
    "bandwidth",
]

UNITS: dict[Dimension, dict[str, float]] = {
    "energy": {"J": 1.0, "mJ": 1e3, "uJ": 1e6, "nJ": 1e9, "pJ": 1e12, "fJ": 1e15},
    "energy per byte": {"nJ/byte": 1e9, "pJ/byte": 1e12, "pJ/bit": 1e12 / 8, "fJ/bit": 1e15 / 8},
    "power": {"W": 1.0, "mW": 1e3, "uW": 1e6},
    "time": {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "ps": 1e12, "fs": 1e15},
    "time per byte": {"ns/byte": 1e9, "ps/byte": 1e12, "fs/byte": 1e15},
    "memory": {"byte": 1.0, "kiB": 2.0**-10, "MiB": 2.0**-20, "GB": 1e-9},
    "number": {"1": 1.0},
    "number per clock": {"MAC/clock": 1.0},
    "bytes per clock": {"byte/clock": 1.0},
    "frequency": {"Hz": 1.0},
    "speed": {"TFLOP/s": 1e-12},
    "bandwidth": {"GB/s": 1e-9, "TB/s": 1e-12},
}
"""Units by what they measure, as how many of each make one base unit.

Base units: J, J/byte, W, s, s/byte, byte, 1, MAC/clock, byte/clock, Hz, FLOP/s, byte/s.
"""

_UNITS: dict[str, tuple[Dimension, float]] = {
    unit: (dimension, per_base) for dimension, units in UNITS.items() for unit, per_base in units.items()
}


def widest(boundaries: Iterable[str]) -> str:
    """The largest of some boundaries: what a sum of figures covers at the most.

    Parameters
    ----------
    boundaries : iterable of str
        Of the figures.

    Returns
    -------
    str
        ``"unknown"`` where one of them is, or there is none.
    """
    given = set(boundaries)
    if not given or not given.issubset(BOUNDARIES):
        return "unknown"
    return next(each for each in reversed(BOUNDARIES) if each in given)


def per_base_unit(unit: str) -> float:
    """How many of a unit make one base unit: 1e6 for ``"us"``."""
    return _UNITS[unit][1]


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number about a device, as published: the energy of one operation, a power, a time, a capacity.

    Attributes
    ----------
    value : float
        In `unit`.
    unit : str
        One of `UNITS`.
    low, high : float or None
        Published range, in `unit`, as a 90 % interval; None where none is known.
    source : str
        Key of the publication that the value comes from.
    via : str or None
        Key of the publication through which the value was read, where it was not `source` itself.
    range_source : str or None
        Key of the publication that the other end of the range comes from.
    provenance : str
        ``"primary"``: read in `source`; ``"derived"``: arithmetic on such figures;
        ``"secondary-multiple"``: quoted alike by two or more that read it; ``"secondary"``: by one;
        ``"memory"``: not read.
    verified : bool
        True only for the first three kinds of provenance.
    boundary : str
        What the figure covers: one ``"operation"`` of an arithmetic unit, a ``"core"``, ``"chip"``,
        ``"board"`` or whole ``"system"``; ``"unknown"`` where the publication was not read.
    basis : {"marginal", "average"}
        ``"marginal"``: what one more costs. ``"average"``: all power of a chip at one operating point over
        what it did there, so that static power is in it already.
    includes : tuple of str
        Terms of other work that it holds already: they are neither charged nor missing.
    note : str
        What a reader should know: how it was derived, how others use it.

    Raises
    ------
    DeviceError
        If the unit is unknown, a value is negative or not finite, the range does not hold the value, or
        the figure is called verified against its provenance.
    """

    value: float
    unit: str
    source: str
    provenance: Provenance
    verified: bool
    boundary: Boundary
    low: float | None = None
    high: float | None = None
    via: str | None = None
    range_source: str | None = None
    basis: Literal["marginal", "average"] = "marginal"
    includes: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise DeviceError(f"unit: {self.unit!r} is no known unit, {nearest(self.unit, _UNITS)}")
        for field in ("value", "low", "high"):
            number = getattr(self, field)
            if number is not None and not (math.isfinite(number) and number >= 0):
                raise DeviceError(f"{field}: expected a finite number of at least 0, got {number:g}")
        low, high = self._ends()
        if not low <= self.value <= high:
            raise DeviceError(
                f"value: expected low <= value <= high, got {low:g} <= {self.value:g} <= {high:g}"
            )
        if self.verified and self.provenance not in VERIFIABLE:
            raise DeviceError(
                f"verified: a figure of provenance {self.provenance!r} cannot be verified, "
                f"only {', '.join(VERIFIABLE)} can"
            )

    @property
    def dimension(self) -> Dimension:
        """What it measures."""
        return _UNITS[self.unit][0]

    @property
    def value_si(self) -> float:
        """Value in the base unit of its dimension."""
        return self.value / _UNITS[self.unit][1]

    @property
    def low_si(self) -> float:
        """Low end in the base unit; `value_si` where no range is known."""
        return self._ends()[0] / _UNITS[self.unit][1]

    @property
    def high_si(self) -> float:
        """High end in the base unit; `value_si` where no range is known."""
        return self._ends()[1] / _UNITS[self.unit][1]

    def _ends(self) -> tuple[float, float]:
        low = self.value if self.low is None else self.low
        return low, self.value if self.high is None else self.high

    def at(self, value_si: float) -> Figure:
        """The same figure at another value, in the base unit, and without a range."""
        value = value_si * _UNITS[self.unit][1]
        return msgspec.structs.replace(self, value=value, low=None, high=None)

    @property
    def has_range(self) -> bool:
        """Whether a range was published."""
        return self.low is not None or self.high is not None

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of all publications that stand behind the figure, the value's own first."""
        return tuple(key for key in (self.source, self.via, self.range_source) if key is not None)


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A publication, with what a BibTeX entry needs.

    Attributes
    ----------
    type : str
        ``"article"`` (journal), ``"inproceedings"`` (conference), ``"software"`` or ``"misc"``.
    authors : tuple of str
        In the form ``"Horowitz, Mark"``; ``"others"`` last where the list was cut.
    title : str
        Title.
    year : int
        Year of publication.
    venue, volume, number, pages, version : str or None
        Journal or proceedings, and where in it; version of a software.
    doi, url : str or None
        At least one of the two.
    """

    type: Literal["article", "inproceedings", "software", "misc"]
    authors: tuple[str, ...]
    title: str
    year: int
    venue: str | None = None
    volume: str | None = None
    number: str | None = None
    pages: str | None = None
    version: str | None = None
    doi: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if not self.authors:
            raise DeviceError("authors: expected at least one author")
        if self.doi is None and self.url is None:
            raise DeviceError("doi: expected a doi or a url, got neither")
