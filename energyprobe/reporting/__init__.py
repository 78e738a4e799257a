"""TABLES: prices and counts in words; the only room that rounds, picks prefixes or draws.

`energyprobe.reporting.result` makes a report; `contents` puts it into a `document` of tables and lines, which
`terminal`, `markdown`, `latex` and `html` render; `plot` draws its charts; `frame` and `data` hold its
numbers, `saving` the formats of files.
"""

from energyprobe.reporting import plot
from energyprobe.reporting.side_by_side import totals_table

__all__ = ["plot", "totals_table"]
