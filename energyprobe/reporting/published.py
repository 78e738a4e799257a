"""What reports and comparisons have in common: printed, shown in a notebook, saved by suffix."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from energyprobe.reporting.worded import HasDocument, Worded

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.reporting.chart import Chart


class Publication(HasDocument, Protocol):
    """What can be saved: it is words, charts, sources, plain data and a tidy table."""

    @property
    def charts(self) -> tuple[Chart, ...]:
        """What it shows."""

    @property
    def bibtex(self) -> str:
        """Entries of what it cites."""

    @property
    def data(self) -> dict[str, Any]:
        """What it says in numbers, for JSON."""

    def to_dataframe(self) -> pd.DataFrame:
        """What it says in numbers, as a table."""


class Published(Worded):
    """Base of what can be printed, shown in a notebook, and saved."""

    def save(self: Publication, path: str | os.PathLike[str]) -> None:
        """Write it to a file.

        Parameters
        ----------
        path : str or os.PathLike
            Its suffix says how: ``.html`` (one page that needs nothing else), ``.md``, ``.tex``, ``.txt``,
            ``.csv`` (as `to_dataframe`), ``.json``; ``.png``, ``.svg``, ``.pdf`` (the charts).

        Raises
        ------
        ReportError
            If the suffix is another one, there is no such folder, or there is nothing to draw.
        """
        from energyprobe.reporting.saving import save

        save(self, path)
