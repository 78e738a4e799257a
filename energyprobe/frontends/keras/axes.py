"""The first two axes of a tensor: whether they were swapped, or stayed what they are."""

from __future__ import annotations

import math
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


def same_tail(before: Any, after: Any) -> bool:
    """Whether the axes behind the second hold as many elements, so that the second stays what it is.

    Parameters
    ----------
    before, after : TensorShape
        Shapes of a tensor and of another with the same elements in the same order.
    """
    if min(before.rank or 0, after.rank or 0) < 2 or None in (*before[2:], *after[2:]):
        return False
    return math.prod(before[2:]) == math.prod(after[2:])
