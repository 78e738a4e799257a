"""`KerasProbe`: the callback that records a Keras model while it predicts or evaluates."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from energyprobe.errors import RecordingError
from energyprobe.frontends.keras.plan import Options
from energyprobe.frontends.keras.recorder import Recorder
from energyprobe.frontends.keras.session import Session, join_session
from energyprobe.trace.records import Trace

DETAILS = ("neurons", "values")


class KerasProbe:
    """Record every layer of a Keras model during ``predict`` or ``evaluate``.

    Nothing but counters is kept, and the model computes what it would without the probe.

    Parameters
    ----------
    detail : str or iterable of str
        More facts, at a cost in time: ``"neurons"`` (histogram of firing rates and the neurons that ever
        fired, of every observed tensor), ``"values"`` (sizes of graded inputs of synaptic operations).
    observe : {"lean", "all"}
        ``"lean"``: inputs of synaptic operations and outputs of activations, which leaves outputs
        bit-identical. ``"all"``: the output of every layer; the last bits of the outputs may differ,
        because observed tensors cannot be fused away.
    spiking : mapping
        Declares spikes: name of a model input, or type of an own layer, to the value of one spike.
    layers : mapping of type to callable
        Rules of own layers: ``rule(call)`` gives the `Operation` s of a call.
    time_axis : {"auto", 1, None}
        Which tensors of rank 3 or more have time as axis 1. ``"auto"``: those that a KerasSpiking,
        TimeDistributed or recurrent layer reads or makes, followed through layers that keep the axis.
    accumulate : bool
        Whether a second run adds to the first one's trace instead of starting anew.
    notes : str or iterable of str
        What to keep with the trace.

    Examples
    --------
    >>> probe = KerasProbe()
    >>> model.predict(x, callbacks=[probe])  # doctest: +SKIP
    >>> probe.trace.samples  # doctest: +SKIP
    """

    # Hooks for single batches do nothing, so Keras may call them from a thread of its own.
    async_safe = True

    def __init__(
        self,
        *,
        detail: str | Iterable[str] = (),
        observe: Literal["lean", "all"] = "lean",
        spiking: Mapping[str | type, float] | None = None,
        layers: Mapping[type, Callable[..., Any]] | None = None,
        time_axis: Literal["auto", 1] | None = "auto",
        accumulate: bool = False,
        notes: str | Iterable[str] = (),
    ) -> None:
        details = frozenset([detail] if isinstance(detail, str) else detail)
        _check("detail", details, DETAILS)
        _check("observe", [observe], ("lean", "all"))
        _check("time_axis", [time_axis], ("auto", 1, None))
        self.options = Options(observe, details, time_axis, dict(spiking or {}))
        self.layers = dict(layers or {})
        self._accumulate = accumulate
        self._notes = (notes,) if isinstance(notes, str) else tuple(notes)
        self._trace: Trace | None = None
        self._state = "unused"
        self._recorders: dict[Any, Recorder] = {}
        self._models: dict[int, weakref.ref[Any]] = {}

    @property
    def trace(self) -> Trace:
        """What the last run recorded (all runs, with ``accumulate``).

        Raises
        ------
        RecordingError
            If no run was recorded, or the last one broke off.
        """
        if self._state == "aborted":
            raise RecordingError(
                "the run that this probe recorded broke off before its end, so its counts are not those of "
                "the whole data; run predict or evaluate again with the probe"
            )
        if self._state == "running":
            raise RecordingError("the run that this probe records has not ended; read .trace after it")
        if self._trace is None:
            raise RecordingError(
                "this probe has recorded no run; pass it to predict or evaluate: "
                "model.predict(x, callbacks=[probe])"
            )
        return self._trace

    def started(self) -> None:
        """Note that a run began; called by the session."""
        self._state = "running"

    def broke_off(self) -> None:
        """Note that a run ended with an exception; called by the session."""
        self._state = "aborted"

    def recorded(self, trace: Trace) -> None:
        """Take the trace of a run; called by the session."""
        trace = replace(trace, notes=(*trace.notes, *self._notes))
        if self._accumulate and self._trace is not None:
            trace = self._trace + trace
        self._trace = trace
        self._state = "recorded"

    def recorder(self, model: Any, key: Any, make: Callable[[], Recorder]) -> Recorder:
        """Give the function made for a model and settings before, or make it; called by the session."""
        place = (id(model), *key)
        if id(model) not in self._models:
            self._models[id(model)] = weakref.ref(model, lambda _, gone=id(model): self._forget(gone))
        known = self._recorders.get(place)
        if known is None or known.stale:
            self._recorders[place] = make()
        return self._recorders[place]

    def _forget(self, gone: int) -> None:
        self._models.pop(gone, None)
        for place in [each for each in self._recorders if each[0] == gone]:
            del self._recorders[place]

    # What Keras calls. It takes any object that has these methods for a callback.

    def set_model(self, model: Any) -> None:
        """Attach to a model; Keras calls this before every run."""
        self._session: Session | None = join_session(model, self)

    def set_params(self, params: Any) -> None:
        """Take the run's parameters, which are not needed."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Start counting."""
        self._begin("predict")

    def on_predict_end(self, logs: Any = None) -> None:
        """Read the counters, and leave the model as it was."""
        self._end()

    def on_test_begin(self, logs: Any = None) -> None:
        """Start counting."""
        self._begin("test")

    def on_test_end(self, logs: Any = None) -> None:
        """Read the counters, and leave the model as it was."""
        self._end()

    def on_train_begin(self, logs: Any = None) -> None:
        """Refuse to record training."""
        if self._session is not None:
            self._session.close()
        raise RecordingError(
            "KerasProbe records inference, not training; pass it to predict or evaluate instead of fit"
        )

    def _begin(self, mode: Literal["predict", "test"]) -> None:
        session = getattr(self, "_session", None)
        if session is None:
            raise RecordingError(
                "Keras never told this probe its model; pass callbacks=[probe] rather than a CallbackList"
            )
        session.begin(mode)

    def _end(self) -> None:
        if self._session is not None:
            self._session.end()
            self._session = None

    def _ignore(self, *args: Any, **kwargs: Any) -> None:
        """Nothing happens at this point of a run."""

    on_train_end = on_epoch_begin = on_epoch_end = _ignore
    on_batch_begin = on_batch_end = on_train_batch_begin = on_train_batch_end = _ignore
    on_test_batch_begin = on_test_batch_end = on_predict_batch_begin = on_predict_batch_end = _ignore

    def _implements_train_batch_hooks(self) -> bool:
        return False

    _implements_test_batch_hooks = _implements_predict_batch_hooks = _implements_train_batch_hooks


def _check(name: str, given: Iterable[Any], known: tuple[Any, ...]) -> None:
    for each in given:
        if each not in known:
            listed = ", ".join(repr(option) for option in known)
            raise ValueError(f"KerasProbe({name}={each!r}): known are {listed}")
