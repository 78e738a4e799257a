"""Documents in a terminal, with rich: as wide as it is, in colour only where it shows colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Document, Lines, Table
from energyprobe.reporting.layout import GAP, broken_cells, column_width, split

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

PLAIN_WIDTH = 100
"""Width of a page that no terminal shows."""

BAR = 6
"""Cells of the longest bar."""

_SPELT = dict(zip("≥–—×µ†·…─∞", (">=", "-", "-", "x", "u", "*", "-", "...", "-", "inf"), strict=True))
_SPELT |= dict.fromkeys("█▉▊▋▌", "#") | dict.fromkeys("▍▎▏", " ")

_QUIET = (units.UNKNOWN, units.NOT_MODELLED, units.NOT_COUNTED, units.NONE, units.FREE, "0")

TITLE, DETAIL, CAUTION = "bold", "dim", "magenta"


def to_text(document: Document, width: int | None = None) -> str:
    """Write a document as plain text.

    Parameters
    ----------
    document : Document
        What to write.
    width : int, optional
        Width of the page in character cells; `PLAIN_WIDTH` by default.

    Returns
    -------
    str
        Lines without colour and without blanks at their ends.
    """
    import io

    from rich.console import Console

    page = io.StringIO()
    console = Console(
        file=page, width=width or PLAIN_WIDTH, color_system=None, force_terminal=False, force_jupyter=False
    )
    for part in render(document, console.width):
        console.print(part)
    return _without_trailing_blanks(page.getvalue())


def to_screen(document: Document) -> str:
    """Write a document for wherever standard output goes: as wide, and in colour where it is a terminal."""
    from rich.console import Console

    console = Console()
    write = _in_encoding(console.encoding)
    with console.capture() as page:
        for part in render(document.mapped(write), console.width):
            console.print(part)
    return write(_without_trailing_blanks(page.get()))


def to_notebook(page: RenderableType) -> str:
    """Write what rich prints as preformatted HTML, in the notebook's own colours."""
    import io

    from rich.console import Console

    console = Console(file=io.StringIO(), record=True, width=PLAIN_WIDTH, force_jupyter=False)
    console.print(page)
    return console.export_html(
        inline_styles=True, code_format='<pre style="line-height: 1.3; white-space: pre">{code}</pre>'
    )


def render(document: Document, width: int) -> Iterator[RenderableType]:
    """Make a document's parts into what rich prints.

    Parameters
    ----------
    document : Document
        What to render.
    width : int
        Width of the page in character cells.

    Yields
    ------
    rich.console.RenderableType
        Headings, tables and text in the order in which they are read.
    """
    from rich.text import Text

    yield Text(document.heading, style=TITLE)
    if document.subheading:
        yield Text(document.subheading, style=DETAIL)
    for section in document.sections:
        if isinstance(section, Lines):
            yield Text(f"\n{section.title}", style=TITLE)
            yield from _list(section)
        else:
            for part in split(with_bars(section), width):
                yield Text(f"\n{part.title}", style=TITLE)
                yield from _table(part, width)


def with_bars(table: Table) -> Table:
    """A table whose shares are shown by bars behind their figures."""
    return replace(table, columns=tuple(_barred(each) if each.bars else each for each in table.columns))


def _barred(column: Column) -> Column:
    blank = " " * (BAR + 1)
    return replace(
        column,
        header="\n".join(line + blank for line in column.header.split("\n")),
        cells=tuple(
            f"{cell} {_bar(share or 0.0)}" for cell, share in zip(column.cells, column.values, strict=True)
        ),
        total=column.total + blank,
    )


def _bar(share: float) -> str:
    """A bar in eighths of a cell, blanks behind it."""
    whole, eighths = divmod(round(8 * BAR * min(max(share, 0.0), 1.0)), 8)
    return ("█" * whole + " ▏▎▍▌▋▊▉"[eighths] * bool(eighths)).ljust(BAR)


def _in_encoding(encoding: str) -> Callable[[str], str]:
    """Make a function that spells in ASCII what an encoding lacks: not every pipe takes UTF-8."""
    lacking = str.maketrans(
        {sign: spelt for sign, spelt in _SPELT.items() if not sign.encode(encoding, "ignore")}
    )
    return lambda text: text.translate(lacking).encode(encoding, "replace").decode(encoding)


def _without_trailing_blanks(page: str) -> str:
    return "\n".join(line.rstrip() for line in page.splitlines())


def _list(lines: Lines) -> Iterator[RenderableType]:
    """Lines with a hanging indent."""
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for line in lines.lines:
        grid.add_row(Text("·", style=DETAIL), Text(line))
    yield Padding(grid, (0, 0, 0, 1))


def _table(table: Table, width: int) -> Iterator[Text]:
    """Lines of a table that fits the page; rich's own tables take a second for a few hundred layers."""
    from rich.text import Text

    widths = [column_width(column, width) for column in table.columns]
    rule = Text("─" * (sum(widths) + GAP * (len(widths) - 1)))
    headers = [column.header.split("\n") for column in table.columns]
    height = max(map(len, headers))
    yield from _row(table, widths, [[""] * (height - len(header)) + header for header in headers], TITLE)
    yield rule
    details = table.detail or (False,) * table.rows
    cells = zip(*(broken_cells(column, width) for column in table.columns), strict=True)
    for row, detail in zip(cells, details, strict=True):
        yield from _row(table, widths, row, DETAIL if detail else "")
    if table.has_total:
        yield rule
        yield from _row(table, widths, [[column.total] for column in table.columns], TITLE)


def _row(table: Table, widths: Sequence[int], cells: Sequence[Sequence[str]], style: str) -> Iterator[Text]:
    """Lines of one row, each cell of which may take several."""
    from rich.cells import cell_len
    from rich.text import Text

    for line in zip_longest(*cells, fillvalue=""):
        text = Text(style=style, no_wrap=True, overflow="ignore")
        for column, width, word in zip(table.columns, widths, line, strict=True):
            blank = " " * (width - cell_len(word))
            text.append(word + blank if column.text else blank + word, _style(word))
            text.append(" " * GAP)
        text.rstrip()
        yield text


def _style(cell: str) -> str:
    if cell in _QUIET:
        return DETAIL
    return CAUTION if cell.startswith(units.LOWER_BOUND) else ""
