"""What is counted of a call, and where its counts will be found."""

from __future__ import annotations

import dataclasses

from energyprobe.frontends.keras.counters import Counters, Slot
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.observation import Observation
from energyprobe.frontends.keras.rules.codes import SpikeCode
from energyprobe.frontends.keras.rules.draft import StepDraft
from energyprobe.trace.operations import Conv, Dense, Product, Sparse

Link = Frame | str
"""A call, or the name of an input as `LayerCall.inputs` gives it."""


@dataclasses.dataclass(eq=False)
class PlannedStep:
    """One operation.

    Attributes
    ----------
    draft : StepDraft
        The operation.
    runs : Slot or None
        How often it ran; None: once for each sample and timestep of the call.
    code, other_code : SpikeCode or None
        How its operands carry spikes.
    observation, other : Observation or None
        Its operands.
    places : int or None
        Elements of one sample in one timestep of what it reads, where `observation` is without the zeros
        that were put around it.
    events, effective : int or None
        Numbers of the sums over all its connections, and over those of non-zero weight.
    pairs, spike_pairs : Slot or None
        Events and spikes that meet what is not zero in the second operand.
    """

    draft: StepDraft
    runs: Slot | None = None
    code: SpikeCode | None = None
    other_code: SpikeCode | None = None
    observation: Observation | None = None
    other: Observation | None = None
    places: int | None = None
    events: int | None = None
    effective: int | None = None
    pairs: Slot | None = None
    spike_pairs: Slot | None = None

    @property
    def synaptic(self) -> bool:
        """Whether it reads a tensor through connections."""
        return isinstance(self.draft.operation, (Dense, Conv, Product, Sparse))


@dataclasses.dataclass(eq=False)
class PlannedCall:
    """One call.

    Attributes
    ----------
    frames : list of Frame
        The call; several where Python ran the timesteps one after the other.
    counters : Counters
        Where its counts are.
    itemsize : int
        Bytes of an element of the type in which it computes.
    lead, bytes_in, bytes_out : Slot
        Samples x timesteps, and bytes read and made.
    path : str
        Path of the layer: that of its first call.
    inputs : list
        What it reads.
    parameters, parameter_bytes : int
        Parameters that the layer holds, and their bytes.
    repeats : int
        Times that Python ran the loop around it.
    in_loop : bool
        Whether it runs in a loop or branch of the graph, timestep by timestep.
    """

    frames: list[Frame]
    dtype: str
    itemsize: int
    dt: float | None
    counters: Counters
    lead: Slot
    bytes_in: Slot
    bytes_out: Slot
    steps: list[PlannedStep]
    code: SpikeCode | None
    output: Observation | None = None
    path: str = ""
    parameters: int = 0
    parameter_bytes: int = 0
    inputs: list[Link] = dataclasses.field(default_factory=list)
    repeats: int = 1
    in_loop: bool = False

    @property
    def frame(self) -> Frame:
        """The call, or the first of them."""
        return self.frames[0]
