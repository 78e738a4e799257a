"""A paragraph for the methods of a paper: what was recorded, how it was priced, with which constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from energyprobe.costing.table import CostTable
from energyprobe.reporting import methods_sentences as sentences
from energyprobe.reporting.document import printable
from energyprobe.reporting.methods_sentences import MethodsText, Writer
from energyprobe.reporting.running import per_words, scenario_words

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report


def methods_of(report: Report, format: Literal["text", "latex"]) -> MethodsText:
    """Write the methods of a report; see `Report.methods`.

    Parameters
    ----------
    report : Report
        What was priced.
    format : {"text", "latex"}
        How the paragraph is written.

    Returns
    -------
    MethodsText
        Paragraph and entries.

    Raises
    ------
    ReportError
        If there is no such format.
    """
    costs = list(report.costs.values())
    return sentences.methods_text(_sentences(report, costs, sentences.writer(format)), costs)


def _sentences(report: Report, costs: list[CostTable], write: Writer) -> Iterator[str]:
    yield (
        f"The energy of {write.text(printable(report.trace.model))} was {sentences.estimated(write)} from "
        f"{sentences.recording(report, write)}."
    )
    yield f"{sentences.synops(report, write)}."
    yield f"Energies are {per_words(report.scenario)}, with {write.text(scenario_words(report.scenario))}."
    for cost in costs:
        yield from sentences.device([cost], write)
        if cost.total().energy_j > 0:
            yield f"This gives {sentences.energy(cost.total(), write)}."
    if uncounted := sentences.uncounted(report, write):
        yield f"Not counted: {uncounted}; the totals are lower bounds."
    yield "Intervals take every constant at the low and the high end of its range."
    yield from sentences.doubts(costs, write)
