"""What a rule is given: one call of a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.draft import Runs, Shape, StepDraft, Steps, Weight, per_run
from energyprobe.trace.operations import AnyOperation, Elementwise, Uncounted


class Call:
    """One call of a layer, as a rule sees it.

    Attributes
    ----------
    layer : object
        The layer.
    inputs, outputs : list of tensor
        What it read (as cast by the layer) and made.
    time : bool
        Whether axis 1 of its first input is time.
    """

    def __init__(
        self,
        frame: Frame,
        capture: Capture,
        time: bool,
        layer: Any = None,
        has_time: Callable[[Any], bool] = lambda tensor: False,
    ) -> None:
        self.frame = frame
        self.capture = capture
        self.layer = frame.layer if layer is None else layer
        self.inputs = [frame.seen(each) for each in frame.inputs]
        self.outputs = frame.outputs
        self.time = time
        self.has_time = has_time

    def of(self, layer: Any, time: bool) -> Call:
        """The same call as one of a layer within this one."""
        return Call(self.frame, self.capture, time, layer, self.has_time)

    @property
    def tf(self) -> Any:
        """TensorFlow."""
        return self.capture.framework.tf

    @property
    def input(self) -> Any:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> Any:
        """The first output."""
        return self.outputs[0]

    @property
    def lead(self) -> int:
        """Leading axes that stand for samples and timesteps: 2 where axis 1 is time, else 1."""
        return 2 if self.time else 1

    def core(self, tensor: Any) -> Shape:
        """Shape of a tensor without batch and time."""
        return tuple(tensor.shape[self.lead :])

    @property
    def input_shape(self) -> Shape:
        """Shape of the first input without batch and time."""
        return self.core(self.input)

    @property
    def output_shape(self) -> Shape:
        """Shape of the first output without batch and time."""
        return self.core(self.output)

    def per_run(self, tensor: Any) -> tuple[int, Runs | None]:
        """Elements of a tensor for each sample and timestep; sizes not yet known go to how often it ran."""
        return per_run(tensor, self.lead)

    def elementwise(self, function: str, ops: int = 1, tensor: Any = None) -> Steps:
        """Arithmetic on each element of the output, or of another tensor of the call."""
        elements, runs = self.per_run(self.output if tensor is None else tensor)
        return [StepDraft(Elementwise(function=function, elements=elements, ops_per_element=ops), runs=runs)]

    def synaptic(self, operation: AnyOperation, kernel: Any = None, source: Any = None) -> StepDraft:
        """A synaptic operation that reads `source` (the first input, if not given) by the weights `kernel`.

        Parameters
        ----------
        operation : Dense or Conv
            What is computed for one sample in one timestep.
        kernel : variable or array, optional
            Weights, laid out as `energyprobe.trace.geometry.effective_fanout` wants them. Without them
            effective synaptic operations stay unknown.
        source : tensor, optional
            What is read.
        """
        weight = None if kernel is None else Weight(lambda: kernel)
        return StepDraft(operation, self.input if source is None else source, weight)

    def uncounted(self, reason: str) -> Steps:
        """Say that no count can be given, and why."""
        return [StepDraft(Uncounted(reason=reason))]
