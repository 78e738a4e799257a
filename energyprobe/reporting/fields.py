"""Columns of the per-layer table: each a name, a heading and a small function that writes a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from energyprobe.counting.counts import COUNT_NAMES
from energyprobe.counting.table import CountTable
from energyprobe.reporting import units
from energyprobe.reporting.layers import Layer


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
    total : callable or None
        What to write below; None for what cannot be added up.
    text : bool
        Whether it holds text.
    """

    header: str
    group: str
    cell: Callable[[Layer, int], str]
    total: Callable[[CountTable], str] | None = None
    text: bool = False


Write = Callable[[float | None], str]


def _words(name: str) -> Callable[[Layer, int], str]:
    def cell(layer: Layer, samples: int) -> str:
        known = [str(value) for value in layer.distinct(name) if value is not None]
        return ", ".join(known) or units.UNKNOWN

    return cell


def _shapes(layer: Layer, samples: int) -> str:
    shapes = [value for value in layer.distinct("out_shape") if isinstance(value, tuple)]
    return ", ".join(map(units.shape, shapes))


def _calls(layer: Layer, samples: int) -> str:
    return str(len(layer.rows))


def _same(name: str, write: Write) -> Callable[[Layer, int], str]:
    """Make a cell of what all calls of a layer have in common."""

    def cell(layer: Layer, samples: int) -> str:
        value = layer.same(name)
        return write(value if isinstance(value, int | float) else None)

    return cell


def _mean_in(name: str, write: Write) -> Callable[[Layer, int], str]:
    return lambda layer, samples: write(layer.mean(name, layer.inputs))


def _mean_out(name: str, write: Write) -> Callable[[Layer, int], str]:
    return lambda layer, samples: write(layer.mean(name, layer.outputs))


def _per_inference(name: str, write: Write) -> Callable[[Layer, int], str]:
    def cell(layer: Layer, samples: int) -> str:
        total = layer.sum(name)
        return _bounded(layer, name, write, None if total is None else total / samples)

    return cell


def _bounded(layer: Layer, name: str, write: Write, value: float | None) -> str:
    """A sum over the calls of a layer, marked where it leaves out what is uncounted."""
    if name not in COUNT_NAMES or not layer.lower_bound:
        return write(value)
    return units.LOWER_BOUND + write(value) if value else units.UNKNOWN


def _total(name: str, write: Write, *, per_inference: bool) -> Callable[[CountTable], str]:
    def total(counts: CountTable) -> str:
        mark = "" if counts.total(name) is not None else units.LOWER_BOUND
        known = counts.known_total(name)
        return mark + write(known / counts.trace.samples if per_inference else known)

    return total


def _counted(name: str, header: str, write: Write = units.count) -> Field:
    """Make a column of counts per inference."""
    return Field(
        header=header,
        group="activity",
        cell=_per_inference(name, write),
        total=_total(name, write, per_inference=True),
    )


def _held(name: str, header: str, write: Write) -> Field:
    """Make a column of what a layer holds once, however often it is called."""
    total = _total(name, write, per_inference=False)
    return Field(header=header, group="structure", cell=_same(name, write), total=total)


def _bytes(value: float | None) -> str:
    return units.quantity(value, "B")


def _seconds(value: float | None) -> str:
    return units.quantity(value, "s")


def _all_calls(counts: CountTable) -> str:
    return str(len(counts))


FIELDS: dict[str, Field] = {
    "type": Field(header="type", group="structure", cell=_words("type"), text=True),
    "kind": Field(header="kind", group="structure", cell=_words("kind"), text=True),
    "operations": Field(header="operations", group="structure", cell=_words("operations"), text=True),
    "neuron": Field(header="neuron", group="structure", cell=_words("neuron"), text=True),
    "origin": Field(header="origin", group="structure", cell=_words("origin"), text=True),
    "fate": Field(header="fate", group="structure", cell=_words("fate"), text=True),
    "calls": Field(header="calls", group="structure", cell=_calls, total=_all_calls),
    "out_shape": Field(header="output", group="structure", cell=_shapes),
    "timesteps": Field(header="time-\nsteps", group="structure", cell=_same("timesteps", units.count)),
    "dt": Field(header="dt", group="structure", cell=_same("dt", _seconds)),
    "parameters": _held("parameters", "params", units.count),
    "parameter_bytes": _held("parameter_bytes", "params", _bytes),
    "weight_sparsity": Field(
        header="zeros in\nweights", group="structure", cell=_same("weight_sparsity", units.percentage)
    ),
    "connections": Field(
        header="con-\nnections",
        group="structure",
        cell=lambda layer, samples: _bounded(layer, "connections", units.count, layer.sum("connections")),
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
    "state_bytes": Field(
        header="state", group="structure", cell=lambda layer, samples: _bytes(layer.sum("state_bytes"))
    ),
    "events": _counted("events", "events\nout"),
    "spikes": _counted("spikes", "spikes\nout"),
    "nonfinite": _counted("nonfinite", "NaN, inf\nout"),
    "input_sparsity": Field(
        header="zeros\nin", group="activity", cell=_mean_in("input_sparsity", units.percentage)
    ),
    "output_sparsity": Field(
        header="zeros\nout", group="activity", cell=_mean_out("output_sparsity", units.percentage)
    ),
    "silent_fraction": Field(
        header="silent\nneurons", group="activity", cell=_same("silent_fraction", units.percentage)
    ),
    "input_firing_rate_hz": Field(
        header="firing\nrate in", group="activity", cell=_mean_in("input_firing_rate_hz", units.frequency)
    ),
    "output_firing_rate_hz": Field(
        header="firing\nrate", group="activity", cell=_mean_out("output_firing_rate_hz", units.frequency)
    ),
}
"""Columns by name: those of `energyprobe.counts` that a reader can use, and ``calls``."""

DEFAULT_FIELDS = (
    "type",
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

SHOWN_WHERE_KNOWN = ("neuron_updates", "input_sparsity", "output_sparsity", "output_firing_rate_hz")
"""Of those, the columns that are left out where they say nothing of any layer."""
