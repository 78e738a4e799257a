"""From what a step ran to what is counted of it: one plan for each traced step.

Observation is added at the end of the step, after every operation of the model, so that no operation of the
model (nor a random seed derived from its position) differs from a run without the probe. Calls inside a
loop are the exception: their tensors exist only there, and are observed there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.counters import Counters, Slot
from energyprobe.frontends.keras.fanout import has_zeros
from energyprobe.frontends.keras.flow import SpikeFlow, TimeFlow
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.inputs import input_names
from energyprobe.frontends.keras.links import links, makers
from energyprobe.frontends.keras.options import Options
from energyprobe.frontends.keras.planned import Link, PlannedCall
from energyprobe.frontends.keras.section import Section

Group = tuple[list[Frame], Any]
"""Calls of the timesteps that Python ran one after the other, and the timesteps in their first axis."""


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
        self.calls: list[PlannedCall] = []
        self.sections: list[Section] = []
        self.counters: Counters | None = None
        self.samples: Slot | None = None
        self.runs: Slot | None = None
        self.misshapen: Slot | None = None
        self.outputs: list[Link] = []
        self.notes: tuple[str, ...] = ()
        self.time_major = False

    def finish(self, step: Frame, data: Any) -> None:
        """Observe what the step ran; to be called at its end, while it is still being traced.

        Parameters
        ----------
        step : Frame
            What ran outside of all calls.
        data : tensor
            What was presented, ``(batch, …)``.
        """
        tf, capture = self.tf, self.capture
        names = {id(data): "data"} | input_names(capture.roots, capture.producers)
        spikes = self._spike_flow(names)
        section = Section(capture, self.options, spikes, TimeFlow(capture, self.options.time_axis))
        roots = [frame for frame in capture.roots if capture.needs(frame.handed)]
        waiting: list[Group] = [([frame], 1) for frame in [*roots, step]]
        while waiting:
            frames, fold = waiting.pop(0)
            section.add(frames, fold)
            waiting += _inside(tf, capture, frames, fold)
        self.counters = counters = section.counters
        self.samples = counters.add("integers", tf.shape(data, out_type=tf.int64)[0])
        self.runs = counters.add("integers", tf.constant(1, tf.int64))
        self.misshapen = counters.add("integers", _misshapen(tf, capture.declared))
        self._add(section)
        self._link(names)
        self.time_major = any(getattr(frame.layer, "time_major", False) for frame in capture.frames)
        self.notes = tuple(
            f"{path} reads what operation {way}, which cannot be followed, made from spikes: taken as graded "
            "(declare the layer with spiking= if it sends spikes)"
            for path, way in spikes.lost.items()
        )

    def observe_in_loop(self, capture: Capture, frame: Frame) -> None:
        """Observe a call inside a loop or branch, in the graph of its body."""
        inner = frame
        for outer in frame.ancestors():
            if outer.rule.inside is None or inner not in outer.rule.inside(outer) or _tries(outer, inner):
                return
            inner = outer
        names = input_names(capture.roots, capture.producers)
        section = Section(capture, self.options, self._spike_flow(names), TimeFlow(capture, None))
        section.add([frame])
        for call in section.calls:
            call.in_loop = True
        self._add(section)

    def reset(self) -> None:
        """Start counting again from zero, and bring the weight masks up to date."""
        for section in self.sections:
            section.counters.reset()
            for variable, values in section.maps:
                variable.assign(values())

    @property
    def stale(self) -> bool:
        """Whether weights have zeros now that the traced function takes to have none."""
        return any(has_zeros(draft) for section in self.sections for draft in section.dense)

    def _add(self, section: Section) -> None:
        section.commit()
        self.sections.append(section)
        self.calls += section.calls

    def _spike_flow(self, names: Mapping[int, str]) -> SpikeFlow:
        declared = self.options.spiking
        inputs = {key: declared[name] for key, name in names.items() if name in declared}
        own = {key: amplitude for key, amplitude in declared.items() if isinstance(key, type)}
        return SpikeFlow(self.capture, inputs, own)

    def _link(self, names: Mapping[int, str]) -> None:
        """Say what each call reads and holds, in the order in which the calls began."""
        capture = self.capture
        order = {id(frame): number for number, frame in enumerate(capture.frames)}
        self.calls.sort(key=lambda call: order[id(call.frame)])
        self.outputs = [link for each in capture.made for link in makers(capture, each, names)]
        called = {id(frame.layer) for frame in capture.frames}
        paths: dict[int, str] = {}
        for call in self.calls:
            call.path = paths.setdefault(id(call.frame.layer), call.frame.path)
            call.inputs = links(capture, call.frames, names)
            held = _own_weights(call.frame, called)
            sizes = [(math.prod(each.shape), self.tf.as_dtype(each.dtype).size) for each in held]
            call.parameters = sum(size for size, _ in sizes)
            call.parameter_bytes = sum(size * itemsize for size, itemsize in sizes)
            call.repeats = _repeats(call.frame) if call.in_loop else 1


def _inside(tf: Any, capture: Capture, frames: list[Frame], fold: Any) -> list[Group]:
    """The calls within a call that count on their own."""
    inside = frames[0].rule.inside
    if inside is None:
        return []
    found = [child for frame in frames for child in inside(frame) if _runs_here(capture, frame, child)]
    if not found:
        return []
    if frames[0].rule.loops:
        if len(found) == len(frames):
            # Keras 2 folded the timesteps into the batch.
            fold = fold * _steps(tf, frames[0].inputs[0])
        return [(found, fold)]
    together: dict[tuple[str, int], list[Frame]] = {}
    for frame in frames:
        seen: dict[str, int] = {}
        for child in (each for each in found if each.parent is frame):
            seen[child.path] = seen.get(child.path, 0) + 1
            together.setdefault((child.path, seen[child.path]), []).append(child)
    return [(group, fold) for group in together.values()]


def _runs_here(capture: Capture, frame: Frame, child: Frame) -> bool:
    return child.graph is frame.graph and capture.needs(child.handed)


def _tries(outer: Frame, inner: Frame) -> bool:
    """Whether Keras ran a cell outside of its loop, to learn the shape of its output."""
    looping = hasattr(outer.layer, "cell") and not outer.layer.unroll
    return looping and inner.graph is outer.graph is not None


def _steps(tf: Any, sequence: Any) -> Any:
    size = sequence.shape[1]
    return tf.shape(sequence)[1] if size is None else size


def _repeats(frame: Frame) -> int:
    """Times that Python ran the loops around a call in a loop of the graph."""
    times, inner = 1, frame
    for outer in frame.ancestors():
        if outer.rule.loops:
            times *= sum(each.graph is inner.graph for each in outer.children)
        inner = outer
    return times


def _own_weights(frame: Frame, called: set[int]) -> list[Any]:
    """Variables that a layer holds, without those of layers inside that were called on their own."""
    layer = frame.layer
    weights = list(getattr(layer, "weights", None) or [])
    if not frame.rule.open or not hasattr(layer, "_flatten_layers"):
        return weights
    inner = [each for each in layer._flatten_layers(include_self=False) if id(each) in called]
    held = {id(weight) for each in inner for weight in each.weights}
    return [each for each in weights if id(each) not in held]


def _misshapen(tf: Any, declared: list[tuple[Any, tuple[int | None, ...]]]) -> Any:
    """Number of inputs whose shape is not what the model declares."""
    wrong = [tf.constant(0, tf.int64)]
    for tensor, shape in declared:
        # Not tf.shape, which answers from what is declared.
        now = tf.raw_ops.Shape(input=tensor)
        same = [now[axis] == size for axis, size in enumerate(shape) if axis and size is not None]
        wrong.append(1 - tf.cast(tf.reduce_all(same), tf.int64))
    return tf.add_n(wrong)
