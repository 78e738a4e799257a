"""``TimeDistributed``: the wrapped layer's rule, once for each timestep."""

from __future__ import annotations

from energyprobe.frontends.keras.capture import Frame
from energyprobe.frontends.keras.rules.base import Call, Rule, Steps, always


def time_distributed(layer: object, inner: Rule) -> Rule:
    """Make the rule of a ``TimeDistributed`` around a layer that has a rule.

    Parameters
    ----------
    layer : object
        The wrapped layer.
    inner : Rule
        Its rule.
    """

    def steps(call: Call) -> Steps:
        return inner.steps(Call(call.frame, call.capture, True, layer=layer))

    return Rule(
        steps,
        spikes=lambda wrapper, codes: inner.spikes(layer, codes),
        keeps_time=always,
        times=True,
        activation=lambda wrapper: inner.activation(layer),
    )


def folded_steps(frame: Frame, wrapper_class: type) -> tuple[Frame | None, object]:
    """Find the ``TimeDistributed`` around a call, and its number of timesteps.

    Returns
    -------
    tuple
        The frame of the wrapper and the size of its time axis (None if not known while tracing), or
        ``(None, None)``.
    """
    for outer in frame.ancestors():
        if isinstance(outer.layer, wrapper_class) and outer.rule is None:
            return outer, outer.inputs[0].shape[1]
    return None, None
