"""Which rows a per-layer table has, and in which order: blocks as one row, sorted, the first few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from energyprobe.costing.scenario import is_whole
from energyprobe.errors import ReportError
from energyprobe.reporting.fields import FIELDS
from energyprobe.reporting.layers import Layer
from energyprobe.reporting.prices import SHARE, price_of
from energyprobe.reporting.view import View


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """How the rows of a per-layer table are arranged.

    Attributes
    ----------
    sort : str or None
        Column that they are sorted by, figures from high to low and names from A to Z; None for the order
        of the network.
    top : int or None
        How many rows are shown; the others share one more. None for all.
    depth : int or None
        How many names of a layer's path tell rows apart: blocks of a nested model fold to one row.
    """

    sort: str | None = None
    top: int | None = None
    depth: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("top", self.top), ("depth", self.depth)):
            if value is not None and not is_whole(value):
                raise ReportError(f"{name} must be a whole number of at least 1, got {value!r}")


def arranged(view: View, arrangement: Arrangement) -> View:
    """Arrange the rows of a view.

    Parameters
    ----------
    view : View
        What was counted in one reading, and what that costs.
    arrangement : Arrangement
        How to.

    Returns
    -------
    View
        The same figures on other rows: each column still adds up to its total.
    """
    if arrangement.depth is not None:
        view = replace(view, rows=_folded(view.layers, arrangement.depth))
    column = arrangement.sort or ("energy_j" if arrangement.top is not None else None)
    if column is not None:
        keys = _keys(view, column)
        order = sorted(range(len(view.layers)), key=lambda line: keys[line])
        view = replace(view, rows=tuple(view.layers[line] for line in order))
    if arrangement.top is not None and len(view.layers) > arrangement.top:
        shown, others = view.layers[: arrangement.top], view.layers[arrangement.top :]
        view = replace(view, rows=(*shown, _together(f"{len(others)} others", others)))
    return view


def _folded(layers: Sequence[Layer], depth: int) -> tuple[Layer, ...]:
    """Layers whose paths begin alike as one."""
    blocks: dict[str, list[Layer]] = {}
    for layer in layers:
        blocks.setdefault("/".join(layer.path.split("/")[:depth]), []).append(layer)
    return tuple(_together(path, members) for path, members in blocks.items())


def _together(path: str, layers: Sequence[Layer]) -> Layer:
    return Layer(path, tuple(chain.from_iterable(layer.rows for layer in layers)))


def _keys(view: View, column: str) -> Sequence[tuple[str | float, ...]]:
    """What each layer is sorted by: prices on the first device, then the next; the unknown is last."""
    if column not in FIELDS:
        name = "energy_j" if column == SHARE else column
        prices = [price.by_line(price_of(price.cost, name)).tolist() for price in view.prices]
        return [tuple(map(_last_if_unknown, values)) for values in zip(*prices, strict=True)][
            : len(view.layers)
        ]
    field, samples = FIELDS[column], view.counts.trace.samples
    if field.text:
        return [(field.cell(layer, samples),) for layer in view.layers]
    return [(_last_if_unknown(field.value(layer, samples)),) for layer in view.layers]


def _last_if_unknown(value: float | None) -> float:
    """A key that puts high figures first."""
    return -value if value is not None and value == value else float("inf")
