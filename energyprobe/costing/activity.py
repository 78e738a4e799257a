"""A recording with other activity: as if its tensors had had more events, or fewer."""

from __future__ import annotations

import math
from collections.abc import Callable

from msgspec.structs import replace

from energyprobe.trace.geometry import connections
from energyprobe.trace.operations import Product
from energyprobe.trace.records import Activity, LayerCall, Step, Trace

NORMAL_95 = 1.96
"""Standard errors on either side of a mean that hold 95 % of a normal distribution."""

Factor = Callable[[Activity, bool], float]
"""Gives, for a tensor and whether it carries spikes, how many times as active it shall be."""


def with_activity(trace: Trace, factor: Factor) -> Trace:
    """Scale the events of the tensors of a recording, and what was counted from them.

    Events stay at most as many as there are elements; beyond that an event carries more spikes.

    Parameters
    ----------
    trace : Trace
        The recording.
    factor : callable
        Gives for each tensor, and whether it carries spikes, how many times as active it shall be.

    Returns
    -------
    Trace
        With whole numbers of events, as any recording.
    """
    return replace(trace, calls=tuple(_call(call, factor) for call in trace.calls))


def relative_error(activity: Activity) -> float:
    """Half the 95 % interval of a tensor's events per sample, as a fraction of their mean.

    ``1.96 s / (mean sqrt(n))``, with s the standard deviation of n samples.

    Parameters
    ----------
    activity : Activity
        Of a tensor.

    Returns
    -------
    float
        0 where there were no events; NaN for fewer than two samples, or where sums of squares were not
        recorded.
    """
    samples, events, squares = activity.samples, activity.events, activity.sum_sq_events_per_sample
    if samples < 2 or squares is None:
        return math.nan
    if not events:
        return 0.0
    # sum (x - mean)^2 = sum x^2 - (sum x)^2 / n; whole numbers until the end.
    spread = (samples * squares - events**2) / samples
    deviation = math.sqrt(max(0.0, spread) / (samples - 1))
    return NORMAL_95 * deviation * math.sqrt(samples) / events


def _call(call: LayerCall, factor: Factor) -> LayerCall:
    output = call.output
    if output is not None:
        output = _activity(output, factor(output, call.output_spiking))
    return replace(call, output=output, steps=tuple(_step(step, factor) for step in call.steps))


def _step(step: Step, factor: Factor) -> Step:
    use = step.use
    if use is None or use.activity is None:
        return step
    scale = factor(use.activity, use.spiking)
    events, spikes = _room(use.activity, scale), scale
    other = use.other
    if other is not None and isinstance(step.operation, Product):
        scale_of_other = factor(other, use.other_spiking)
        events, spikes = events * _room(other, scale_of_other), spikes * scale_of_other
        other = _activity(other, scale_of_other)
    if use.fanout_events:
        # Events that lie where connections are many leave room for fewer than the tensor has.
        events = min(events, connections(step.operation) * step.executions / use.fanout_events)
    changed = replace(
        use,
        activity=_activity(use.activity, scale),
        other=other,
        fanout_events=_times(use.fanout_events, events),
        fanout_spikes=_times(use.fanout_spikes, spikes),
        effective_events=_times(use.effective_events, events),
        effective_spikes=_times(use.effective_spikes, spikes),
    )
    return replace(step, use=changed)


def _activity(activity: Activity, scale: float) -> Activity:
    room = _room(activity, scale)
    return replace(
        activity,
        events=round(activity.events * room),
        spikes=_times(activity.spikes, scale),
        sum_sq_events_per_sample=_times(activity.sum_sq_events_per_sample, room**2),
    )


def _room(activity: Activity, scale: float) -> float:
    """A scale of events that leaves no more of them than there are elements."""
    return min(scale, activity.elements / activity.events) if activity.events else scale


def _times(number: int | None, scale: float) -> int | None:
    return None if number is None else round(number * scale)
