"""A conventional network turned into what it would be with rate-coded spikes, call by call.

Layers of weights get integrate-and-fire neurons, which take the place
of the rectifiers; normalisation is folded into the weights; an average is a layer of synapses; an addition is
one of identity synapses.
"""

from __future__ import annotations

from collections.abc import Set

from msgspec.structs import replace

from energyprobe.costing.mapping import inputs_of, units
from energyprobe.costing.neurons import FOLDED
from energyprobe.costing.spike_code import Code, signs
from energyprobe.errors import ScenarioError, nearest
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
from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use


def convert(trace: Trace, calls: tuple[LayerCall, ...], code: Code) -> Trace:
    """Convert a recorded network to rate-coded spikes.

    Parameters
    ----------
    trace : Trace
        What was recorded, with ``detail="values"``.
    calls : tuple of LayerCall
        The calls of it that are priced.
    code : Code
        How values become spikes.

    Returns
    -------
    Trace
        The calls in the same order, with timesteps and spikes. What cannot be converted is uncounted.

    Raises
    ------
    ScenarioError
        If it has timesteps already, the sizes of its activations were not recorded, or it has no layer of a
        name in `Code.max_activations`.
    """
    before = inputs_of(calls)
    apart = frozenset(first_rows(calls) if code.first_layer != "rate" else ())
    _check(trace, calls, apart, code)
    read = [None if row in apart else _spikes_in(call, code) for row, call in enumerate(calls)]
    received, sent = _passed_on(calls, before, read)
    converted = []
    for row, call in enumerate(calls):
        if row in apart:
            steps = _first_steps(call, code)
        else:
            steps = _steps(call, received[row], _arriving(sent, before[row]), code.timesteps)
        converted.append(
            replace(
                call,
                steps=steps,
                sample_steps=call.samples * code.timesteps,
                foldable_over_time=not any(isinstance(step.operation, NeuronUpdate) for step in steps),
                output=_sent(sent[row], call.samples),
                output_spiking=True,
            )
        )
    return replace(trace, calls=tuple(converted))


def first_rows(calls: tuple[LayerCall, ...]) -> list[int]:
    """Rows of the first layers of weights: those that no other such layer lies before.

    Parameters
    ----------
    calls : tuple of LayerCall
        The network.

    Returns
    -------
    list of int
    """
    first, behind = [], set[int]()
    for row, before in enumerate(inputs_of(calls)):
        weighs = any(_read(step) is not None for step in calls[row].steps)
        if weighs and not behind.intersection(before):
            first.append(row)
        if weighs or behind.intersection(before):
            behind.add(row)
    return first


def _check(trace: Trace, calls: tuple[LayerCall, ...], apart: Set[int], code: Code) -> None:
    if any(call.timesteps > 1 for call in calls):
        raise ScenarioError(
            f"converted_timesteps: {trace.model!r} has timesteps already; convert networks without any "
            "(ep.compare takes a scenario for each model: scenario={name: ep.Scenario(…)})"
        )
    paths = {call.path for call in calls if any(_weighs(step) for step in call.steps)}
    for name in code.max_activations:
        if name not in paths:
            raise ScenarioError(
                f"max_activations: {trace.model!r} has no layer of weights {name!r}, {nearest(name, paths)}"
            )
    for row, call in enumerate(calls):
        for step in call.steps:
            if row in apart or not _weighs(step):
                continue
            activity = _read(step)
            if activity is None or activity.positive is None:
                raise ScenarioError(
                    f"converted_timesteps: the sizes of what {call.key} reads were not recorded: "
                    'record with KerasProbe(detail="values"), or energyprobe record --detail values'
                )


def _weighs(step: Step) -> bool:
    return isinstance(step.operation, Conv | Dense)


def _spikes_in(call: LayerCall, code: Code) -> int | None:
    """Spikes that the call's first weights read; None where that was not observed."""
    for step in call.steps:
        activity = _read(step)
        if activity is not None:
            return code.spikes_of(call, activity)
    return None


