"""Reports as files, by suffix."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from energyprobe.errors import ReportError
from energyprobe.reporting.data import data_of
from energyprobe.reporting.markdown import to_markdown
from energyprobe.reporting.terminal import to_text

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def save_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a report to a file; see `Report.save`.

    Parameters
    ----------
    report : Report
        What to write.
    path : str or os.PathLike
        Where to, and by its suffix how.

    Raises
    ------
    ReportError
        If there is no such format.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITERS:
        raise ReportError(
            f"cannot save a report as {path.name!r}: the suffix says the format, one of {', '.join(WRITERS)}"
        )
    path.write_text(WRITERS[path.suffix.lower()](report), encoding="utf-8")


def _csv(report: Report) -> str:
    frame = report.to_dataframe()
    for name in ("layer", "path", "type", "device"):
        frame[name] = [_no_formula(text) for text in frame[name]]
    return frame.to_csv(index=False, lineterminator="\n")


def _no_formula(text: str) -> str:
    """Text that a spreadsheet takes as text."""
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


def _json(report: Report) -> str:
    return json.dumps(data_of(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _markdown(report: Report) -> str:
    return to_markdown(report.document)


def _text(report: Report) -> str:
    return to_text(report.document) + "\n"


WRITERS: dict[str, Callable[[Report], str]] = {
    ".csv": _csv,
    ".json": _json,
    ".md": _markdown,
    ".txt": _text,
}
"""Suffix to what writes the file."""
