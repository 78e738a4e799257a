"""Sentences of a methods paragraph that reports and comparisons share, as plain text or LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from energyprobe import __version__
from energyprobe.costing.bibliography import bibliography
from energyprobe.costing.figures import Figure
from energyprobe.costing.table import CostTable, TotalCost
from energyprobe.costing.titles import figure_title
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting import latex, units
from energyprobe.reporting.document import printable
from energyprobe.reporting.fields import FIELDS
from energyprobe.reporting.listing import enumerated, listed
from energyprobe.reporting.prices import price_words
from energyprobe.reporting.remarks import paid
from energyprobe.reporting.running import recording_words
from energyprobe.reporting.uncounted import missed

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report

OWN_KEY = "energyprobe"
"""Key of the entry of energyprobe itself."""

SOFTWARE = {
    "keras": "Keras",
    "tf_keras": "tf_keras",
    "nengo_dl": "NengoDL",
    "nengo": "Nengo",
    "tensorflow": "TensorFlow",
    "python": "Python",
}
"""What a recording names the version of, and how it is called."""

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


class Writer:
    """Writes plain text."""

    def text(self, words: str) -> str:
        """Words as they are."""
        return words

    def figure(self, words: str) -> str:
        """A figure in the words of `energyprobe.reporting.units`."""
        return words

    def cite(self, keys: tuple[str, ...]) -> str:
        """A citation, with the space before it."""
        return f" [{', '.join(keys)}]" if keys else ""


class _Latex(Writer):
    """Writes LaTeX: quantities of siunitx, citations by key."""

    def text(self, words: str) -> str:
        return latex.escaped(words)

    def figure(self, words: str) -> str:
        return latex.quantity(words)

    def cite(self, keys: tuple[str, ...]) -> str:
        return rf"~\cite{{{','.join(keys)}}}" if keys else ""


_WRITERS = {"text": Writer, "latex": _Latex}


def writer(format: str) -> Writer:
    """What writes a format.

    Parameters
    ----------
    format : {"text", "latex"}
        The format.

    Returns
    -------
    Writer

    Raises
    ------
    ReportError
        If there is no such format.
    """
    if format not in _WRITERS:
        raise ReportError(f"no methods in the format {format!r}: {nearest(format, _WRITERS)}")
    return _WRITERS[format]()


def methods_text(sentences: Iterable[str], costs: Iterable[CostTable]) -> MethodsText:
    """The sentences, and entries of energyprobe and of everything that the devices cite."""
    sources = bibliography(cost.device for cost in costs)
    return MethodsText(" ".join(sentences), f"{_own_entry()}\n\n{sources}")


def estimated(write: Writer) -> str:
    """What estimated the energies, and in which version."""
    return f"estimated with energyprobe {__version__}{write.cite((OWN_KEY,))}"


def recording(report: Report, write: Writer) -> str:
    """With what a network was recorded, on how much, and which network it is."""
    trace, versions = report.trace, report.trace.versions
    made = [f"{title} {versions[name]}" for name, title in SOFTWARE.items() if name in versions]
    precision = f" in {versions['precision']}" if "precision" in versions else ""
    with_ = f" made with {enumerated(made)}{precision}" if made else ""
    steps = {call.dt for call in trace.calls if call.dt is not None}
    length = f" of {write.figure(units.quantity(steps.pop(), 's'))}" if len(steps) == 1 else ""
    return (
        f"a recording{write.text(with_)} ({write.text(recording_words(report.counts))}{length}; "
        f"fingerprint {write.text(trace.fingerprint)})"
    )


def synops(report: Report, write: Writer) -> str:
    """A sentence without full stop on synaptic operations, and how many of them have a non-zero input."""
    dense, active = (write.figure(_sum(report, name)) for name in ("dense_synops", "event_synops"))
    told = f"As recorded, an inference has {dense} synaptic operations"
    return f"{told}, of which {active} have a non-zero input"


def device(costs: Sequence[CostTable], write: Writer) -> Iterator[str]:
    """What a device is and pays for, the constants that were charged, and what is not modelled.

    Parameters
    ----------
    costs : sequence of CostTable
        Of all networks that are priced on it.
    write : Writer
        Writes them.

    Yields
    ------
    str
        Sentences; one only where none of the networks has a price.
    """
    priced = [cost for cost in costs if cost.total().energy_j > 0]
    first = (priced or costs)[0]
    node = f", {first.device.process_nm:g} nm" if first.device.process_nm else ""
    name = f"{first.device.title} ({first.device.name}{node}; boundary: {first.boundary})"
    if not priced:
        yield f"{write.text(name)} has no price for {'it' if len(costs) == 1 else 'any of them'}."
        return
    yield f"On {write.text(name)}, {write.text(paid(first.device))}."
    figures = "; ".join(_constants(priced, write))
    if figures:
        yield f"Constants: {figures}."
    else:
        yield f"Its constants are those of{write.cite(tuple(first.device.sources))}."
    missing = dict.fromkeys(term for cost in priced for term in cost.not_modelled)
    if missing:
        yield write.text(f"Not modelled: {', '.join(map(figure_title, missing))}.")


def energy(total: TotalCost, write: Writer) -> str:
    """An energy with its range, if it has one."""
    ends = units.interval(total.low_j, total.high_j, "J")
    value = price_words(total.energy_j, "J", lower_bound=total.lower_bound)
    if ends == value:
        return write.figure(value)
    of = " of what is priced" if total.lower_bound else ""
    return f"{write.figure(value)} ({write.figure(ends)}{of})"


def uncounted(report: Report, write: Writer) -> str:
    """The layers that were not counted; empty where all were."""
    return write.text(printable(listed([each.layer for each in missed(report.layers)])))


def doubts(costs: Sequence[CostTable], write: Writer) -> Iterator[str]:
    """Errors of device models, and devices that are not verified.

    Parameters
    ----------
    costs : sequence of CostTable
        One of each device.
    write : Writer
        Writes them.

    Yields
    ------
    str
        Sentences.
    """
    for cost in costs:
        held_out = cost.device.held_out
        if held_out and held_out.widens:
            error = f"by a factor of {held_out.factor:.3g}, its error on held-out measurements"
            yield f"Those of {write.text(cost.device.title)} are widened {error}."
    unverified = [cost.device.title for cost in costs if not cost.device.verified]
    if unverified:
        yield f"Not all figures of {write.text(', '.join(unverified))} are verified in their publications."


def _sum(report: Report, name: str) -> str:
    total = FIELDS[name].total
    assert total is not None
    return total(report.counts)


def _constants(costs: Iterable[CostTable], write: Writer) -> Iterator[str]:
    """The energies and powers behind the terms that cost something, each with its source."""
    charged = {name: figure for cost in costs for name, figure in _charged(cost).items()}
    for name, figure in charged.items():
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
