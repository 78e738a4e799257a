"""A chart of a report: what draws it, what it shows in words, and its figures as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.reporting.document import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart that every format of files can show.

    Attributes
    ----------
    title : str
        What it shows, for who does not see it.
    description : str
        How it is drawn, and what stands out.
    draw : callable
        Draws it into axes.
    height_in : float
        Height in inches.
    table : Table
        The figures that it shows.
    """

    title: str
    description: str
    draw: Callable[[Axes], object]
    height_in: float
    table: Table
