"""From what a step ran to what is counted of it: one plan for each traced step.

Observation is added at the end of the step, after every operation of the model, so that no operation of the
model (nor a random seed derived from its position) differs from a run without the probe. Calls inside a
loop are the exception: their tensors exist only there, and are observed there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from energyprobe.frontends.keras.capture import Capture, Frame
from energyprobe.frontends.keras.counters import Counters, new_variable
from energyprobe.frontends.keras.flow import SpikeFlow, TimeFlow
from energyprobe.frontends.keras.inputs import input_names
from energyprobe.frontends.keras.observe import Observation, Slot, Weighting, emit
from energyprobe.frontends.keras.options import Options
from energyprobe.frontends.keras.rules.base import Call, SpikeCode, StepDraft, UnknownShapeError
from energyprobe.frontends.keras.rules.raw import MOVING, raw_steps
from energyprobe.frontends.keras.rules.wrapping import folded_steps
from energyprobe.frontends.keras.sizes import Sizes
from energyprobe.trace.geometry import axis_fanout, connections, effective_fanout
from energyprobe.trace.operations import Conv, Dense, Free, Product, Sparse


@dataclasses.dataclass(eq=False)
class PlannedStep:
    """One operation and where its counts will be found."""

    draft: StepDraft
    code: SpikeCode | None = None
    observation: Observation | None = None
    other: Observation | None = None
    other_code: SpikeCode | None = None
    events: int = 0
    effective: int | None = 0
    pairs: Slot | None = None
    rows: Slot | None = None


@dataclasses.dataclass(eq=False)
class PlannedCall:
    """One call and where its counts will be found."""

    frame: Frame
    own_weights: list[Any]
    dtype: str
    dt: float | None
    steps: list[PlannedStep]
    counters: Counters
    lead: Slot
    inputs: list[Frame | str]
    output: Observation | None = None
    code: SpikeCode | None = None
    repeats: int | None = None
    nested: bool = False
    bytes_in: Slot | None = None
    bytes_out: Slot | None = None


class Plan:
    """What is counted of one traced step.

    Parameters
    ----------
    capture : Capture
        The step, while it is being captured.
    options : Options
        What to observe.
    """

    def __init__(self, capture: Capture, options: Options) -> None:
        self.capture = capture
        self.options = options
        self.tf = capture.framework.tf
        self._sizes = Sizes(capture)
        self.calls: list[PlannedCall] = []
        self.counters = Counters(self.tf)
        self.nested: list[Counters] = []
        self.maps: list[tuple[Any, StepDraft, tuple[int, ...]]] = []
        self.samples: Slot | None = None
        self.runs: Slot | None = None
        self.misshapen: Slot | None = None
        self.dense: list[StepDraft] = []
        self.outputs: list[Frame | str] = []
        self._observations: dict[tuple[int, bool, bool], Observation] = {}
        named = {key: value for key, value in options.spiking.items() if isinstance(key, str)}
        self._input_spikes = named
        self._own_spikes = {key: value for key, value in options.spiking.items() if isinstance(key, type)}
        self.flow = SpikeFlow(capture, {}, self._own_spikes)

    def finish(self, data: Any) -> None:
        """Observe what the step ran; to be called at its end, while it is still being traced.

        Parameters
        ----------
        data : tensor
            What was presented, ``(batch, …)``.
        """
        tf, capture = self.tf, self.capture
        names = input_names(capture.roots, capture.producers)
        spikes = {key: self._input_spikes[name] for key, name in names.items() if name in self._input_spikes}
        self.flow = SpikeFlow(capture, spikes, self._own_spikes)
        time = TimeFlow(capture, self.options.time_axis)
        self._live = capture.live()
        for frame in capture.roots:
            self._visit(frame, time, names)
        for observation in self._observations.values():
            emit(tf, observation, self.counters)
        self._add_pairs()
        self.samples = self.counters.add("integers", tf.shape(data, out_type=tf.int64)[0])
        self.runs = self.counters.add("integers", tf.constant(1, tf.int64))
        self.misshapen = self.counters.add("integers", _misshapen(tf, capture.declared))
        self.counters.commit()
        order = {id(frame): number for number, frame in enumerate(capture.frames)}
        self.calls.sort(key=lambda call: order[id(call.frame)])
        handed_on = {id(each) for root in capture.roots for each in root.inputs}
        made = [each for root in capture.roots for each in root.outputs if id(each) not in handed_on]
        self.outputs = [self._producer(each, names) for each in made]
        for call in self.calls:
            if call.nested:
                call.inputs = [self._from_outside(each, call.frame, names) for each in call.inputs]

    def observe_nested(self, capture: Capture, frame: Frame) -> None:
        """Observe a call inside a loop, in the graph of the loop's body."""
        if any(outer.rule is not None for outer in frame.ancestors()):
            return
        counters = Counters(self.tf)
        outer, self._observations = self._observations, {}
        try:
            planned = self._plan(frame, TimeFlow(capture, None), {}, counters)
            if planned is None:
                return
            for observation in self._observations.values():
                emit(self.tf, observation, counters)
            self._add_pairs([planned], counters)
        finally:
            self._observations = outer
        planned.nested = True
        counters.commit()
        self.nested.append(counters)
        self.calls.append(planned)

    def reset(self) -> None:
        """Start counting again from zero, and bring the weight masks up to date."""
        for counters in (self.counters, *self.nested):
            counters.reset()
        for variable, draft, shape in self.maps:
            variable.assign(effective_map(draft, shape))

    @property
    def stale(self) -> bool:
        """Whether weights have zeros now that the traced function takes to have none."""
        return any(_zeros(draft) for draft in self.dense)

    def _visit(self, frame: Frame, time: TimeFlow, names: Mapping[int, str]) -> None:
        if frame.graph is not self.capture.graph or not any(id(each) in self._live for each in frame.handed):
            return
        planned = self._plan(frame, time, names, self.counters)
        if planned is not None:
            self.calls.append(planned)
        for child in self._calls_inside(frame):
            self._visit(child, time, names)

    def _calls_inside(self, frame: Frame) -> list[Frame]:
        """Calls that a container made, but for the one by which Keras learns the shape of a cell's output."""
        if frame.rule is not None:
            return []
        return frame.children[1:] if _runs_a_cell(frame) else frame.children

    def _plan(
        self, frame: Frame, time: TimeFlow, names: Mapping[int, str], counters: Counters
    ) -> PlannedCall | None:
        """Plan one call: what its rule says, or the raw operations left over in a container."""
        has_time = bool(frame.inputs) and time.has_time(frame.inputs[0])
        call = Call(frame, self.capture, has_time)
        if frame.rule is not None:
            try:
                drafts = frame.rule.steps(call)
            except UnknownShapeError as error:
                drafts = call.uncounted(str(error))
        else:
            drafts = raw_steps(self.capture, frame.ops, frame.graph)
            if not drafts and (frame.children or not frame.inputs or frame.parent is None):
                return None
            drafts = drafts or [StepDraft(Free(reason="moves data"))]
        reference = frame.inputs[0] if frame.inputs else frame.outputs[0]
        planned = PlannedCall(
            frame=frame,
            own_weights=_own_weights(frame),
            dtype=str(getattr(frame.layer, "compute_dtype", None) or "float32"),
            dt=_dt(frame.layer),
            steps=[],
            counters=counters,
            lead=counters.add("integers", self._sizes.leading(reference, has_time)),
            inputs=[self._producer(each, names) for each in frame.inputs],
            code=self._output_code(frame),
            repeats=self._repeats(frame),
        )
        planned.steps = [self._plan_step(draft, call, counters) for draft in drafts]
        self._plan_output(planned, call, time, counters)
        return planned

    def _plan_step(self, draft: StepDraft, call: Call, counters: Counters) -> PlannedStep:
        step = PlannedStep(draft)
        operation = draft.operation
        if draft.source is None or not isinstance(operation, (Dense, Conv, Product, Sparse)):
            return step
        step.code = self._source_code(draft.source, call)
        step.observation = self._observation(draft.source, call, step.code)
        if "values" in self.options.detail and step.code is None:
            step.observation.values = True
        if isinstance(operation, Product):
            step.other_code = self._source_code(draft.other, call)
            step.other = self._observation(draft.other, call, step.other_code)
            return step
        step.events = step.observation.weight(_event_weighting(draft))
        step.effective = self._effective(draft, step)
        if draft.rows:
            rows = self.tf.cast(self.tf.shape(draft.source)[0], self.tf.int64)
            step.rows = counters.add("integers", rows)
        return step

    def _effective(self, draft: StepDraft, step: PlannedStep) -> int | None:
        """Number of the weighted sum over connections of non-zero weight."""
        if draft.weight is None:
            return None
        if not _zeros(draft):
            self.dense.append(draft)
            return step.events
        assert step.observation is not None
        shape = step.observation.core
        if None in shape:
            return None
        sizes = tuple(int(size) for size in shape if size is not None)
        values = effective_map(draft, sizes)
        if not self.tf.executing_eagerly():
            variable = new_variable(self.tf, values)
            self.maps.append((variable, draft, sizes))
            values = variable
        bound = connections(draft.operation)
        return step.observation.weight(Weighting(values, tuple(values.shape), bound))

    def _observation(self, tensor: Any, call: Call, code: SpikeCode | None) -> Observation:
        fold = self._folded_steps(call.frame)
        key = (id(tensor), call.time, fold is not None)
        if key not in self._observations:
            amplitude = None if code is None else code.amplitude
            observation = Observation(tensor, call.time, fold, amplitude)
            observation.fired = code is not None
            observation.neurons = "neurons" in self.options.detail
            self._observations[key] = observation
        return self._observations[key]

    def _plan_output(self, planned: PlannedCall, call: Call, time: TimeFlow, counters: Counters) -> None:
        frame = planned.frame
        planned.bytes_in = counters.add("integers", self._sizes.nbytes(frame.inputs))
        planned.bytes_out = counters.add("integers", self._sizes.nbytes(frame.handed[:1]))
        wanted = self.options.observe == "all" or planned.code is not None
        if frame.rule is not None and frame.outputs and (wanted or frame.rule.activation(frame.layer)):
            if frame.outputs[0] is (frame.inputs[0] if frame.inputs else None):
                return
            output = Call(frame, self.capture, self._output_time(frame, call, time))
            planned.output = self._observation(frame.outputs[0], output, planned.code)

    def _output_time(self, frame: Frame, call: Call, time: TimeFlow) -> bool:
        if call.time and frame.rule.keeps_time(frame.layer):
            return True
        return time.has_time(frame.outputs[0])

    def _output_code(self, frame: Frame) -> SpikeCode | None:
        return self.flow.of_call(frame) if frame.outputs else None

    def _source_code(self, tensor: Any, call: Call) -> SpikeCode | None:
        code = self.flow.code(tensor)
        loop = next((outer for outer in call.frame.ancestors() if _runs_a_cell(outer)), None)
        if code is None and loop is not None and call.inputs and tensor is call.inputs[0]:
            if call.frame.parent is loop:
                return self.flow.code(loop.inputs[0])
        return code

    def _repeats(self, frame: Frame) -> int | None:
        """Timesteps that Python ran one after the other, each with a call of its own; None if it did not."""
        for outer in frame.ancestors():
            if getattr(outer.layer, "unroll", False) or (_runs_a_cell(outer) and frame.graph is None):
                return int(outer.inputs[0].shape[1])
        wrapper, steps = folded_steps(frame, self.capture.framework.keras.layers.TimeDistributed)
        return steps if wrapper is not None and self.capture.framework.generation >= 3 else None

    def _folded_steps(self, frame: Frame) -> Any:
        """Timesteps that a ``TimeDistributed`` of Keras 2 folded into the batch of a call, or None."""
        wrapper, steps = folded_steps(frame, self.capture.framework.keras.layers.TimeDistributed)
        if wrapper is None or self.capture.framework.generation >= 3 or frame.graph is not wrapper.graph:
            return None
        return self.tf.shape(wrapper.inputs[0])[1] if steps is None else steps

    def _producer(self, tensor: Any, names: Mapping[int, str]) -> Frame | str:
        """The call, or the model input, that a tensor comes from."""
        seen = set()
        waiting = [tensor]
        while waiting:
            each = waiting.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            if id(each) in names:
                return f"input:{names[id(each)]}"
            frame = self.capture.producers.get(id(each))
            if frame is not None:
                return frame
            op = self.capture.makers.get(id(each))
            if op is not None and op.frame is not None and op.frame.rule is None and op.type not in MOVING:
                return op.frame
            waiting += self.capture.parents(each)
        return "unknown"

    def _from_outside(self, producer: Frame | str, frame: Frame, names: Mapping[int, str]) -> Frame | str:
        """Give the producer of what a call in a loop reads: that of the loop's input where it is outside."""
        loop = next((outer for outer in frame.ancestors() if outer.graph is self.capture.graph), None)
        if producer != "unknown" or loop is None or not loop.inputs:
            return producer
        return self._producer(loop.inputs[0], names)

    def _add_pairs(self, calls: list[PlannedCall] | None = None, counters: Counters | None = None) -> None:
        """Count the event pairs of the products."""
        tf = self.tf
        for call in self.calls if calls is None else calls:
            for step in call.steps:
                draft = step.draft
                if draft.pairs is not None and step.pairs is None:
                    masks = [
                        tf.cast(tf.not_equal(each, tf.zeros((), each.dtype)), tf.float32)
                        for each in (draft.source, draft.other)
                    ]
                    pairs = tf.cast(tf.round(draft.pairs(tf, *masks)), tf.int64)
                    step.pairs = (counters or self.counters).add("integers", pairs)


