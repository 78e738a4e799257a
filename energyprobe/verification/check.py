"""`verify`: run a model on a few samples, and count everything twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from energyprobe.counting.columns import COLUMNS, CountedCall
from energyprobe.counting.table import count
from energyprobe.errors import ModelError, VerificationError
from energyprobe.frontends.keras.framework import framework_of
from energyprobe.frontends.keras.probe import KerasProbe
from energyprobe.trace.records import Trace
from energyprobe.verification.capture import Capture
from energyprobe.verification.data import first, length, refuse_misfit
from energyprobe.verification.masks import CannotRecount
from energyprobe.verification.recount import recounter
from energyprobe.verification.result import Check, Verification

VALUE_FREE = ("dense_synops", "elementwise_ops", "neuron_updates", "parameters")
"""Counts that do not depend on what a layer read."""


def verify(model: Any, x: Any, *, samples: int = 8, **options: Any) -> Verification:
    """Count what a Keras model does on a few samples once more by brute force.

    The model runs twice. In a run as usual, the probe records what does not depend on values (dense synops,
    elementwise operations, neuron updates, parameters). In a second, eager one, it records the rest, while
    inputs and outputs of the layers are kept: where neurons draw at random, both counts are of one draw.

    Parameters
    ----------
    model : keras.Model
        A model that is built.
    x : array, or list or dict of arrays
        Data, ``(samples, …)``.
    samples : int
        How many samples to take.
    **options
        Of `energyprobe.KerasProbe`, such as ``spiking`` and ``time_axis``.

    Returns
    -------
    Verification
        To be printed: each count twice, and the layers that could not be checked, with the reason.

    Raises
    ------
    VerificationError
        If two counts differ; it says which, and holds the result as ``.verification``.
    ModelError
        If `model` is no Keras model.
    DataError
        If `x` does not fit the inputs of the model.
    OptionError
        If `x` holds no samples, or there is no such option.
    """
    _refuse_nengo(model)
    framework = framework_of(model)
    few = first(x, samples)
    size = length(few)
    probe = KerasProbe(**options)
    try:
        usual = _record(model, few, probe, size)
    except ValueError:
        refuse_misfit(model, few)
        raise
    capture = Capture(framework.keras)
    with capture(model):
        eager = _record(model, few, KerasProbe(**options), size)
    checks: list[Check] = []
    unchecked: dict[str, str] = {}
    numbers = {row.call.key: row for row in count(usual).rows}
    rows = count(eager).rows
    calls = Counter(row.call.path for row in rows)
    for row in rows:
        try:
            checks += _checks(row, numbers[row.call.key], capture, calls[row.call.path])
        except CannotRecount as reason:
            unchecked[row.call.key] = str(reason)
    found = Verification(eager.model, eager.samples, tuple(checks), unchecked)
    if found.differences:
        raise VerificationError(
            f"{len(found.differences)} of {len(found.checks)} counts of {found.model!r} differ from brute "
            f"force: {'; '.join(map(str, found.differences[:5]))}; all are in the error's .verification",
            found,
        )
    return found


def _refuse_nengo(model: Any) -> None:
    """Say how the counts of a Nengo network are checked."""
    if type(model).__module__.partition(".")[0] in ("nengo", "nengo_dl"):
        raise ModelError(
            f"verify takes a Keras model, got a Nengo {type(model).__name__}: record it with NengoProbe, put "
            "a nengo.Probe on the neurons of its ensembles, and compare what it sees in the same run with "
            "ep.counts(probe.trace), as docs/nengo.md shows"
        )


def _record(model: Any, x: Any, probe: KerasProbe, size: int) -> Trace:
    # One batch, so that each call of a layer is seen once.
    model.predict(x, batch_size=size, verbose=0, callbacks=[probe])
    return probe.trace


def _checks(eager: CountedCall, usual: CountedCall, capture: Capture, calls: int) -> Iterator[Check]:
    """What was recorded of a call, one of so many of its layer, beside what is counted by brute force."""
    call = eager.call
    if call.fate != "counted":
        raise CannotRecount(f"it is {call.fate}")
    times = capture.times(call.path)
    if times not in (0, calls):
        raise CannotRecount(f"it ran {times} times in {calls} recorded {'call' if calls == 1 else 'calls'}")
    seen = capture.calls.get((call.path, call.call_index))
    if seen is None:
        raise CannotRecount("its inputs and outputs were not seen")
    counts = recounter(capture.keras, seen.layer)(seen.layer, seen, _amplitude(eager))
    counts.setdefault("parameters", sum(int(np.prod(weight.shape)) for weight in seen.layer.get_weights()))
    if call.output is not None:
        counts["events"] = int(np.count_nonzero(seen.output))
    for quantity, number in counts.items():
        recorded = COLUMNS[quantity](usual if quantity in VALUE_FREE else eager)
        assert recorded is None or isinstance(recorded, int)
        yield Check(call.key, quantity, recorded, number)


def _amplitude(row: CountedCall) -> float | None:
    """Value of one spike of what a call reads; None where that is graded."""
    uses = [step.use for step in row.call.steps if step.use is not None]
    activity = uses[0].activity if uses and uses[0].spiking else None
    return None if activity is None else activity.amplitude
