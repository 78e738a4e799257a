"""Several models on the same devices, side by side: the comparison, in numbers and in words."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from energyprobe.costing.draws import Draws, stratified
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting.cells import Case, Cell, Interval, energy_ratio
from energyprobe.reporting.lacks import PRICED_PART
from energyprobe.reporting.published import Published
from energyprobe.reporting.quality import Quality
from energyprobe.reporting.reasons import common, reason
from energyprobe.reporting.result import Report
from energyprobe.reporting.sampling import Resampled
from energyprobe.reporting.verdicts import Verdict, divided, judge

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.reporting.breakevens import Breakeven
    from energyprobe.reporting.chart import Chart
    from energyprobe.reporting.document import Document
    from energyprobe.reporting.methods_sentences import MethodsText


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Published):
    """What several models cost on the same devices, and which of them uses less.

    ``print(comparison)`` writes verdicts and tables as wide as the terminal, in colour where it shows colour.

    Attributes
    ----------
    reports : dict of (str, int) to Report
        Of each model at each batch size.
    baseline : str
        The model that the others are compared with.
    quality : dict of str to Quality
        How good models are, as far as the user said so.
    draws, seed : int
        Joint draws of the constants, and the seed of their random numbers.
    """

    reports: dict[tuple[str, int], Report]
    baseline: str
    quality: dict[str, Quality]
    draws: int
    seed: int

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, as they were given."""
        return tuple(dict.fromkeys(name for name, _ in self.reports))

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the models other than the baseline."""
        return tuple(name for name in self.models if name != self.baseline)

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Batch sizes, as they were given."""
        return tuple(dict.fromkeys(size for _, size in self.reports))

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices, as they were asked for."""
        return next(iter(self.reports.values())).devices

    def scenario(self, model: str) -> Scenario:
        """How a model is run, at the first batch size."""
        return self.reports[model, self.batch_sizes[0]].scenario

    @functools.cached_property
    def drawn(self) -> dict[str, Draws]:
        """Each device with drawn figures, which all models share."""
        costs = next(iter(self.reports.values())).costs
        return {name: Draws(cost.device, self.draws, self.seed) for name, cost in costs.items()}

    @functools.cached_property
    def cells(self) -> dict[Case, Cell]:
        """Every model on every device at every batch size, with draws that cells of one device share."""
        rng = np.random.default_rng([self.seed, 1])
        normal = NormalDist()
        resampled = {
            name: Resampled(
                self.reports[name, self.batch_sizes[0]].trace,
                np.array([normal.inv_cdf(share) for share in stratified(rng, self.draws)]),
            )
            for name in self.models
        }
        cells = {}
        for device, drawn in self.drawn.items():
            for (model, size), each in self.reports.items():
                counts, cost, case = each.tables[device], each.costs[device], Case(model, device, size)
                sampling = resampled[model].sampling(
                    drawn.device, counts.reading, each.scenario, cost.total()
                )
                draws = drawn.price(counts, each.scenario, self.models.index(model))
                cells[case] = Cell(case, counts, cost, draws, sampling)
        return cells

    def cell(self, model: str, device: str, batch_size: int | None = None) -> Cell:
        """One model on one device at one batch size.

        Parameters
        ----------
        model, device : str
            Names, as they were given.
        batch_size : int, optional
            By default the first.

        Returns
        -------
        Cell
            ``energy_j``, ``latency_s`` and ``edp_js`` with intervals, and the ``cost`` behind them.

        Raises
        ------
        ReportError
            If the comparison has no such model, device or batch size.
        """
        case = Case(model, device, self.batch_sizes[0] if batch_size is None else batch_size)
        parts = (
            ("model", model, self.models),
            ("device", device, self.devices),
            ("batch size", case.batch_size, self.batch_sizes),
        )
        for what, name, known in parts:
            if name not in known:
                raise ReportError(
                    f"the comparison has no {what} {name!r}: {nearest(str(name), map(str, known))}"
                )
        return self.cells[case]

    def ratio(self, model: str, device: str, batch_size: int | None = None) -> Interval:
        """Energy of a model over that of the baseline.

        Parameters
        ----------
        model, device, batch_size
            As for `cell`.

        Returns
        -------
        Interval
            ``value``, ``low`` and ``high`` (5-95 % of joint draws); NaN where the energies cannot be
            divided: one has no price or does not fit, or they cover different things.

        Raises
        ------
        ReportError
            As `cell`.
        """
        return divided(*self.pair(self.cell(model, device, batch_size).case), energy_ratio)

    @functools.cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each device, batch size and model other than the baseline."""
        return tuple(
            self._verdict(Case(model, device, size))
            for device in self.devices
            for size in self.batch_sizes
            for model in self.others
        )

    def pair(self, case: Case) -> tuple[Cell, Cell]:
        """The cell of a case, and that of the baseline on the same device at the same batch size."""
        return self.cells[case], self.cells[case._replace(model=self.baseline)]

    def label(self, case: Case, *, batch_size: bool = False) -> str:
        """Where a case is: its device, the model where there are several, and its batch size if asked for.

        It is marked where the figures are of the priced part of a total only.
        """
        mark = f"{PRICED_PART} " if any(cell.is_lower_bound for cell in self.pair(case)) else ""
        model = f"{case.model} on " if len(self.others) > 1 else ""
        batch = f", batch {case.batch_size}" if batch_size and len(self.batch_sizes) > 1 else ""
        return mark + model + case.device + batch

    def _verdict(self, case: Case) -> Verdict:
        cell, baseline = self.pair(case)
        outcome, bound, why = judge(cell, baseline)
        if outcome in ("less", "more"):
            why = reason(cell, baseline)
        elif outcome == "no difference":
            why = common(cell, baseline)
        return Verdict(case, self.baseline, outcome, divided(cell, baseline, energy_ratio), bound, why)

    @functools.cached_property
    def breakevens(self) -> dict[Case, tuple[Breakeven, ...]]:
        """What would have to change for the others to use the same energy as the baseline.

        For each device and model other than the baseline, at the first batch size: firing rate, timesteps,
        batch size, inferences per second.
        """
        from energyprobe.reporting.breakevens import breakevens

        first = (verdict.case for verdict in self.verdicts if verdict.case.batch_size == self.batch_sizes[0])
        return {case: breakevens(self, case) for case in first}

    def breakevens_to_dataframe(self) -> pd.DataFrame:
        """The break-evens: one row for each device, model and quantity that may change.

        Returns
        -------
        pandas.DataFrame
            ``device``, ``batch_size``, ``model``, ``quantity``, ``of``, ``now``, ``at``, ``low``, ``high``,
            ``below``, ``words``, ``range_words`` and ``now_words``, as of
            `energyprobe.reporting.breakevens.Breakeven`.
        """
        import pandas as pd

        from energyprobe.reporting.comparison_rows import breakeven_rows

        return pd.DataFrame(list(breakeven_rows(self)))

    def to_dataframe(self) -> pd.DataFrame:
        """The numbers: one row for each device, batch size and model.

        Returns
        -------
        pandas.DataFrame
            ``device``, ``batch_size``, ``model``, then energy, latency and their product with intervals
            (``energy_j``, ``low_j``, ``high_j``, ``latency_s``, ``low_latency_s``, ``high_latency_s``,
            ``edp_js``, ``low_edp_js``, ``high_edp_js``), ``sampling_error`` (half of the 95 % interval as
            a fraction), ``lower_bound``, ``does_not_fit``, the ratios to the baseline (``energy_ratio``,
            ``low_…``, ``high_…``; likewise ``latency_ratio`` and ``edp_ratio``), ``outcome`` and
            ``verdict``. What is not known is NaN.
        """
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    @functools.cached_property
    def rows(self) -> tuple[dict[str, object], ...]:
        """The rows of `to_dataframe`."""
        from energyprobe.reporting.comparison_rows import comparison_rows

        return tuple(comparison_rows(self))

    def methods(self, format: Literal["text", "latex"] = "text") -> MethodsText:
        r"""Write a paragraph for the methods of a paper, and BibTeX entries of all its sources.

        Parameters
        ----------
        format : {"text", "latex"}
            Plain text with keys in brackets, or LaTeX with ``\cite`` and the macros of siunitx.

        Returns
        -------
        MethodsText
            ``paragraph`` and ``bibtex``, as of `Report.methods`: of all models, with their quality, batch
            sizes, ratios, draws and seed.

        Raises
        ------
        ReportError
            If there is no such format.
        """
        from energyprobe.reporting.comparison_methods import comparison_methods

        return comparison_methods(self, format)

    @property
    def bibtex(self) -> str:
        """BibTeX entries of everything that the devices cite."""
        return next(iter(self.reports.values())).bibtex

    @property
    def data(self) -> dict[str, Any]:
        """The comparison as plain data: what ``.json`` holds."""
        from energyprobe.reporting.comparison_data import comparison_data

        return comparison_data(self)

    @functools.cached_property
    def document(self) -> Document:
        """The comparison in words, for every renderer."""
        from energyprobe.reporting.comparison_contents import comparison_document

        return comparison_document(self)

    @property
    def charts(self) -> tuple[Chart, ...]:
        """The charts of the comparison, for every format of files that shows charts."""
        from energyprobe.reporting.comparison_charts import comparison_charts

        return comparison_charts(self)

    def __repr__(self) -> str:
        names = f"{list(self.models)!r}, devices={list(self.devices)!r}"
        return f"Comparison({names}, batch_sizes={list(self.batch_sizes)!r}, baseline={self.baseline!r})"
