"""A report as plain data, for JSON: numbers in SI units, unknown as null."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from energyprobe import __version__
from energyprobe.costing.bibliography import citation
from energyprobe.costing.table import CostTable
from energyprobe.reporting.prices import PRICE_UNITS
from energyprobe.reporting.remarks import assumptions
from energyprobe.reporting.running import chosen_fields
from energyprobe.reporting.stored import REPORT_SCHEMA
from energyprobe.reporting.uncounted import missed
from energyprobe.reporting.units import is_unknown

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report


def data_of(report: Report) -> dict[str, Any]:
    """Put a report into plain data.

    Parameters
    ----------
    report : Report
        What to tell.

    Returns
    -------
    dict
        Numbers, text, lists and dicts, in which None is what is unknown or not modelled; energies are
        joules per inference.
    """
    trace = report.trace
    uncounted = dict.fromkeys(each for view in report.views for each in missed(view.layers))
    rows = report.to_dataframe().to_dict(orient="records")
    return {
        "schema": REPORT_SCHEMA,
        "energyprobe": __version__,
        "model": trace.model,
        "fingerprint": trace.fingerprint,
        "samples": trace.samples,
        "versions": trace.versions,
        "scenario": chosen_fields(report.scenario),
        "devices": {name: _device(cost) for name, cost in report.costs.items()},
        "rows": [{key: _plain(value) for key, value in row.items()} for row in rows],
        "uncounted": [dataclasses.asdict(each) for each in uncounted],
        "assumptions": list(assumptions(trace, report.layers, report.prices).lines),
    }


def _device(cost: CostTable) -> dict[str, Any]:
    total = cost.total()
    terms = {
        name: {"energy_j": _plain(term.energy_j), "low_j": _plain(term.low_j), "high_j": _plain(term.high_j)}
        for name, term in total.terms.items()
    }
    return {
        "name": cost.device.name,
        "title": cost.device.title,
        "verified": cost.device.verified,
        "total": {name: _plain(getattr(total, name)) for name in PRICE_UNITS}
        | {"lower_bound": total.lower_bound, "terms": terms, "not_modelled": list(total.not_modelled)},
        "sources": {key: citation(source) for key, source in cost.device.sources.items()},
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and is_unknown(value) else value
