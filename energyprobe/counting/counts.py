"""The counts of one operation, and how counts add up when some are unknown."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What one operation, or all operations of a call, amounted to over a recording.

    Every count is an exact integer, or None where it is unknown. Counts add up; unknown and anything is
    unknown.

    Attributes
    ----------
    connections : int or None
        Connections of **one** application; all other counts are totals over the recording.
    dense_synops, event_synops, effective_synops : int or None
        Uses of a weight: all; those of a non-zero input; those of a non-zero input with a non-zero weight.
    spike_synops, effective_spike_synops : int or None
        `event_synops` and `effective_synops`, each event weighted by its spikes. A graded input has one
        event, not spikes: then they are equal to those.
    dense_macs, event_macs, effective_macs : int or None
        The synops whose input is graded.
    dense_acs, event_acs, effective_acs : int or None
        The synops whose input spikes.
    elementwise_ops : int or None
        Arithmetic without synapses.
    neuron_updates : int or None
        State updates of neurons.
    lookups : int or None
        Rows fetched from tables.
    """

    connections: int | None = 0
    dense_synops: int | None = 0
    event_synops: int | None = 0
    effective_synops: int | None = 0
    spike_synops: int | None = 0
    effective_spike_synops: int | None = 0
    dense_macs: int | None = 0
    dense_acs: int | None = 0
    event_macs: int | None = 0
    event_acs: int | None = 0
    effective_macs: int | None = 0
    effective_acs: int | None = 0
    elementwise_ops: int | None = 0
    neuron_updates: int | None = 0
    lookups: int | None = 0

    def __add__(self, other: Counts) -> Counts:
        """Add up count by count; a count that is unknown on either side is unknown."""
        return Counts(**{name: _plus(getattr(self, name), getattr(other, name)) for name in COUNT_NAMES})


COUNT_NAMES = tuple(field.name for field in fields(Counts))
"""Names of the counts, in order."""

UNKNOWN = Counts(**dict.fromkeys(COUNT_NAMES))
"""Nothing is known: the counts of an uncounted operation."""


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right
