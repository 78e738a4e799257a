"""``TimeDistributed``: the wrapped layer once for each timestep, as one unit or as calls of its own.

Keras runs it in one of four ways, each of which gives the same counts: it folds time into the batch
(Keras 2), calls the layer in a Python loop (Keras 3), in a loop of the graph (Keras 2 where the batch size
is static), or under ``vectorized_map`` (Keras 3 where the number of timesteps is not known).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import Steps


def time_distributed(layer: Any, inner: Rule) -> Rule:
    """Make the rule of a ``TimeDistributed``.

    Parameters
    ----------
    layer : object
        The wrapped layer.
    inner : Rule
        Its rule.
    """
    if not inner.plain:
        return EACH_STEP

    def steps(call: Call) -> Steps:
        return inner.steps(call.of(layer, time=True))

    return Rule(
        steps,
        spikes=lambda wrapper, codes: inner.spikes(layer, codes),
        keeps_time=always,
        times=always,
        activation=lambda wrapper: inner.activation(layer),
    )


@contextlib.contextmanager
def _framed(frame: Frame, capture: Capture) -> Iterator[None]:
    """Have Keras 3, which runs only the ``call`` of the wrapped layer, tell when it does."""
    layer = frame.layer.layer
    if capture.framework.generation < 3:
        yield
        return
    original = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        if not capture.active:
            return original(*args, **kwargs)
        return capture.run(lambda _, *inner, **named: original(*inner, **named), layer, args, kwargs)

    object.__setattr__(layer, "call", call)
    try:
        yield
    finally:
        object.__delattr__(layer, "call")


EACH_STEP = Rule(
    lambda call: [],
    keeps_time=always,
    times=always,
    around=_framed,
    inside=lambda frame: frame.children,
    plain=False,
    loops=True,
)
"""A ``TimeDistributed`` around a layer whose calls count on their own."""
