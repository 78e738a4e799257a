"""A recording of the conventional network of as many bits as a spiking one has, made of that of the latter.

A neuron that runs T timesteps tells T + 1 values apart, as an activation of ceil(log2(T + 1)) bits does
(`energyprobe.costing.bitmatched`): the same layers run once, with such activations in place of spikes. An
activation is taken to be non-zero where the neuron would have fired at least once, at its rate r and
independently in each timestep: 1 - (1 - r)^T of the neurons. What pays for zeros does not depend on it.
"""

from __future__ import annotations

from msgspec.structs import replace

from energyprobe.costing.bitmatched import matched_bits
from energyprobe.errors import ScenarioError
from energyprobe.trace.activity import Activity
from energyprobe.trace.geometry import connections
from energyprobe.trace.operations import Elementwise, NeuronUpdate
from energyprobe.trace.records import LayerCall, Step, Trace, Use


def bits_of(trace: Trace) -> int:
    """Bits of the activations that stand for a network's spikes.

    Parameters
    ----------
    trace : Trace
        Of a spiking network.

    Returns
    -------
    int

    Raises
    ------
    ScenarioError
        If it has no spikes over timesteps.
    """
    spiking = any(step.use and step.use.spiking for call in trace.calls for step in call.steps)
    timesteps = max((call.timesteps for call in trace.calls), default=0)
    if not spiking or timesteps <= 1:
        raise ScenarioError(f"bit_matched: {trace.model!r} has no spikes over timesteps to be matched")
    return matched_bits(round(timesteps))


def quantised_trace(trace: Trace) -> Trace:
    """Make the recording of the conventional network of as many bits.

    Parameters
    ----------
    trace : Trace
        Of a spiking network.

    Returns
    -------
    Trace
        The same layers, once an inference; a note says what it is.

    Raises
    ------
    ScenarioError
        As `bits_of`.
    """
    bits = bits_of(trace)
    note = (
        f"not recorded: the layers of {trace.model}, run once with activations of {bits} bits in place of "
        "spikes; an activation counts as non-zero where its neuron would have fired at least once"
    )
    return replace(
        trace,
        model=f"{trace.model}, {bits} bits",
        fingerprint=f"{trace.fingerprint}-{bits}-bits",
        calls=tuple(_call(call) for call in trace.calls if call.reading == "literal"),
        measurements=(),
        notes=(*trace.notes, note),
    )


def _call(call: LayerCall) -> LayerCall:
    timesteps = call.timesteps
    if timesteps <= 1:
        return replace(call, steps=tuple(_step(step, 1) for step in call.steps))
    timed = bool(call.out_shape) and call.out_shape[0] == timesteps
    return replace(
        call,
        steps=tuple(_step(step, timesteps) for step in call.steps),
        output=None if call.output is None else _activation(call.output, timesteps, call.output_spiking),
        output_spiking=False,
        out_shape=call.out_shape[1:] if timed else call.out_shape,
        sample_steps=call.samples,
        dt=None,
        bytes_in=round(call.bytes_in / timesteps),
        bytes_out=round(call.bytes_out / timesteps),
        foldable_over_time=True,
    )


def _step(step: Step, timesteps: float) -> Step:
    operation = step.operation
    if isinstance(operation, NeuronUpdate):
        operation = Elementwise(function="quantised activation", elements=operation.neurons)
    executions = round(step.executions / timesteps)
    changed = replace(step, operation=operation, executions=executions, state_bytes=0)
    if step.use is None or step.use.activity is None:
        return changed
    return replace(changed, use=_use(step.use, timesteps, connections(step.operation) * executions))


def _use(use: Use, timesteps: float, dense: int) -> Use:
    """The same connections, read by activations; no more of them than there are."""
    assert use.activity is not None
    activation = _activation(use.activity, timesteps, use.spiking)
    share = activation.events / use.activity.events if use.activity.events else 0.0
    if use.fanout_events:
        share = min(share, dense / use.fanout_events)
    return replace(
        use,
        activity=activation,
        spiking=False,
        other_spiking=False,
        fanout_events=None if use.fanout_events is None else round(use.fanout_events * share),
        effective_events=None if use.effective_events is None else round(use.effective_events * share),
        fanout_spikes=None,
        effective_spikes=None,
    )


def _activation(activity: Activity, timesteps: float, spiking: bool) -> Activity:
    elements = round(activity.elements / timesteps)
    rate = min(1.0, activity.events / activity.elements) if activity.elements else 0.0
    active = 1 - (1 - rate) ** timesteps if spiking else rate
    return replace(
        activity,
        elements=elements,
        events=round(elements * active),
        spikes=None,
        amplitude=None,
        sum_sq_events_per_sample=None,
        events_by_step=None,
        samples_by_step=None,
        rate_histogram=None,
    )
