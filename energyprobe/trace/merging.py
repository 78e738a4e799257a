"""Traces of the same model added up: how each field of each record combines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from operator import add
from typing import TypeVar

import numpy as np
from msgspec.structs import replace

from energyprobe.errors import TraceError
from energyprobe.trace.records import Activity, LayerCall, Magnitudes, Record, Step, Trace, Use

_T = TypeVar("_T")
_PROPERTIES_OF_A_CALL = tuple(
    "layer type fate origin dt output_spiking foldable_over_time parameters parameter_bytes".split()
)
_PROPERTIES_OF_A_STEP = ("dtype", "weights", "weight_nonzeros", "weight_bytes", "state_bytes", "merged")


def merge_traces(one: Trace, other: Trace) -> Trace:
    """Add up two recordings of the same model.

    Samples, calls and measurements add up, a call that only one trace has is kept, and texts that differ are
    joined. Merging is associative and, up to the order of calls and texts, commutative.

    Parameters
    ----------
    one, other : Trace
        Recordings of one model, its weights unchanged, with the same options of the probe.

    Returns
    -------
    Trace
        Complete if both are.

    Raises
    ------
    TraceError
        If model, weights, options, or the versions of schema or geometry differ.
    """
    if one.fingerprint != other.fingerprint:
        raise TraceError(
            f"cannot add traces of different models or weights: {one.model!r} (fingerprint "
            f"{one.fingerprint[:12]}) and {other.model!r} ({other.fingerprint[:12]}); "
            "record both with the same weights, or compare them instead"
        )
    for version in ("schema", "geometry_version"):
        _expect_equal(one, other, version, "the trace", "record both with the same version of energyprobe")
    _expect_equal(
        one, other, "options", "the probe", "record both with the same, which decide what is observed"
    )
    return replace(
        one,
        model=_joined(one.model, other.model),
        samples=one.samples + other.samples,
        calls=_merge_matching((*one.calls, *other.calls)),
        versions=_joined_values(one.versions, other.versions),
        outputs=_union(one.outputs, other.outputs),
        measurements=one.measurements + other.measurements,
        notes=_union(one.notes, other.notes),
        complete=one.complete and other.complete,
    )


def merge_calls(one: LayerCall, other: LayerCall) -> LayerCall:
    """Add up two recordings of one call.

    Parameters
    ----------
    one, other : LayerCall
        Of the same `LayerCall.identity`.

    Returns
    -------
    LayerCall
        Counts add up; an output size that differs (a number of timesteps) is None. A call without samples
        adds nothing: what it did not observe makes nothing unknown.

    Raises
    ------
    TraceError
        If they differ in what no recording changes: fate, dt, parameters, …
    """
    where = f"call {one.key!r}"
    for field in _PROPERTIES_OF_A_CALL:
        _expect_equal(one, other, field, where)
    if bool(one.samples) != bool(other.samples):
        return one if one.samples else other
    pairs = zip(one.steps, other.steps, strict=True)
    sizes = zip(one.out_shape, other.out_shape, strict=True)
    return replace(
        one,
        steps=tuple(_merge_steps(*pair, f"step {index} of {where}") for index, pair in enumerate(pairs)),
        samples=one.samples + other.samples,
        sample_steps=one.sample_steps + other.sample_steps,
        inputs=_union(one.inputs, other.inputs),
        output=_merge_activities(one.output, other.output, f"the output of {where}"),
        out_shape=tuple(size if size == other_size else None for size, other_size in sizes),
        bytes_in=one.bytes_in + other.bytes_in,
        bytes_out=one.bytes_out + other.bytes_out,
    )


def _merge_matching(calls: Iterable[LayerCall]) -> tuple[LayerCall, ...]:
    merged: dict[Hashable, LayerCall] = {}
    for call in calls:
        before = merged.get(call.identity)
        merged[call.identity] = call if before is None else merge_calls(before, call)
    return tuple(merged.values())


def _merge_steps(one: Step, other: Step, where: str) -> Step:
    for field in _PROPERTIES_OF_A_STEP:
        _expect_equal(one, other, field, where)
    return replace(
        one,
        executions=one.executions + other.executions,
        use=None if one.use is None or other.use is None else _merge_uses(one.use, other.use, where),
    )


def _merge_uses(one: Use, other: Use, where: str) -> Use:
    for field in ("spiking", "other_spiking"):
        _expect_equal(one, other, field, where)
    return replace(
        one,
        activity=_merge_activities(one.activity, other.activity, f"the input of {where}"),
        fanout_events=_if_known(add, one.fanout_events, other.fanout_events),
        fanout_spikes=_if_known(add, one.fanout_spikes, other.fanout_spikes),
        effective_events=_if_known(add, one.effective_events, other.effective_events),
        effective_spikes=_if_known(add, one.effective_spikes, other.effective_spikes),
        other=_merge_activities(one.other, other.other, f"the second input of {where}"),
    )


def _merge_activities(one: Activity | None, other: Activity | None, where: str) -> Activity | None:
    if one is None or other is None:
        return None
    _expect_equal(one, other, "amplitude", where)
    return replace(
        one,
        elements=one.elements + other.elements,
        neurons=one.neurons if one.neurons == other.neurons else None,
        events=one.events + other.events,
        samples=one.samples + other.samples,
        sum_sq_events_per_sample=_if_known(add, one.sum_sq_events_per_sample, other.sum_sq_events_per_sample),
        spikes=_if_known(add, one.spikes, other.spikes),
        nonfinite=one.nonfinite + other.nonfinite,
        events_by_step=_if_known(_add_aligned, one.events_by_step, other.events_by_step),
        samples_by_step=_if_known(_add_aligned, one.samples_by_step, other.samples_by_step),
        fired=_merge_bitmaps(one, other),
        # Each recording counts its neurons once: the sum is a distribution over neurons and recordings.
        rate_histogram=_if_known(_add_aligned, one.rate_histogram, other.rate_histogram),
        positive=_if_known(_merge_magnitudes, one.positive, other.positive),
        negative=_if_known(_merge_magnitudes, one.negative, other.negative),
    )


def _merge_magnitudes(one: Magnitudes, other: Magnitudes) -> Magnitudes:
    return Magnitudes(
        total=one.total + other.total,
        fanout_total=one.fanout_total + other.fanout_total,
        maximum=max(one.maximum, other.maximum),
        histogram=_add_aligned(one.histogram, other.histogram),
    )


def _merge_bitmaps(one: Activity, other: Activity) -> bytes | None:
    """Neurons that fired in either; None if a bitmap is missing, or they are of different neurons."""
    if one.fired is None or other.fired is None:
        return None
    if one.neurons != other.neurons or len(one.fired) != len(other.fired):
        return None
    return (np.frombuffer(one.fired, np.uint8) | np.frombuffer(other.fired, np.uint8)).tobytes()


def _add_aligned(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Sum by position; the shorter one counts as padded with zeros (a run of fewer timesteps)."""
    short, long = sorted((one, other), key=len)
    padding = (0,) * (len(long) - len(short))
    return tuple(a + b for a, b in zip(long, short + padding, strict=True))


def _if_known(merge: Callable[[_T, _T], _T], one: _T | None, other: _T | None) -> _T | None:
    return None if one is None or other is None else merge(one, other)


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _joined(one: str, other: str) -> str:
    return " | ".join(_union(tuple(one.split(" | ")), tuple(other.split(" | "))))


def _joined_values(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    shared = {name: _joined(one[name], other[name]) for name in one if name in other}
    return {**one, **other, **shared}


def _expect_equal(
    one: Record, other: Record, field: str, where: str, remedy: str = "record both in the same way"
) -> None:
    given, found = getattr(one, field), getattr(other, field)
    if given != found:
        raise TraceError(
            f"cannot add traces: {field} of {where} is {given!r} in one and {found!r} in the other; {remedy}"
        )
