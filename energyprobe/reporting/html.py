"""Documents as one HTML page that needs nothing else: styles, charts and script are within it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from energyprobe.reporting import units
from energyprobe.reporting.chart import Chart
from energyprobe.reporting.document import Column, Document, Lines, Table
from energyprobe.reporting.images import inline_svg

if TYPE_CHECKING:
    from jinja2 import Environment

_ADDRESS = re.compile(r"(https?://[^\s\]]+|doi:10\.[^\s\]]+)")


def to_html(document: Document, charts: Sequence[Chart] = (), bibtex: str = "") -> str:
    """Write a document as a page of HTML.

    Tables can be sorted, and BibTeX copied, where scripts run; without them everything is there as well.
    Nothing is loaded from elsewhere. Every text is escaped.

    Parameters
    ----------
    document : Document
        What to write.
    charts : sequence of Chart
        What to show behind its last table.
    bibtex : str
        Entries of the publications that it cites.

    Returns
    -------
    str
        The page.
    """
    sections = document.sections
    tables = [place for place, section in enumerate(sections) if isinstance(section, Table)]
    split = tables[-1] + 1 if tables else 0
    drawn = [(chart, inline_svg(chart, f"chart-{place}")) for place, chart in enumerate(charts, 1)]
    page = _environment().get_template("page.html")
    return page.render(
        document=document, before=sections[:split], after=sections[split:], charts=drawn, bibtex=bibtex
    )


def to_fragment(document: Document) -> str:
    """Write a document as HTML for a notebook: without charts and script, in colours that suit any theme.

    Parameters
    ----------
    document : Document
        What to write.

    Returns
    -------
    str
        A ``<div>`` element.
    """
    return _environment().get_template("fragment.html").render(document=document)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("energyprobe.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"pieces": _pieces, "anchor": _anchor}
    environment.tests |= {"table": _is_table, "lines": _is_lines, "sortable": _is_sortable}
    environment.globals |= {"key_of": _key_of}
    return environment


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Pieces of a text, each with the address that it links to; DOIs and addresses do, others are empty."""
    for place, piece in enumerate(_ADDRESS.split(text)):
        if place % 2:
            yield piece, f"https://doi.org/{piece[4:]}" if piece.startswith("doi:") else piece
        else:
            yield piece, ""


def _anchor(title: str) -> str:
    """Identifier of a section: the words of its title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


def _key_of(column: Column, row: int) -> float | None:
    """What a cell is sorted by; None for text and for what is unknown."""
    if column.text:
        return None
    return column.values[row] if column.values else units.value_of(column.cells[row])


def _is_table(section: Table | Lines) -> bool:
    return isinstance(section, Table)


def _is_lines(section: Table | Lines) -> bool:
    return isinstance(section, Lines)


def _is_sortable(table: Table) -> bool:
    """Whether its rows may change places: none is a detail of the one above it."""
    return table.rows > 1 and not any(table.detail)
