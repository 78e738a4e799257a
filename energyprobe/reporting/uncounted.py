"""What could not be counted, and how much of the network that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from energyprobe.reporting import units
from energyprobe.reporting.document import Lines
from energyprobe.reporting.layers import Layer
from energyprobe.trace.operations import Uncounted
from energyprobe.trace.records import LayerCall


@dataclass(frozen=True, kw_only=True)
class Missed:
    """A layer of which something could not be counted.

    Attributes
    ----------
    layer, type : str
        Its path and type.
    reasons : tuple of str
        Why.
    entirely : bool
        Whether nothing of it was counted; otherwise parts of it were.
    parameter_share : float or None
        Its parameters over those of the network; None where the network has none.
    element_share : float or None
        Elements of its outputs over those of all layers; None where shapes are unknown.
    """

    layer: str
    type: str
    reasons: tuple[str, ...]
    entirely: bool
    parameter_share: float | None
    element_share: float | None


def missed(layers: Sequence[Layer]) -> tuple[Missed, ...]:
    """List the layers of which something could not be counted.

    Parameters
    ----------
    layers : sequence of Layer
        All layers of a network.

    Returns
    -------
    tuple of Missed
        In the order of the layers.
    """
    return tuple(
        Missed(
            layer=layer.path,
            type=layer.rows[0].call.type,
            reasons=tuple(dict.fromkeys(_reasons(layer))),
            entirely=layer.fates == {"uncounted"},
            parameter_share=parameter_share([layer], layers),
            element_share=element_share([layer], layers),
        )
        for layer in layers
        if "uncounted" in layer.fates or any(True for _ in _reasons(layer))
    )


def parameter_share(some: Iterable[Layer], layers: Iterable[Layer]) -> float | None:
    """Parameters of some layers over those of all; None where there are none."""
    part, whole = (sum(layer.rows[0].call.parameters for layer in group) for group in (some, layers))
    return part / whole if whole else None


def element_share(some: Iterable[Layer], layers: Iterable[Layer]) -> float | None:
    """Elements of the outputs of some layers over those of all; None where one of them is unknown."""
    part, whole = (
        [_output_elements(row.call) for layer in group for row in layer.rows] for group in (some, layers)
    )
    known = [elements for elements in whole if elements is not None]
    if len(known) < len(whole) or not sum(known):
        return None
    return sum(elements for elements in part if elements is not None) / sum(known)


def not_counted(layers: Sequence[Layer]) -> Lines:
    """Put what could not be counted into words.

    Parameters
    ----------
    layers : sequence of Layer
        All layers of a network.

    Returns
    -------
    Lines
        A line for the network and one for each of these layers; or one that says that there is none.
    """
    listed = missed(layers)
    if not listed:
        return Lines("Not counted", (f"nothing: all {len(layers)} layers are counted or declared free",))
    entirely = {each.layer for each in listed if each.entirely}
    whole = [layer for layer in layers if layer.path in entirely]
    bound = "every total is a lower bound"
    if len(whole) > 1:
        shares = _shares(parameter_share(whole, layers), element_share(whole, layers))
        bound = f"together {len(whole)} of {len(layers)} layers, {shares}; {bound}"
    return Lines("Not counted", (*map(_line, listed), bound))


def _line(each: Missed) -> str:
    share = _shares(each.parameter_share, each.element_share) if each.entirely else "in part"
    why = f": {'; '.join(each.reasons)}" if each.reasons else ""
    return f"{each.layer} ({each.type}), {share}{why}"


def _shares(parameters: float | None, elements: float | None) -> str:
    return f"{units.percentage(parameters)} of parameters, {units.percentage(elements)} of output elements"


def _reasons(layer: Layer) -> Iterable[str]:
    for row in layer.rows:
        for step in row.call.steps:
            if isinstance(step.operation, Uncounted):
                yield step.operation.reason


def _output_elements(call: LayerCall) -> int | None:
    if call.output is not None:
        return call.output.elements
    sizes = [size for size in call.out_shape if size is not None]
    return call.samples * math.prod(sizes) if len(sizes) == len(call.out_shape) else None
