"""Counts as a DataFrame: what ``ep.counts`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyprobe.counting.columns import COLUMNS, FLAGS, NUMBERS, SHAPES, TEXTS, Value
from energyprobe.counting.table import count
from energyprobe.trace.records import Reading, Trace

if TYPE_CHECKING:
    import pandas as pd

INT64 = range(-(2**63), 2**63)


def counts(trace: Trace, reading: Reading = "literal") -> pd.DataFrame:
    """Count what a trace recorded: one row for each layer call.

    Counts are totals over the recording (all samples, all timesteps). What is unknown, or does not apply,
    is ``<NA>``, never 0. pandas skips ``<NA>`` when it adds up: use ``sum(skipna=False)`` for a total that
    is unknown where a part of it is. Where any row is a ``lower_bound``, so is every total.

    Parameters
    ----------
    trace : Trace
        A recording.
    reading : {"literal", "folded"}
        What the simulator multiplied, or (Nengo) what event-driven hardware would.

    Returns
    -------
    pandas.DataFrame
        With the columns

        ``layer``, ``path``, ``call``, ``type``
            Name of the layer, its path in the model, which of its calls, and its type.
        ``kind``, ``operations``
            Its first synaptic operation (or its first), and all of them.
        ``fate``
            ``counted``, ``free`` or ``uncounted``; an uncounted call has no counts.
        ``lower_bound``
            Whether the call or an operation of it is uncounted, so that its counts are at least so many.
        ``reading``, ``origin``, ``out_shape``
            The reading, what the layer was made from, and the shape of its output without the batch.
        ``samples``, ``timesteps``, ``dt``
            Samples presented, timesteps of each, seconds of a timestep.
        ``parameters``, ``parameter_bytes``
            Held by the layer. A layer that is called several times repeats them: add them up by ``path``.
        ``activation_bytes``, ``state_bytes``
            Activations read and written over the recording; state kept for one sample between timesteps.
        ``connections``
            Of one application: one input element to one output unit, padding left out.
        ``dense_synops``, ``event_synops``, ``effective_synops``
            Uses of a weight: all; of non-zero inputs; of non-zero inputs with non-zero weights.
        ``spike_synops``, ``effective_spike_synops``
            The last two, with events weighted by their spikes.
        ``dense_macs``, ``dense_acs``, ``event_macs``, ``event_acs``, ``effective_macs``, ``effective_acs``
            These synops by their input: graded (multiply-accumulate), or spikes (accumulate).
        ``elementwise_ops``, ``lookups``
            Arithmetic without synapses (see `energyprobe.counting.operations`), rows fetched from tables.
        ``neuron_updates``, ``neuron``
            State updates of neurons, and their kinds.
        ``events``, ``spikes``, ``nonfinite``
            Non-zero elements, spikes, and NaN or infinite elements of the output.
        ``input_sparsity``, ``output_sparsity``, ``weight_sparsity``
            Fractions of zeros: of what the first synaptic operation read, of the output, of the weights.
        ``input_firing_rate_hz``, ``output_firing_rate_hz``
            Spikes per neuron per second, where these are spikes and ``dt`` is known.
        ``silent_fraction``
            Fraction of the output's neurons that never had an event.

    Raises
    ------
    CountingError
        If it is not a trace, holds nothing, has no such reading, or its facts do not fit together.
    """
    import pandas as pd

    table = count(trace, reading)
    columns = {}
    for name in COLUMNS:
        values = [pd.NA if value is None else value for value in table[name]]
        columns[name] = pd.Series(values, dtype=_dtype(name, table[name]))
    return pd.DataFrame(columns)


def _dtype(name: str, values: tuple[Value, ...]) -> str:
    """Choose a type in which every value stays exact and None becomes <NA>."""
    if name in TEXTS:
        return "string"
    if name in FLAGS:
        return "boolean"
    if name in NUMBERS:
        return "Float64"
    if name in SHAPES or any(isinstance(value, int) and value not in INT64 for value in values):
        return "object"
    return "Int64"
