"""What a rule is: everything that is known of one type of layer."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from energyprobe.frontends.keras.axes import swapped_from
from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import Spikes, graded
from energyprobe.frontends.keras.rules.draft import Steps


def always(anything: Any) -> bool:
    """Yes, for every layer or call."""
    return True


def never(anything: Any) -> bool:
    """No, for every layer or call."""
    return False


def batch_first(tf: Any, layer: Any, sequence: Any) -> Any:
    """What a layer read or made, samples before timesteps (``time_major`` of Keras 2 puts them last)."""
    if not getattr(layer, "time_major", False):
        return sequence
    return tf.transpose(sequence, [1, 0, *range(2, len(sequence.shape))])


def last(layer: Any, result: Any) -> Any:
    """The last timestep of what a layer made, with the states that it may have given beside it."""
    import tensorflow as tf

    if isinstance(result, (list, tuple)):
        return type(result)([last(layer, result[0]), *result[1:]])
    if getattr(layer, "time_major", False):
        return result[-1]
    source = swapped_from(tf, result)
    return result[:, -1] if source is None else source[-1]


@dataclasses.dataclass(frozen=True)
class Rule:
    """How one type of layer is counted.

    Attributes
    ----------
    steps : callable
        ``steps(call)`` gives the operations.
    spikes : callable
        ``spikes(layer, codes of the inputs)`` says whether the output carries spikes.
    keeps_time : callable
        ``keeps_time(frame)``: whether axis 1 of the output stands for the same as axis 1 of the input.
    keeps_samples : bool
        Whether axis 0 of the output is as long as axis 0 of the input.
    times : callable
        ``times(layer)``: whether the layer runs over time by its nature: the first two axes of its input are
        samples and timesteps.
    activation : callable
        ``activation(layer)``: whether the output is that of an activation, worth observing.
    around : callable
        ``around(frame, capture)``: context manager around the call while it is captured.
    narrow : callable
        ``narrow(frame, result)`` gives what the caller gets, and what was really made.
    inside : callable or None
        ``inside(frame)`` gives the calls within that are counted on their own; None where there are none,
        because the rule counts all that the layer does.
    plain : bool
        Whether shapes, inputs and outputs of a call tell all that `steps` needs, whatever is around it.
    loops : bool
        Whether it runs the calls inside once for each timestep of its first input.
    """

    steps: Callable[[Call], Steps]
    spikes: Spikes = graded
    keeps_time: Callable[[Frame], bool] = never
    keeps_samples: bool = True
    times: Callable[[Any], bool] = never
    activation: Callable[[Any], bool] = never
    around: Callable[[Frame, Capture], contextlib.AbstractContextManager[None]] = staticmethod(
        lambda frame, capture: contextlib.nullcontext()
    )
    narrow: Callable[[Frame, Any], tuple[Any, Any]] = staticmethod(lambda frame, result: (result, result))
    inside: Callable[[Frame], list[Frame]] | None = None
    plain: bool = True
    loops: bool = False

    @property
    def open(self) -> bool:
        """Whether calls inside are counted on their own."""
        return self.inside is not None


@contextlib.contextmanager
def attribute(layer: Any, name: str, value: Any) -> Iterator[None]:
    """Give a layer's attribute another value for the length of a call."""
    before = getattr(layer, name)
    if before == value:
        yield
        return
    object.__setattr__(layer, name, value)
    try:
        yield
    finally:
        object.__setattr__(layer, name, before)