def effective_map(draft: StepDraft, shape: tuple[int, ...]) -> np.ndarray:
    """Connections of non-zero weight that leave each element of one sample, float32."""
    assert draft.weight is not None
    mask = draft.weight.value() != 0
    if draft.fanout is not None:
        return np.broadcast_to(draft.fanout(mask), shape).astype(np.float32)
    values = effective_fanout(draft.operation, mask)
    if isinstance(draft.operation, Conv) and draft.layout == "first":
        values = np.moveaxis(values, -1, 0)
    return np.broadcast_to(values, shape).astype(np.float32)


def _event_weighting(draft: StepDraft) -> Weighting:
    """Connections that leave each element of one sample, the factor common to all taken out."""
    operation = draft.operation
    if isinstance(operation, Conv):
        spatial = np.ones((), np.int64)
        for axis in axis_fanout(operation):
            spatial = np.multiply.outer(spatial, axis)
        scale = operation.filters // operation.groups
        if spatial.min() == spatial.max():
            return Weighting(None, (), 1, scale * int(spatial.max()))
        values = spatial[np.newaxis] if draft.layout == "first" else spatial[..., np.newaxis]
        return Weighting(values.astype(np.float32), values.shape, int(spatial.max()), scale)
    each = operation.units if isinstance(operation, Dense) else draft.each
    return Weighting(None, (), 1, each)


