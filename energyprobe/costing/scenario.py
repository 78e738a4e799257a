"""How a network is run: what a price depends on besides the network and the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from typing import Literal, get_args

from energyprobe.costing.figures import BOUNDARIES, widest
from energyprobe.errors import ScenarioError, nearest

DType = Literal["float32", "float16", "bfloat16", "int8"]
Execution = Literal["stepwise", "folded", "fused"]
Launch = Literal["graph", "stream", "framework"]
FirstLayer = Literal["rate", "direct", "off chip"]
Boundary = Literal["core", "chip", "board", "system"]

BYTES: dict[DType, int] = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""Bytes of one number."""

OF_INFERENCES = ("timesteps", "new_samples_per_inference", "inferences_per_second", "converted_timesteps")
"""Fields that say something of an inference, which a stream has none of."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a network is run.

    Parameters
    ----------
    batch_size : int
        Samples that run together.
    dtype : str or None
        ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"int8"``; None for the one that the device's
        figures are for, or as recorded.
    timesteps : int or None
        Timesteps of an inference, in place of the recorded ones: what happened in each stays as recorded.
    new_samples_per_inference : int or None
        Streaming: an inference is due whenever so many new timesteps have come. A network that keeps its
        state pays for the new ones only; one without computes its window again.
    inferences_per_second : float or None
        None: back to back. Otherwise idle power is charged between inferences.
    timestep_s : float or None
        Length of a timestep: of an event-driven chip, in place of its own speed; a processor waits for
        the next one. What cannot keep up takes as long as it needs.
    streaming : bool
        Price one second of a network that runs on and on, such as a controller, in place of an inference:
        each timestep is due when the recorded `dt`, or `timestep_s`, has passed.
    execution : {"stepwise", "folded", "fused"} or None
        How a conventional processor runs timesteps: one after the other; layers without state in one go
        over all timesteps; or neurons in one go, too, which keep their state on the chip. A layer in a
        cycle waits for itself. None: as the recorded framework does, NengoDL stepwise, Keras folded; the
        timesteps of a stream come one by one, and run stepwise.
    launch : {"graph", "stream", "framework"} or None
        How a GPU's kernels are launched: in a CUDA graph, in a stream, or by a framework's loop over
        operations. None: by the framework where timesteps run one by one, else in a stream.
    converted_timesteps : int or None
        What if a conventional network were converted to spikes, which code its activations as rates over
        so many timesteps? Only for chips of spikes, and from a recording with ``detail="values"``.
    first_layer : {"rate", "direct", "off chip"}
        Of such a conversion: what the layers that read the input do with it. They read it as spikes;
        multiply its values in every timestep, for which a chip of spikes has no price; or run elsewhere.
    max_activations : dict of str to float
        Of such a conversion: for layers by path, the value of what they read that is coded as a spike in
        every timestep; by default the 99.9th percentile.
    boundary : {"core", "chip", "board", "system"} or None
        Leave out what lies outside of it. None: charge all that the device has figures for.

    Raises
    ------
    ScenarioError
        If a field is unknown or impossible.
    """

    batch_size: int = 1
    dtype: DType | None = None
    timesteps: int | None = None
    new_samples_per_inference: int | None = None
    inferences_per_second: float | None = None
    timestep_s: float | None = None
    streaming: bool = False
    execution: Execution | None = None
    launch: Launch | None = None
    converted_timesteps: int | None = None
    first_layer: FirstLayer = "rate"
    max_activations: Mapping[str, float] = field(default_factory=dict, hash=False)
    boundary: Boundary | None = None

    def __new__(cls, **given: object) -> Scenario:
        """Refuse unknown fields with the names of the near ones, before Python does without them."""
        known = [each.name for each in fields(cls)]
        for name in given:
            if name not in known:
                raise ScenarioError(f"a scenario has no field {name!r}, {nearest(name, known)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_choices()
        self._check_stream()
        self._check_conversion()

    def _check_numbers(self) -> None:
        _whole("batch_size", self.batch_size)
        for name in ("timesteps", "new_samples_per_inference", "converted_timesteps"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name))
        for name in ("inferences_per_second", "timestep_s"):
            if getattr(self, name) is not None:
                _positive(name, getattr(self, name))
        if self.timesteps is not None and self.new_samples_per_inference is not None:
            raise ScenarioError("give timesteps or new_samples_per_inference, not both")

    def _check_choices(self) -> None:
        for name, choices in (
            ("dtype", BYTES),
            ("execution", get_args(Execution)),
            ("first_layer", get_args(FirstLayer)),
            ("launch", get_args(Launch)),
            ("boundary", get_args(Boundary)),
        ):
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise ScenarioError(f"no {name} {value!r}: {nearest(str(value), choices)}")
        if not isinstance(self.streaming, bool):
            raise ScenarioError(f"streaming must be True or False, got {self.streaming!r}")

    def _check_stream(self) -> None:
        if not self.streaming:
            return
        for name in OF_INFERENCES:
            if getattr(self, name) is not None:
                raise ScenarioError(f"a stream has no inferences: give streaming or {name}, not both")
        if self.execution in ("folded", "fused"):
            raise ScenarioError(
                "the timesteps of a stream come one by one: give streaming or "
                f"execution={self.execution!r}, not both"
            )

    def _check_conversion(self) -> None:
        if self.converted_timesteps is not None and (self.timesteps or self.new_samples_per_inference):
            raise ScenarioError("converted_timesteps are the timesteps: give no others")
        for name, value in self.max_activations.items():
            _positive(f"max_activations[{name!r}]", value)
        if self.converted_timesteps is None and (self.first_layer != "rate" or self.max_activations):
            raise ScenarioError("first_layer and max_activations are for converted_timesteps: give them, too")

    def covers(self, boundary: str) -> bool:
        """Whether a figure of a boundary lies within the scenario's; one of an unknown boundary does."""
        if self.boundary is None or boundary not in BOUNDARIES:
            return True
        return widest((boundary, self.boundary)) == self.boundary


def is_whole(value: object, least: int = 1) -> bool:
    """Whether a value is a whole number of at least so much."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _whole(name: str, value: object) -> None:
    if not is_whole(value):
        raise ScenarioError(f"{name} must be a whole number of at least 1, got {value!r}")


def _positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise ScenarioError(f"{name} must be a finite number above 0, got {value!r}")
