"""Columns of a count table: each a name and a small function of a counted call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from energyprobe.counting.counts import COUNT_NAMES, Counts
from energyprobe.trace.operations import NeuronUpdate, Synaptic, Uncounted
from energyprobe.trace.records import Activity, LayerCall, Step

Value = str | int | float | tuple[int | None, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedCall:
    """A layer call with its counts.

    Attributes
    ----------
    call : LayerCall
        The facts.
    steps : tuple of Counts
        Counts of each of its operations (of ``call.steps``).
    counts : Counts
        Their sum; all unknown where the call is uncounted. Where only some of its operations are, the sum
        of the others.
    """

    call: LayerCall
    steps: tuple[Counts, ...]
    counts: Counts

    @property
    def lower_bound(self) -> bool:
        """Whether it, or an operation of it, is uncounted, so that its counts are at least so many."""
        return self.call.fate == "uncounted" or any(
            isinstance(step.operation, Uncounted) for step in self.call.steps
        )

    @property
    def updates_by_neuron(self) -> dict[str, int]:
        """Neuron updates by kind of neuron."""
        updates: dict[str, int] = {}
        for step in self.call.steps:
            if isinstance(step.operation, NeuronUpdate):
                kind = step.operation.neuron
                updates[kind] = updates.get(kind, 0) + step.operation.neurons * step.executions
        return updates


def _kind(row: CountedCall) -> str:
    """Name the call's first synaptic operation, else its first, else what became of it."""
    step = _first_synaptic(row) or next(iter(row.call.steps), None)
    return row.call.fate if step is None else _tag(step)


def _tag(step: Step) -> str:
    return str(step.operation.__struct_config__.tag)


def _first_synaptic(row: CountedCall) -> Step | None:
    return next((step for step in row.call.steps if isinstance(step.operation, Synaptic)), None)


def input_activity(row: CountedCall) -> Activity | None:
    """Give the activity of a call's input.

    Parameters
    ----------
    row : CountedCall
        A counted call.

    Returns
    -------
    Activity or None
        Of what its first synaptic operation reads; None where there is none or it was not observed.
    """
    step = _first_synaptic(row)
    return step.use.activity if step is not None and step.use is not None else None


def _sparsity(activity: Activity | None) -> float | None:
    if activity is None or not activity.elements:
        return None
    return 1 - activity.events / activity.elements


def _firing_rate_hz(activity: Activity | None, spiking: bool, dt: float | None) -> float | None:
    if activity is None or not spiking or activity.spikes is None or dt is None or not activity.elements:
        return None
    # spikes / (neurons * timesteps * samples * seconds/timestep) = spikes / (neuron * second)
    return activity.spikes / (activity.elements * dt)


def _input_firing_rate_hz(row: CountedCall) -> float | None:
    step = _first_synaptic(row)
    spiking = step is not None and step.use is not None and step.use.spiking
    return _firing_rate_hz(input_activity(row), spiking, row.call.dt)


def _output_firing_rate_hz(row: CountedCall) -> float | None:
    return _firing_rate_hz(row.call.output, row.call.output_spiking, row.call.dt)


def _weight_sparsity(row: CountedCall) -> float | None:
    weighted = [step for step in row.call.steps if step.weights]
    nonzeros = [step.weight_nonzeros for step in weighted if step.weight_nonzeros is not None]
    if not weighted or len(nonzeros) < len(weighted):
        return None
    return 1 - sum(nonzeros) / sum(step.weights for step in weighted)


def _silent_fraction(row: CountedCall) -> float | None:
    output = row.call.output
    if output is None or output.fired is None or not output.neurons:
        return None
    return 1 - int.from_bytes(output.fired, "little").bit_count() / output.neurons


def _output(name: str) -> Callable[[CountedCall], int | None]:
    """Make a function that reads a fact of the output's activity."""
    return lambda row: None if row.call.output is None else getattr(row.call.output, name)


TEXTS: dict[str, Callable[[CountedCall], str | None]] = {
    "layer": attrgetter("call.layer"),
    "path": attrgetter("call.path"),
    "type": attrgetter("call.type"),
    "kind": _kind,
    "operations": lambda row: ", ".join(map(_tag, row.call.steps)),
    "neuron": lambda row: ", ".join(row.updates_by_neuron) or None,
    "fate": attrgetter("call.fate"),
    "reading": attrgetter("call.reading"),
    "origin": attrgetter("call.origin"),
}
"""Columns of names."""

SHAPES: dict[str, Callable[[CountedCall], tuple[int | None, ...]]] = {
    "out_shape": attrgetter("call.out_shape")
}
"""Columns of shapes."""

FLAGS: dict[str, Callable[[CountedCall], bool]] = {"lower_bound": attrgetter("lower_bound")}
"""Columns of yes and no."""

LABELS: dict[str, Callable[[CountedCall], int]] = {
    "call": attrgetter("call.call_index"),
    "samples": attrgetter("call.samples"),
}
"""Columns of integers that mean nothing when added up."""

PER_LAYER: dict[str, Callable[[CountedCall], int]] = {
    "parameters": attrgetter("call.parameters"),
    "parameter_bytes": attrgetter("call.parameter_bytes"),
}
"""Columns of integers that belong to a layer: each of its calls repeats them."""

PER_CALL: dict[str, Callable[[CountedCall], int | None]] = {
    "activation_bytes": lambda row: row.call.bytes_in + row.call.bytes_out,
    "state_bytes": lambda row: sum(step.state_bytes for step in row.call.steps),
    **{name: attrgetter(f"counts.{name}") for name in COUNT_NAMES},
    "events": _output("events"),
    "spikes": _output("spikes"),
    "nonfinite": _output("nonfinite"),
}
"""Columns of integers that belong to a call."""

NUMBERS: dict[str, Callable[[CountedCall], float | None]] = {
    "timesteps": attrgetter("call.timesteps"),
    "dt": attrgetter("call.dt"),
    "input_sparsity": lambda row: _sparsity(input_activity(row)),
    "output_sparsity": lambda row: _sparsity(row.call.output),
    "weight_sparsity": _weight_sparsity,
    "input_firing_rate_hz": _input_firing_rate_hz,
    "output_firing_rate_hz": _output_firing_rate_hz,
    "silent_fraction": _silent_fraction,
}
"""Columns of times, fractions and rates."""

COLUMNS: dict[str, Callable[[CountedCall], Value]] = {
    **TEXTS,
    **SHAPES,
    **FLAGS,
    **LABELS,
    **PER_LAYER,
    **PER_CALL,
    **NUMBERS,
}
"""Name of a column to what stands in it; None where that is unknown or does not apply."""
