"""Counts of each kind of operation: one small function for each, and one table of them.

Conventions
-----------
- A synop whose input spikes is an accumulate (AC), any other a multiply-accumulate (MAC); a product of
  two activations is an AC if either of them spikes.
- Pooling is one elementwise operation for each tap: the maximum of k values takes k comparisons with
  the running one, their average k - 1 additions and one scaling.
- A filter is one elementwise operation for each state variable of each signal.
- A learning rule *changes* weights, which is no use of a weight by an input, hence no synop: each of its
  multiply-accumulates is two elementwise operations, a multiplication and an addition.
- The activation of a conventional layer is elementwise; only neurons with a state have neuron updates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from energyprobe.counting.counts import UNKNOWN, Counts
from energyprobe.errors import CountingError
from energyprobe.trace.geometry import connections
from energyprobe.trace.operations import (
    Conv,
    Decode,
    Dense,
    Elementwise,
    Encode,
    Filter,
    Free,
    Learning,
    Lookup,
    NeuronUpdate,
    Operation,
    Pool,
    Product,
    Sparse,
    Synaptic,
    Uncounted,
)
from energyprobe.trace.records import Step, Use


def count_step(step: Step) -> Counts:
    """Count one operation of a layer call.

    Parameters
    ----------
    step : Step
        The operation, with how often it ran and what it read.

    Returns
    -------
    Counts
        Totals over the recording.

    Raises
    ------
    CountingError
        If a synaptic operation does not say what it read, or nothing counts operations of its kind.
    """
    kind = type(step.operation)
    if kind not in COUNTED_BY:
        raise CountingError(
            f"nothing counts operations of kind {kind.__name__}: "
            f"known are {', '.join(sorted(known.__name__ for known in COUNTED_BY))}"
        )
    return COUNTED_BY[kind](step.operation, step)


def _synapses(operation: Synaptic, step: Step) -> Counts:
    use = _use(step)
    return _synops(
        step,
        spiking=use.spiking,
        events=use.fanout_events,
        effective=use.effective_events,
        spikes=use.fanout_spikes if use.spiking else use.fanout_events,
        effective_spikes=use.effective_spikes if use.spiking else use.effective_events,
    )


def _product(operation: Product, step: Step) -> Counts:
    use = _use(step)
    spiking = use.spiking or use.other_spiking
    spikes = use.fanout_spikes if spiking else use.fanout_events
    # No weights: a pair of events is effective as it is.
    return _synops(
        step,
        spiking=spiking,
        events=use.fanout_events,
        effective=use.fanout_events,
        spikes=spikes,
        effective_spikes=spikes,
    )


def _synops(
    step: Step,
    *,
    spiking: bool,
    events: int | None,
    effective: int | None,
    spikes: int | None,
    effective_spikes: int | None,
) -> Counts:
    """Sort synops into accumulates or multiply-accumulates."""
    of_one = connections(step.operation)
    dense = of_one * step.executions
    known = [synops for synops in (effective, events, dense) if synops is not None]
    if known != sorted(known):
        raise CountingError(
            f"{type(step.operation).__name__} cannot have {dense} dense, {events} event and {effective} "
            "effective synaptic operations: each is a part of the one before"
        )
    return Counts(
        connections=of_one,
        dense_synops=dense,
        event_synops=events,
        effective_synops=effective,
        spike_synops=spikes,
        effective_spike_synops=effective_spikes,
        dense_macs=0 if spiking else dense,
        dense_acs=dense if spiking else 0,
        event_macs=0 if spiking else events,
        event_acs=events if spiking else 0,
        effective_macs=0 if spiking else effective,
        effective_acs=effective if spiking else 0,
    )


def _use(step: Step) -> Use:
    if step.use is None:
        raise CountingError(
            f"{type(step.operation).__name__} does not say what it read: give its step a Use "
            "(Use(activity=None, spiking=…) where the input was not observed)"
        )
    return step.use


def _lookup(operation: Lookup, step: Step) -> Counts:
    return Counts(lookups=operation.lookups * step.executions)


def _pool(operation: Pool, step: Step) -> Counts:
    return Counts(elementwise_ops=operation.taps * step.executions)


def _elementwise(operation: Elementwise, step: Step) -> Counts:
    return Counts(elementwise_ops=operation.elements * operation.ops_per_element * step.executions)


def _neuron_update(operation: NeuronUpdate, step: Step) -> Counts:
    return Counts(neuron_updates=operation.neurons * step.executions)


def _filter(operation: Filter, step: Step) -> Counts:
    return Counts(elementwise_ops=operation.elements * operation.order * step.executions)


def _learning(operation: Learning, step: Step) -> Counts:
    return Counts(elementwise_ops=2 * operation.macs * step.executions)


def _free(operation: Free, step: Step) -> Counts:
    return Counts()


def _uncounted(operation: Uncounted, step: Step) -> Counts:
    return UNKNOWN


COUNTED_BY: dict[type[Operation], Callable[[Any, Step], Counts]] = {
    Dense: _synapses,
    Conv: _synapses,
    Sparse: _synapses,
    Decode: _synapses,
    Encode: _synapses,
    Product: _product,
    Lookup: _lookup,
    Pool: _pool,
    Elementwise: _elementwise,
    NeuronUpdate: _neuron_update,
    Filter: _filter,
    Learning: _learning,
    Free: _free,
    Uncounted: _uncounted,
}
"""Kind of operation to the function that counts it."""
