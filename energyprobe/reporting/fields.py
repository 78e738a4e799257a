"""Columns of the per-layer table: each a name, a heading and a small function that writes a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from energyprobe.counting.counts import COUNT_NAMES
from energyprobe.counting.table import CountTable
from energyprobe.reporting import units
from energyprobe.reporting.layers import Layer

Value = Callable[[Layer, int], float | None]
Write = Callable[[float | None], str]


def _no_value(layer: Layer, samples: int) -> None:
    """Text has no number behind it."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of the per-layer table that needs no price.

    Attributes
    ----------
    header : str
        What stands above it.
    group : str
        ``"structure"`` or ``"activity"``.
    cell : callable
        What to write for a layer of a recording of so many samples.
    value : callable
        The number behind it; None where there is none.
    total : callable or None
        What to write below; None for what cannot be added up.
    text : bool
        Whether it holds text.
    """

    header: str
    group: str
    cell: Callable[[Layer, int], str]
    value: Value = _no_value
    total: Callable[[CountTable], str] | None = None
    text: bool = False


def _words(name: str) -> Callable[[Layer, int], str]:
    def cell(layer: Layer, samples: int) -> str:
        known = [str(value) for value in layer.distinct(name) if value is not None]
        return ", ".join(known) or units.UNKNOWN

    return cell


def _type(layer: Layer, samples: int) -> str:
    return f"{layer.members} layers" if layer.members > 1 else _words("type")(layer, samples)


def _shapes(layer: Layer, samples: int) -> str:
    """Shapes of the outputs; of a block that of the last one."""
    shapes = [value for value in layer.distinct("out_shape") if isinstance(value, tuple)]
    if layer.members > 1:
        shapes = [layer.rows[-1].call.out_shape]
    return ", ".join(map(units.shape, shapes))


def _figure(
    header: str,
    group: str,
    value: Value,
    write: Write = units.count,
    total: Callable[[CountTable], str] | None = None,
) -> Field:
    """Make a column of numbers."""
    return Field(
        header=header,
        group=group,
        cell=lambda layer, samples: write(value(layer, samples)),
        value=value,
        total=total,
    )


def _same(name: str) -> Value:
    """Make a value of what all calls of a layer have in common."""

    def value(layer: Layer, samples: int) -> float | None:
        same = layer.same(name)
        return same if isinstance(same, int | float) else None

    return value


def _mean_in(name: str) -> Value:
    return lambda layer, samples: layer.mean(name, layer.inputs)


def _mean_out(name: str) -> Value:
    return lambda layer, samples: layer.mean(name, layer.outputs)


def _sum(name: str) -> Value:
    """Make a value of the sum over the calls of a layer; of a block as far as it is known."""

    def value(layer: Layer, samples: int) -> float | None:
        return (
            layer.known_sum(name) or None if _misses(layer, name) and layer.members > 1 else layer.sum(name)
        )

    return value


def _misses(layer: Layer, name: str) -> bool:
    """Whether a sum over the calls of a layer leaves something out."""
    return name in COUNT_NAMES and (layer.lower_bound or layer.sum(name) is None)


def _per_inference(name: str) -> Value:
    def value(layer: Layer, samples: int) -> float | None:
        total = _sum(name)(layer, samples)
        return None if total is None else total / samples

    return value


def _bounded(name: str, value: Value, write: Write) -> Callable[[Layer, int], str]:
    """Make a cell of a sum over the calls of a layer, marked where it leaves out what is uncounted."""

    def cell(layer: Layer, samples: int) -> str:
        sum_ = value(layer, samples)
        if not _misses(layer, name):
            return write(sum_)
        return units.LOWER_BOUND + write(sum_) if sum_ else units.UNKNOWN

    return cell


def _total(name: str, write: Write, *, per_inference: bool) -> Callable[[CountTable], str]:
    def total(counts: CountTable) -> str:
        mark = "" if counts.total(name) is not None else units.LOWER_BOUND
        known = counts.known_total(name)
        return mark + write(known / counts.trace.samples if per_inference else known)

    return total


def _counted(name: str, header: str, write: Write = units.count) -> Field:
    """Make a column of counts per inference."""
    value, total = _per_inference(name), _total(name, write, per_inference=True)
    return Field(header=header, group="activity", cell=_bounded(name, value, write), value=value, total=total)


def _held(name: str, header: str, write: Write) -> Field:
    """Make a column of what a layer holds once, however often it is called."""

    def value(layer: Layer, samples: int) -> float:
        return layer.held(name)

    return _figure(header, "structure", value, write, _total(name, write, per_inference=False))


def _calls(layer: Layer, samples: int) -> float:
    return len(layer.rows)


def _all_calls(counts: CountTable) -> str:
    return str(len(counts))


def _bytes(value: float | None) -> str:
    return units.quantity(value, "B")


def _seconds(value: float | None) -> str:
    return units.quantity(value, "s")


FIELDS: dict[str, Field] = {
    "type": Field(header="type", group="structure", cell=_type, text=True),
    "kind": Field(header="kind", group="structure", cell=_words("kind"), text=True),
    "operations": Field(header="operations", group="structure", cell=_words("operations"), text=True),
    "neuron": Field(header="neuron", group="structure", cell=_words("neuron"), text=True),
    "origin": Field(header="origin", group="structure", cell=_words("origin"), text=True),
    "fate": Field(header="fate", group="structure", cell=_words("fate"), text=True),
    "calls": _figure("calls", "structure", _calls, total=_all_calls),
    "out_shape": Field(header="output", group="structure", cell=_shapes),
    "timesteps": _figure("time-\nsteps", "structure", _same("timesteps")),
    "dt": _figure("dt", "structure", _same("dt"), _seconds),
    "parameters": _held("parameters", "params", units.count),
    "parameter_bytes": _held("parameter_bytes", "params", _bytes),
    "weight_sparsity": _figure("zeros in\nweights", "structure", _same("weight_sparsity"), units.percentage),
    "connections": Field(
        header="con-\nnections",
        group="structure",
        cell=_bounded("connections", _sum("connections"), units.count),
        value=_sum("connections"),
        total=_total("connections", units.count, per_inference=False),
    ),
    "dense_synops": _counted("dense_synops", "dense\nsynops"),
    "event_synops": _counted("event_synops", "event\nsynops"),
    "effective_synops": _counted("effective_synops", "effective\nsynops"),
    "spike_synops": _counted("spike_synops", "spike\nsynops"),
    "effective_spike_synops": _counted("effective_spike_synops", "effective\nspike\nsynops"),
    "dense_macs": _counted("dense_macs", "dense\nMACs"),
    "dense_acs": _counted("dense_acs", "dense\nACs"),
    "event_macs": _counted("event_macs", "event\nMACs"),
    "event_acs": _counted("event_acs", "event\nACs"),
    "effective_macs": _counted("effective_macs", "effective\nMACs"),
    "effective_acs": _counted("effective_acs", "effective\nACs"),
    "elementwise_ops": _counted("elementwise_ops", "elementwise\nops"),
    "neuron_updates": _counted("neuron_updates", "neuron\nupdates"),
    "lookups": _counted("lookups", "look-ups"),
    "activation_bytes": _counted("activation_bytes", "activation\nbytes", _bytes),
    "state_bytes": _figure("state", "structure", _sum("state_bytes"), _bytes),
    "events": _counted("events", "events\nout"),
    "spikes": _counted("spikes", "spikes\nout"),
    "nonfinite": _counted("nonfinite", "NaN, inf\nout"),
    "input_sparsity": _figure("zeros\nin", "activity", _mean_in("input_sparsity"), units.percentage),
    "output_sparsity": _figure("zeros\nout", "activity", _mean_out("output_sparsity"), units.percentage),
    "silent_fraction": _figure("silent\nneurons", "activity", _same("silent_fraction"), units.percentage),
    "input_firing_rate_hz": _figure(
        "firing\nrate in", "activity", _mean_in("input_firing_rate_hz"), units.frequency
    ),
    "output_firing_rate_hz": _figure(
        "firing\nrate", "activity", _mean_out("output_firing_rate_hz"), units.frequency
    ),
}
"""Columns by name: those of `energyprobe.counts` that a reader can use, and ``calls``."""

DEFAULT_FIELDS = (
    "type",
    "origin",
    "calls",
    "out_shape",
    "parameters",
    "dense_synops",
    "event_synops",
    "neuron_updates",
    "input_sparsity",
    "output_sparsity",
    "output_firing_rate_hz",
)
"""Shown unless others are chosen."""

SHOWN_WHERE_KNOWN = (
    "origin",
    "neuron_updates",
    "input_sparsity",
    "output_sparsity",
    "output_firing_rate_hz",
)
"""Of those, the columns that are left out where they say nothing of any layer."""
