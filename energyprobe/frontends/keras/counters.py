"""Counters of one traced step: every count of a step in one vector, added to one variable."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Slot(NamedTuple):
    """Where a count lies among the totals: kind of counter, and places in its vector."""

    kind: str
    start: int
    stop: int


EXACT_IN_FLOAT32 = 2**24
"""The last integer that float32 counts to."""

_DTYPES = {"integers": "int64", "sums": "float64", "maxima": "float64", "bits": "bool"}


class Counters:
    """Collects the counts of a step and adds them up over its executions.

    Integers are added as int64, sums of values as float64, maxima and bitmaps by maximum. While a
    function is traced, `commit` creates one variable of each kind; eagerly, it keeps the values.

    Parameters
    ----------
    tf : module
        TensorFlow.
    """

    def __init__(self, tf: Any) -> None:
        self._tf = tf
        self._added: dict[str, list[Any]] = {kind: [] for kind in _DTYPES}
        self._sizes: dict[str, int] = dict.fromkeys(_DTYPES, 0)
        self._totals: dict[str, Any] = {}

    def add(self, kind: str, tensor: Any) -> Slot:
        """Count a tensor.

        Parameters
        ----------
        kind : {"integers", "sums", "maxima", "bits"}
            How executions of the step combine.
        tensor : tensor
            Of static shape.

        Returns
        -------
        Slot
            Where to find it among the totals; see `read`.
        """
        flat = self._tf.cast(tensor, _DTYPES[kind])
        if len(flat.shape) != 1:
            flat = self._tf.reshape(flat, [-1])
        size = int(flat.shape[0])
        start = self._sizes[kind]
        self._added[kind].append(flat)
        self._sizes[kind] = start + size
        return Slot(kind, start, start + size)

    def commit(self) -> None:
        """Add what was collected to the totals; part of the step from then on."""
        tf = self._tf
        for kind, tensors in self._added.items():
            if not tensors:
                continue
            # A copy in between: assignments would otherwise reuse the buffer of the sum.
            now = tf.concat(tensors, 0)
            if tf.executing_eagerly():
                self._totals[kind] = now
                continue
            total = new_variable(tf, np.zeros([self._sizes[kind]], now.dtype.as_numpy_dtype))
            self._totals[kind] = total
            if kind in ("integers", "sums"):
                total.assign_add(now)
            elif kind == "maxima":
                total.assign(tf.maximum(total, now))
            else:
                total.assign(tf.logical_or(total, now))
        self._added = {kind: [] for kind in self._added}

    def reset(self) -> None:
        """Start again from zero."""
        for total in self._totals.values():
            if hasattr(total, "assign"):
                total.assign(self._tf.zeros_like(total))

    def read(self) -> Totals:
        """Totals over all executions since the last `reset`."""
        return Totals({kind: total.numpy() for kind, total in self._totals.items()})


class Totals:
    """Totals of a step's counters, as Python numbers."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays

    def array(self, where: Slot) -> np.ndarray:
        """The totals of one added tensor, flat."""
        return self._arrays[where.kind][where.start : where.stop]

    def integer(self, where: Slot) -> int:
        """The total of one added scalar count."""
        return int(self.array(where)[0])

    def number(self, where: Slot) -> float:
        """The total or maximum of one added scalar value."""
        return float(self.array(where)[0])


def new_variable(tf: Any, value: np.ndarray) -> Any:
    """Create a variable while a function is being traced.

    ``tf.function`` forbids ``tf.Variable`` there from its second trace on, because it would forget the
    variable. Ours is kept by the plan of the trace, so it is made without asking.
    """
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable

    with tf.init_scope():
        return ResourceVariable(value, trainable=False)
