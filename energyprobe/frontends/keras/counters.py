"""Counters of one traced step: every count of a step in one vector, added to one variable."""

from __future__ import annotations

from typing import Any

import numpy as np


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
        self._added: dict[str, list[Any]] = {"integers": [], "sums": [], "maxima": [], "bits": []}
        self._sizes: dict[str, int] = dict.fromkeys(self._added, 0)
        self._totals: dict[str, Any] = {}

    def add(self, kind: str, tensor: Any) -> tuple[str, slice]:
        """Count a tensor.

        Parameters
        ----------
        kind : {"integers", "sums", "maxima", "bits"}
            How executions of the step combine.
        tensor : tensor or int
            Of static shape.

        Returns
        -------
        tuple of (str, slice)
            Where to find it among the totals; see `read`.
        """
        dtype = {"integers": "int64", "sums": "float64", "maxima": "float64", "bits": "bool"}[kind]
        counted = self._tf.cast(tensor, dtype)
        size = int(np.prod(counted.shape, dtype=int))
        start = self._sizes[kind]
        self._added[kind].append(self._tf.reshape(counted, [-1]))
        self._sizes[kind] = start + size
        return kind, slice(start, start + size)

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

    def array(self, where: tuple[str, slice]) -> np.ndarray:
        """The totals of one added tensor, flat."""
        kind, part = where
        return self._arrays[kind][part]

    def integer(self, where: tuple[str, slice]) -> int:
        """The total of one added scalar count."""
        return int(self.array(where)[0])

    def number(self, where: tuple[str, slice]) -> float:
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
