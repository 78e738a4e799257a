"""What is needed to make the same figures again: versions, the recording, the call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from energyprobe import __version__
from energyprobe.costing.scenario import Scenario
from energyprobe.reporting.document import Lines
from energyprobe.reporting.running import chosen_fields
from energyprobe.trace.records import Trace


def reproduction(trace: Trace, devices: Iterable[str], scenario: Scenario) -> Lines:
    """Say how the same figures are made again.

    Parameters
    ----------
    trace : Trace
        The recording.
    devices : iterable of str
        Names of the devices, as they were asked for.
    scenario : Scenario
        How the network is run.

    Returns
    -------
    Lines
        Versions, what was recorded and how, and the call that prices it.
    """
    return Lines("Reproduction", tuple(_lines(trace, list(devices), scenario)))


def reproduction_of(traces: Mapping[str, Trace], call: str) -> Lines:
    """Say how a comparison is made again.

    Parameters
    ----------
    traces : mapping of str to Trace
        The recordings of the models.
    call : str
        What compares them.

    Returns
    -------
    Lines
        Versions, what was recorded and how, and the call.
    """
    lines = [f"energyprobe {__version__}"]
    for name, trace in traces.items():
        lines += [f"{name}: {line}" for line in _recording(trace)]
    return Lines("Reproduction", (*lines, call))


def _lines(trace: Trace, devices: list[str], scenario: Scenario) -> Iterator[str]:
    yield f"energyprobe {__version__}"
    yield from _recording(trace)
    fields = "".join(f", {name}={value!r}" for name, value in chosen_fields(scenario).items())
    yield f"report(load_trace(…), devices={devices!r}{fields})"


def _recording(trace: Trace) -> Iterator[str]:
    if trace.versions:
        yield f"recorded with {_listed(trace.versions)}"
    if trace.options:
        yield f"options of the probe: {_listed(trace.options)}"
    yield f"recording of {trace.model}: fingerprint {trace.fingerprint}, schema {trace.schema}"


def _listed(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
