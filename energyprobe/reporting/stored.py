"""Reports and comparisons that were saved as JSON, read back: to be printed, asked and saved again."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energyprobe.errors import ReportError
from energyprobe.reporting.document import Column, Document, Lines, Table
from energyprobe.reporting.published import Published

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.reporting.chart import Chart

REPORT_SCHEMA = 2
"""Version of the stored form of a report; 1 had no document."""

COMPARISON_SCHEMA = 1
"""Version of the stored form of a comparison; break-evens were added to version 1."""


@dataclass(frozen=True, eq=False, repr=False)
class StoredReport(Published):
    """A report or a comparison that was saved as JSON.

    ``print`` writes what it wrote when it was saved. What was recorded and priced is not in the file: a
    stored report cannot be priced again.

    Attributes
    ----------
    data : dict
        What the file holds: numbers in SI units, None for what is unknown.
    document : Document
        The report in words.
    """

    data: dict[str, Any]
    document: Document

    @property
    def is_comparison(self) -> bool:
        """Whether it compares several models."""
        return "baseline" in self.data

    @property
    def bibtex(self) -> str:
        """BibTeX entries of what it cites; empty where the file has none."""
        return str(self.data.get("bibtex", ""))

    @property
    def charts(self) -> tuple[Chart, ...]:
        """None: charts are drawn of recordings."""
        return ()

    def to_dataframe(self) -> pd.DataFrame:
        """The rows, as those of `Report.to_dataframe` or `Comparison.to_dataframe`; unknown is NaN."""
        import pandas as pd

        frame = pd.DataFrame(self.data["rows"])
        for name in frame.columns:
            if all(value is None or isinstance(value, float) for value in frame[name]):
                frame[name] = frame[name].astype(float)
        return frame

    def __repr__(self) -> str:
        return f"StoredReport({self.document.heading!r})"


def load_report(path: str | os.PathLike[str]) -> StoredReport:
    """Read a report or a comparison that was saved as ``.json``.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    StoredReport

    Raises
    ------
    ReportError
        If there is no such file, or it is no report, cut, or of a newer version of energyprobe.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"cannot load {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ReportError(f"cannot load {path}: it is no report, or was cut ({error})") from error
    if isinstance(data, dict) and {"schema", "calls"} <= data.keys():
        raise ReportError(
            f"cannot load {path}: it is a trace, not a report; ep.load_trace reads it, ep.report prices it"
        )
    if not isinstance(data, dict) or not {"schema", "rows", "devices"} <= data.keys():
        raise ReportError(
            f"cannot load {path}: it is no report; expected what Report.save or Comparison.save wrote "
            "as .json"
        )
    newest = COMPARISON_SCHEMA if "baseline" in data else REPORT_SCHEMA
    if data["schema"] > newest:
        raise ReportError(
            f"cannot load {path}: it has version {data['schema']} of the stored form, and this energyprobe "
            f"knows up to {newest}: update energyprobe"
        )
    stored = data.get("document")
    return StoredReport(data, _without_document(data) if stored is None else document_from(stored))


def document_data(document: Document) -> dict[str, Any]:
    """Put a document into plain data.

    Parameters
    ----------
    document : Document
        The document.

    Returns
    -------
    dict
        What `document_from` makes it of again.
    """
    return dataclasses.asdict(document)


def document_from(data: dict[str, Any]) -> Document:
    """Make a document of plain data.

    Parameters
    ----------
    data : dict
        What `document_data` gave.

    Returns
    -------
    Document
    """
    sections = tuple(_table(each) if "columns" in each else _lines(each) for each in data["sections"])
    return Document(data["heading"], data["subheading"], sections)


def _table(data: dict[str, Any]) -> Table:
    return Table(data["title"], tuple(map(_column, data["columns"])), tuple(data["detail"]))


def _column(data: dict[str, Any]) -> Column:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
    return Column(**fields)


def _lines(data: dict[str, Any]) -> Lines:
    return Lines(data["title"], tuple(data["lines"]))


def _without_document(data: dict[str, Any]) -> Document:
    """What can be told of a report of version 1, which held numbers only: the totals."""
    names = tuple(data["devices"])
    totals = [data["devices"][name]["total"] for name in names]
    columns = (
        Column(
            name=name,
            header=name,
            cells=tuple("—" if total[name] is None else f"{total[name]:.3g}" for total in totals),
            values=tuple(total[name] for total in totals),
        )
        for name in ("energy_j", "low_j", "high_j", "latency_s")
    )
    key = Column(name="device", header="device", cells=names, text=True)
    table = Table("Totals, per inference", (key, *columns))
    return Document(
        f"Energy of {data['model']}", "", (table, Lines("Assumptions", tuple(data["assumptions"])))
    )