def _passed_on(
    calls: tuple[LayerCall, ...], before: tuple[tuple[int, ...], ...], read: list[int | None]
) -> tuple[list[int | None], list[int | None]]:
    """Spikes that each call receives, and sends, from those that weights read; None where not known."""
    received = list(read)
    # What no weights read, as of the last layer, is not known.
    sent: list[int | None] = [None] * len(calls)
    # From the last call to the first: a layer sends what the first one to read it receives.
    for row in reversed(range(len(calls))):
        if not any(isinstance(step.operation, Synaptic) for step in calls[row].steps):
            out = sent[row]
            received[row] = None if out is None else round(out * _taps(calls[row]))
        if received[row] is not None:
            for each in before[row]:
                sent[each] = received[row]
    return received, sent


def _arriving(sent: list[int | None], before: tuple[int, ...]) -> int | None:
    """Spikes that all inputs of a call send together; None where one of them is not known."""
    amounts = [sent[each] for each in before]
    known = [each for each in amounts if each is not None]
    return sum(known) if known and len(known) == len(amounts) else None


def _taps(call: LayerCall) -> float:
    """Inputs of each output of an average; 1 for what passes spikes on."""
    pools = (step.operation for step in call.steps if isinstance(step.operation, Pool))
    return next((pool.taps / pool.outputs for pool in pools), 1.0)


def _first_steps(call: LayerCall, code: Code) -> tuple[Step, ...]:
    """Operations of a layer that reads the values of the input: in every timestep, or elsewhere."""
    if code.first_layer == "off chip":
        reason = "runs off chip, where it has no price"
        return (Step(operation=Uncounted(reason=reason), executions=call.samples, dtype=call.steps[0].dtype),)
    steps: list[Step] = []
    for step in call.steps:
        runs = step.executions * code.timesteps
        if _weighs(step) and step.use is not None:
            steps.append(replace(step, use=_repeated(step.use, code.timesteps), executions=runs))
            steps.append(_neurons(step, units(step.operation), runs))
        else:
            steps += _steps(replace(call, steps=(step,)), None, None, code.timesteps)
    return tuple(steps)


def _repeated(use: Use, timesteps: int) -> Use:
    """The same reading in every timestep."""
    names = ("fanout_events", "effective_events")
    amounts = {name: getattr(use, name) for name in names}
    return replace(use, **{name: each and each * timesteps for name, each in amounts.items()})


def _neurons(step: Step, neurons: int, runs: int) -> Step:
    """Neurons in the place of a rectifier."""
    operation = NeuronUpdate(neuron="integrate-and-fire", neurons=neurons)
    return Step(operation=operation, executions=runs, dtype=step.dtype)


def _steps(call: LayerCall, spikes: int | None, arriving: int | None, timesteps: int) -> tuple[Step, ...]:
    """Operations of the converted call, whose weights read so many spikes, and to which so many arrive."""
    steps: list[Step] = []
    for step in call.steps:
        runs = step.executions * timesteps
        activity = _read(step)
        match step.operation:
            case Conv() | Dense() as operation if activity is not None and spikes is not None:
                steps.append(replace(step, use=_use(step, activity, spikes), executions=runs))
                steps.append(_neurons(step, units(operation), runs))
            case Elementwise(function="add", elements=elements) if len(call.inputs) > 1:
                # Each spike reaches the neuron of its element.
                inputs = len(call.inputs) * elements
                ones = Sparse(inputs=inputs, units=elements, entries=inputs)
                steps.append(_synapses(ones, arriving, arriving, runs, step.dtype))
                steps.append(_neurons(step, elements, runs))
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
    total = sum(each.total for each in signs(activity))
    fanout = round(spikes * sum(each.fanout_total for each in signs(activity)) / total) if total else 0
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
    return step.use.activity if _weighs(step) and step.use is not None else None


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
