"""Planning of calls whose tensors live in one graph, and are observed together at its end."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.counters import Counters, Slot, new_variable
from energyprobe.frontends.keras.fanout import effective_map, effective_weighting, event_weighting, has_zeros
from energyprobe.frontends.keras.flow import SpikeFlow, TimeFlow
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.observation import Observation
from energyprobe.frontends.keras.observe import emit
from energyprobe.frontends.keras.options import Options
from energyprobe.frontends.keras.planned import PlannedCall, PlannedStep
from energyprobe.frontends.keras.rules.base import batch_first
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import SpikeCode
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, UnknownShapeError
from energyprobe.frontends.keras.sizes import Sizes
from energyprobe.frontends.keras.unpadded import Crop, unpadded
from energyprobe.trace.operations import Conv, Product


class Section:
    """Calls of one graph.

    Parameters
    ----------
    capture : Capture
        The step that they ran in.
    options : Options
        What to observe.
    spikes, time : SpikeFlow, TimeFlow
        What the tensors carry.

    Attributes
    ----------
    calls : list of PlannedCall
        The calls.
    counters : Counters
        Their counts.
    maps : list of (variable, callable)
        Fan-out maps of the weights that are not zero, and what gives their present values: to be brought up
        to date before each run.
    dense : list of StepDraft
        Operations without zero weights, which need no map as long as there are none.
    """

    def __init__(self, capture: Capture, options: Options, spikes: SpikeFlow, time: TimeFlow) -> None:
        self.calls: list[PlannedCall] = []
        self.counters = Counters(capture.framework.tf)
        self.maps: list[tuple[Any, Callable[[], np.ndarray]]] = []
        self.dense: list[StepDraft] = []
        self._capture = capture
        self._options = options
        self._spikes = spikes
        self._time = time
        self._tf = capture.framework.tf
        self._sizes = Sizes(capture)
        self._observations: dict[Any, Observation] = {}
        self._stacks: dict[tuple[int, ...], Any] = {}

    def add(self, frames: list[Frame], fold: Any = 1) -> None:
        """Plan a call.

        Parameters
        ----------
        frames : list of Frame
            The call; several where Python ran the timesteps one after the other.
        fold : int or tensor
            Timesteps that the first axis of its tensors holds beside the samples.
        """
        calls = [self._call(frame) for frame in frames]
        drafts = _alike(calls, [self._drafts(call) for call in calls])
        if not drafts[0]:
            return
        fold = fold * len(frames)
        first = calls[0]
        counters = self.counters
        references = [self._reference(frame) for frame in frames]
        lead = sum(self._sizes.leading(each, first.time) for each in references)
        dtype = str(getattr(first.layer, "compute_dtype", None) or "float32")
        planned = PlannedCall(
            frames=frames,
            dtype=dtype,
            itemsize=int(self._tf.as_dtype(dtype).size),
            dt=_dt(frames[0].layer),
            counters=counters,
            lead=counters.add("integers", lead),
            bytes_in=self._bytes([each for frame in frames for each in frame.inputs]),
            bytes_out=self._bytes([each for frame in frames for each in frame.handed[:1]]),
            steps=[self._step(list(same), first, fold) for same in zip(*drafts, strict=True)],
            code=self._spikes.of_call(frames[0]),
        )
        self._plan_output(planned, frames, first, fold)
        self.calls.append(planned)

    def commit(self) -> None:
        """Add all that was planned to the graph."""
        emit(self._tf, self._observations.values(), self.counters, self._sizes)
        self.counters.commit()

    def _bytes(self, tensors: list[Any]) -> Slot:
        return self.counters.add("integers", self._sizes.nbytes(tensors))

    def _call(self, frame: Frame) -> Call:
        has_time = bool(frame.inputs) and self._time.has_time(frame.inputs[0])
        by_nature = frame.rule.times(frame.layer)
        kept = has_time and (frame.rule.open or frame.rule.keeps_time(frame))
        return Call(frame, self._capture, by_nature or kept, has_time=self._time.has_time)

    def _drafts(self, call: Call) -> Steps:
        if not (call.inputs or call.frame.rule.open):
            return call.uncounted("reads no plain tensor, but ragged or sparse ones, or none")
        try:
            steps: Steps = call.frame.rule.steps(call)
        except UnknownShapeError as error:
            return call.uncounted(str(error))
        return steps

    def _reference(self, frame: Frame) -> Any:
        """A tensor whose first axis is that of the samples."""
        ranked = [each for each in [*frame.inputs, *frame.outputs] if each.shape.rank]
        return next((each for each in ranked if self._capture.varies(each)), ranked[0])

    def _step(self, same: list[StepDraft], call: Call, fold: Any) -> PlannedStep:
        """Plan an operation, which is the same in each of several timesteps."""
        draft = same[0]
        step = PlannedStep(draft)
        if draft.runs is not None:
            runs = (math.prod(self._sizes.axis(*place) for place in each.runs or ()) for each in same)
            step.runs = self.counters.add("integers", sum(runs))
        if draft.source is None or not step.synaptic:
            return step
        step.code = self._spikes.read_by(call.frame, draft.source)
        step.observation, crop = self._within_zeros(same, call, fold)
        if step.observation is None:
            step.observation = self._observe(same, "source", call, fold, step.code)
        else:
            step.places = math.prod(draft.source.shape[call.lead :])
        if "values" in self._options.detail and step.code is None:
            step.observation.values = True
        if draft.pairs is not None:
            step.other_code = self._spikes.code(draft.other)
            self._plan_pairs(step, same)
        if isinstance(draft.operation, Product):
            step.other = self._observe(same, "other", call, fold, step.other_code)
            return step
        step.events = step.observation.weight(event_weighting(draft, crop))
        if draft.pairs is None:
            step.effective = self._effective(draft, step.observation, step.events, crop)
        return step

    def _within_zeros(
        self, same: list[StepDraft], call: Call, fold: Any
    ) -> tuple[Observation | None, Crop | None]:
        """What a convolution reads, without the zeros put around it, where that is observed anyway."""
        draft = same[0]
        if len(same) > 1 or not isinstance(draft.operation, Conv) or draft.pairs is not None:
            return None, None
        found = unpadded(self._capture, draft.source, call.lead)
        if found is None or draft.time not in (None, call.time) or self._options.detail:
            return None, None
        seen = self._observations.get(_key([found[0], None], call.time, fold))
        return (None, None) if seen is None or seen.fired else (seen, found[1])

    def _effective(
        self, draft: StepDraft, observation: Observation, events: int, crop: Crop | None = None
    ) -> int | None:
        """Number of the weighted sum over connections of non-zero weight."""
        if draft.weight is None or draft.weight.value() is None:
            return None
        if not has_zeros(draft):
            self.dense.append(draft)
            return events
        if None in observation.core:
            return None
        core = observation.core if crop is None else draft.source.shape[-len(crop) :]
        shape = tuple(int(size) for size in core if size is not None)
        now = functools.partial(effective_map, draft, shape, crop)
        values: Any = now()
        own = tuple(values.shape)
        if not self._tf.executing_eagerly():
            variable = new_variable(self._tf, values)
            self.maps.append((variable, now))
            values = variable
        return observation.weight(effective_weighting(draft, values, own))

    def _plan_pairs(self, step: PlannedStep, same: list[StepDraft]) -> None:
        """Count the pairs of events, and of spikes, that meet in a product."""
        tf = self._tf
        codes = (step.code, step.other_code)
        events = [each.pairs(tf, *(_events(tf, side) for side in (each.source, each.other))) for each in same]
        step.pairs = self.counters.add("integers", _rounded(tf, tf.add_n(events)))
        if not any(codes) or any(code is not None and code.amplitude is None for code in codes):
            return
        spikes = [
            each.pairs(
                tf,
                *(
                    _events(tf, side) if code is None else _spikes(tf, side, code)
                    for side, code in zip((each.source, each.other), codes, strict=True)
                ),
            )
            for each in same
        ]
        step.spike_pairs = self.counters.add("integers", _rounded(tf, tf.add_n(spikes)))

    def _plan_output(self, planned: PlannedCall, frames: list[Frame], call: Call, fold: Any) -> None:
        frame = frames[0]
        wanted = self._options.observe == "all" or planned.code is not None
        if frame.rule.open or not frame.outputs or not (wanted or frame.rule.activation(frame.layer)):
            return
        made = [batch_first(self._tf, each.layer, each.outputs[0]) for each in frames]
        if frame.inputs and frame.outputs[0] is frame.inputs[0]:
            return
        kept = call.time and frame.rule.keeps_time(frame)
        time = kept or self._time.has_time(frame.outputs[0])
        planned.output = self._observation(made, time, fold, planned.code)

    def _observe(
        self, same: list[StepDraft], side: str, call: Call, fold: Any, code: SpikeCode | None
    ) -> Observation:
        time = call.time if same[0].time is None else same[0].time
        first = same[0].first if side == "source" else None
        return self._observation([getattr(each, side) for each in same], time, fold, code, first)

    def _observation(
        self, tensors: list[Any], time: bool, fold: Any, code: SpikeCode | None, first: Any = None
    ) -> Observation:
        folded = _is_folded(fold)
        key = _key([*tensors, first], time, fold)
        if key not in self._observations:
            amplitude = None if code is None else code.amplitude
            stack = self._stack(tensors)
            observation = Observation(stack, time, fold if folded else None, amplitude, first=first)
            observation.fired = code is not None
            observation.whole = code is not None and code.whole
            observation.neurons = "neurons" in self._options.detail
            self._observations[key] = observation
        return self._observations[key]

    def _stack(self, tensors: list[Any]) -> Any:
        """Timesteps of one call as one tensor, ``(batch * timesteps, …)``."""
        if len(tensors) == 1:
            return tensors[0]
        key = tuple(id(each) for each in tensors)
        if key not in self._stacks:
            stack = self._tf.stack(tensors, axis=1)
            sizes = [-1 if size is None else size for size in tensors[0].shape[1:]]
            if -1 in sizes:
                sizes = self._tf.shape(tensors[0])[1:]
            self._stacks[key] = self._tf.reshape(stack, self._tf.concat([[-1], sizes], 0))
        return self._stacks[key]


def _is_folded(fold: Any) -> bool:
    return not (isinstance(fold, int) and fold == 1)


def _key(tensors: list[Any], time: bool, fold: Any) -> Hashable:
    """What is the same of two observations that are one."""
    return (*(id(each) for each in tensors), time, _is_folded(fold))


def _alike(calls: list[Call], drafts: list[Steps]) -> list[Steps]:
    """Operations of each of several timesteps, which must be the same ones."""
    operations = [[step.operation for step in steps] for steps in drafts]
    if all(each == operations[0] for each in operations):
        return drafts
    return [call.uncounted("its timesteps, which Python runs one after the other, differ") for call in calls]


def _events(tf: Any, tensor: Any) -> Any:
    return tf.cast(tf.not_equal(tensor, tf.zeros((), tensor.dtype)), tf.float32)


def _spikes(tf: Any, tensor: Any, code: SpikeCode) -> Any:
    finite = tf.where(tf.math.is_finite(tensor), tensor, tf.zeros((), tensor.dtype))
    assert code.amplitude is not None
    return tf.round(tf.cast(tf.abs(finite), tf.float64) / code.amplitude)


def _rounded(tf: Any, number: Any) -> Any:
    return tf.cast(tf.round(number), tf.int64)


def _dt(layer: Any) -> float | None:
    dt = getattr(layer, "dt", None)
    return float(dt) if isinstance(dt, (int, float)) else None
