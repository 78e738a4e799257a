"""`KerasProbe`: the callback that records a Keras model while it predicts or evaluates."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from energyprobe.errors import OptionError, RecordingError
from energyprobe.frontends.keras.carrying import Carry, continued
from energyprobe.frontends.keras.identity import fingerprint
from energyprobe.frontends.keras.options import Options, checked_details, checked_rules
from energyprobe.frontends.keras.recorder import Recorder
from energyprobe.frontends.keras.session import UNANNOUNCED, Session, announced_session
from energyprobe.trace.records import Trace


class KerasProbe:
    """Record every layer of a Keras model during ``predict`` or ``evaluate``.

    Nothing but counters is kept, and the model computes what it would without the probe. One probe may
    record several models, one after the other, and several probes may record one run.

    Parameters
    ----------
    *misplaced
        Nothing: all options are given by name.
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
        Whether a second run adds to the first one's trace instead of starting anew. In a model with
        stateful layers, a batch that finds the states as the batch before left them continues the same
        samples: it adds timesteps, not samples.
    notes : str or iterable of str
        What to keep with the trace.

    Raises
    ------
    OptionError
        If there is no such option, if its value is impossible, or if a model is given.

    Examples
    --------
    >>> probe = KerasProbe()
    >>> model.predict(x, callbacks=[probe])  # doctest: +SKIP
    >>> probe.trace.samples  # doctest: +SKIP
    """

    # Hooks for single batches do nothing, so Keras may call them from a thread of its own (Keras 3), and
    # need not turn the results of a batch into NumPy arrays for them (Keras 2).
    async_safe = True
    _supports_tf_logs = True

    def __init__(
        self,
        *misplaced: object,
        detail: str | Iterable[str] = (),
        observe: Literal["lean", "all"] = "lean",
        spiking: Mapping[str | type, float] | None = None,
        layers: Mapping[type, Callable[..., Any]] | None = None,
        time_axis: Literal["auto", 1] | None = "auto",
        accumulate: bool = False,
        notes: str | Iterable[str] = (),
    ) -> None:
        if misplaced:
            raise OptionError(
                f"KerasProbe({type(misplaced[0]).__name__}) takes options by name, no model and no data; "
                "make probe = ep.KerasProbe(), run model.predict(x, callbacks=[probe]), and read probe.trace"
            )
        self.options = Options(
            observe, checked_details(detail), time_axis, {} if spiking is None else spiking
        )
        self.layers = checked_rules({} if layers is None else layers)
        self._accumulate = accumulate
        self._notes = (notes,) if isinstance(notes, str) else tuple(notes)
        self._trace: Trace | None = None
        self._left: bytes | None = None
        self._state = "unused"
        self._session: Session | None = None
        self._recorders: weakref.WeakKeyDictionary[Any, dict[Any, Recorder]] = weakref.WeakKeyDictionary()

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
            raise RecordingError(
                "the run that this probe records has not come to its end: it still goes on, or an error "
                "broke it off; run predict or evaluate with the probe to the end, and read .trace after it"
            )
        if self._trace is None:
            raise RecordingError(
                "this probe has recorded no run; pass it to predict or evaluate: "
                "model.predict(x, callbacks=[probe])"
            )
        return self._trace

    # What the session calls.

    def began(self) -> None:
        """Note that a run began."""
        self._state = "running"

    def broke_off(self) -> None:
        """Note that a run ended before its end."""
        self._state = "aborted"

    def expects(self, model: Any) -> None:
        """Refuse a run that could not be added to the ones before.

        Raises
        ------
        RecordingError
            If it is of another model, or the weights have changed.
        """
        if self._accumulate and self._trace is not None and self._trace.fingerprint != fingerprint(model):
            raise RecordingError(
                f"KerasProbe(accumulate=True) has recorded model {self._trace.model!r}, and model "
                f"{model.name!r} is another one or has other weights since; use a new probe"
            )

    def recorded(self, trace: Trace, carry: Carry | None) -> None:
        """Take the trace of a run."""
        trace = replace(trace, notes=(*trace.notes, *self._notes))
        if self._accumulate and self._trace is not None:
            trace = self._added(self._trace, trace, carry)
        self._trace = trace
        self._left = None if carry is None else carry.left
        self._state = "recorded"

    def _added(self, before: Trace, now: Trace, carry: Carry | None) -> Trace:
        if carry is None or carry.entered != self._left:
            return before + now
        batch = now.samples // carry.starts
        return continued(before, now, before.samples + now.samples - batch)

    def recorder(self, model: Any, key: Any, make: Callable[[], Recorder]) -> Recorder:
        """Give the function made for a model and settings before, or make it."""
        known = self._recorders.setdefault(model, {})
        if key not in known or known[key].stale:
            known[key] = make()
        return known[key]

    # What Keras calls. It takes any object that has these methods for a callback.

    def set_model(self, model: Any = None) -> None:
        """Attach to a model; Keras calls this before every run."""
        if not isinstance(self, KerasProbe):
            # Keras calls the methods of whatever stands in callbacks=[…], with the model for `self`.
            raise OptionError(
                "callbacks=[KerasProbe] hands Keras the class; make a probe of it: probe = ep.KerasProbe(), "
                "then model.predict(x, callbacks=[probe])"
            )
        self._session = announced_session(model)

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
            self._session.abandon()
        raise RecordingError(
            "KerasProbe records inference, not training; pass it to predict or evaluate instead of fit"
        )

    def _begin(self, mode: Literal["predict", "test"]) -> None:
        if self._session is None:
            raise RecordingError(UNANNOUNCED)
        self._session.begin(mode, self)

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.end()

    def _ignore(self, *args: Any, **kwargs: Any) -> None:
        """Nothing happens at this point of a run."""

    on_train_end = on_epoch_begin = on_epoch_end = _ignore
    on_batch_begin = on_batch_end = on_train_batch_begin = on_train_batch_end = _ignore
    on_test_batch_begin = on_test_batch_end = on_predict_batch_begin = on_predict_batch_end = _ignore

    def _implements_train_batch_hooks(self) -> bool:
        return False

    _implements_test_batch_hooks = _implements_predict_batch_hooks = _implements_train_batch_hooks
