"""One model's step with counters in it: built once, traced once, run many times."""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal

from energyprobe.errors import EnergyprobeError, RecordingError
from energyprobe.frontends.keras.assemble import Presented, layer_calls, presented
from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.carrying import Carry, continued, digest_of_states, stateful_layers
from energyprobe.frontends.keras.firing import Firing
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.framework import Framework
from energyprobe.frontends.keras.identity import fingerprint, parts
from energyprobe.frontends.keras.inputs import input_names
from energyprobe.frontends.keras.options import Options
from energyprobe.frontends.keras.plan import Plan
from energyprobe.frontends.keras.rules.raw import CONTAINER
from energyprobe.frontends.keras.rules.table import RuleTable
from energyprobe.trace.records import Trace

Mode = Literal["predict", "test"]


class Recorder:
    """A model's predict or test function with counters.

    It holds the model weakly: nothing in it keeps the model alive.

    Parameters
    ----------
    framework : Framework
        The model's Keras.
    model : keras.Model
        The model.
    mode : {"predict", "test"}
        Which function.
    options : list of Options
        One for each probe; each gets a trace of its own from the same run.
    layers : mapping of type to callable
        The user's rules.

    Attributes
    ----------
    carry : Carry or None
        What the batches of the present run carry from one to the next; None without stateful layers.
    """

    def __init__(
        self,
        framework: Framework,
        model: Any,
        mode: Mode,
        options: list[Options],
        layers: Mapping[type, Callable[..., Any]],
    ) -> None:
        self.carry: Carry | None = None
        self._framework = framework
        self._model: Callable[[], Any] = weakref.ref(model)
        self._mode = mode
        self._options = options
        self._table = RuleTable(framework, layers)
        self._parts = parts(model, mode)
        self._plans: list[list[Plan]] = []
        self._problem: EnergyprobeError | None = None
        self._eager: list[Trace | None] = []
        self._firing: list[Firing] = []
        self._steps = self._eager_steps = 0
        self._cut = False
        self._fingerprint: str | None = None
        self._function = self._build(model)

    def _build(self, model: Any) -> Callable[..., Any]:
        """Let Keras make its function around a step of ours, without touching the model."""
        stand_in = _StandIn(self._model, self._mode, self._step)
        getattr(type(model), f"make_{self._mode}_function")(stand_in)
        function: Callable[..., Any] = getattr(stand_in, f"{self._mode}_function")
        return function

    @property
    def stale(self) -> bool:
        """Whether the function has to be made and traced again.

        So it is if the model has other layers, losses or metrics since, or zeros among weights that had none.
        """
        return self._parts != parts(self._model(), self._mode) or any(
            plan.stale for plans in self._plans for plan in plans
        )

    def begin(self) -> None:
        """Start counting from zero."""
        self.carry = Carry() if stateful_layers(self._model()) else None
        self._eager = [None] * len(self._options)
        self._firing = [Firing() for _ in self._options]
        self._steps = self._eager_steps = 0
        self._cut = False
        self._fingerprint = None
        for plans in self._plans:
            for plan in plans:
                plan.reset()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run Keras' function: what Keras calls for each batch.

        Raises
        ------
        EnergyprobeError
            If what ran cannot be recorded.
        """
        steps = self._steps_in(*args)
        self._follow(Carry.enter)
        try:
            result = self._function(*args, **kwargs)
        except (StopIteration, self._framework.tf.errors.OutOfRangeError):
            self._cut = steps > 1
            raise
        self._follow(Carry.leave)
        self._steps += steps
        if self._problem is not None:
            raise self._problem
        return result

    def _steps_in(self, data: Any, *args: Any) -> int:
        """Steps that Keras will run at once; the least where nobody knows (``evaluate`` of Keras 3)."""
        if isinstance(data, list):
            return len(data)
        return 1 if self._framework.generation >= 3 else self._framework.steps_per_execution(self._model())

    def _follow(self, note: Callable[[Carry, bytes], None]) -> None:
        if self.carry is not None:
            note(self.carry, digest_of_states(self._framework.tf, stateful_layers(self._model())))

    def _step(self, *args: Any, **kwargs: Any) -> Any:
        """Run one step, and count it."""
        model = self._model()
        plans: list[Plan] = []

        def nested(capture: Capture, frame: Frame) -> None:
            try:
                for plan in plans:
                    plan.observe_in_loop(capture, frame)
            except EnergyprobeError as error:
                self._problem = error

        capture = Capture(self._framework, self._table, nested)
        plans += [Plan(capture, options) for options in self._options]
        name = f"{self._mode}_step"
        with capture():
            result = getattr(model, name)(*args, **kwargs)
            if self._mode == "predict":
                capture.ends(result)
        try:
            self._check(model, capture)
            step, data = capture.enframe(name, CONTAINER), self._framework.tf.nest.flatten(args)[0]
            for plan in plans:
                plan.finish(step, data)
            if capture.graph is None:
                self._count_eagerly(plans)
            else:
                self._plans.append(plans)
        except EnergyprobeError as error:
            # Raised when Keras' function has ended, which would wrap it in an error of its own.
            self._problem = error
        capture.release()
        return result

    def _check(self, model: Any, capture: Capture) -> None:
        if not capture.roots:
            raise RecordingError(
                f"the {self._mode}_step of model {model.name!r} runs no layer by calling it, so KerasProbe "
                "sees nothing of it and cannot record it"
            )
        inputs = input_names(capture.roots, capture.producers).values()
        for options in self._options:
            options.expect_declared(model.name, inputs, [type(frame.layer) for frame in capture.frames])

    def _count_eagerly(self, plans: list[Plan]) -> None:
        """Add one step that has run to the traces."""
        self._eager_steps += 1
        for number, (plan, before) in enumerate(zip(plans, self._eager, strict=True)):
            now = self._trace(plan, number, presented(plan, None))
            if before is not None and self.carry is not None and self.carry.continues:
                now = continued(before, now, before.samples)
            elif before is not None:
                now = before + now
            self._eager[number] = now
        if self.carry is not None:
            self.carry.continues = True

    def traces(self) -> list[Trace]:
        """Read what was counted since `begin`, for each of the probes.

        Raises
        ------
        RecordingError
            If nothing, or only a part, of what Keras ran was seen.
        """
        self._parts = parts(self._model(), self._mode)
        numbers = range(len(self._options))
        found = [self._eager_trace(number) or self._graph_trace(number) for number in numbers]
        return [firing.told(trace) for firing, trace in zip(self._firing, found, strict=True)]

    def _eager_trace(self, number: int) -> Trace | None:
        trace = self._eager[number]
        if trace is not None:
            self._check_steps(self._eager_steps)
        return trace

    def _graph_trace(self, number: int) -> Trace:
        starts = None if self.carry is None else self.carry.starts
        total: Trace | None = None
        runs = 0
        for plan in (plans[number] for plans in self._plans):
            shown = presented(plan, starts)
            if not shown.runs:
                continue
            runs += shown.runs
            now = self._trace(plan, number, shown)
            if total is None:
                total = now
            elif starts is None:
                total = total + now
            else:
                total = continued(total, now, shown.observed // shown.runs * starts)
        self._check_steps(runs)
        assert total is not None
        return total

    def _trace(self, plan: Plan, number: int, shown: Presented) -> Trace:
        model = self._model()
        # Not before a batch has run: it may have built layers.
        self._fingerprint = self._fingerprint or fingerprint(model)
        calls, outputs = layer_calls(plan, shown, self._firing[number])
        return Trace(
            model=str(model.name),
            fingerprint=self._fingerprint,
            samples=shown.samples,
            calls=calls,
            outputs=outputs,
            versions=self._framework.versions(model),
            options=self._options[number].described,
            notes=plan.notes,
        )

    def _check_steps(self, seen: int) -> None:
        model = self._model()
        if not seen or seen < self._steps:
            raise RecordingError(
                f"KerasProbe saw {seen} of the {self._steps} steps that Keras ran of model {model.name!r}, "
                "so it cannot record it; its make_predict_function or make_test_function must run "
                "predict_step or test_step"
            )
        if self._cut and seen > self._steps:
            raise RecordingError(
                f"the data of model {model.name!r} ended within {self._framework.steps_per_execution(model)} "
                "steps that Keras runs at once, and Keras drops the results of the steps that it had begun; "
                "give steps=, a dataset of known size, or compile with steps_per_execution=1"
            )


class _StandIn:
    """Passes for the model while Keras makes a function, and keeps what Keras would set on it."""

    def __init__(self, model: Callable[[], Any], mode: Mode, step: Callable[..., Any]) -> None:
        original = getattr(type(model()), f"{mode}_step")
        self._model = model
        # A function, which takes the name of the one that it stands for; a bound method does not.
        wrapper = functools.wraps(original)(lambda *args, **kwargs: step(*args, **kwargs))
        setattr(self, f"{mode}_step", wrapper)
        # Keras makes one where there is none.
        setattr(self, f"{mode}_function", None)

    __class__: Any = property(lambda self: type(self._model()))

    def __getattr__(self, name: str) -> Any:
        model = self._model()
        value = getattr(model, name)
        # A method bound to the model would run the model's own step, and keep the model alive.
        if isinstance(value, types.MethodType) and value.__self__ is model:
            return types.MethodType(value.__func__, self)
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RecordingError(
            f"model {self._model().name!r} has a make_predict_function or make_test_function of its own that "
            "calls the model itself, so KerasProbe cannot record it; let it run predict_step or test_step"
        )
