"""From a plan and its totals to the records of a trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from msgspec.structs import replace

from energyprobe.errors import RecordingError
from energyprobe.frontends.keras.counters import Counters, Totals
from energyprobe.frontends.keras.firing import Firing
from energyprobe.frontends.keras.observation import Observation, activity, weighted
from energyprobe.frontends.keras.plan import Plan
from energyprobe.frontends.keras.planned import Link, PlannedCall, PlannedStep
from energyprobe.frontends.keras.rules.draft import StepDraft
from energyprobe.trace.merging import merge_calls
from energyprobe.trace.operations import Elementwise, Free, Product, Uncounted
from energyprobe.trace.records import Activity, Fate, LayerCall, Step, Use


@dataclasses.dataclass(frozen=True)
class Presented:
    """How much was presented while a plan counted.

    Attributes
    ----------
    samples : int
        Samples; batches that continue the samples of the one before add none.
    observed : int
        Sizes of all batches, added up.
    runs : int
        Executions of the step.
    """

    samples: int
    observed: int
    runs: int

    @property
    def continued(self) -> bool:
        """Whether batches continued samples of batches before."""
        return self.observed > self.samples


def presented(plan: Plan, starts: int | None) -> Presented:
    """Read how much a plan counted.

    Parameters
    ----------
    plan : Plan
        What was counted.
    starts : int or None
        Batches (all of the same size) that started new samples; None where every batch did.

    Returns
    -------
    Presented

    Raises
    ------
    RecordingError
        If data were of another shape than the model declares.
    """
    if plan.counters is None or plan.samples is None or plan.runs is None or plan.misshapen is None:
        return Presented(0, 0, 0)
    totals = plan.counters.read()
    if totals.integer(plan.misshapen):
        raise RecordingError(
            "the data have other shapes than the model's Input layers declare, so KerasProbe cannot count "
            "them exactly; declare sizes that vary as None, or compile with run_eagerly=True"
        )
    observed, runs = totals.integer(plan.samples), totals.integer(plan.runs)
    if starts is None or starts >= runs:
        return Presented(observed, observed, runs)
    return Presented(observed // runs * starts, observed, runs)


def layer_calls(
    plan: Plan, shown: Presented, firing: Firing
) -> tuple[tuple[LayerCall, ...], tuple[str, ...]]:
    """Give the calls of a plan, in the order in which they ran, and the keys of those that made its outputs.

    Parameters
    ----------
    plan : Plan
        What was counted.
    shown : Presented
        How much was presented.
    firing : Firing
        Adds up the events of each neuron over the run.

    Returns
    -------
    tuple
        The calls (timesteps that ran one after the other are one), and the keys.
    """
    read: dict[int, Totals] = {}
    indices = _indices(plan.calls)
    records: dict[tuple[str, int], LayerCall] = {}
    keys = {id(frame): (call.path, indices[id(call.frame)]) for call in plan.calls for frame in call.frames}
    for call in plan.calls:
        totals = _totals(call.counters, read)
        if not totals.integer(call.lead):
            continue
        # Squares of one step of a loop are not squares of a sample, nor are those of one timestep of a batch.
        squares = not (call.in_loop or plan.time_major)
        record = _layer_call(call, totals, shown, keys, squares)
        firing.add(record, call, totals)
        key = keys[id(call.frame)]
        if key in records:
            record = of_samples(merge_calls(records[key], record), shown.samples)
        records[key] = record
    return tuple(records.values()), tuple(_key(each, keys) for each in plan.outputs)


def _totals(counters: Counters, read: dict[int, Totals]) -> Totals:
    if id(counters) not in read:
        read[id(counters)] = counters.read()
    return read[id(counters)]


def _indices(calls: Iterable[PlannedCall]) -> dict[int, int]:
    """Number the calls of each path, those of repeated loops alike."""
    by_path: dict[str, list[PlannedCall]] = {}
    for call in calls:
        by_path.setdefault(call.path, []).append(call)
    return {
        id(call.frame): number % max(len(same) // call.repeats, 1)
        for same in by_path.values()
        for number, call in enumerate(same)
    }


def of_samples(call: LayerCall, samples: int) -> LayerCall:
    """Give a sum of recordings of the same samples, which it counts several times, their true number."""
    if call.samples <= samples:
        return call
    steps = tuple(_step_of_samples(step, samples) for step in call.steps)
    output = _activity_of_samples(call.output, samples)
    return replace(call, samples=samples, steps=steps, output=output)


def _step_of_samples(step: Step, samples: int) -> Step:
    if step.use is None:
        return step
    seen = _activity_of_samples(step.use.activity, samples)
    other = _activity_of_samples(step.use.other, samples)
    return replace(step, use=replace(step.use, activity=seen, other=other))


def _activity_of_samples(seen: Activity | None, samples: int) -> Activity | None:
    # Squares of the parts of a sample are not the square of the sample.
    return None if seen is None else replace(seen, samples=samples, sum_sq_events_per_sample=None)


def _layer_call(
    call: PlannedCall, totals: Totals, shown: Presented, keys: dict[int, tuple[str, int]], squares: bool
) -> LayerCall:
    frame = call.frame
    sample_steps = totals.integer(call.lead)
    steps = _merged(_step(step, call, totals, shown, sample_steps, squares) for step in call.steps)
    return LayerCall(
        layer=frame.name,
        path=call.path,
        type=frame.type,
        call_index=keys[id(frame)][1],
        fate=_fate(steps),
        steps=steps,
        samples=shown.samples,
        sample_steps=sample_steps,
        inputs=tuple(dict.fromkeys(_key(each, keys) for each in call.inputs)),
        output=_activity(call.output, totals, shown, squares),
        output_spiking=call.code is not None,
        out_shape=tuple(frame.handed[0].shape[1:]) if frame.handed else (),
        dt=_dt(call),
        parameters=call.parameters,
        parameter_bytes=call.parameter_bytes,
        bytes_in=totals.integer(call.bytes_in),
        bytes_out=totals.integer(call.bytes_out),
        foldable_over_time=not any(step.draft.state_elements for step in call.steps),
    )


def _merged(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Join arithmetic of the same function that ran equally often."""
    merged: dict[Any, Step] = {}
    for number, step in enumerate(steps):
        operation = step.operation
        if not isinstance(operation, Elementwise):
            merged[number] = step
            continue
        key = (operation.function, operation.ops_per_element, step.executions)
        before = merged[key].operation if key in merged else None
        elements = operation.elements + (before.elements if isinstance(before, Elementwise) else 0)
        merged[key] = replace(step, operation=replace(operation, elements=elements))
    return tuple(merged.values())


