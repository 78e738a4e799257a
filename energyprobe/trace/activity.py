"""How active tensors were: facts about the elements of one tensor, and about one operation's reading of it.

Counts are totals over the recording and Python integers; fractions are derived when reporting.
"""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the records: frozen, keyword-only, strict when loaded."""


class Magnitudes(Record, frozen=True, kw_only=True):
    """Sizes of the graded values of one sign (``detail="values"``).

    Attributes
    ----------
    total : float
        Sum of the absolute values.
    fanout_total : float
        Sum of absolute value x fan-out.
    maximum : float
        Largest absolute value; 0.0 where there is none.
    histogram : tuple of int
        Counts in the bins of `energyprobe.trace.histograms.MAGNITUDE_EDGES`.
    """

    total: float
    fanout_total: float
    maximum: float
    histogram: tuple[int, ...]


class Activity(Record, frozen=True, kw_only=True):
    """How active one tensor was over the recording.

    Attributes
    ----------
    elements : int
        Elements observed: neurons x timesteps x samples.
    neurons : int or None
        Elements of one sample in one timestep.
    events : int
        Elements other than zero, of either sign.
    samples : int
        Samples observed.
    sum_sq_events_per_sample : int or None
        Sum over samples of (events of the sample)**2, for the sampling error.
    spikes : int or None
        Spikes, of either sign; None where the tensor carries no spikes.
    amplitude : float or None
        Value of one spike (1 / dt for KerasSpiking).
    nonfinite : int
        NaN and infinite elements; they count as events.
    events_by_step, samples_by_step : tuple of int, or None
        Events, and samples observed, in each timestep; None without a time axis.
    fired : bytes or None
        Bitmap of the neurons that ever had an event (bit i of byte j is neuron 8 j + i); None where
        it was not recorded.
    rate_histogram : tuple of int, or None
        Neurons by events per timestep and sample, in the bins of
        `energyprobe.trace.histograms.RATE_EDGES` (``detail="neurons"``).
    positive, negative : Magnitudes or None
        Sizes of the values (``detail="values"``).
    """

    elements: int
    events: int
    samples: int
    sum_sq_events_per_sample: int | None
    neurons: int | None = None
    spikes: int | None = None
    amplitude: float | None = None
    nonfinite: int = 0
    events_by_step: tuple[int, ...] | None = None
    samples_by_step: tuple[int, ...] | None = None
    fired: bytes | None = None
    rate_histogram: tuple[int, ...] | None = None
    positive: Magnitudes | None = None
    negative: Magnitudes | None = None

    @property
    def spikes_or_events(self) -> int:
        """Spikes; events where it carries values."""
        return self.events if self.spikes is None else self.spikes


class Use(Record, frozen=True, kw_only=True):
    """One operation's reading of one tensor.

    Attributes
    ----------
    activity : Activity or None
        None where the tensor was not observed; then every count below is None too.
    spiking : bool
        Whether the tensor carries spikes, as declared by the layer that made it.
    fanout_events : int or None
        Sum over events of the number of connections that read them.
    fanout_spikes : int or None
        The same, each event weighted by its spikes; None where it is not spiking.
    effective_events, effective_spikes : int or None
        The same over connections whose weight is not zero.
    other : Activity or None
        The second operand of a `Product`; its event pairs are in `fanout_events`.
    other_spiking : bool
        Whether the second operand carries spikes.
    """

    activity: Activity | None
    spiking: bool
    fanout_events: int | None = None
    fanout_spikes: int | None = None
    effective_events: int | None = None
    effective_spikes: int | None = None
    other: Activity | None = None
    other_spiking: bool = False
