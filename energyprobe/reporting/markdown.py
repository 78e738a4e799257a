"""Documents as Markdown: tables of the GitHub kind, names escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from energyprobe.reporting.document import Document, Lines, Table


def to_markdown(document: Document) -> str:
    """Write a document as Markdown.

    Parameters
    ----------
    document : Document
        What to write.

    Returns
    -------
    str
        A second-level heading, then a third-level heading for each section.
    """
    blocks = [f"## {escaped(document.heading)}", escaped(document.subheading)]
    for section in document.sections:
        blocks.append(f"### {escaped(section.title)}")
        blocks.append("\n".join(_lines(section) if isinstance(section, Lines) else _rows(section)))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: names may hold stars, bars, brackets and underscores."""
    text = re.sub(r"([\\`*|<>\[\]])", r"\\\1", text)
    # Within a word an underscore is only an underscore.
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def _lines(notes: Lines) -> Iterator[str]:
    return (f"- {escaped(line)}" for line in notes.lines)


def _rows(table: Table) -> Iterator[str]:
    yield _row(column.heading for column in table.columns)
    yield "|" + "|".join(":---" if column.text else "---:" for column in table.columns) + "|"
    yield from map(_row, zip(*(column.cells for column in table.columns), strict=True))
    if table.has_total:
        yield _row((column.total for column in table.columns), bold="**")


def _row(cells: Iterable[str], bold: str = "") -> str:
    return "| " + " | ".join(f"{bold}{escaped(cell)}{bold}" if cell else "" for cell in cells) + " |"
