"""One run of one model with one or more probes: what is put into the model, and taken out again.

From Keras' ``set_model`` to the end of the run, the model's ``predict_function``, ``test_function`` and
``make_…_function`` are ours. Keras calls the latter once, at the beginning of a run: a run that no probe
announced makes the model as it was, also where the run before broke off without any hook being called.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from energyprobe.errors import ModelError, RecordingError
from energyprobe.frontends.keras.framework import Framework, framework_of
from energyprobe.frontends.keras.recorder import Mode, Recorder

if TYPE_CHECKING:
    from energyprobe.frontends.keras.probe import KerasProbe

MODES: tuple[Mode, ...] = ("predict", "test")
UNANNOUNCED = (
    "Keras began a run without having told this probe its model; pass callbacks=[probe], not a CallbackList "
    "that has been used before"
)


def announced_session(model: Any) -> Session:
    """Give the session of a model's next run; Keras asks for it through every probe of that run.

    Raises
    ------
    ModelError, RecordingError
        If what Keras handed to the probe cannot be recorded.
    """
    framework = framework_of(model)
    session = _session_of(model)
    if session is not None and session.begun:
        session.abandon()
        session = None
    if session is None:
        session = Session(framework, model)
    session.announced = True
    return session


def _session_of(model: Any) -> Session | None:
    maker = vars(model).get("make_predict_function")
    return maker.session if isinstance(maker, _Maker) else None


class Session:
    """One run of one model.

    It holds the model weakly, and what the model held before is kept by the model itself.

    Parameters
    ----------
    framework : Framework
        The model's Keras.
    model : keras.Model
        The model.

    Attributes
    ----------
    announced : bool
        Whether a probe has announced a run that Keras has not yet asked a function for.
    """

    def __init__(self, framework: Framework, model: Any) -> None:
        self.announced = False
        self._framework = framework
        self._model = weakref.ref(model)
        self._probes: list[KerasProbe] = []
        self._mode: Mode | None = None
        self._recorder: Recorder | None = None
        for mode in MODES:
            name = f"make_{mode}_function"
            if name in vars(model):
                raise RecordingError(
                    f"model {model.name!r} has a {name} of its own, which KerasProbe cannot look into"
                )
        for mode in MODES:
            before = getattr(model, f"{mode}_function")
            object.__setattr__(model, f"{mode}_function", _Function(self, mode, before))
            object.__setattr__(model, f"make_{mode}_function", _Maker(self, mode))

    @property
    def begun(self) -> bool:
        """Whether Keras has begun the run."""
        return self._mode is not None

    def begin(self, mode: Mode, probe: KerasProbe) -> None:
        """Record the run that Keras begins for one more probe.

        Raises
        ------
        ModelError, RecordingError
            If the model, or this run of it, cannot be recorded.
        """
        model = self._model()
        if model is None or _session_of(model) is not self:
            raise RecordingError(UNANNOUNCED)
        self._mode = mode
        try:
            probe.expects(model)
            self._probes.append(probe)
            probe.began()
            _check_recordable(self._framework, model)
            if probe.layers != self._probes[0].layers:
                raise RecordingError("probes that record the same run must have the same layers= rules")
        except BaseException:
            self.abandon()
            raise

    def run(self, mode: Mode, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do what Keras wants done for each batch."""
        model = self._model()
        if self._mode != mode or _session_of(model) is not self:
            # Nobody records this run: a callback broke off before the probe was told of its beginning.
            self.abandon()
            getattr(model, f"make_{mode}_function")()
            return getattr(model, f"{mode}_function")(*args, **kwargs)
        try:
            if self._recorder is None:
                self._recorder = self._started(model, mode)
            return self._recorder(*args, **kwargs)
        except BaseException as error:
            if not self._framework.ends_the_data(error):
                self.abandon()
            raise

    def _started(self, model: Any, mode: Mode) -> Recorder:
        """Get the recorder of this run, from the first of the probes, and start it."""
        leader, options = self._probes[0], [probe.options for probe in self._probes]
        key = (mode, *self._framework.settings(model), tuple(each.key for each in options))
        recorder = leader.recorder(
            model, key, lambda: Recorder(self._framework, model, mode, options, leader.layers)
        )
        recorder.begin()
        return recorder

    def make(self, mode: Mode, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do what Keras wants done at the beginning of a run."""
        model = self._model()
        function = getattr(model, f"{mode}_function")
        # Not so where compile() has dropped it since.
        if self.announced and not self.begun and isinstance(function, _Function):
            self.announced = False
            return function
        self.abandon()
        return getattr(model, f"make_{mode}_function")(*args, **kwargs)

    def end(self) -> None:
        """Hand each probe its trace; the first of several probes does it for all."""
        if not self._probes:
            return
        self._close()
        recorder, self._recorder = self._recorder, None
        try:
            if recorder is None:
                raise RecordingError("Keras ran no batch, so there is nothing that KerasProbe has recorded")
            traces = recorder.traces()
            while self._probes:
                self._probes[0].recorded(traces.pop(0), recorder.carry)
                del self._probes[0]
        finally:
            self._break_off()

    def abandon(self) -> None:
        """Leave the model as it was, and tell the probes that the run broke off."""
        self._close()
        self._break_off()

    def _break_off(self) -> None:
        while self._probes:
            self._probes.pop().broke_off()
        self._recorder = None

    def _close(self) -> None:
        model = self._model()
        if model is None or _session_of(model) is not self:
            return
        for mode in MODES:
            function = vars(model)[f"{mode}_function"]
            if isinstance(function, _Function):
                object.__setattr__(model, f"{mode}_function", function.before)
            object.__delattr__(model, f"make_{mode}_function")


class _Function:
    """Stands for a model's predict or test function, and keeps it."""

    def __init__(self, session: Session, mode: Mode, before: Any) -> None:
        self.session = session
        self.mode = mode
        self.before = before

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.session.run(self.mode, args, kwargs)


class _Maker:
    """Stands for a model's ``make_predict_function`` or ``make_test_function``."""

    def __init__(self, session: Session, mode: Mode) -> None:
        self.session = session
        self.mode = mode

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.session.make(self.mode, args, kwargs)


def _check_recordable(framework: Framework, model: Any) -> None:
    if not framework.tf.executing_eagerly():
        raise RecordingError(
            "eager execution is disabled in this process (tf.compat.v1.disable_eager_execution), and "
            "KerasProbe cannot record the other way in which Keras then runs a model; predict in another "
            "process"
        )
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
