"""One device on a page: what it is, every figure with range and provenance, and sources ready to paste."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.costing.bibliography import citation
from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure, Provenance
from energyprobe.costing.titles import figure_title
from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Document, Lines, Table, printable
from energyprobe.reporting.listing import listed
from energyprobe.reporting.prices import UNVERIFIED
from energyprobe.reporting.remarks import paid

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

PROVENANCE: dict[Provenance, str] = {
    "primary": "primary",
    "derived": "derived",
    "secondary-multiple": "quotes",
    "secondary": "quote",
    "memory": "memory",
}
"""How a figure was read, in a word."""

PROVENANCE_MEANS = (
    "primary: read in the source; derived: arithmetic on such figures; quotes: quoted alike by two or more "
    f"that read the source, quote: by one; memory: not read; {UNVERIFIED} not verified"
)


@dataclass(frozen=True, eq=False)
class DevicePage:
    """All that is known of a device, to be printed.

    Attributes
    ----------
    device : Device
        The device.
    """

    device: Device

    @functools.cached_property
    def document(self) -> Document:
        """The page in words, for every renderer; the BibTeX entries are `Device.bibtex`."""
        device = self.device
        names = ", ".join((device.name, *device.aliases))
        node = f"{device.process_nm:g} nm" if device.process_nm else ""
        document = Document(
            heading=device.title,
            subheading=", ".join(filter(None, (names, device.kind, str(device.year or ""), node))),
            sections=(_description(device), _figures(device), *_notes(device), _sources(device)),
        )
        return document.mapped(printable)

    def __repr__(self) -> str:
        return f"DevicePage({self.device!r})"

    def __str__(self) -> str:
        return f"{self.document}\n\nBibTeX\n\n{self.device.bibtex()}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        yield self.document
        yield Text(f"\nBibTeX\n\n{self.device.bibtex()}")

    def _repr_html_(self) -> str:
        from energyprobe.reporting.terminal import to_notebook

        return to_notebook(self)


def _description(device: Device) -> Lines:
    """What the device is and how it is priced."""
    about = (type(device).__doc__ or "").partition("\n")[0]
    facts = [device.description, f"priced as: {about[:1].lower()}{about[1:].rstrip('.')}", paid(device)]
    if not device.graded_events:
        facts.append("an event is a spike: layers that read graded values cannot run as they are")
    if device.dtypes:
        facts.append(f"data types: {', '.join(device.dtypes)}")
    if held_out := device.held_out:
        several = f"90 % of {held_out.measurements} measurements that it was not fitted to"
        which = several if held_out.measurements > 1 else "the one measurement that it was not fitted to"
        use = "prices are widened" if held_out.widens else "ratios of networks are drawn"
        facts.append(f"{which} lay within a factor of {held_out.factor:.3g}, by which {use}: {held_out.note}")
    return Lines("Device", tuple(facts))


def _figures(device: Device) -> Table:
    """Every figure as published."""
    number = {key: place for place, key in enumerate(device.cites, start=1)}
    figures = device.figures
    texts: dict[str, tuple[str, ...]] = {
        "figure": tuple(map(figure_title, figures)),
        "value": tuple(_value(figure) for figure in figures.values()),
        "range": tuple(_range(figure) for figure in figures.values()),
        "covers": tuple(figure.boundary for figure in figures.values()),
        "read": tuple(PROVENANCE[figure.provenance] for figure in figures.values()),
        "source": tuple(
            f"[{', '.join(str(number[key]) for key in figure.cites)}]" for figure in figures.values()
        ),
    }
    text = {"figure", "covers", "read", "source"}
    columns = (
        Column(name=name, header=name, cells=cells, text=name in text) for name, cells in texts.items()
    )
    return Table("Figures", tuple(columns))


def _notes(device: Device) -> Iterator[Lines]:
    """What a reader should know of single figures; once where it is the same of several."""
    names: dict[str, list[str]] = {}
    for name, figure in device.figures.items():
        # An average over an operating point is marked, as no static power comes on top of it.
        average = (
            "average over an operating point, static power included" if figure.basis == "average" else ""
        )
        if note := "; ".join(filter(None, (average, figure.note))):
            names.setdefault(note, []).append(figure_title(name))
    notes = (f"{listed(of)}: {note}" for note, of in names.items())
    yield Lines("Notes", (*notes, PROVENANCE_MEANS))


def _sources(device: Device) -> Lines:
    """The publications, by the numbers that the figures cite them by."""
    cited = (
        f"[{place}] {key}: {citation(device.sources[key])}" for place, key in enumerate(device.cites, start=1)
    )
    return Lines("Sources", tuple(cited))


def _value(figure: Figure) -> str:
    words = f"{_number(figure.value)} {_unit(figure)}".rstrip()
    return words if figure.verified else f"{words} {UNVERIFIED}"


def _range(figure: Figure) -> str:
    if not figure.has_range:
        return units.UNKNOWN
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    return f"{_short(low)}–{_short(high)}"


def _short(value: float) -> str:
    return _number(value) if value < 10_000 else units.count(value)


def _number(value: float) -> str:
    """As published, in full: a figure is not rounded."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.12g}"


def _unit(figure: Figure) -> str:
    return "" if figure.unit == "1" else figure.unit.replace("u", "µ")
