"""Documents as LaTeX: tables of booktabs, quantities of siunitx, names escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Document, Lines, Table
from energyprobe.reporting.layout import column_width, split

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "—": "---",
    "–": "--",
    "−": "$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "µ": r"\textmu{}",
    "†": r"\textdagger{}",
    "…": r"\ldots{}",
    "∞": r"$\infty$",
    "·": r"$\cdot$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\ufffd": "?",
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}

_PREFIXES = {
    "y": r"\yocto", "z": r"\zepto", "a": r"\atto", "f": r"\femto", "p": r"\pico", "n": r"\nano",
    "µ": r"\micro", "m": r"\milli", "": "", "k": r"\kilo", "M": r"\mega", "G": r"\giga", "T": r"\tera",
    "P": r"\peta", "E": r"\exa", "Z": r"\zetta", "Y": r"\yotta",
}  # fmt: skip

_UNITS = {
    "J": r"\joule",
    "s": r"\second",
    "Hz": r"\hertz",
    "W": r"\watt",
    "B": r"\byte",
    "J·s": r"\joule\second",
}

_NUMBER = r"-?\d[\d.]*"
_UNIT = rf"(?P<prefix>[{''.join(_PREFIXES)}]?)(?P<unit>{'|'.join(_UNITS)})"
_QUANTITY = re.compile(rf"(?P<value>{_NUMBER}) {_UNIT}")
_RANGE = re.compile(rf"(?P<low>{_NUMBER})–(?P<high>{_NUMBER}) {_UNIT}")
_PER_CENT = re.compile(rf"(?P<value>{_NUMBER}) %")
_COUNT = re.compile(rf"(?P<value>{_NUMBER})(?: (?P<prefix>[kMGTPEZY]))?")

WIDTH = 80
"""Characters of small print that a page of a paper is wide; a wider table becomes several."""

_ADDRESS = re.compile(r"(https?://[\w./:?=&~#%+-]*[\w/])")
"""Addresses without signs that LaTeX would read."""

PREAMBLE = r"""% Needs, in the preamble:
%   \usepackage[T1]{fontenc}
%   \usepackage{array, textcomp, booktabs, siunitx, url}
%   \sisetup{per-mode = symbol}
"""


def to_latex(document: Document) -> str:
    r"""Write a document as LaTeX, to be put into a paper with ``\input``.

    Parameters
    ----------
    document : Document
        What to write.

    Returns
    -------
    str
        A section; each table is a ``table`` with caption and label, its quantities are those of siunitx
        (``\qty{4.56}{\micro\joule}``), so that a paper's own ``\sisetup`` styles them.
    """
    blocks = [PREAMBLE + rf"\section*{{{escaped(document.heading)}}}", escaped(document.subheading)]
    for section in document.sections:
        if isinstance(section, Lines):
            blocks.append(rf"\subsection*{{{escaped(section.title)}}}")
            blocks.append("\n".join(_lines(section)))
        else:
            blocks += ["\n".join(_table(part, document.heading)) for part in split(section, WIDTH)]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def quantity(cell: str) -> str:
    r"""A cell with its figures in the macros of siunitx; what is no figure is text.

    Parameters
    ----------
    cell : str
        In the words of `energyprobe.reporting.units`: ``"≥ 4.56 µJ"``.

    Returns
    -------
    str
        ``"$\geq$ \qty{4.56}{\micro\joule}"``.
    """
    if cell.startswith(units.LOWER_BOUND):
        return rf"$\geq$ {quantity(cell.removeprefix(units.LOWER_BOUND))}"
    if found := _RANGE.fullmatch(cell):
        return rf"\qtyrange{{{found['low']}}}{{{found['high']}}}{{{_macro(found)}}}"
    if found := _QUANTITY.fullmatch(cell):
        return rf"\qty{{{found['value']}}}{{{_macro(found)}}}"
    if found := _PER_CENT.fullmatch(cell):
        return rf"\qty{{{found['value']}}}{{\percent}}"
    if found := _COUNT.fullmatch(cell):
        power = {prefix: exponent for exponent, prefix in units.PREFIXES.items()}[found["prefix"] or ""]
        return rf"\num{{{found['value']}{f'e{power}' if power else ''}}}"
    if " – " in cell:
        return "--".join(map(quantity, cell.split(" – ")))
    return escaped(cell)


def _macro(found: re.Match[str]) -> str:
    return _PREFIXES[found["prefix"]] + _UNITS[found["unit"]]


def _lines(notes: Lines) -> Iterator[str]:
    yield r"\begin{itemize}\sloppy"
    yield from (rf"  \item {{}}{_linked(line)}" for line in notes.lines)
    yield r"\end{itemize}"


def _linked(line: str) -> str:
    """A line whose addresses may break at its end."""
    pieces = _ADDRESS.split(line)
    return "".join(rf"\url{{{piece}}}" if place % 2 else escaped(piece) for place, piece in enumerate(pieces))


def _table(table: Table, of: str) -> Iterator[str]:
    label = re.sub(r"[^a-z0-9]+", "-", f"{of} {table.title}".lower()).strip("-")
    yield r"\begin{table}"
    yield rf"  \caption{{{escaped(table.title)}}}"
    yield rf"  \label{{tab:{label}}}"
    yield r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}"
    yield r"  \sisetup{range-units = single, range-phrase = --}"
    yield rf"  \begin{{tabular}}{{@{{}}{''.join(map(_alignment, table.columns))}@{{}}}}"
    yield r"    \toprule"
    yield _row(map(_header, table.columns))
    yield r"    \midrule"
    details = table.detail or (False,) * table.rows
    for row, detail in enumerate(details):
        first, *others = (_cell(column, column.cells[row]) for column in table.columns)
        yield _row([rf"\quad {first.lstrip()}" if detail else first, *others])
    if table.has_total:
        yield r"    \midrule"
        yield _row(_cell(column, column.total) for column in table.columns)
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield r"\end{table}"


def _alignment(column: Column) -> str:
    """Text that is long goes on several lines."""
    if not column.text:
        return "r"
    width = column_width(column, WIDTH)
    if max(map(len, column.cells), default=0) <= width:
        return "l"
    return rf">{{\raggedright\arraybackslash}}p{{{width / 2:g}em}}"


def _header(column: Column) -> str:
    lines = [escaped(line) for line in column.header.split("\n")]
    if len(lines) == 1:
        return lines[0]
    stacked = r" \\ ".join(lines)
    return rf"\shortstack[{'l' if column.text else 'r'}]{{{stacked}}}"


def _cell(column: Column, cell: str) -> str:
    return escaped(cell) if column.text else quantity(cell)


def _row(cells: Iterable[str]) -> str:
    # An empty group keeps "[" of a name from being taken as the option of the line break before it.
    return f"    {{}}{' & '.join(cells)} \\\\"
