"""What a recording costs on some devices: the report, in numbers and in words."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from energyprobe.costing.bibliography import bibliography
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import CostTable, TotalCost
from energyprobe.counting.table import CountTable
from energyprobe.errors import ReportError
from energyprobe.reporting.arrangement import Arrangement
from energyprobe.reporting.kernels import KERNEL_COLUMNS
from energyprobe.reporting.layers import Layer
from energyprobe.reporting.naming import asked_name
from energyprobe.reporting.prices import Prices
from energyprobe.reporting.published import Published
from energyprobe.reporting.running import chosen_fields
from energyprobe.reporting.view import View, views_of
from energyprobe.trace.records import Trace

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.reporting.chart import Chart
    from energyprobe.reporting.document import Document
    from energyprobe.reporting.methods_sentences import MethodsText


@dataclass(frozen=True, eq=False, repr=False)
class Report(Published):
    """What a recorded network costs on some devices, layer by layer.

    ``print(report)`` writes tables as wide as the terminal, in colour where it shows colour.

    Attributes
    ----------
    tables : dict of str to CountTable
        What was counted, for each device in the reading that it is priced for.
    costs : dict of str to CostTable
        What each device charges, under the name that it was asked for.
    scenario : Scenario
        How the network is run.
    columns : tuple of str
        Columns chosen for the per-layer table; empty for the usual ones.
    arrangement : Arrangement
        How the rows of the per-layer table are arranged.
    """

    tables: dict[str, CountTable]
    costs: dict[str, CostTable]
    scenario: Scenario
    columns: tuple[str, ...] = ()
    arrangement: Arrangement = Arrangement()

    @property
    def counts(self) -> CountTable:
        """What was counted in the reading of the simulator, or else in that of the devices."""
        tables = {table.reading: table for table in self.tables.values()}
        return tables.get("literal") or next(iter(tables.values()))

    @property
    def trace(self) -> Trace:
        """The recording."""
        return self.counts.trace

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices, as they were asked for."""
        return tuple(self.costs)

    def total(self, device: str) -> TotalCost:
        """What one inference costs on a device.

        Parameters
        ----------
        device : str
            The name that it was asked for, its own name or an alias.

        Returns
        -------
        TotalCost
            ``energy_j``, ``low_j``, ``high_j``, ``latency_s``, ``terms``, ``not_modelled``, ``lower_bound``.

        Raises
        ------
        ReportError
            If the report has no such device; the message gives the nearest.
        """
        return self.costs[self.asked(device)].total()

    def asked(self, device: str) -> str:
        """Name that a device was asked for.

        Parameters
        ----------
        device : str
            Any of its names, in any case.

        Returns
        -------
        str
            One of `devices`.

        Raises
        ------
        ReportError
            If the report has no such device; the message gives the nearest.
        """
        return asked_name(self.costs, device)

    def select(self, *columns: str) -> Report:
        """Choose the columns of the per-layer table.

        Parameters
        ----------
        *columns : str
            Columns of `energyprobe.counts` and of `to_dataframe`, such as ``"event_synops"`` or
            ``"energy_j"``; the layer's name always comes first, named or not. None for the usual ones.

        Returns
        -------
        Report
            The same report with these columns.

        Raises
        ------
        ReportError
            If there is no such column; the message gives the nearest.
        """
        from energyprobe.reporting.contents import check_columns

        others = (column for column in columns if column != "layer")
        return dataclasses.replace(self, columns=check_columns(others, self.prices))

    def arrange(self, sort: str | None = None, *, top: int | None = None, depth: int | None = None) -> Report:
        """Choose the rows of the per-layer table, and their order.

        Parameters
        ----------
        sort : str, optional
            Column to sort by, as for `select`: figures from high to low, names from A to Z. A price is that
            on the first device.
        top : int, optional
            Show so many rows, those that come first (of highest energy, without `sort`); the others share
            one more, so that each column still adds up.
        depth : int, optional
            Fold blocks of a nested model: layers whose paths begin with the same so many names are one row.

        Returns
        -------
        Report
            The same report with these rows.

        Raises
        ------
        ReportError
            If there is no such column, or a number is not a whole one of at least 1.
        """
        from energyprobe.reporting.contents import check_columns

        if sort is not None:
            check_columns([sort], self.prices)
            if sort in KERNEL_COLUMNS:
                raise ReportError(f"rows cannot be sorted by {sort!r}: layers run several kernels")
        return dataclasses.replace(self, arrangement=Arrangement(sort=sort, top=top, depth=depth))

    def to_dataframe(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """The costs in numbers, one row for each layer call and device; see `energyprobe.reporting.frame`.

        Parameters
        ----------
        columns : iterable of str, optional
            Columns to keep, in this order; all by default.

        Returns
        -------
        pandas.DataFrame
            ``layer``, ``path``, ``call``, ``kind``, ``reading`` (the one that the device is priced for),
            ``type``, ``fate``, ``device``, ``energy_j``, ``low_j``, ``high_j``, ``latency_s``,
            ``lower_bound`` and ``TERM_j`` for each cost term: joules and seconds
            per inference; with a GPU also ``kernel``, ``dense_j`` (of the matrix products on dense kernels)
            and ``breakeven_density`` (of activations, below which skipping zeros takes less energy). What is
            not modelled is NaN.
            Each column of joules adds up to the device's total.

        Raises
        ------
        ReportError
            If there is no such column; the message gives the nearest.
        """
        from energyprobe.reporting.frame import frame_of

        return frame_of(self, columns)

    def methods(self, format: Literal["text", "latex"] = "text") -> MethodsText:
        r"""Write a paragraph for the methods of a paper, and BibTeX entries of all its sources.

        Parameters
        ----------
        format : {"text", "latex"}
            Plain text with keys in brackets, or LaTeX with ``\cite`` and the macros of siunitx.

        Returns
        -------
        MethodsText
            ``paragraph`` and ``bibtex``: ``paragraph, bibtex = report.methods("latex")``. The paragraph
            states version, recording, timesteps, how the network is run, and for each device its boundary,
            what it pays for, the constants that were charged, and what is not modelled.

        Raises
        ------
        ReportError
            If there is no such format.
        """
        from energyprobe.reporting.methods import methods_of

        return methods_of(self, format)

    @property
    def bibtex(self) -> str:
        """BibTeX entries of everything that the devices cite."""
        return bibliography(cost.device for cost in self.costs.values())

    @property
    def data(self) -> dict[str, Any]:
        """The report as plain data: what ``.json`` holds."""
        from energyprobe.reporting.data import data_of

        return data_of(self)

    @functools.cached_property
    def views(self) -> tuple[View, ...]:
        """The devices by the reading that they are priced for, each with a per-layer table of its own."""
        return tuple(views_of(self.tables, self.costs))

    @functools.cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of `counts`, each with all of its calls."""
        return next(view.layers for view in self.views if view.counts is self.counts)

    @functools.cached_property
    def prices(self) -> tuple[Prices, ...]:
        """The costs of each device by line of its per-layer table."""
        prices = {price.name: price for view in self.views for price in view.prices}
        return tuple(prices[name] for name in self.costs)

    @functools.cached_property
    def document(self) -> Document:
        """The report in words, for every renderer."""
        from energyprobe.reporting.contents import document_of

        return document_of(self)

    @functools.cached_property
    def overview(self) -> Document:
        """The report without assumptions, devices and sources: for several of them on one page."""
        from energyprobe.reporting.contents import overview_of

        return overview_of(self)

    @functools.cached_property
    def charts(self) -> tuple[Chart, ...]:
        """The charts of the report, for every format of files that shows charts."""
        from energyprobe.reporting.charts import charts_of

        return charts_of(self)

    def __repr__(self) -> str:
        devices = ", ".join(map(repr, self.devices))
        fields = ", ".join(f"{name}={value!r}" for name, value in chosen_fields(self.scenario).items())
        return f"Report({self.trace.model!r}, devices=[{devices}], {fields})"
