"""From a plan and its totals to the records of a trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from msgspec.structs import replace

from energyprobe.errors import RecordingError
from energyprobe.frontends.keras.capture import Frame
from energyprobe.frontends.keras.counters import Counters, Totals
from energyprobe.frontends.keras.observe import Observation, activity, weighted
from energyprobe.frontends.keras.plan import Plan, PlannedCall, PlannedStep
from energyprobe.frontends.keras.rules.base import StepDraft
from energyprobe.trace.merging import merge_calls
from energyprobe.trace.operations import Conv, Dense, Free, Product, Sparse, Uncounted
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
    if plan.samples is None or plan.runs is None or plan.misshapen is None:
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


def layer_calls(plan: Plan, shown: Presented) -> tuple[tuple[LayerCall, ...], tuple[str, ...]]:
    """Give the calls of a plan, in the order in which they ran, and the keys of those that made its outputs.

    Parameters
    ----------
    plan : Plan
        What was counted.
    shown : Presented
        How much was presented.

    Returns
    -------
    tuple
        The calls (timesteps that ran one after the other are one), and the keys.
    """
    read: dict[int, Totals] = {}
    indices = _indices(plan.calls)
    records: dict[tuple[str, int], LayerCall] = {}
    keys = {id(call.frame): (call.frame.path, indices[id(call.frame)]) for call in plan.calls}
    for call in plan.calls:
        totals = _totals(call.counters, read)
        if not totals.integer(call.lead):
            continue
        record = _layer_call(call, totals, shown, keys)
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
    """Number the calls of each path, those of repeated timesteps alike."""
    by_path: dict[str, list[PlannedCall]] = {}
    for call in calls:
        by_path.setdefault(call.frame.path, []).append(call)
    indices = {}
    for same in by_path.values():
        in_one_step = len(same) // (same[0].repeats or 1)
        for number, call in enumerate(same):
            indices[id(call.frame)] = number % max(in_one_step, 1)
    return indices


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
    call: PlannedCall, totals: Totals, shown: Presented, keys: dict[int, tuple[str, int]]
) -> LayerCall:
    frame = call.frame
    sample_steps = totals.integer(call.lead)
    steps = tuple(_step(step, call, totals, shown, sample_steps) for step in call.steps)
    parameters = call.own_weights
    return LayerCall(
        layer=frame.name,
        path=frame.path,
        type=frame.type,
        call_index=keys[id(frame)][1],
        fate=_fate(steps),
        steps=steps,
        samples=shown.samples,
        sample_steps=sample_steps,
        inputs=tuple(_key(each, keys) for each in call.inputs),
        output=_activity(call.output, totals, shown, call),
        output_spiking=call.code is not None,
        out_shape=tuple(frame.handed[0].shape[1:]) if frame.handed else (),
        dt=_dt(call),
        parameters=sum(int(np.prod(each.shape)) for each in parameters),
        parameter_bytes=sum(_nbytes(each) for each in parameters),
        bytes_in=totals.integer(call.bytes_in) if call.bytes_in else 0,
        bytes_out=totals.integer(call.bytes_out) if call.bytes_out else 0,
        foldable_over_time=not any(step.draft.state_elements for step in call.steps),
    )


def _key(producer: Frame | str, keys: dict[int, tuple[str, int]]) -> str:
    if isinstance(producer, str):
        return producer
    path, index = keys.get(id(producer), (producer.path, producer.index))
    return path if index == 0 else f"{path}#{index}"


def _dt(call: PlannedCall) -> float | None:
    codes = [call.code, *(step.code for step in call.steps)]
    known = [code.dt for code in codes if code is not None and code.dt is not None]
    return known[0] if known else call.dt


def _fate(steps: tuple[Step, ...]) -> Fate:
    if any(isinstance(step.operation, Uncounted) for step in steps):
        return "uncounted"
    return "free" if all(isinstance(step.operation, Free) for step in steps) else "counted"


def _step(step: PlannedStep, call: PlannedCall, totals: Totals, shown: Presented, sample_steps: int) -> Step:
    draft = step.draft
    rows = sample_steps if step.rows is None else totals.integer(step.rows)
    weights, nonzeros, nbytes = _weights(draft)
    return Step(
        operation=draft.operation,
        executions=rows * draft.repeat,
        dtype=call.dtype,
        use=_use(step, call, totals, shown),
        weights=weights,
        weight_nonzeros=nonzeros,
        weight_bytes=nbytes,
        state_bytes=draft.state_elements * np.dtype(_numpy_name(call.dtype)).itemsize,
    )


def _numpy_name(dtype: str) -> str:
    # NumPy has no bfloat16; float16 is as wide.
    return "float16" if dtype == "bfloat16" else dtype


def _weights(draft: StepDraft) -> tuple[int, int | None, int]:
    if draft.weight is None:
        return 0, None, 0
    value = draft.weight.value()
    return value.size, int(np.count_nonzero(value)), value.nbytes


def _use(step: PlannedStep, call: PlannedCall, totals: Totals, shown: Presented) -> Use | None:
    operation = step.draft.operation
    if not isinstance(operation, (Dense, Conv, Product, Sparse)):
        return None
    seen = step.observation
    if seen is None:
        return Use(activity=None, spiking=step.code is not None)
    if isinstance(operation, Product):
        pairs = totals.integer(step.pairs) if step.pairs else None
        return Use(
            activity=_activity(seen, totals, shown, call),
            spiking=step.code is not None,
            fanout_events=pairs,
            effective_events=pairs,
            other=_activity(step.other, totals, shown, call),
            other_spiking=step.other_code is not None,
        )
    spikes = "spikes" in seen.slots
    effective = step.effective
    return Use(
        activity=_activity(seen, totals, shown, call),
        spiking=step.code is not None,
        fanout_events=weighted(seen, totals, step.events),
        fanout_spikes=weighted(seen, totals, step.events, "spikes") if spikes else None,
        effective_events=None if effective is None else weighted(seen, totals, effective),
        effective_spikes=(
            weighted(seen, totals, effective, "spikes") if spikes and effective is not None else None
        ),
    )


def _activity(
    seen: Observation | None, totals: Totals, shown: Presented, call: PlannedCall
) -> Activity | None:
    if seen is None:
        return None
    # Squares of one step of a loop are not squares of a sample.
    return activity(seen, totals, shown.samples, shown.observed, shown.continued or call.nested)


def _nbytes(variable: Any) -> int:
    dtype = getattr(variable.dtype, "name", variable.dtype)
    return int(np.prod(variable.shape)) * np.dtype(_numpy_name(str(dtype))).itemsize
