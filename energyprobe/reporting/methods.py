"""A paragraph for the methods of a paper: what was recorded, how it was priced, with which constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from energyprobe import __version__
from energyprobe.costing.bibliography import bibliography
from energyprobe.costing.figures import Figure
from energyprobe.costing.table import CostTable
from energyprobe.costing.titles import figure_title
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting import latex, units
from energyprobe.reporting.document import printable
from energyprobe.reporting.fields import FIELDS
from energyprobe.reporting.listing import listed
from energyprobe.reporting.prices import price_words
from energyprobe.reporting.remarks import PAID
from energyprobe.reporting.running import per_words, recording_words, scenario_words
from energyprobe.reporting.uncounted import missed

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report

OWN_KEY = "energyprobe"
"""Key of the entry of energyprobe itself."""

_UNITS = {"energy": "J", "power": "W", "energy per byte": "J"}
"""Dimensions of figures that the paragraph states, and their units."""

_FIGURES = {
    "communication": ("messages", "hops"),
    "static": ("static_w", "core_static_w"),
    "idle": ("idle_w",),
    "host": ("host_w",),
    "memory": ("memory", "cache"),
}
"""Terms of a cost whose figures are called otherwise."""


class MethodsText(NamedTuple):
    """What a paper says of its energies.

    Attributes
    ----------
    paragraph : str
        Plain text, with the keys of publications in brackets, or LaTeX that cites them.
    bibtex : str
        Their entries, and that of energyprobe.
    """

    paragraph: str
    bibtex: str

    def __str__(self) -> str:
        return f"{self.paragraph}\n\n{self.bibtex}"


class _Plain:
    """Writes plain text."""

    def text(self, words: str) -> str:
        return words

    def figure(self, words: str) -> str:
        return words

    def cite(self, keys: tuple[str, ...]) -> str:
        return f" [{', '.join(keys)}]" if keys else ""


class _Latex(_Plain):
    """Writes LaTeX: quantities of siunitx, citations by key."""

    def text(self, words: str) -> str:
        return latex.escaped(words)

    def figure(self, words: str) -> str:
        return latex.quantity(words)

    def cite(self, keys: tuple[str, ...]) -> str:
        return rf"~\cite{{{','.join(keys)}}}" if keys else ""


_WRITERS = {"text": _Plain, "latex": _Latex}


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
    -------

    Raises
    ------
    ReportError
        If there is no such format.
    """
    if format not in _WRITERS:
        raise ReportError(f"no methods in the format {format!r}: {nearest(format, _WRITERS)}")
    write = _WRITERS[format]()
    sentences = [
        *_recording(report, write),
        *(_device(cost, write) for cost in report.costs.values()),
        *_limits(report, write),
    ]
    sources = bibliography(cost.device for cost in report.costs.values())
    return MethodsText(" ".join(sentences), f"{_own_entry()}\n\n{sources}")


def _recording(report: Report, write: _Plain) -> Iterator[str]:
    trace, counts = report.trace, report.counts
    run = ", ".join(f"{name} {version}" for name, version in trace.versions.items() if name != OWN_KEY)
    with_ = f" with {run}" if run else ""
    steps = {call.dt for call in trace.calls if call.dt is not None}
    length = f" of {write.figure(units.quantity(steps.pop(), 's'))}" if len(steps) == 1 else ""
    yield (
        f"The energy of {write.text(printable(trace.model))} was estimated with energyprobe "
        f"{__version__}{write.cite((OWN_KEY,))} from a recording{write.text(with_)} "
        f"({write.text(recording_words(counts))}{length}; fingerprint {write.text(trace.fingerprint)})."
    )
    synops, active = (_sum(report, name) for name in ("dense_synops", "event_synops"))
    yield (
        f"An inference has {write.figure(synops)} synaptic operations, of which {write.figure(active)} have "
        "a non-zero input."
    )
    how = write.text(scenario_words(report.scenario))
    yield f"Energies are {per_words(report.scenario)}, with {how}."


def _device(cost: CostTable, write: _Plain) -> str:
    device, total = cost.device, cost.total()
    node = f", {device.process_nm:g} nm" if device.process_nm else ""
    name = f"{device.title} ({device.name}{node}; boundary: {cost.boundary})"
    if not total.energy_j > 0:
        return f"{write.text(name)} has no price for it."
    figures = "; ".join(_constants(cost, write))
    constants = (
        f"Constants: {figures}."
        if figures
        else f"Its constants are those of{write.cite(tuple(device.sources))}."
    )
    missing = ", ".join(map(figure_title, cost.not_modelled))
    ends = write.figure(units.interval(total.low_j, total.high_j, "J"))
    sentences = [
        f"On {write.text(name)}, {write.text(PAID[device.skips])}.",
        constants,
        write.text(f"Not modelled: {missing}.") if missing else "",
        f"This gives {write.figure(price_words(total.energy_j, 'J', lower_bound=total.lower_bound))} "
        f"({ends}{' of what is priced' if total.lower_bound else ''}).",
    ]
    return " ".join(filter(None, sentences))


def _sum(report: Report, name: str) -> str:
    total = FIELDS[name].total
    assert total is not None
    return total(report.counts)


def _constants(cost: CostTable, write: _Plain) -> Iterator[str]:
    """The energies and powers behind the terms that cost something, each with its source."""
    for name, figure in _charged(cost).items():
        unit = _UNITS[figure.dimension]
        value = write.figure(units.quantity(figure.value_si, unit))
        ends = units.interval(figure.low_si, figure.high_si, unit)
        ranged = f" ({write.figure(ends)})" if figure.has_range else ""
        per = " per byte" if figure.dimension == "energy per byte" else ""
        yield f"{write.text(figure_title(name))} {value}{per}{ranged}{write.cite(figure.cites)}"


def _charged(cost: CostTable) -> dict[str, Figure]:
    figures = cost.device.figures
    charged = [name for name, term in cost.terms.items() if term.total().energy_j > 0]
    names = [name for term in charged for name in _FIGURES.get(term, (term,))]
    return {name: figures[name] for name in names if name in figures and figures[name].dimension in _UNITS}


def _limits(report: Report, write: _Plain) -> Iterator[str]:
    uncounted = [each.layer for each in missed(report.layers)]
    if uncounted:
        yield f"Not counted: {write.text(printable(listed(uncounted)))}; the totals are lower bounds."
    yield "Intervals take every constant at the low and the high end of its range."
    for cost in report.costs.values():
        held_out = cost.device.held_out
        if held_out and held_out.widens:
            error = f"by a factor of {held_out.factor:.3g}, its error on held-out measurements"
            yield f"Those of {write.text(cost.device.title)} are widened {error}."
    unverified = [cost.device.title for cost in report.costs.values() if not cost.device.verified]
    if unverified:
        yield f"Not all figures of {write.text(', '.join(unverified))} are verified in their publications."


def _own_entry() -> str:
    return "\n".join(
        [
            f"@software{{{OWN_KEY},",
            "  author = {{The energyprobe developers}},",
            "  title = {{energyprobe}},",
            f"  version = {{{__version__}}},",
            "}",
        ]
    )
