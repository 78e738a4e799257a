"""What a network asks of a conventional processor: multiply-accumulates by kind, bytes, and kernels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energyprobe.costing.figures import Figure
from energyprobe.costing.processor_figures import KINDS
from energyprobe.costing.remembered import remembered
from energyprobe.costing.scenario import BYTES, DType
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work
from energyprobe.errors import TraceError
from energyprobe.trace.operations import Conv, Elementwise, Free, Lookup, Synaptic
from energyprobe.trace.records import LayerCall, Step

_DTYPE = re.compile(r"(?:b?float|u?int|complex)(\d+)(?:_\w+)?")
"""Name that a recording gives a data type, with its bits."""


@dataclass(frozen=True, eq=False)
class KernelWork:
    """One batch of a network, row by row.

    Attributes
    ----------
    macs : ndarray, shape (kinds, rows)
        Multiply-accumulates of each of `KINDS`, zeros included.
    launches : ndarray, shape (rows,)
        Kernels, on average over the samples; a call of nothing but elementwise operations on one tensor
        runs within the one before, and one that is merged with others has its share of their kernel.
    weight_bytes, activation_bytes, state_bytes : ndarray, shape (rows,)
        Bytes moved: weights once a pass, whatever the batch; of a table the rows that are looked up.
    kernel_bytes : ndarray, shape (rows,)
        Activations and state of one pass: what a cache must hold between two of them.
    stored_bytes : float
        Weights and whole tables, each layer's once, and the states of all samples.
    """

    macs: Array
    launches: Array
    weight_bytes: Array
    activation_bytes: Array
    state_bytes: Array
    kernel_bytes: Array
    stored_bytes: float

    def unfit(self, memory_bytes: Figure | None) -> str:
        """Why it does not fit into a memory; empty where it does, or where its size is not known."""
        needed = self.stored_bytes + float(self.kernel_bytes.max())
        if memory_bytes is None or needed <= memory_bytes.value_si:
            return ""
        return (
            f"does not fit: it needs {needed:,.0f} bytes of memory, and there are "
            f"{memory_bytes.value_si:,.0f}"
        )


def kernel_work(work: Work, batch: int, dtype: DType, at_once: npt.NDArray[np.bool_]) -> KernelWork:
    """Lay out a network as kernels.

    Parameters
    ----------
    work : Work
        The network.
    batch : int
        Samples that run together.
    dtype : str
        Data type that it computes in, whatever was recorded.
    at_once : ndarray of bool, shape (rows,)
        Calls that go over all timesteps at once.

    Returns
    -------
    KernelWork

    Raises
    ------
    TraceError
        If a recorded data type is none of numbers.
    """
    calls, numbers = work.calls, _numbers(work)
    kernels = numbers.kernels
    steps = np.maximum(work.timesteps, 1)
    # Samples that a call runs for, of all.
    share = numbers.samples / work.samples
    passes = np.where(kernels, np.where(at_once, 1, steps) * share, 0)
    width = BYTES[dtype]
    # elements * bytes/element; recorded bytes are those of the recorded type.
    tables, weights = numbers.tables * width, numbers.weights * width
    fetched = numbers.fetched / work.samples * work.repeats * width * batch
    activations = numbers.activations / work.samples * work.repeats * width * batch
    states = numbers.states * width * batch
    kept = at_once | ~kernels
    paths = {call.path: weight for call, weight in zip(calls, (weights + tables).tolist(), strict=True)}
    return KernelWork(
        macs=numbers.macs * batch,
        launches=passes / np.where(at_once, 1, numbers.merged),
        weight_bytes=weights * passes + fetched,
        activation_bytes=np.where(kernels, activations, 0),
        # Read and written in each timestep, unless one kernel runs them all.
        state_bytes=np.where(kept, 0, 2 * states * steps * share),
        kernel_bytes=np.where(kernels, activations / np.where(passes > 0, passes, 1) + states, 0),
        stored_bytes=float(sum(paths.values()) + states.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Numbers:
    """What every processor asks of a network, a column for each; `macs` has a row for each of `KINDS`."""

    kernels: npt.NDArray[np.bool_]
    merged: Array
    samples: Array
    tables: Array
    weights: Array
    fetched: Array
    activations: Array
    states: Array
    macs: Array


@remembered
def _numbers(work: Work) -> _Numbers:
    def column(number: Callable[[LayerCall], float]) -> Array:
        return np.array([number(call) for call in work.calls], dtype=np.float64)

    return _Numbers(
        kernels=np.array([not is_fused(call) for call in work.calls]),
        merged=column(lambda call: max((step.merged for step in call.steps), default=1)),
        samples=column(lambda call: call.samples),
        tables=column(lambda call: _weights(call, of_tables=True)),
        weights=column(lambda call: _weights(call, of_tables=False)),
        fetched=column(_fetched),
        activations=column(_elements),
        states=column(_states),
        macs=_macs(work),
    )


def is_fused(call: LayerCall) -> bool:
    """Whether a call runs within the kernel before it: elementwise arithmetic on one tensor."""
    operations = [step.operation for step in call.steps]
    if all(isinstance(each, Free) for each in operations):
        return True
    return all(isinstance(each, Elementwise | Free) for each in operations) and len(call.inputs) <= 1


def _weights(call: LayerCall, *, of_tables: bool) -> int:
    return sum(step.weights for step in call.steps if isinstance(step.operation, Lookup) == of_tables)


def _fetched(call: LayerCall) -> int:
    """Numbers looked up in tables over the recording."""
    lookups = ((step.operation, step.executions) for step in call.steps)
    return sum(each.lookups * each.width * runs for each, runs in lookups if isinstance(each, Lookup))


def _macs(work: Work) -> Array:
    kind = np.array([_kind(step) for step in work.steps], dtype=np.intp)
    synops = np.nan_to_num(work["dense_synops"])
    return np.array([work.by_row(np.where(kind == each, synops, 0)) for each in range(len(KINDS))])


def _kind(step: Step | None) -> int:
    """Index of `KINDS`; -1 for what has no synapses."""
    operation = step.operation if step else None
    if isinstance(operation, Conv):
        if operation.groups > 1:
            return KINDS.index("depthwise_s")
        return KINDS.index("pointwise_s" if math.prod(operation.kernel) == 1 else "conv_s")
    return KINDS.index("dense_s") if isinstance(operation, Synaptic) else -1


def _elements(call: LayerCall) -> float:
    """Activations read and written over the recording."""
    widest = max((item_bytes(step.dtype, call.key) for step in call.steps), default=BYTES["float32"])
    return (call.bytes_in + call.bytes_out) / widest


def _states(call: LayerCall) -> float:
    return sum(step.state_bytes / item_bytes(step.dtype, call.key) for step in call.steps)


def item_bytes(dtype: str, key: str) -> float:
    """Bytes of one number of a recorded data type.

    Parameters
    ----------
    dtype : str
        As a recording names it.
    key : str
        The call, for the error.

    Returns
    -------
    float
        Bytes.

    Raises
    ------
    TraceError
        If it is no type of numbers.
    """
    if dtype == "bool":
        return 1
    named = _DTYPE.fullmatch(dtype)
    if named is None:
        raise TraceError(f"{key} computes in {dtype!r}: the bytes of a number of it are not known")
    return int(named[1]) / 8
