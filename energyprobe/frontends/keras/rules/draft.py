"""What a rule gives back: operations, with the tensors and weights that they read."""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from energyprobe.trace.operations import AnyOperation

Shape = tuple[int | None, ...]

Runs = tuple[tuple[Any, int], ...]
"""Pairs of a tensor and one of its axes; an operation ran as often as the product of these sizes says."""


@dataclasses.dataclass(eq=False)
class Weight:
    """Weights of a synaptic operation.

    Attributes
    ----------
    read : callable
        Gives the variable, or its present value.
    layout : callable
        Brings the value into the layout that `energyprobe.trace.geometry.effective_fanout` takes.
    """

    read: Callable[[], Any]
    layout: Callable[[np.ndarray], np.ndarray] = staticmethod(lambda value: value)

    @classmethod
    def of(cls, layer: Any, name: str, layout: Callable[[np.ndarray], np.ndarray] | None = None) -> Weight:
        """The weights that a layer has under a name; the layer is held weakly."""
        held = weakref.ref(layer)

        def read() -> Any:
            return getattr(held(), name)

        return cls(read) if layout is None else cls(read, layout)

    def value(self) -> np.ndarray | None:
        """Its present value, laid out; None where it is only known inside the graph."""
        import tensorflow as tf

        with tf.init_scope():
            now = self.read()
            if tf.is_tensor(now) and not hasattr(now, "numpy"):
                return None
            return self.layout(np.asarray(now))


@dataclasses.dataclass(eq=False)
class StepDraft:
    """One operation of a call, before it is observed.

    Attributes
    ----------
    operation : AnyOperation
        What is computed for one sample in one timestep.
    source : tensor or None
        What a synaptic operation reads; None where it cannot be observed.
    first : tensor, 0 or None
        What is read in the first timestep, where `source` is read one timestep late; 0 for zeros, None where
        it is read as it is.
    weight : Weight or None
        Its weights.
    other : tensor or None
        Second operand of a product: another activation, or weights that only the graph knows.
    pairs : callable or None
        ``pairs(tf, counts, other counts)`` adds up the pairs that meet in a product of `source` and `other`.
    layout : {"last", "first"}
        Whether channels are the last or the first axis of `source`.
    each : int
        Connections that leave each input element of a `Sparse` operation.
    fanout : callable or None
        ``fanout(mask)``: non-zero weights that read each element, broadcastable to one sample in one
        timestep of `source`; needed where geometry cannot tell.
    repeat : int
        Times that the operation runs for one sample in one timestep.
    runs : Runs or None
        How often it ran; None: once for each sample and timestep of the call.
    time : bool or None
        Whether axis 1 of `source` is time; None: as for the call.
    state_elements : int
        Elements of state kept between timesteps for one sample.
    """

    operation: AnyOperation
    source: Any = None
    weight: Weight | None = None
    other: Any = None
    pairs: Any = None
    layout: Literal["last", "first"] = "last"
    each: int = 1
    fanout: Callable[[np.ndarray], np.ndarray] | None = None
    repeat: int = 1
    runs: Runs | None = None
    time: bool | None = None
    first: Any = None
    state_elements: int = 0


Steps = list[StepDraft]


class UnknownShapeError(Exception):
    """A size that a count needs is not known while the step is traced."""


def count(shape: Shape) -> int:
    """Number of elements of a shape.

    Raises
    ------
    UnknownShapeError
        If a size is unknown.
    """
    known = [size for size in shape if size is not None]
    if len(known) < len(shape):
        raise UnknownShapeError(
            f"shape {tuple(shape)} is not known before the model runs (run_eagerly=True knows it)"
        )
    return math.prod(known)


def per_run(tensor: Any, lead: int) -> tuple[int, Runs | None]:
    """Known elements behind the first `lead` axes of a tensor, and how often they come if any is unknown."""
    unknown = [axis for axis, size in enumerate(tensor.shape) if axis >= lead and size is None]
    elements = math.prod(size for size in tensor.shape[lead:] if size is not None)
    return elements, tuple((tensor, axis) for axis in [*range(lead), *unknown]) if unknown else None


def per_axis(figures: Any, axes: int) -> tuple[int, ...]:
    """A setting such as strides with one figure for each spatial axis, where one may stand for all."""
    return tuple(figures) if isinstance(figures, (tuple, list)) else (figures,) * axes
