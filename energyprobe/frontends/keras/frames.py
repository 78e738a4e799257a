"""The calls and raw operations of one step, as they were captured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass(eq=False)
class RawOp:
    """One operation that TensorFlow created or ran."""

    type: str
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    attributes: dict[str, Any]
    graph: Any
    frame: Frame | None

    def attribute(self, name: str) -> Any:
        """Value of a number, flag, text or list of integers, which a graph keeps as a message."""
        value = self.attributes[name]
        if hasattr(value, "WhichOneof"):
            kind = value.WhichOneof("value")
            value = list(value.list.i) if kind == "list" else getattr(value, kind)
        return value.decode() if isinstance(value, bytes) else value


@dataclasses.dataclass(eq=False)
class Frame:
    """One call of a layer (or Keras operation), with what happened inside it.

    Attributes
    ----------
    layer : object
        The layer; it is let go once the step is planned.
    name, type : str
        Names of the layer and of its type.
    path : str
        Names from below the model's root, joined by ``/``; the root's own name for the root.
    index : int
        How many calls of this path came before it in the step.
    parent : Frame or None
        The call around it.
    graph : object or None
        Graph in which it ran; None when eager.
    inputs, outputs : list of tensor
        Data tensors that it read and made, masks left out.
    handed : list of tensor
        What its caller got: `outputs`, or their last timestep.
    rule : Rule
        How it is counted.
    children, ops : list
        Calls and raw operations directly inside it.
    """

    layer: Any
    name: str
    type: str
    path: str
    index: int
    parent: Frame | None
    graph: Any
    inputs: list[Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    rule: Any
    outputs: list[Any] = dataclasses.field(default_factory=list)
    handed: list[Any] = dataclasses.field(default_factory=list)
    children: list[Frame] = dataclasses.field(default_factory=list)
    ops: list[RawOp] = dataclasses.field(default_factory=list)
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def seen(self, tensor: Any) -> Any:
        """The tensor as the layer computed with it: its cast under mixed precision."""
        for op in self.ops:
            if op.type == "Cast" and op.inputs[0] is tensor:
                return op.outputs[0]
        return tensor

    def ancestors(self) -> Iterator[Frame]:
        """The calls around it, innermost first."""
        frame = self.parent
        while frame is not None:
            yield frame
            frame = frame.parent