def _key(producer: Link, keys: dict[int, tuple[str, int]]) -> str:
    if isinstance(producer, str):
        return producer
    path, index = keys.get(id(producer), (producer.path, producer.index))
    return path if index == 0 else f"{path}#{index}"


def _dt(call: PlannedCall) -> float | None:
    codes = [call.code, *(step.code for step in call.steps)]
    known = [code.dt for code in codes if code is not None and code.dt is not None]
    return known[0] if known else call.dt


def _fate(steps: tuple[Step, ...]) -> Fate:
    """A call of which some operations are counted is counted, and lists the others as uncounted in part."""
    if any(not isinstance(step.operation, (Free, Uncounted)) for step in steps):
        return "counted"
    return "uncounted" if any(isinstance(step.operation, Uncounted) for step in steps) else "free"


def _step(
    step: PlannedStep, call: PlannedCall, totals: Totals, shown: Presented, sample_steps: int, squares: bool
) -> Step:
    draft = step.draft
    runs = sample_steps if step.runs is None else totals.integer(step.runs)
    weights, nonzeros, nbytes = _weights(draft)
    return Step(
        operation=draft.operation,
        executions=runs * draft.repeat,
        dtype=call.dtype,
        use=_use(step, totals, shown, squares),
        weights=weights,
        weight_nonzeros=nonzeros,
        weight_bytes=nbytes,
        state_bytes=draft.state_elements * call.itemsize,
    )


def _weights(draft: StepDraft) -> tuple[int, int | None, int]:
    """Number of weights, of those that are not zero, and bytes."""
    value = None if draft.weight is None else draft.weight.value()
    if value is not None:
        return value.size, int(np.count_nonzero(value)), value.nbytes
    if draft.other is None or isinstance(draft.operation, Product):
        return 0, None, 0
    size = int(np.prod(draft.other.shape))
    return size, None, size * int(draft.other.dtype.size)


def _use(step: PlannedStep, totals: Totals, shown: Presented, squares: bool) -> Use | None:
    operation = step.draft.operation
    if not step.synaptic:
        return None
    seen = step.observation
    if seen is None:
        return Use(activity=None, spiking=step.code is not None)
    pairs = None if step.pairs is None else totals.integer(step.pairs)
    spike_pairs = None if step.spike_pairs is None else totals.integer(step.spike_pairs)
    if isinstance(operation, Product):
        return Use(
            activity=_activity(seen, totals, shown, squares),
            spiking=step.code is not None,
            fanout_events=pairs,
            effective_events=pairs,
            fanout_spikes=spike_pairs,
            effective_spikes=spike_pairs,
            other=_activity(step.other, totals, shown, squares),
            other_spiking=step.other_code is not None,
        )

    def total(number: int | None, slot: str) -> int | None:
        return None if number is None or slot not in seen.slots else weighted(seen, totals, number, slot)

    return Use(
        activity=_activity(seen, totals, shown, squares, step.events, step.places),
        spiking=step.code is not None,
        fanout_events=total(step.events, "events"),
        fanout_spikes=total(step.events, "spikes"),
        effective_events=total(step.effective, "events") if pairs is None else pairs,
        effective_spikes=total(step.effective, "spikes") if pairs is None else spike_pairs,
    )


def _activity(
    seen: Observation | None,
    totals: Totals,
    shown: Presented,
    squares: bool,
    number: int | None = None,
    places: int | None = None,
) -> Activity | None:
    if seen is None:
        return None
    continued = shown.continued or not squares
    return activity(seen, totals, shown.samples, shown.observed, continued, number, places)
