"""One run of one model with one or more probes: what is put into the model, and taken out again.

During a run the model's ``predict_function`` and ``test_function`` are ours, and so are its
``make_…_function``, through which a model heals at its next use when a run broke off where Keras calls no hook.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from energyprobe.errors import ModelError, RecordingError
from energyprobe.frontends.keras.framework import Framework, framework_of
from energyprobe.frontends.keras.recorder import Mode, Recorder

if TYPE_CHECKING:
    from energyprobe.frontends.keras.probe import KerasProbe

MODES: tuple[Mode, ...] = ("predict", "test")

_open: weakref.WeakKeyDictionary[Any, Session] = weakref.WeakKeyDictionary()


def join_session(model: Any, probe: KerasProbe) -> Session:
    """Attach a probe to the next run of a model, together with the probes that came before it.

    Raises
    ------
    ModelError, RecordingError
        If the model cannot be recorded.
    """
    framework = framework_of(model)
    session = _open.get(model)
    if session is not None and (session.begun or probe in session.probes):
        session.abandon()
        session = None
    if session is None:
        _check_recordable(framework, model)
        session = Session(framework, model)
    session.add(probe)
    return session


class Session:
    """One run, from Keras' ``set_model`` to its last hook.

    Parameters
    ----------
    framework : Framework
        The model's Keras.
    model : keras.Model
        The model.
    """

    def __init__(self, framework: Framework, model: Any) -> None:
        self.probes: list[KerasProbe] = []
        self.begun = False
        self._framework = framework
        self._model = weakref.ref(model)
        self._mode: Mode | None = None
        self._recorder: Recorder | None = None
        self._before = {mode: getattr(model, f"{mode}_function") for mode in MODES}
        _open[model] = self
        for mode in MODES:
            object.__setattr__(model, f"{mode}_function", self._guarded(mode))
            object.__setattr__(model, f"make_{mode}_function", self._healer(mode))

    def add(self, probe: KerasProbe) -> None:
        """Record for one more probe."""
        if self.probes and probe.layers != self.probes[0].layers:
            self.abandon()
            raise RecordingError("probes that record the same run must have the same layers= rules")
        self.probes.append(probe)

    def begin(self, mode: Mode) -> None:
        """Start counting; the first of several probes does it for all."""
        if self._recorder is not None:
            return
        self.begun = True
        self._mode = mode
        model = self._model()
        key = (mode, *_settings(model, mode), tuple(map(_hashable, self.probes)))
        leader = self.probes[0]
        self._recorder = leader.recorder(model, key, lambda: self._make(mode))
        for probe in self.probes:
            probe.started()
        self._recorder.begin()

    def _make(self, mode: Mode) -> Recorder:
        options = [probe.options for probe in self.probes]
        return Recorder(self._framework, self._model(), mode, options, self.probes[0].layers)

    def end(self) -> None:
        """Hand each probe its trace; the first of several probes does it for all."""
        if self._recorder is None:
            return
        recorder, self._recorder = self._recorder, None
        try:
            traces = recorder.traces()
        except BaseException:
            self.abandon()
            raise
        self.close()
        for probe, trace in zip(self.probes, traces, strict=True):
            probe.recorded(trace)

    def abandon(self) -> None:
        """Leave the model as it was, and tell the probes that the run broke off."""
        self.close()
        for probe in self.probes:
            probe.broke_off()

    def close(self) -> None:
        """Leave the model as it was."""
        model = self._model()
        if model is None or _open.get(model) is not self:
            return
        del _open[model]
        for mode in MODES:
            object.__setattr__(model, f"{mode}_function", self._before[mode])
            object.__delattr__(model, f"make_{mode}_function")

    def _guarded(self, mode: Mode) -> Callable[..., Any]:
        """What Keras calls for each batch during the run."""

        def function(*args: Any, **kwargs: Any) -> Any:
            if self._recorder is None or self._mode != mode:
                raise RecordingError(f"Keras ran its {mode} function without having begun to {mode}")
            try:
                return self._recorder(*args, **kwargs)
            except BaseException as error:
                if not _ends_the_data(self._framework, error):
                    self.abandon()
                raise

        return function

    def _healer(self, mode: Mode) -> Callable[..., Any]:
        """What Keras calls at the beginning of a run; a second time, the run before has broken off."""

        def make(*args: Any, **kwargs: Any) -> Any:
            model = self._model()
            if not self.begun and not self._asked:
                self._asked = True
                return getattr(model, f"{mode}_function")
            self.abandon()
            return getattr(model, f"make_{mode}_function")(*args, **kwargs)

        return make

    _asked = False


def _ends_the_data(framework: Framework, error: BaseException) -> bool:
    """Whether an error is how an iterator says that it has no more batches."""
    return isinstance(error, (StopIteration, framework.tf.errors.OutOfRangeError))


def _settings(model: Any, mode: Mode) -> tuple[Any, ...]:
    """What a traced function of Keras depends on."""
    compiled: tuple[Any, ...] = ()
    if mode == "test":
        names = ("compiled_loss", "compiled_metrics", "_compile_loss", "_compile_metrics")
        compiled = tuple(id(model.__dict__.get(name)) for name in names)
    # Keras 2 keeps it in a variable, or None before compile().
    steps = getattr(model, "steps_per_execution", None) or getattr(model, "_steps_per_execution", None)
    return (bool(model.run_eagerly), str(getattr(model, "jit_compile", None)), int(steps or 1), compiled)


def _hashable(probe: KerasProbe) -> Any:
    options = probe.options
    spiking = tuple(sorted((str(key), value) for key, value in options.spiking.items()))
    return (options.observe, options.detail, options.time_axis, spiking)


def _check_recordable(framework: Framework, model: Any) -> None:
    if not model.built:
        raise ModelError(
            f"model {model.name!r} is not built, so its layers have no weights to count; call it once on a "
            "batch, or model.build(input_shape), and predict again"
        )
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None and strategy.num_replicas_in_sync > 1:
        raise RecordingError(
            f"model {model.name!r} runs on {strategy.num_replicas_in_sync} replicas, which KerasProbe cannot "
            "record exactly; predict on one device"
        )
