"""Attaching to a live NengoDL simulator and detaching from it, leaving it as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from energyprobe.errors import RecordingError
from energyprobe.frontends.nengo.counters import GraphCounters

_MAKERS = {"predict_function": "make_predict_function", "test_function": "make_test_function"}


class CountedFunctions:
    """The functions by which Keras runs a simulator, traced with counters in their graph.

    They live here, so that attaching again does not trace again, and the simulator's own functions are
    put back untouched.

    Parameters
    ----------
    sim : nengo_dl.Simulator
        An open simulator.
    counters : GraphCounters
        Counters of its graph.
    on_run : callable
        Called after each run of the simulation loop with the timestep at which it began, and whether the
        simulator forgets its state afterwards.

    Attributes
    ----------
    fed : set of str
        Names of the input nodes that were given data.
    failed : bool
        Whether a run broke off.
    """

    def __init__(
        self,
        sim: Any,
        counters: GraphCounters,
        on_run: Callable[[int, bool], None],
    ) -> None:
        self.fed: set[str] = set()
        self.failed = False
        self._sim = sim
        self._counters = counters
        self._on_run = on_run
        self._isolated = False
        self._functions: dict[str, Any] = {}
        self._compiled: Any = None

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Attach for the duration of a ``with`` block."""
        sim = self._sim
        model, builder = sim.keras_model, sim.tensor_graph.op_builder
        if "make_predict_function" in vars(model):
            raise RecordingError("this simulator is being recorded by another NengoProbe: leave that first")
        self.fed, self.failed = set(), False
        with contextlib.ExitStack() as undo:
            own = {name: getattr(model, name) for name in _MAKERS}
            compiled = model.compiled_loss
            undo.callback(self._give_back, model, own, compiled)
            if self._compiled is not compiled:
                self._functions = {}
            for name, maker in _MAKERS.items():
                setattr(model, name, self._functions.get(name))
                undo.enter_context(_replaced(model, maker, self._maker(model, name, maker)))
            undo.enter_context(_replaced(model, "make_train_function", _refuse_training))
            undo.enter_context(_replaced(sim, "_call_keras", self._call_keras(sim._call_keras)))
            undo.enter_context(_replaced(sim, "predict_on_batch", self._on_batch(sim.predict_on_batch)))
            undo.enter_context(_replaced(builder, "build_pre", self._build_pre(builder.build_pre)))
            undo.enter_context(_replaced(builder, "build_step", self._build_step(builder.build_step)))
            yield

    def _give_back(self, model: Any, own: dict[str, Any], compiled: Any) -> None:
        """Keep the counted functions and put the simulator's own back."""
        self._compiled = model.compiled_loss
        for name, function in own.items():
            self._functions[name] = getattr(model, name)
            # Compiled anew meanwhile: the functions of before belong to the old settings.
            setattr(model, name, function if model.compiled_loss is compiled else None)

    def _maker(self, model: Any, name: str, maker: str) -> Callable[..., Any]:
        make = getattr(model, maker)

        def make_counted(force: bool = False) -> Any:
            if force or getattr(model, name) is None:
                setattr(model, name, self._counted(make(force=True)))
            return getattr(model, name)

        return make_counted

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap one of Keras' functions so that the counters are read after each run."""
        steps = getattr(self._sim.keras_model, "_steps_per_execution", None)
        if steps is not None and int(steps) > 1:
            raise RecordingError(
                f"steps_per_execution is {int(steps)}: NengoDL then lets samples run into one another, so "
                "that spikes per sample mean nothing. Compile with steps_per_execution=1 to record"
            )

        def run(*args: Any) -> Any:
            start = self._timestep()
            result = function(*args)
            self._on_run(start, self._isolated)
            return result

        return run

    def _timestep(self) -> int:
        """Read the simulator's timestep from its graph; 0 where it keeps no state."""
        graph = self._sim.tensor_graph
        return int(tf.keras.backend.get_value(graph.get_tensor(self._sim.model.step)).item())

    def _call_keras(self, call_keras: Callable[..., Any]) -> Callable[..., Any]:
        def call(func_type: str, x: Any = None, stateful: bool = False, **kwargs: Any) -> Any:
            if func_type != "predict_on_batch":
                self._isolated = not stateful
            self._note_fed(x)
            try:
                return call_keras(func_type, x=x, stateful=stateful, **kwargs)
            except BaseException:
                self.failed = True
                raise

        return call

    def _on_batch(self, predict_on_batch: Callable[..., Any]) -> Callable[..., Any]:
        def predict(x: Any = None, n_steps: Any = None, stateful: bool = False, **kwargs: Any) -> Any:
            # NengoDL resets the state itself here, and tells Keras that the call is stateful.
            self._isolated = not stateful
            return predict_on_batch(x, n_steps=n_steps, stateful=stateful, **kwargs)

        return predict

    def _note_fed(self, x: Any) -> None:
        """Note which input nodes are given data; a generator gives data to all."""
        nodes = list(self._sim.node_inputs)
        if isinstance(x, dict):
            self.fed |= {key if isinstance(key, str) else self._sim.get_name(key) for key in x}
        elif isinstance(x, (list, tuple)):
            self.fed |= {self._sim.get_name(node) for node, _ in zip(nodes, x, strict=False)}
        elif isinstance(x, np.ndarray) or tf.is_tensor(x):
            self.fed.add(self._sim.get_name(nodes[0]))
        elif x is not None:
            self.fed |= {self._sim.get_name(node) for node in nodes}

    def _build_pre(self, build_pre: Callable[..., Any]) -> Callable[..., Any]:
        def build_pre_counted(*args: Any, **kwargs: Any) -> Any:
            self._counters.start()
            return build_pre(*args, **kwargs)

        return build_pre_counted

    def _build_step(self, build_step: Callable[..., Any]) -> Callable[..., Any]:
        def build_step_counted(signals: Any, *args: Any, **kwargs: Any) -> Any:
            side_effects = build_step(signals, *args, **kwargs)
            return [*side_effects, *self._counters.step(signals)]

        return build_step_counted


@contextlib.contextmanager
def _replaced(instance: Any, name: str, function: Any) -> Iterator[None]:
    """Shadow a method on one instance."""
    vars(instance)[name] = function
    try:
        yield
    finally:
        del vars(instance)[name]


def _refuse_training(*args: Any, **kwargs: Any) -> Any:
    """Stand in for the function that Keras would train with."""
    raise RecordingError("a NengoProbe records inference: train before or after its with block")
