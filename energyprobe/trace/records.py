"""What was recorded: calls of layers, and the trace that holds them.

All records are frozen; `energyprobe.trace.merging` says how each field combines. Counts are totals over the
recording and Python integers; fractions are derived when reporting. Unknown is ``None``.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Literal

from energyprobe.trace.activity import Activity, Magnitudes, Record, Use
from energyprobe.trace.operations import AnyOperation
from energyprobe.trace.summary import call_line, headline, summary

__all__ = [
    "GEOMETRY_VERSION",
    "SCHEMA",
    "Activity",
    "Fate",
    "LayerCall",
    "Magnitudes",
    "Measurement",
    "Reading",
    "Record",
    "Step",
    "Trace",
    "Use",
]

SCHEMA = 1
"""Version of the stored form of a trace."""

GEOMETRY_VERSION = 1
"""Version of the fan-out rules by which recorded fan-out sums were weighted."""

Fate = Literal["counted", "free", "uncounted"]
Reading = Literal["literal", "folded"]


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
    merged : int
        Operations of its kind, itself among them, that the framework ran as one in each timestep.
    """

    operation: AnyOperation
    executions: int
    dtype: str
    use: Use | None = None
    weights: int = 0
    weight_nonzeros: int | None = None
    weight_bytes: int = 0
    state_bytes: int = 0
    merged: int = 1


class LayerCall(Record, frozen=True, kw_only=True):
    """One call of one layer, summed over the recording.

    Two recordings add up where their calls have the same `LayerCall.identity`.

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
        What became of it. An uncounted call says why in an `Uncounted` step; a counted one that has such a
        step is counted in part.
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

    def __repr__(self) -> str:
        """One line: which call it is, what became of it, and its operations."""
        return f"<LayerCall {call_line(self)}>"

    @property
    def key(self) -> str:
        """Name of the call within its trace: ``path`` or, from the second call on, ``path#index``."""
        return self.path if self.call_index == 0 else f"{self.path}#{self.call_index}"

    @property
    def identity(self) -> Hashable:
        """What the same call has in another recording, too."""
        operations = tuple(step.operation for step in self.steps)
        # Sizes in `out_shape` may change from run to run (timesteps), its rank may not.
        return self.path, self.call_index, self.reading, operations, len(self.out_shape)

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

    def __radd__(self, other: object) -> Trace:
        """Add to the 0 that ``sum`` starts from."""
        return self if other == 0 else NotImplemented

    def __repr__(self) -> str:
        """One line: what was recorded, of what, with what."""
        return f"<Trace of {headline(self)}>"

    def __str__(self) -> str:
        """A few lines: how much was recorded, and where to go from here."""
        return "\n".join(summary(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace as JSON (gzipped where the name ends in ``.gz``).

        Parameters
        ----------
        path : str or os.PathLike
            Where to: a name in ``.json`` or ``.json.gz``.

        Raises
        ------
        TraceFileError
            If the name ends otherwise, or no file can be there.
        """
        from energyprobe.trace.storage import save_trace

        save_trace(self, path)
