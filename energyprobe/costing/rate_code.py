"""A conventional network turned into what it would be with rate-coded spikes, call by call.

An activation a becomes min(T, floor(T a / lambda + 1/2)) spikes in T timesteps, lambda being a percentile
of the activations that a layer reads. Layers of weights get integrate-and-fire neurons, which take the place
of the rectifiers; normalisation is folded into the weights; an average is a layer of synapses.
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from energyprobe.costing.mapping import inputs_of, units
from energyprobe.costing.neurons import FOLDED
from energyprobe.costing.table import Array
from energyprobe.errors import ScenarioError
from energyprobe.trace.histograms import MAGNITUDE_EDGES
from energyprobe.trace.operations import (
    Conv,
    Dense,
    Elementwise,
    Filter,
    Free,
    NeuronUpdate,
    Operation,
    Pool,
    Sparse,
    Synaptic,
    Uncounted,
)
from energyprobe.trace.records import Activity, LayerCall, Magnitudes, Step, Trace, Use

_CENTRES = np.sqrt(MAGNITUDE_EDGES[:-1] * MAGNITUDE_EDGES[1:])


def convert(trace: Trace, calls: tuple[LayerCall, ...], timesteps: int, percentile: float) -> Trace:
    """Convert a recorded network to rate-coded spikes.

    Parameters
    ----------
    trace : Trace
        What was recorded, with ``detail="values"``.
    calls : tuple of LayerCall
        The calls of it that are priced.
    timesteps : int
        T.
    percentile : float
        Of what a layer reads, up to 100: the value that is coded as a spike in every timestep.

    Returns
    -------
    Trace
        The calls in the same order, with timesteps and spikes. What cannot be converted is uncounted.

    Raises
    ------
    ScenarioError
        If it has timesteps already, or the sizes of its activations were not recorded.
    """
    _check(trace, calls)
    received = [_spikes_in(call, timesteps, percentile) for call in calls]
    # What no weights read, as of the last layer, is not known.
    sent: list[int | None] = [None] * len(calls)
    before = inputs_of(calls)
    # From the last call to the first: a layer sends what the first one to read it receives.
    for row in reversed(range(len(calls))):
        if not any(isinstance(step.operation, Synaptic) for step in calls[row].steps):
            out = sent[row]
            received[row] = None if out is None else round(out * _taps(calls[row]))
        if received[row] is not None:
            for each in before[row]:
                sent[each] = received[row]
    converted = []
    for row, call in enumerate(calls):
        steps = _steps(call, received[row], timesteps)
        converted.append(
            replace(
                call,
                steps=steps,
                sample_steps=call.samples * timesteps,
                foldable_over_time=not any(isinstance(step.operation, NeuronUpdate) for step in steps),
                output=_sent(sent[row], call.samples),
                output_spiking=True,
            )
        )
    return replace(trace, calls=tuple(converted))


def spike_counts(magnitudes: Magnitudes, scale: float, timesteps: int) -> int:
    """Spikes of all values of one sign.

    Parameters
    ----------
    magnitudes : Magnitudes
        Their histogram.
    scale : float
        The value that is coded as a spike in every timestep.
    timesteps : int
        How many there are.

    Returns
    -------
    int
    """
    each = np.minimum(timesteps, np.floor(timesteps * _CENTRES / scale + 0.5))
    return int(np.dot(each, np.array(magnitudes.histogram, dtype=np.float64)))


def scale_of(activity: Activity, percentile: float) -> float:
    """Percentile of the sizes of all values, zeros among them; their maximum at 100.

    Parameters
    ----------
    activity : Activity
        With the sizes of its values.
    percentile : float
        Up to 100.

    Returns
    -------
    float
        0.0 where the percentile is zero.
    """
    signs = _signs(activity)
    if percentile >= 100:
        return max((each.maximum for each in signs), default=0.0)
    counts: Array = np.sum([each.histogram for each in signs], axis=0, dtype=np.float64)
    below = activity.elements - counts.sum() + np.cumsum(counts)
    reached = np.flatnonzero(below >= activity.elements * percentile / 100)
    if not reached.size or activity.elements - counts.sum() >= activity.elements * percentile / 100:
        return 0.0
    return float(MAGNITUDE_EDGES[reached[0] + 1])


def _check(trace: Trace, calls: tuple[LayerCall, ...]) -> None:
    if any(call.timesteps > 1 for call in calls):
        raise ScenarioError(
            f"converted_timesteps: {trace.model!r} has timesteps already; convert networks without any"
        )
    for call in calls:
        for step in call.steps:
            if not isinstance(step.operation, Conv | Dense):
                continue
            activity = _read(step)
            if activity is None or activity.positive is None:
                raise ScenarioError(
                    f"converted_timesteps: the sizes of what {call.key} reads were not recorded: "
                    'record with KerasProbe(detail="values")'
                )


def _spikes_in(call: LayerCall, timesteps: int, percentile: float) -> int | None:
    """Spikes that the call's first weights read; None where that was not observed."""
    for step in call.steps:
        activity = _read(step)
        if activity is not None:
            scale = scale_of(activity, percentile) or scale_of(activity, 100)
            return sum(spike_counts(each, scale, timesteps) for each in _signs(activity)) if scale else 0
    return None


