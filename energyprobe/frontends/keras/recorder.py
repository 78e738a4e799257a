"""One model's step with counters in it: built once, traced once, run many times."""

from __future__ import annotations

import functools
import hashlib
import platform
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from energyprobe.errors import RecordingError
from energyprobe.frontends.keras.assemble import layer_calls, presented
from energyprobe.frontends.keras.capture import Capture, Frame
from energyprobe.frontends.keras.framework import Framework
from energyprobe.frontends.keras.plan import Options, Plan
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
    """

    def __init__(
        self,
        framework: Framework,
        model: Any,
        mode: Mode,
        options: list[Options],
        layers: Mapping[type, Callable[..., Any]],
    ) -> None:
        self._framework = framework
        self._model = weakref.ref(model)
        self._mode = mode
        self._options = options
        self._table = RuleTable(framework, layers)
        self._plans: list[list[Plan]] = []
        self._eager: list[Trace | None] = [None] * len(options)
        self._calls = 0
        self._fresh = True
        self._fingerprint = ""
        self._function = self._build(model)

    def _build(self, model: Any) -> Callable[..., Any]:
        """Let Keras make its function around a step of ours, without touching the model."""
        stand_in = _StandIn(self._model, f"{self._mode}_step", self._step)
        getattr(type(model), f"make_{self._mode}_function")(stand_in, force=True)
        function: Callable[..., Any] = getattr(stand_in, f"{self._mode}_function")
        return function

    @property
    def stale(self) -> bool:
        """Whether weights were pruned since it was traced, so that it has to be traced again."""
        return any(plan.stale for plans in self._plans for plan in plans)

    def begin(self) -> None:
        """Start counting from zero."""
        model = self._model()
        self._calls = 0
        self._eager = [None] * len(self._options)
        self._fresh = _is_fresh(model)
        self._fingerprint = fingerprint(model)
        for plans in self._plans:
            for plan in plans:
                plan.reset()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run Keras' function: what Keras calls for each batch."""
        self._calls += 1
        return self._function(*args, **kwargs)

    def _step(self, *args: Any, **kwargs: Any) -> Any:
        """Run one step, and count it."""
        model = self._model()
        plans: list[Plan] = []

        def nested(capture: Capture, frame: Frame) -> None:
            for plan in plans:
                plan.observe_nested(capture, frame)

        capture = Capture(self._framework, self._table, nested)
        plans += [Plan(capture, options) for options in self._options]
        with capture():
            result = getattr(model, f"{self._mode}_step")(*args, **kwargs)
        for plan in plans:
            plan.finish()
        for frame in capture.frames:
            if frame.layer is model:
                frame.layer, frame.arguments, frame.keywords = None, (), {}
        if capture.graph is None:
            for number, plan in enumerate(plans):
                now = self._trace([plan], number)
                before = self._eager[number]
                self._eager[number] = now if before is None else before + now
        else:
            self._plans.append(plans)
        return result

    def traces(self) -> list[Trace]:
        """Read what was counted since `begin`, for each of the probes.

        Raises
        ------
        RecordingError
            If nothing, or only a part, of what Keras ran was seen.
        """
        return [
            self._trace([plans[number] for plans in self._plans], number) if eager is None else eager
            for number, eager in enumerate(self._eager)
        ]

    def _trace(self, plans: list[Plan], number: int) -> Trace:
        model = self._model()
        total: Trace | None = None
        runs = 0
        for plan in plans:
            shown = presented(plan, _is_stateful(model))
            if not shown.runs:
                continue
            runs += shown.runs
            calls, outputs = layer_calls(plan, shown)
            now = Trace(
                model=str(model.name),
                fingerprint=self._fingerprint,
                samples=shown.samples,
                calls=calls,
                outputs=outputs,
                versions={**self._framework.versions(), "python": platform.python_version()},
                options=_described(self._options[number]),
            )
            total = now if total is None else total + now
        if total is None or (plans and plans[0].capture.graph is not None and runs < self._calls):
            raise RecordingError(
                f"KerasProbe saw {runs} of the {self._calls} steps that Keras ran of {model.name!r}: nothing "
                "was recorded. A model whose predict_step or make_predict_function does not call the model "
                "through Keras cannot be recorded."
            )
        return total


class _StandIn:
    """Passes for the model while Keras makes a function, and keeps what Keras would set on it."""

    def __init__(self, model: weakref.ref[Any], name: str, step: Callable[..., Any]) -> None:
        original = getattr(type(model()), name)
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, name, functools.wraps(original)(lambda *args, **kwargs: step(*args, **kwargs)))

    @property
    def __class__(self) -> type:
        return type(self._model())

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_model")(), name)


def _described(options: Options) -> dict[str, str]:
    described = {"observe": options.observe, "time_axis": str(options.time_axis)}
    if options.detail:
        described["detail"] = ",".join(sorted(options.detail))
    if options.spiking:
        pairs = {getattr(key, "__qualname__", key): value for key, value in options.spiking.items()}
        described["spiking"] = ",".join(f"{name}={pairs[name]:g}" for name in sorted(pairs))
    return described


def fingerprint(model: Any) -> str:
    """Digest of a model's structure (layer types and names, shapes of weights) and weights."""
    digest = hashlib.blake2b(digest_size=16)
    for layer in _flat_layers(model):
        digest.update(f"{type(layer).__qualname__} {layer.name}\n".encode())
    for variable in model.weights:
        value = np.ascontiguousarray(variable)
        digest.update(f"{value.shape} {value.dtype}\n".encode())
        digest.update(value.view(np.uint8).data if value.size else b"")
    return digest.hexdigest()


def _flat_layers(model: Any) -> list[Any]:
    return list(model._flatten_layers(include_self=False, recursive=True))


def _stateful_layers(model: Any) -> list[Any]:
    return [each for each in _flat_layers(model) if getattr(each, "stateful", False) and hasattr(each, "states")]


def _is_stateful(model: Any) -> bool:
    return bool(_stateful_layers(model))


def _is_fresh(model: Any) -> bool:
    """Whether no stateful layer holds a state from an earlier run."""
    return not any(
        bool(np.any(state)) for each in _stateful_layers(model) for state in each.states or [] if state is not None
    )
