"""What a reviewer asks of a comparison: is it fair? Each check gives warnings, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from energyprobe.costing.device import Device
from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.processor import Processor
from energyprobe.costing.table import CostTable
from energyprobe.reporting.cells import Case
from energyprobe.reporting.document import Lines
from energyprobe.reporting.listing import listed
from energyprobe.trace.operations import Synaptic
from energyprobe.trace.records import LayerCall, Step, Trace

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison

BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "int8": 8}
"""Widths of the data types that networks are recorded in, and that devices have figures for."""


def fairness(comparison: Comparison) -> Lines:
    """Check a comparison as reviewers do.

    Parameters
    ----------
    comparison : Comparison
        What is checked.

    Returns
    -------
    Lines
        One warning a line; that nothing was found, where nothing was.
    """
    found = [line for check in CHECKS for line in check(comparison)]
    return Lines("Is it fair?", tuple(found) or ("no check of the program found anything",))


def _data(comparison: Comparison) -> Iterator[str]:
    """Models that were not shown the same."""
    samples = {name: trace.samples for name, trace in _traces(comparison).items()}
    if len(set(samples.values())) > 1:
        told = ", ".join(f"{name} on {number:,}" for name, number in samples.items())
        yield f"recorded on different numbers of samples, hence on different data: {told}"
    for what, sizes in (("inputs", _input_sizes), ("outputs", _output_sizes)):
        found = {name: sizes(trace) for name, trace in _traces(comparison).items()}
        known = {name: size for name, size in found.items() if size}
        if len(set(known.values())) > 1:
            told = ", ".join(f"{name} {' + '.join(map(str, size))}" for name, size in known.items())
            yield f"{what} differ in size, so the tasks may: {told} numbers in a timestep"
    for name, trace in _traces(comparison).items():
        if not trace.complete:
            yield f"the recording of {name} broke off"


def _quality(comparison: Comparison) -> Iterator[str]:
    """Models of which one is clearly better at the task, or of which that is not known."""
    known = comparison.quality
    if missing := [name for name in comparison.models if name not in known]:
        yield f"the quality of {listed(missing)} was not given: less energy may be bought with it"
    baseline = known.get(comparison.baseline)
    for name in comparison.others:
        each = known.get(name)
        if each is None or baseline is None:
            continue
        if each.interval is None or baseline.interval is None:
            if each.value != baseline.value:
                yield (
                    f"{name} and {comparison.baseline} differ in {each.metric} ({each.words} and "
                    f"{baseline.words}); whether by chance is not known: give ep.Quality(…, n_test=…) "
                    "or its low and high"
                )
        elif each.interval[0] > baseline.interval[1] or each.interval[1] < baseline.interval[0]:
            yield (
                f"{name} and {comparison.baseline} are not equally good: {each.metric} "
                f"{each.interval_words} and {baseline.interval_words}"
            )


def _memory(comparison: Comparison) -> Iterator[str]:
    """Devices whose totals hold no memory traffic."""
    without = [
        device
        for device in comparison.devices
        if any(
            "memory" in cost.not_modelled and "static" in cost.not_modelled and cost.total().energy_j > 0
            for cost in _costs(comparison, device)
        )
    ]
    if without:
        yield (
            f"{listed(without)}: no memory traffic and no static power in the totals, which often cost more "
            "than the arithmetic: ratios there are of arithmetic alone"
        )


def _analogue(comparison: Comparison) -> Iterator[str]:
    """Spiking networks whose first layer reads values, in every timestep."""
    for name, trace in _traces(comparison).items():
        if not any(step.use and step.use.spiking for call in trace.calls for step in call.steps):
            continue
        fed = (call.key for call in trace.calls if call.timesteps > 1 and _reads_values_of_input(call))
        # Readings of a NengoDL trace share their calls' names.
        if first := list(dict.fromkeys(fed)):
            yield (
                f"{listed(first)} of {name} is driven by analogue input in every timestep: "
                "multiply-accumulates, not accumulates, and none that a chip of spikes can do"
            )


def _widths(comparison: Comparison) -> Iterator[str]:
    """Data types other than those that were recorded, and other ones for one model than for the other."""
    recorded = {name: _recorded(trace) for name, trace in _traces(comparison).items()}
    narrow: dict[str, list[str]] = {}
    for device in comparison.devices:
        costs = dict(zip(comparison.models, _costs(comparison, device), strict=True))
        priced = {name: _priced(cost) for name, cost in costs.items() if cost.total().energy_j > 0}
        if len({*priced.values()} - {""}) > 1:
            told = ", ".join(f"{name} in {dtype}" for name, dtype in priced.items())
            yield f"{device}: the models are priced in different data types: {told}"
        for name, dtype in priced.items():
            if dtype and max(BITS.get(each, 0) for each in recorded[name]) > BITS[dtype]:
                narrow.setdefault(dtype, [])
                if device not in narrow[dtype]:
                    narrow[dtype].append(device)
    for dtype, devices in narrow.items():
        yield (
            f"{listed(devices)}: priced in {dtype}, recorded in wider numbers: the quality that was measured "
            "is not that of the network that is priced"
        )


def _zeros(comparison: Comparison) -> Iterator[str]:
    """Conventional networks whose zeros are skipped by a table of arithmetic, which no processor does."""
    skipping = [
        device
        for device in comparison.devices
        if (found := _device(comparison, device)).kind == "arithmetic" and found.skips != "nothing"
    ]
    dense = [
        name
        for name, trace in _traces(comparison).items()
        if not any(step.use and step.use.spiking for call in trace.calls for step in call.steps)
    ]
    if skipping and dense:
        yield (
            f"{listed(skipping)}: the zeros of {listed(dense)} cost nothing there, as on no conventional "
            "processor: an idealised accelerator"
        )


def _devices(comparison: Comparison) -> Iterator[str]:
    """Devices of different technology, and of totals that cover different things."""
    nodes: dict[float, list[str]] = {}
    covers: dict[str, list[str]] = {}
    for device in comparison.devices:
        found = _device(comparison, device)
        if found.process_nm:
            nodes.setdefault(found.process_nm, []).append(device)
        for boundary in {cost.boundary for cost in _costs(comparison, device) if cost.total().energy_j > 0}:
            covers.setdefault(boundary, []).append(device)
    if len(nodes) > 1:
        told = ", ".join(f"{listed(names)} {node:g} nm" for node, names in sorted(nodes.items()))
        yield f"devices of different process nodes, which alone change energies several times: {told}"
    if len(covers) > 1:
        told = ", ".join(f"{boundary}: {listed(names)}" for boundary, names in covers.items())
        yield f"totals of different devices cover different things, and do not compare: {told}"


def _windows(comparison: Comparison) -> Iterator[str]:
    """Streaming: models that compute their window again for each new sample."""
    streaming = [name for name in comparison.models if comparison.scenario(name).new_samples_per_inference]
    whole = [name for name in comparison.models if name not in streaming]
    if streaming and whole:
        yield f"{listed(whole)} has no timesteps: it computes its whole input again for each inference"


CHECKS: tuple[Callable[[Comparison], Iterator[str]], ...] = (
    _data,
    _quality,
    _memory,
    _analogue,
    _widths,
    _zeros,
    _devices,
    _windows,
)
"""What is checked, in the order in which it is told."""


def _traces(comparison: Comparison) -> dict[str, Trace]:
    size = comparison.batch_sizes[0]
    return {name: comparison.reports[name, size].trace for name in comparison.models}


def _costs(comparison: Comparison, device: str) -> list[CostTable]:
    size = comparison.batch_sizes[0]
    return [comparison.cells[Case(name, device, size)].cost for name in comparison.models]


def _device(comparison: Comparison, device: str) -> Device:
    return _costs(comparison, device)[0].device


def _reads_input(call: LayerCall) -> bool:
    return any(key.startswith("input:") for key in call.inputs)


def _reads_values_of_input(call: LayerCall) -> bool:
    return _reads_input(call) and any(
        isinstance(step.operation, Synaptic) and step.use is not None and not step.use.spiking
        for step in call.steps
    )


def _input_sizes(trace: Trace) -> tuple[int, ...]:
    """Elements that layers read of the model's inputs in one timestep; empty where not observed."""
    sizes: dict[str, int] = {}
    for call in trace.calls:
        for step in call.steps:
            seen = step.use.activity if step.use is not None else None
            if seen is not None and seen.neurons and _reads_input(call):
                sizes.setdefault(call.inputs[0], seen.neurons)
    return tuple(sorted(sizes.values()))


def _output_sizes(trace: Trace) -> tuple[int, ...]:
    """Size of the last axis of each of the model's outputs; empty where not known."""
    shapes = {call.key: call.out_shape for call in trace.calls}
    last = [shapes[key][-1] for key in trace.outputs if shapes.get(key)]
    return tuple(sorted(size for size in last if size is not None))


def _recorded(trace: Trace) -> set[str]:
    """Data types of the operations that have weights."""
    steps = (step for call in trace.calls for step in call.steps if _has_weights(step))
    return {step.dtype for step in steps} or {"float32"}


def _has_weights(step: Step) -> bool:
    return isinstance(step.operation, Synaptic)


def _priced(cost: CostTable) -> str:
    """Data type that a price is for; empty where that is not known."""
    device, dtype = cost.device, cost.scenario.dtype
    if dtype:
        return dtype
    if isinstance(device, GpuDevice):
        return "float32"
    if isinstance(device, Processor):
        return next(iter(device.constants.types))
    return device.dtypes[0] if device.dtypes else ""
