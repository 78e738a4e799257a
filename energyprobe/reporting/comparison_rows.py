"""The numbers of a comparison as plain rows: cells and ratios, and break-evens."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from energyprobe.reporting.cells import Interval, edp_ratio, energy_ratio, latency_ratio
from energyprobe.reporting.verdicts import divided

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


def comparison_rows(comparison: Comparison) -> Iterator[dict[str, object]]:
    """One row for each device, batch size and model; columns as of `Comparison.to_dataframe`."""
    verdicts = {verdict.case: verdict for verdict in comparison.verdicts}
    for case, cell in comparison.cells.items():
        _, baseline = comparison.pair(case)
        verdict = verdicts.get(case)
        yield {
            "device": case.device,
            "batch_size": case.batch_size,
            "model": case.model,
            "energy_j": cell.energy_j.value,
            "low_j": cell.energy_j.low,
            "high_j": cell.energy_j.high,
            **_named("latency_s", cell.latency_s),
            **_named("edp_js", cell.edp_js),
            "sampling_error": cell.sampling.energy,
            "lower_bound": cell.is_lower_bound,
            "does_not_fit": cell.total.does_not_fit,
            **_named("energy_ratio", divided(cell, baseline, energy_ratio)),
            **_named("latency_ratio", latency_ratio(cell, baseline)),
            **_named("edp_ratio", divided(cell, baseline, edp_ratio)),
            "outcome": verdict.outcome if verdict else "baseline",
            "verdict": verdict.words if verdict else "",
        }


def breakeven_rows(comparison: Comparison) -> Iterator[dict[str, object]]:
    """One row for each break-even; columns as of `Comparison.breakevens_to_dataframe`."""
    for case, found in comparison.breakevens.items():
        for each in found:
            values = {field.name: getattr(each, field.name) for field in dataclasses.fields(each)}
            del values["case"]
            yield {"device": case.device, "batch_size": case.batch_size, "model": case.model, **values}


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"low_{name}": interval.low, f"high_{name}": interval.high}
