"""How every chart looks: colours that colour-blind readers tell apart, a size, units on the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from energyprobe.costing.titles import TERMS
from energyprobe.reporting.document import printable
from energyprobe.reporting.units import PREFIXES, exponent_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#949494")
"""Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) without yellow, which is lost on white."""

HATCHES = ("", "////", "....")
"""What tells apart the colours' second and third round."""

DASHES = ("-", "--", "-.", ":")
"""What tells apart lines, beside their colour."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""What tells apart points, beside their colour."""

INK, LINES = "#1c1b22", "#d6d5dc"
"""Colours of text and of the lines behind a chart."""

WIDTH_IN = 6.4
"""Width of a chart in inches."""

ROW_IN = 0.24
"""Height of one row of bars in inches."""

LEGEND = 62
"""Letters of names side by side in a legend, at the most."""

SHOWN = 24
"""Layers that a chart shows; the others share a row."""


def new_axes(height_in: float) -> Axes:
    """Axes of a new figure of pyplot, for who gives none.

    Parameters
    ----------
    height_in : float
        Height in inches.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(WIDTH_IN, height_in), layout="constrained")[1]


def rows_height(rows: int) -> float:
    """Height in inches of a chart with so many rows, its title, legend and axis included."""
    return 1.5 + ROW_IN * rows


def term_style(term: str) -> dict[str, Any]:
    """Colour and hatch of a cost term: the same on every chart."""
    place = [*TERMS].index(term) if term in TERMS else len(TERMS)
    round_, colour = divmod(place, len(COLOURS))
    return {"color": COLOURS[colour], "hatch": HATCHES[round_], "edgecolor": "white", "linewidth": 0.5}


def colour_and_marker(place: int) -> tuple[str, str]:
    """What tells apart the models of a comparison by their place in it: the same on every chart."""
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]


def scale_of(values: Iterable[float], unit: str) -> tuple[float, str]:
    """Choose the SI prefix of an axis.

    Parameters
    ----------
    values : iterable of float
        What the axis shows, in the unit without prefix.
    unit : str
        ``"J"``, ``"s"``.

    Returns
    -------
    float
        What to divide the values by.
    str
        The unit with its prefix.
    """
    exponent = exponent_of(max(map(abs, values), default=0.0))
    return 10.0**exponent, PREFIXES[exponent] + unit


def energy_axis(axes: Axes, lowest_j: float, highest_j: float, per: str) -> None:
    """Put joules on the horizontal axis: logarithmic where they differ by more than ten.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The chart.
    lowest_j, highest_j : float
        What it shows.
    per : str
        What the energies are for: ``"per inference"``.
    """
    from matplotlib.ticker import EngFormatter, NullFormatter

    if highest_j > 10 * lowest_j:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(EngFormatter(unit="J"))
    axes.set_xlabel(f"energy {per} (J)")


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Put names of layers on the vertical axis, first on top; names are text, never formulas.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With one row of bars at each whole number.
    names : sequence of str
        One for each row.
    """
    axes.set_yticks(range(len(names)), [shortened(name) for name in names], parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, pad=7)


def finish(axes: Axes, title: str, *, along: Literal["x", "y", "both"] = "x") -> None:
    """Put a title on a chart, and quiet lines behind it.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The chart.
    title : str
        Above it.
    along : {"x", "y", "both"}
        The axes whose ticks get lines.
    """
    axes.set_title(printable(title), loc="left", fontsize="medium", parse_math=False)
    axes.grid(axis=along, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def legend(axes: Axes, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Explain colours below a chart.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The chart.
    handles : sequence of matplotlib artists
        What is explained.
    names : sequence of str
        One for each; text, never formulas.
    """
    if not names:
        return
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    below_label = axes.transAxes + ScaledTranslation(0, -0.42, figure.dpi_scale_trans)
    # A legend leaves out labels that begin with an underscore, as names of layers may: they are set after.
    box = axes.legend(
        handles,
        [str(place) for place in range(len(names))],
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=below_label,
        ncols=min(len(names), 3, max(1, LEGEND // max(len(shortened(name)) for name in names))),
        frameon=False,
        fontsize="small",
        borderaxespad=0.0,
        handlelength=1.6,
    )
    for text, name in zip(box.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(shortened(name))


def shortened(name: str, length: int = 32) -> str:
    """A name that leaves room for the chart: of a longer one the end, which tells layers apart."""
    name = printable(name)
    return name if len(name) <= length else f"…{name[1 - length :]}"
