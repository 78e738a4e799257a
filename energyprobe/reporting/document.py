"""A report as a document: titled tables and lists of text, which every renderer turns into its own form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


@dataclass(frozen=True)
class Column:
    """One column of a table, its cells already in words.

    Attributes
    ----------
    name : str
        What users choose it by.
    header : str
        What stands above it; words may go on two lines.
    cells : tuple of str
        One for each row of the table.
    total : str
        What stands below it.
    group : str
        Columns of one group stay together where a table is too wide for a page.
    text : bool
        Whether it holds text (ranged left) or figures (ranged right).
    values : tuple of float or None
        The figures behind the cells, in SI units, None for what is unknown; empty where there are none.
    bars : bool
        Whether bars show the values, which are fractions.
    """

    name: str
    header: str
    cells: tuple[str, ...]
    total: str = ""
    group: str = ""
    text: bool = False
    values: tuple[float | None, ...] = ()
    bars: bool = False

    @property
    def heading(self) -> str:
        """The header on one line."""
        return self.header.replace("-\n", "").replace("\n", " ")

    def mapped(self, write: Callable[[str], str]) -> Column:
        """The same column with every text written as a function says."""
        header = "\n".join(map(write, self.header.split("\n")))
        return replace(self, header=header, cells=tuple(map(write, self.cells)), total=write(self.total))

    def only(self, told: Iterable[bool]) -> Column:
        """The same column with some of its cells."""
        kept = tuple(told)
        return replace(
            self, cells=tuple(compress(self.cells, kept)), values=tuple(compress(self.values, kept))
        )


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes
    ----------
    title : str
        What the table is about.
    columns : tuple of Column
        The first names the rows and is repeated where the table is split.
    detail : tuple of bool
        Whether each row is a detail of a row above it; empty if none is.
    """

    title: str
    columns: tuple[Column, ...]
    detail: tuple[bool, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows, that of totals left out."""
        return len(self.columns[0].cells)

    def mapped(self, write: Callable[[str], str]) -> Table:
        """The same table with every text written as a function says."""
        return replace(
            self, title=write(self.title), columns=tuple(column.mapped(write) for column in self.columns)
        )

    @property
    def has_total(self) -> bool:
        """Whether a row of totals closes the table."""
        return any(column.total for column in self.columns)


@dataclass(frozen=True)
class Lines:
    """Titled lines of text."""

    title: str
    lines: tuple[str, ...]

    def mapped(self, write: Callable[[str], str]) -> Lines:
        """The same lines, each written as a function says."""
        return Lines(write(self.title), tuple(map(write, self.lines)))


@dataclass(frozen=True)
class Document:
    """A heading, a line below it, and sections in the order in which they are read.

    Printed, it is as wide as the terminal, and in colour where the terminal shows colour.
    """

    heading: str
    subheading: str
    sections: tuple[Table | Lines, ...]

    def mapped(self, write: Callable[[str], str]) -> Document:
        """The same document with every text, line by line, written as a function says."""
        return Document(
            write(self.heading), write(self.subheading), tuple(each.mapped(write) for each in self.sections)
        )

    def __str__(self) -> str:
        from energyprobe.reporting.terminal import to_screen

        return to_screen(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from energyprobe.reporting.html import to_fragment

        return to_fragment(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from energyprobe.reporting.terminal import render

        return render(self, options.max_width)


def printable(text: str) -> str:
    """Text without line breaks and control signs, which names of layers may hold."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
