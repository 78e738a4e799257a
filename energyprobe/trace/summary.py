"""What a trace and a call say of themselves in a few words, with all digits: rounding is for reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energyprobe.trace.records import LayerCall, Trace


def call_line(call: LayerCall) -> str:
    """One line: which call it is, what became of it, and its operations."""
    operations = ", ".join(str(step.operation.__struct_config__.tag) for step in call.steps) or "no operation"
    return f"{call.key!r} ({call.type}), {call.fate}: {operations}; {_number(call.samples, 'sample')}"


def headline(trace: Trace) -> str:
    """One line: how much was recorded of what, with what."""
    facts = [_number(trace.samples, "sample"), _number(len(trace.calls), "call"), *_framework(trace)]
    if not trace.complete:
        facts.append("broken off")
    return f"{trace.model!r}: {', '.join(facts)}"


def summary(trace: Trace) -> Iterator[str]:
    """A few lines: what was recorded, how much of it, and where to go from here.

    Parameters
    ----------
    trace : Trace
        A recording.

    Yields
    ------
    str
        Lines without line breaks.
    """
    yield f"Trace of {trace.model!r}" + ("" if trace.complete else ", broken off before the end of the run")
    for name, facts in _facts(trace):
        yield f"  {name:<12}{facts}"
    yield "  ep.counts(trace) counts its operations; ep.report(trace, devices=[…]) prices them"


def _facts(trace: Trace) -> Iterator[tuple[str, str]]:
    calls = trace.calls
    timesteps = max((call.timesteps for call in calls), default=1)
    yield "samples", f"{trace.samples:,}" + (f", of up to {timesteps:,} timesteps" if timesteps > 1 else "")
    yield "calls", _calls(calls)
    # A layer that is called several times holds its parameters once.
    held = {call.path: (call.parameters, call.parameter_bytes) for call in calls}
    yield "parameters", "{:,} ({:,} bytes)".format(*map(sum, zip((0, 0), *held.values(), strict=True)))
    # Another reading of the same run reads and writes the same.
    once = [call for call in calls if call.reading == calls[0].reading]
    read, written = sum(call.bytes_in for call in once), sum(call.bytes_out for call in once)
    yield "activations", f"{read:,} bytes read, {written:,} bytes written"
    yield "recorded by", _pairs(trace.versions, " ") or "unknown"
    if trace.options:
        yield "options", _pairs(trace.options, "=")
    for measurement in trace.measurements:
        figures = f"{measurement.energy_j:g} J in {measurement.duration_s:g} s"
        yield "measured", f"{figures} by {measurement.sensor}"
    for note in trace.notes:
        yield "note", note


def _calls(calls: tuple[LayerCall, ...]) -> str:
    """Number of calls and layers, what became of them, how many send spikes, and of which readings."""
    fates = Counter(call.fate for call in calls)
    facts = [f"{number:,} {fate}" for fate, number in fates.items()]
    spiking = sum(call.output_spiking for call in calls)
    if spiking:
        facts.append(f"{spiking:,} of them spiking")
    readings = Counter(call.reading for call in calls)
    if len(readings) > 1:
        facts += [f"{number:,} in the {reading} reading" for reading, number in readings.items()]
    layers = _number(len({call.path for call in calls}), "layer")
    return f"{len(calls):,} of {layers}" + (f": {', '.join(facts)}" if facts else "")


def _framework(trace: Trace) -> Iterator[str]:
    name = trace.versions.get("framework")
    if name is not None:
        yield f"{name} {trace.versions.get(name, '')}".strip()


def _pairs(texts: Mapping[str, str], between: str) -> str:
    return ", ".join(f"{name}{between}{text}" for name, text in texts.items())


def _number(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
