"""Tensors whose first two axes, samples and timesteps, were swapped."""

from __future__ import annotations

from typing import Any


def swapped_from(tf: Any, tensor: Any) -> Any:
    """Give what a tensor was made from by swapping its first two axes, as an RNN does at its end.

    What is read from there need not wait for the swap, which nobody else may want.

    Returns
    -------
    tensor or None
        None where the tensor was not made so, or eagerly.
    """
    op = None if tf.executing_eagerly() else tensor.op
    if op is None or op.type != "Transpose":
        return None
    order = tf.get_static_value(op.inputs[1])
    return op.inputs[0] if order is not None and list(order[:2]) == [1, 0] else None
