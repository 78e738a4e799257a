"""Reports and comparisons as files, by suffix."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from energyprobe.errors import ReportError
from energyprobe.reporting.html import to_html
from energyprobe.reporting.images import page_of
from energyprobe.reporting.latex import to_latex
from energyprobe.reporting.markdown import to_markdown
from energyprobe.reporting.stored import document_data
from energyprobe.reporting.terminal import to_text

if TYPE_CHECKING:
    from energyprobe.reporting.published import Publication

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def save(publication: Publication, path: str | os.PathLike[str]) -> None:
    """Write a report or a comparison to a file; see `Report.save`.

    Parameters
    ----------
    publication : Publication
        What to write.
    path : str or os.PathLike
        Where to, and by its suffix how.

    Raises
    ------
    ReportError
        If there is no such format or no such folder, or there is nothing to draw.
    """
    path = Path(path)
    check_path(path, WRITERS)
    path.write_bytes(WRITERS[path.suffix.lower()](publication))


def check_path(path: Path, formats: Iterable[str]) -> None:
    """Refuse a path that nothing is written to; asked before long work, too.

    Parameters
    ----------
    path : Path
        Where to.
    formats : iterable of str
        Suffixes of the formats that there are.

    Raises
    ------
    ReportError
        If the suffix is none of them, there is no such folder, or the path is one.
    """
    if path.suffix.lower() not in formats:
        raise ReportError(
            f"cannot save as {path.name!r}: the suffix says the format, one of {', '.join(formats)}"
        )
    if not path.parent.is_dir():
        raise ReportError(
            f"cannot save as {str(path)!r}: there is no folder {str(path.parent)!r}; make it first"
        )
    if path.is_dir():
        raise ReportError(f"cannot save as {str(path)!r}: it is a folder; give the name of a file")


def _csv(publication: Publication) -> str:
    frame = publication.to_dataframe()
    for name in frame.columns:
        if any(isinstance(value, str) for value in frame[name]):
            frame[name] = frame[name].map(_no_formula)
    return frame.to_csv(index=False, lineterminator="\n")


def _no_formula(value: object) -> object:
    """Text that a spreadsheet takes as text; numbers as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value


def _json(publication: Publication) -> str:
    words = {"document": document_data(publication.document), "bibtex": publication.bibtex}
    return json.dumps(publication.data | words, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _text(write: Callable[[Publication], str]) -> Callable[[Publication], bytes]:
    return lambda publication: write(publication).encode("utf-8")


def _image(format: str) -> Callable[[Publication], bytes]:
    return lambda publication: page_of(publication.charts, format)


WRITERS: dict[str, Callable[[Publication], bytes]] = {
    ".csv": _text(_csv),
    ".html": _text(lambda each: to_html(each.document, each.charts, each.bibtex)),
    ".json": _text(_json),
    ".md": _text(lambda each: to_markdown(each.document)),
    ".pdf": _image("pdf"),
    ".png": _image("png"),
    ".svg": _image("svg"),
    ".tex": _text(lambda each: to_latex(each.document)),
    ".txt": _text(lambda each: to_text(each.document) + "\n"),
}
"""Suffix to what writes the file."""
