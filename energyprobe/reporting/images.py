"""Charts as images: all on one page for PNG, SVG and PDF, and one by one within an HTML page."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from energyprobe.errors import ReportError
from energyprobe.reporting.chart import Chart
from energyprobe.reporting.plot.style import INK, LINES, WIDTH_IN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200
"""Dots per inch of images made of dots."""

_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.0,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "energyprobe",
    "pdf.fonttype": 42,
    "axes.edgecolor": LINES,
    "grid.color": LINES,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), INK),
}

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

_NO_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None},
    "png": {},
}
"""What keeps the same report the same file."""


def page_of(charts: Sequence[Chart], format: str) -> bytes:
    """Draw all charts below each other.

    Parameters
    ----------
    charts : sequence of Chart
        The charts.
    format : {"png", "svg", "pdf"}
        Format of the image.

    Returns
    -------
    bytes
        The image.

    Raises
    ------
    ReportError
        If there is no chart.
    """
    if not charts:
        raise ReportError(
            "there is nothing to draw: no device has a price, and no activity was recorded; "
            "save it as .md or .html instead"
        )
    heights = [chart.height_in for chart in charts]
    with _drawing():
        figure = _figure(sum(heights))
        grid = figure.subplots(len(charts), 1, squeeze=False, height_ratios=heights)
        for axes, chart in zip(grid[:, 0], charts, strict=True):
            chart.draw(axes)
        return _written(figure, format, transparent=False)


def inline_svg(chart: Chart, name: str) -> str:
    """Draw a chart for a place within an HTML page.

    Parameters
    ----------
    chart : Chart
        The chart.
    name : str
        An identifier that no other chart of the page has.

    Returns
    -------
    str
        An ``<svg>`` element in the colours of the text around it, with title and description for who does
        not see it.
    """
    with _drawing():
        figure = _figure(chart.height_in)
        chart.draw(figure.subplots())
        image = ElementTree.fromstring(_written(figure, "svg", transparent=True))
    ElementTree.register_namespace("", _SVG)
    told = {"title": chart.title, "desc": chart.description}
    root = ElementTree.Element(
        f"{{{_SVG}}}svg",
        {
            "viewBox": image.attrib["viewBox"],
            "role": "img",
            "aria-labelledby": f"{name}-title",
            "aria-describedby": f"{name}-desc",
        },
    )
    for tag, text in told.items():
        ElementTree.SubElement(root, f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"}).text = text
    # Its style sheet would be that of the whole page, and its metadata say nothing.
    left_out = (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style")
    root.extend(part for part in image if not any(each.tag in left_out for each in part.iter()))
    for element in root.iter():
        if element is not root:
            element.attrib = {
                key.removeprefix(f"{{{_XLINK}}}"): _inlined(value, key, name)
                for key, value in element.attrib.items()
            }
    return ElementTree.tostring(root, encoding="unicode")


def _inlined(value: str, key: str, name: str) -> str:
    """An attribute whose identifiers are those of one chart, and whose colours are those of the page."""
    if key == "id":
        return value if value.startswith(f"{name}-") else f"{name}-{value}"
    if key.endswith("href"):
        return value.replace("#", f"#{name}-", 1)
    value = value.replace("url(#", f"url(#{name}-")
    return value.replace(INK, "currentColor").replace(LINES, "var(--lines)")


def _figure(height_in: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


@contextmanager
def _drawing() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # Names of layers may be in any script; a page shows them with the fonts of its reader.
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        yield


def _written(figure: Figure, format: str, *, transparent: bool) -> bytes:
    image = io.BytesIO()
    figure.savefig(image, format=format, dpi=DPI, transparent=transparent, metadata=_NO_DATE[format])
    return image.getvalue()