def _zeros(draft: StepDraft) -> bool:
    assert draft.weight is not None
    return not bool(np.all(draft.weight.value()))


def _misshapen(tf: Any, declared: list[tuple[Any, tuple[int | None, ...]]]) -> Any:
    """Number of inputs whose shape is not what the model declares."""
    wrong = [tf.constant(0, tf.int64)]
    for tensor, shape in declared:
        # Not tf.shape, which answers from what is declared.
        now = tf.raw_ops.Shape(input=tensor)
        same = [now[axis] == size for axis, size in enumerate(shape) if axis and size is not None]
        wrong.append(1 - tf.cast(tf.reduce_all(same), tf.int64))
    return tf.add_n(wrong)


def _runs_a_cell(frame: Frame) -> bool:
    """Whether a container is an RNN layer, whose cell also runs once outside of its loop, uncounted."""
    return hasattr(frame.layer, "cell") and not getattr(frame.layer, "unroll", False)


def _own_weights(frame: Frame) -> list[Any]:
    """Variables that a layer holds, without those of the layers that it called."""
    weights = list(getattr(frame.layer, "weights", None) or [])
    if frame.rule is not None:
        return weights
    inner = {id(each) for child in frame.children for each in getattr(child.layer, "weights", None) or []}
    return [each for each in weights if id(each) not in inner]


def _dt(layer: Any) -> float | None:
    dt = getattr(layer, "dt", None)
    return float(dt) if isinstance(dt, (int, float)) else None