def _taps(call: LayerCall) -> float:
    """Inputs of each output of an average; 1 for what passes spikes on."""
    pools = (step.operation for step in call.steps if isinstance(step.operation, Pool))
    return next((pool.taps / pool.outputs for pool in pools), 1.0)


def _steps(call: LayerCall, spikes: int | None, timesteps: int) -> tuple[Step, ...]:
    """Operations of the converted call, which reads so many spikes."""
    steps: list[Step] = []
    for step in call.steps:
        runs = step.executions * timesteps
        activity = _read(step)
        match step.operation:
            case Conv() | Dense() as operation if activity is not None and spikes is not None:
                steps.append(replace(step, use=_use(step, activity, spikes), executions=runs))
                neurons = NeuronUpdate(neuron="integrate-and-fire", neurons=units(operation))
                steps.append(Step(operation=neurons, executions=runs, dtype=step.dtype))
            case Elementwise(function="bias", elements=elements):
                # An accumulate for each neuron and timestep, from a neuron beside that always fires.
                steps.append(_synapses(Dense(inputs=1, units=elements), elements * runs, 0, runs, step.dtype))
            case Pool(method="average", taps=taps, outputs=outputs):
                pool = Sparse(inputs=taps, units=outputs, entries=taps)
                steps.append(_synapses(pool, spikes, spikes, runs, step.dtype))
            case Elementwise(function=function) if function in FOLDED:
                continue
            case Free():
                continue
            case operation:
                reason = f"{_name(operation)} cannot be converted to spikes"
                steps.append(Step(operation=Uncounted(reason=reason), executions=runs, dtype=step.dtype))
    return tuple(steps)


def _synapses(
    operation: Dense | Sparse, synops: int | None, spikes: int | None, runs: int, dtype: str
) -> Step:
    """Synapses without weights of their own."""
    use = Use(
        activity=_sent(spikes, 1),
        spiking=True,
        fanout_events=synops,
        fanout_spikes=synops,
        effective_events=synops,
        effective_spikes=synops,
    )
    return Step(operation=operation, executions=runs, dtype=dtype, use=use)


def _use(step: Step, activity: Activity, spikes: int) -> Use:
    """Reading of so many spikes; their mean fan-out is that of the values that they code."""
    total = sum(each.total for each in _signs(activity))
    fanout = round(spikes * sum(each.fanout_total for each in _signs(activity)) / total) if total else 0
    use = step.use
    effective = None
    if use is not None and use.effective_events is not None and use.fanout_events:
        effective = round(fanout * use.effective_events / use.fanout_events)
    return Use(
        activity=_spike_train(spikes, activity.samples),
        spiking=True,
        fanout_events=fanout,
        fanout_spikes=fanout,
        effective_events=effective,
        effective_spikes=effective,
    )


def _read(step: Step) -> Activity | None:
    """What a convolution or matrix reads; None for other operations."""
    if not isinstance(step.operation, Conv | Dense) or step.use is None:
        return None
    return step.use.activity


def _signs(activity: Activity) -> list[Magnitudes]:
    return [each for each in (activity.positive, activity.negative) if each is not None]


def _spike_train(spikes: int, samples: int) -> Activity:
    """So many single spikes; how they lie among samples is not known."""
    return Activity(
        elements=spikes, events=spikes, spikes=spikes, samples=samples, sum_sq_events_per_sample=None
    )


def _sent(spikes: int | None, samples: int) -> Activity | None:
    """So many spikes; None where their number is not known."""
    return None if spikes is None else _spike_train(spikes, samples)


def _name(operation: Operation) -> str:
    """What an operation computes, for people."""
    match operation:
        case Elementwise(function=function) | Filter(function=function):
            return function
        case Pool(method=method):
            return f"{method} pooling"
        case _:
            return str(operation.__struct_config__.tag)
