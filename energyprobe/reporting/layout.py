"""Fitting tables to a page: a table that is too wide is split, never cut."""

from __future__ import annotations

import re
from itertools import compress, groupby

from energyprobe.reporting.document import Column, Table

GAP = 2
"""Blanks between two columns."""

TEXT_SHARE = 3
"""A column of text takes at most the page's width divided by this, and at least `TEXT_WIDTH`."""

TEXT_WIDTH = 18


def split(table: Table, width: int) -> list[Table]:
    """Split a table into tables that fit a page.

    Every column appears once, the first column in each part. Columns of a group stay together unless the
    group alone is wider than the page; the title of a part names its groups. Rows that a part says nothing
    of are left out of it.

    Parameters
    ----------
    table : Table
        The table.
    width : int
        Width of the page in character cells.

    Returns
    -------
    list of Table
        At least one; the table itself where it fits.
    """
    key, *others = table.columns
    start = column_width(key, width)
    parts: list[list[Column]] = [[]]
    used = start
    for _, members in groupby(others, key=lambda column: column.group):
        group = list(members)
        needed = sum(column_width(column, width) + GAP for column in group)
        if parts[-1] and used + needed > width:
            parts.append([])
            used = start
        for column in group:
            if parts[-1] and used + column_width(column, width) + GAP > width:
                parts.append([])
                used = start
            parts[-1].append(column)
            used += column_width(column, width) + GAP
    if len(parts) == 1:
        return [table]
    titles = [_part_title(table, part) for part in parts]
    titles = [
        f"{title} (continued)" if title in titles[:place] else title for place, title in enumerate(titles)
    ]
    return [_part(table, title, part) for title, part in zip(titles, parts, strict=True)]


def column_width(column: Column, page: int) -> int:
    """Cells that a column takes on a page so wide; text that is longer goes on several lines."""
    from rich.cells import cell_len

    texts = [*column.header.split("\n"), *column.cells, column.total]
    natural = max(cell_len(text) for text in texts)
    return min(natural, max(page // TEXT_SHARE, TEXT_WIDTH)) if column.text else natural


def broken_cells(column: Column, page: int) -> list[list[str]]:
    """Cells of a column as lines: text that is too long goes on, behind a slash or blank if there is one."""
    width = column_width(column, page)
    return [_broken(cell, width) if column.text else [cell] for cell in column.cells]


def _broken(path: str, width: int) -> list[str]:
    from rich.cells import cell_len, chop_cells

    lines = [""]
    for piece in re.findall(r"[^/ ]*[/ ]|[^/ ]+$", path):
        first, *others = chop_cells(piece, width)
        if lines[-1] and cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += first
        lines += others
    return lines


def _part(table: Table, title: str, columns: list[Column]) -> Table:
    """The columns of a part beside the names of its rows."""
    told = [any(column.cells[row] for column in columns) for row in range(table.rows)]
    return Table(
        title,
        tuple(each.only(told) for each in (table.columns[0], *columns)),
        tuple(compress(table.detail, told)),
    )


def _part_title(table: Table, part: list[Column]) -> str:
    groups = list(dict.fromkeys(column.group for column in part if column.group))
    return f"{table.title}: {', '.join(groups)}" if groups else table.title
