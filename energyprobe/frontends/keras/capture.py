"""What runs inside one step: every call of a layer, and every raw operation, while Python executes it.

While a step is traced (or runs eagerly) the base classes' ``__call__`` is replaced, in the thread that
runs the step only, and TensorFlow reports each operation that it creates. Nothing is stored on the model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from energyprobe.frontends.keras.frames import Frame, RawOp
from energyprobe.frontends.keras.framework import Framework, current_graph
from energyprobe.frontends.keras.inputs import declare_shapes
from energyprobe.frontends.keras.patching import calls_reported, ops_reported, reported_to

_NOT_DATA = frozenset({"mask", "training", "attention_mask", "query_mask", "value_mask", "key_mask"})

_FIXED = frozenset("Shape ShapeN Size Rank ZerosLike OnesLike".split())
"""Operations whose output does not depend on the values of the input."""

CALLS = frozenset("PartitionedCall StatefulPartitionedCall".split())


class Capture:
    """Everything that ran inside one step.

    Parameters
    ----------
    framework : Framework
        The model's Keras.
    rule_of : callable
        ``rule_of(layer)`` gives the `Rule` of a layer.
    on_nested : callable
        Called with a `Frame` that ended in another graph than the step's (the body of a loop), where
        its tensors can be observed only at once.
    """

    def __init__(
        self,
        framework: Framework,
        rule_of: Callable[[Any], Any],
        on_nested: Callable[[Capture, Frame], None],
    ) -> None:
        self.framework = framework
        self.rule_of = rule_of
        self.on_nested = on_nested
        self.roots: list[Frame] = []
        self.made: list[Any] = []
        self.declared: list[tuple[Any, tuple[int | None, ...]]] = []
        self.frames: list[Frame] = []
        self.loose_ops: list[RawOp] = []
        self.producers: dict[int, Frame] = {}
        self.makers: dict[int, RawOp] = {}
        self._stack: list[Frame] = []
        self._counts: dict[str, int] = {}
        self._paused = False
        self._varying: dict[int, bool] = {}
        self._live: set[int] | None = None
        self.graph = current_graph(framework.tf)

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Capture]:
        """Capture what this thread runs inside the ``with`` block."""
        with calls_reported(self.framework, self), ops_reported(self._on_op):
            yield self
        if not self.made:
            handed_on = {id(each) for root in self.roots for each in root.inputs}
            made = [each for root in self.roots for each in root.handed]
            self.made = [each for each in made if id(each) not in handed_on]
        self._live = self._find_live()

    def ends(self, result: Any) -> None:
        """Say what the step gives, if that is what the model computes and not its loss."""
        self.made = self._tensors(result)

    def enframe(self, name: str, rule: Any) -> Frame:
        """Put the raw operations around all calls into a call of their own: the step itself."""
        found = {id(tensor) for op in self.loose_ops for tensor in op.outputs}
        read = {
            id(tensor): tensor
            for op in self.loose_ops
            if self.needs(op.outputs)
            for tensor in op.inputs
            if id(tensor) not in found and self.varies(tensor)
        }
        frame = Frame(
            layer=None,
            name=name,
            type=name,
            path=name,
            index=0,
            parent=None,
            graph=self.graph,
            inputs=list(read.values()),
            arguments=(),
            keywords={},
            rule=rule,
            outputs=[each for each in self.made if id(each) in found],
            ops=self.loose_ops,
        )
        frame.handed = frame.outputs
        for op in self.loose_ops:
            op.frame = frame
        self.frames.append(frame)
        return frame

    def run(
        self, original: Callable[..., Any], layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run one call of a layer inside a frame of its own; in a ``tf.function`` nothing is followed."""
        if not self.follows(current_graph(self.framework.tf)):
            return original(layer, *args, **kwargs)
        frame = self._open(layer, args, kwargs)
        self._stack.append(frame)
        try:
            with frame.rule.around(frame, self):
                result = original(layer, *args, **kwargs)
            result, outputs = frame.rule.narrow(frame, result)
        finally:
            self._stack.pop()
        frame.outputs, frame.handed = self._tensors(outputs), self._tensors(result)
        for tensor in [*frame.outputs, *frame.handed]:
            # A layer that hands its input on (dropout at inference) does not become its producer.
            if not frame.rule.open and all(tensor is not each for each in frame.inputs):
                self.producers.setdefault(id(tensor), frame)
        if frame.graph is not self.graph:
            self._paused = True
            self.on_nested(self, frame)
            self._paused = False
        return result

    @property
    def active(self) -> bool:
        """Whether it captures what the present thread runs."""
        return reported_to() is self

    def parents(self, tensor: Any) -> tuple[Any, ...]:
        """The tensors that a tensor was made from."""
        op = self.makers.get(id(tensor)) if self.graph is None else getattr(tensor, "op", None)
        return () if op is None else tuple(op.inputs)

    def needs(self, tensors: Iterable[Any]) -> bool:
        """Whether the values of any of these tensors decide the outputs of the step, as far as is known.

        What the outputs do not need is traced but does not count, such as the cell that Keras runs once to
        learn the shape of its output, or the second pass in which Keras 2 works out the mask of a
        ``TimeDistributed``.
        """
        return self._live is None or any(id(each) in self._live for each in tensors)

    def varies(self, tensor: Any) -> bool:
        """Whether a tensor depends on the data, rather than on weights, constants and shapes alone."""
        # What no operation made are data; but for an eager tensor that is no input: a variable or constant.
        return self._varying.get(id(tensor), self.graph is not None and tensor.dtype.name != "resource")

    def variable(self, op: RawOp | None) -> Any:
        """The handle of the variable that an operation read; None for any other operation."""
        if op is None or op.type != "ReadVariableOp":
            return None
        handle, graph = op.inputs[0], op.graph
        while graph is not None and hasattr(graph, "captures"):
            outside = [outer for outer, inner in graph.captures if inner is handle]
            if outside:
                handle = outside[0]
            graph = graph.outer_graph
        return handle if hasattr(handle, "numpy") else None

    def follows(self, graph: Any) -> bool:
        """Whether a graph is the body of loops and branches in the step, and not of a ``tf.function``.

        A function that the user made keeps its graph: what is added to it would stay.
        """
        from tensorflow.python.ops import control_flow_v2_func_graphs as bodies

        kinds = (bodies.CondBranchFuncGraph, bodies.WhileBodyFuncGraph)
        while graph is not self.graph and isinstance(graph, kinds):
            graph = graph.outer_graph
        return graph is self.graph

    def function_in(self, frame: Frame) -> bool:
        """Whether a ``tf.function`` ran directly inside a call; TensorFlow reports none in a graph."""
        if frame.graph is None:
            return any(op.type.startswith("__") for op in frame.ops)
        inner: list[Frame | RawOp] = [*frame.children, *frame.ops]
        read = [tensor for each in inner for tensor in each.inputs]
        given = {id(tensor) for child in frame.children for tensor in [*child.outputs, *child.handed]}
        given |= {id(tensor) for tensor in frame.inputs}
        made = [getattr(each, "op", None) for each in [*read, *frame.outputs] if id(each) not in given]
        return any(op is not None and op.type in CALLS for op in made)

    def _find_live(self) -> set[int]:
        found: set[int] = set()
        self._follow_up(self.made, found)
        for frame in reversed(self.frames):
            # As in a loop of the graph: the last timestep makes a state, too, though no one reads it.
            in_turn = frame.parent is not None and frame.parent.rule.loops
            if in_turn and any(id(each) in found for each in frame.handed):
                self._follow_up(frame.handed, found)
        return found

    def _follow_up(self, tensors: list[Any], found: set[int]) -> None:
        """Add what tensors were made from, by their values."""
        waiting = list(tensors)
        while waiting:
            tensor = waiting.pop()
            if id(tensor) in found:
                continue
            found.add(id(tensor))
            op = self.makers.get(id(tensor))
            if op is None or op.type not in _FIXED:
                waiting += self.parents(tensor)

    def release(self) -> None:
        """Let go of the layers, and of all that planning alone needs."""
        for frame in self.frames:
            frame.layer = frame.rule = frame.parent = None
            frame.arguments, frame.keywords, frame.facts = (), {}, {}
            frame.inputs, frame.children, frame.ops = [], [], []
        for calls in (self.roots, self.frames, self.loose_ops, self.producers):
            calls.clear()
        for tensors in (self.made, self.declared, self.makers, self._varying):
            tensors.clear()

    def _open(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frame:
        parent = self._stack[-1] if self._stack else None
        name = getattr(layer, "name", type(layer).__name__)
        path = name if parent is None or parent.parent is None else f"{parent.path}/{name}"
        index = self._counts.get(path, 0)
        self._counts[path] = index + 1
        data = {key: value for key, value in kwargs.items() if key not in _NOT_DATA}
        frame = Frame(
            layer=layer,
            name=name,
            type=self.framework.type_name(layer),
            path=path,
            index=index,
            parent=parent,
            graph=current_graph(self.framework.tf),
            inputs=self._tensors((args, data)),
            arguments=args,
            keywords=kwargs,
            rule=self.rule_of(layer),
        )
        if parent is None:
            self.roots.append(frame)
        else:
            parent.children.append(frame)
        if parent is None or parent.rule.loops:
            # Data, or a state: that before the first timestep varies as much as that before any other.
            self._varying |= dict.fromkeys(map(id, frame.inputs), True)
        if frame.graph is self.graph is not None:
            self.declared += declare_shapes(frame)
        self.frames.append(frame)
        return frame

    def _tensors(self, structure: Any) -> list[Any]:
        tf = self.framework.tf
        # Not tf.is_tensor, which takes the variables of Keras 3, and tensors of several parts, for tensors.
        return [each for each in tf.nest.flatten(structure) if isinstance(each, tf.Tensor)]

    def _on_op(
        self,
        op_type: str | bytes,
        inputs: tuple[Any, ...],
        attributes: Any,
        outputs: tuple[Any, ...],
        op_name: str | None = None,
        graph: Any = None,
    ) -> None:
        if self._paused:
            return
        pairs = attributes or ()
        names = dict(zip(pairs[0::2], pairs[1::2], strict=True))
        frame = self._stack[-1] if self._stack else None
        if isinstance(op_type, bytes):
            op_type = op_type.decode()
        op = RawOp(op_type, tuple(inputs), tuple(outputs), names, graph, frame)
        varies = op_type == "Placeholder" or op_type not in _FIXED and any(map(self.varies, inputs))
        for tensor in outputs:
            self.makers[id(tensor)] = op
            self._varying[id(tensor)] = varies and tensor.dtype.name != "resource"
        (self.loose_ops if frame is None else frame.ops).append(op)
