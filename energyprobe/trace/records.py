"""What was recorded: activity of tensors, calls of layers, and the trace that holds them.

All records are frozen; `energyprobe.trace.merging` says how each field combines. Counts are totals over the
recording and Python integers; fractions are derived when reporting. Unknown is ``None``.
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from energyprobe.trace.operations import AnyOperation

SCHEMA = 1
"""Version of the stored form of a trace."""

GEOMETRY_VERSION = 1
"""Version of the fan-out rules by which recorded fan-out sums were weighted."""

Fate = Literal["counted", "free", "uncounted"]
Reading = Literal["literal", "folded"]


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


class Step(Record, frozen=True, kw_only=True):
    """One operation of a layer call: what, how often, on which input and with which weights.

    Attributes
    ----------
    operation : AnyOperation
        The operation, for one sample in one timestep.
    executions : int
        How often it ran: samples x timesteps, as a rule.
    use : Use or None
        The input of a synaptic operation; None for the others.
    weights, weight_nonzeros : int or None
        Weights of the operation, and how many of them were not zero when recorded.
    weight_bytes, state_bytes : int
        Bytes of its weights, and of the state that it keeps for one sample between timesteps.
    dtype : str
        Data type in which it computes, for example ``"float32"``.
    """

    operation: AnyOperation
    executions: int
    dtype: str
    use: Use | None = None
    weights: int = 0
    weight_nonzeros: int | None = None
    weight_bytes: int = 0
    state_bytes: int = 0


class LayerCall(Record, frozen=True, kw_only=True):
    """One call of one layer, summed over the recording.

    Identity: `path`, `call_index`, `reading` and the operations of its steps.

    Attributes
    ----------
    layer, path, type : str
        Name, path from the model's root (``"block1/conv"``) and type name of the layer.
    call_index : int
        0 for the first call of the layer in a step, 1 for the next (shared layers).
    reading : {"literal", "folded"}
        What the framework multiplies, or what is left of it with passthrough nodes composed away. Nengo
        networks are recorded in both readings, Keras models as literal.
    fate : {"counted", "free", "uncounted"}
        What became of it. An uncounted call says why in an `Uncounted` step.
    steps : tuple of Step
        Its operations, in the order in which they run.
    inputs : tuple of str
        Keys (`LayerCall.key`) of the calls whose outputs it reads; ``"input:NAME"`` for model inputs.
    output : Activity or None
        Activity of its output; None where it was not observed.
    output_spiking : bool
        Whether its output carries spikes.
    out_shape : tuple of (int or None)
        Shape of the output without the batch axis, with the time axis where there is one; None where
        samples differed.
    samples : int
        Samples presented.
    sample_steps : int
        Timesteps, summed over the samples; equal to `samples` where there is no time axis.
    dt : float or None
        Length of a timestep in seconds.
    parameters, parameter_bytes : int
        Parameters that the layer holds, those that are not trained included. A layer called several
        times holds them once: add them up by `path`.
    bytes_in, bytes_out : int
        Bytes of activations read and written over the recording.
    foldable_over_time : bool
        Whether its timesteps could run as one batch (no state from step to step).
    origin : str or None
        What it was made from (the Keras layer of a converted network).
    """

    layer: str
    path: str
    type: str
    call_index: int
    fate: Fate
    steps: tuple[Step, ...]
    samples: int
    sample_steps: int
    reading: Reading = "literal"
    inputs: tuple[str, ...] = ()
    output: Activity | None = None
    output_spiking: bool = False
    out_shape: tuple[int | None, ...] = ()
    dt: float | None = None
    parameters: int = 0
    parameter_bytes: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    foldable_over_time: bool = True
    origin: str | None = None

    @property
    def key(self) -> str:
        """Name of the call within its trace: ``path`` or, from the second call on, ``path#index``."""
        return self.path if self.call_index == 0 else f"{self.path}#{self.call_index}"

    @property
    def timesteps(self) -> int | float:
        """Timesteps per sample; a fraction where samples were of different lengths."""
        if not self.samples:
            return 0
        whole, rest = divmod(self.sample_steps, self.samples)
        return self.sample_steps / self.samples if rest else whole


class Measurement(Record, frozen=True, kw_only=True):
    """Energy that a sensor measured during the recording.

    Attributes
    ----------
    sensor : str
        For example ``"nvml"`` or ``"rapl-package-0"``.
    energy_j, duration_s : float
        Energy and wall-clock time of the window.
    boundary : str
        What the sensor covers: core, chip, board, system.
    """

    sensor: str
    energy_j: float
    duration_s: float
    boundary: str


class Trace(Record, frozen=True, kw_only=True):
    """Everything that was recorded of one model.

    Traces of the same model and weights add up: ``trace_a + trace_b``.

    Attributes
    ----------
    model : str
        Name of the model.
    fingerprint : str
        Digest of structure and weights; only traces of equal fingerprint add up.
    versions : dict of str to str
        Versions of energyprobe, the framework, its backend and Python; the backend's name and the
        precision policy.
    samples : int
        Samples presented to the model.
    calls : tuple of LayerCall
        In the order in which they ran.
    outputs : tuple of str
        Keys of the calls that made the model's outputs.
    options : dict of str to str
        Options of the probe that decide what was observed.
    measurements : tuple of Measurement
        What meters measured during the run.
    notes : tuple of str
        What a reader should know: assumptions of the recording, warnings, the user's own words.
    complete : bool
        False for the trace of a run that broke off.
    schema, geometry_version : int
        Versions of the stored form and of the fan-out rules.
    """

    model: str
    fingerprint: str
    samples: int
    calls: tuple[LayerCall, ...]
    versions: dict[str, str] = {}
    outputs: tuple[str, ...] = ()
    options: dict[str, str] = {}
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True
    schema: int = SCHEMA
    geometry_version: int = GEOMETRY_VERSION

    def __add__(self, other: Trace) -> Trace:
        """Add up two recordings of the same model: see `energyprobe.trace.merging.merge_traces`."""
        from energyprobe.trace.merging import merge_traces

        if not isinstance(other, Trace):
            return NotImplemented
        return merge_traces(self, other)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace as JSON (gzipped where the name ends in ``.gz``).

        Parameters
        ----------
        path : str or os.PathLike
            Where to.
        """
        from energyprobe.trace.storage import save_trace

        save_trace(self, path)
