"""A comparison as plain data, for JSON: numbers in SI units, unknown as null."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from energyprobe import __version__
from energyprobe.costing.bibliography import citation
from energyprobe.reporting.comparison_rows import breakeven_rows
from energyprobe.reporting.running import chosen_fields
from energyprobe.reporting.stored import COMPARISON_SCHEMA

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Put a comparison into plain data.

    Parameters
    ----------
    comparison : Comparison
        What to tell.

    Returns
    -------
    dict
        Numbers, text, lists and dicts, in which None is what is unknown; rows are those of
        `Comparison.to_dataframe`, break-evens those of `Comparison.breakevens_to_dataframe`.
    """
    first = next(iter(comparison.reports.values()))
    return {
        "schema": COMPARISON_SCHEMA,
        "energyprobe": __version__,
        "baseline": comparison.baseline,
        "draws": comparison.draws,
        "seed": comparison.seed,
        "models": {name: _model(comparison, name) for name in comparison.models},
        "devices": {
            name: {
                "name": cost.device.name,
                "title": cost.device.title,
                "boundary": cost.device.boundary,
                "process_nm": cost.device.process_nm,
                "verified": cost.device.verified,
                "sources": {key: citation(source) for key, source in cost.device.sources.items()},
            }
            for name, cost in first.costs.items()
        },
        "rows": [_plain(row) for row in comparison.rows],
        "breakevens": [_plain(row) for row in breakeven_rows(comparison)],
    }


def _plain(row: dict[str, object]) -> dict[str, object]:
    """The same with None for what is unknown or infinite: JSON has no such numbers."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _model(comparison: Comparison, name: str) -> dict[str, Any]:
    report = comparison.reports[name, comparison.batch_sizes[0]]
    quality = comparison.quality.get(name)
    return {
        "model": report.trace.model,
        "fingerprint": report.trace.fingerprint,
        "samples": report.trace.samples,
        "versions": report.trace.versions,
        "scenario": chosen_fields(report.scenario) | {"batch_size": list(comparison.batch_sizes)},
        "quality": None if quality is None else dataclasses.asdict(quality),
    }
