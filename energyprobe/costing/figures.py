"""A published figure: its value, unit and range, where it comes from, and what it covers."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from energyprobe.errors import DeviceError, nearest

Provenance = Literal["primary", "derived", "secondary-multiple", "secondary", "memory"]
Boundary = Literal["operation", "core", "chip", "board", "system", "unknown"]

VERIFIABLE: tuple[Provenance, ...] = ("primary", "derived", "secondary-multiple")
"""Kinds of provenance that may be called verified."""

PER_JOULE: dict[str, float] = {"J": 1.0, "mJ": 1e3, "uJ": 1e6, "nJ": 1e9, "pJ": 1e12, "fJ": 1e15}
"""Units of energy, as how many of each make a joule."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Energy of one operation, as published.

    Attributes
    ----------
    value : float
        In `unit`.
    unit : str
        A key of `PER_JOULE`.
    low, high : float or None
        Published range, in `unit`; None where none is known.
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
    note: str = ""

    def __post_init__(self) -> None:
        if self.unit not in PER_JOULE:
            raise DeviceError(
                f"unit: {self.unit!r} is no unit of energy for one operation, {nearest(self.unit, PER_JOULE)}"
            )
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
    def value_j(self) -> float:
        """Joules per operation."""
        return self.value / PER_JOULE[self.unit]

    @property
    def low_j(self) -> float:
        """Joules per operation at the cheap end; `value_j` where no range is known."""
        return self._ends()[0] / PER_JOULE[self.unit]

    @property
    def high_j(self) -> float:
        """Joules per operation at the dear end; `value_j` where no range is known."""
        return self._ends()[1] / PER_JOULE[self.unit]

    def _ends(self) -> tuple[float, float]:
        low = self.value if self.low is None else self.low
        return low, self.value if self.high is None else self.high

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
