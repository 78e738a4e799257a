"""What a report says in a few lines: what an inference costs on each device, and where it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from energyprobe.costing.titles import term_title
from energyprobe.reporting import units
from energyprobe.reporting.document import Lines
from energyprobe.reporting.prices import Prices, price_words
from energyprobe.reporting.running import per_words

if TYPE_CHECKING:
    from energyprobe.costing.scenario import Scenario
    from energyprobe.reporting.result import Report

TERMS_NAMED = 2
"""Terms of a cost that a line names."""


def summary(report: Report) -> Lines:
    """Say what an inference costs on each device, and where most of it goes.

    Parameters
    ----------
    report : Report
        What to tell.

    Returns
    -------
    Lines
        One for each device.
    """
    return Lines("Summary", tuple(_line(price, report.scenario) for price in report.prices))


def _line(price: Prices, scenario: Scenario) -> str:
    total = price.cost.total()
    latency = "" if units.is_unknown(total.latency_s) else f"; latency {units.quantity(total.latency_s, 's')}"
    if not total.energy_j > 0:
        return f"{price.label}: no price (the assumptions say why){latency}"
    parts = [f"{price_words(total.energy_j, 'J', lower_bound=total.lower_bound)} {per_words(scenario)}"]
    if total.low_j < total.high_j:
        of_part = " of what is priced" if total.lower_bound else ""
        parts[0] += f" ({units.interval(total.low_j, total.high_j, 'J')}{of_part})"
    parts[0] += latency
    parts.append(", ".join(_terms(price)))
    if most := _largest_layer(price):
        parts.append(most)
    return f"{price.label}: {'; '.join(parts)}"


def _terms(price: Prices) -> Iterator[str]:
    """The terms that most of the energy goes to, with their shares."""
    total = price.cost.total()
    most = sorted(total.terms.items(), key=lambda term: -np.nan_to_num(term[1].energy_j))
    for name, term in most[:TERMS_NAMED]:
        if term.energy_j > 0:
            yield f"{units.percentage(term.energy_j / total.energy_j)} {term_title(name)}"


def _largest_layer(price: Prices) -> str:
    """The layer that costs most, with its share; empty where no layer has a price of its own."""
    energies = np.nan_to_num(price.by_line(price.cost.energy_j))[: len(price.layers)]
    if not energies.any():
        return ""
    line = int(energies.argmax())
    share = units.percentage(float(energies[line]) / price.cost.total().energy_j)
    return f"of the layers most in {price.layers[line].path} ({share})"
