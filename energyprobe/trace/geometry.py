"""Fan-out of operations: which inputs feed how many connections. Pure functions, exact integers.

Input and tap decide a connection of a convolution: along one axis, input ``i`` under tap ``k`` feeds at most
one output. Counting the existing ones gives one small table for each axis, and everything else is a product
of these tables. Padding taps are no connections.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from energyprobe.errors import CountingError
from energyprobe.trace.operations import (
    Conv,
    Decode,
    Dense,
    Encode,
    Operation,
    Product,
    Sparse,
    Uncounted,
)


def connections(operation: Operation) -> int:
    """Count the connections of one application: one input element to one output unit.

    Parameters
    ----------
    operation : Operation
        Any kind. Kinds without synapses (lookup, pooling, elementwise, …) have 0.

    Returns
    -------
    int

    Raises
    ------
    CountingError
        If the operation is `Uncounted`: unknown is not 0.
    """
    match operation:
        case Dense():
            return operation.positions * operation.inputs * operation.units
        case Conv():
            pairs = math.prod(int(axis.sum()) for axis in axis_fanout(operation))
            return pairs * operation.channels * (operation.filters // operation.groups)
        case Product():
            return operation.copies * operation.rows * operation.shared * operation.columns
        case Sparse():
            return operation.entries
        case Decode() | Encode():
            return operation.neurons * operation.dimensions
        case Uncounted():
            raise CountingError(f"connections of an uncounted operation are unknown ({operation.reason})")
        case _:
            return 0


def axis_taps(conv: Conv) -> tuple[NDArray[np.bool_], ...]:
    """Say for each spatial axis whether an input position under a tap feeds an existing output.

    Parameters
    ----------
    conv : Conv
        Convolution or transposed convolution.

    Returns
    -------
    tuple of numpy.ndarray
        One boolean array ``(input positions, taps)`` for each axis.

    Raises
    ------
    CountingError
        If its shapes do not have one figure for each spatial dimension.
    """
    _check(conv)
    return tuple(
        _taps(size, out, kernel, stride, dilation, padding, conv.transposed)
        for size, out, kernel, stride, dilation, padding in zip(
            conv.input_shape,
            conv.output_shape,
            conv.kernel,
            conv.strides,
            conv.dilation,
            conv.padding,
            strict=True,
        )
    )


def axis_fanout(conv: Conv) -> tuple[NDArray[np.int64], ...]:
    """Give the separable factors of the fan-out of a convolution.

    The connections that leave input ``(i, j, …)`` of one channel are the product of the factors at ``i``,
    ``j``, … times ``filters / groups``.

    Parameters
    ----------
    conv : Conv
        Convolution or transposed convolution.

    Returns
    -------
    tuple of numpy.ndarray
        For each axis, an array ``(input positions,)``: pairs of output and tap that read the position.
    """
    return tuple(taps.sum(axis=1, dtype=np.int64) for taps in axis_taps(conv))


def fanout(operation: Operation) -> NDArray[np.int64]:
    """Count the connections that leave each input element in one application.

    Parameters
    ----------
    operation : Operation
        `Dense`, `Conv`, `Decode` or `Encode`.

    Returns
    -------
    numpy.ndarray
        Read-only view. `Dense`, `Decode`, `Encode`: ``(inputs,)``, the same at each position. `Conv`:
        ``input_shape + (channels,)``, equal along the channels.

    Raises
    ------
    CountingError
        For other kinds: see `sparse_fanout` for `Sparse`; a `Product` has pairs of events, not a fan-out.
    """
    match operation:
        case Dense() | Decode() | Encode():
            inputs, units = _matrix_shape(operation)
            return np.broadcast_to(np.int64(units), (inputs,))
        case Conv():
            each = np.int64(operation.filters // operation.groups)
            spatial = _outer(axis_fanout(operation)) * each
            return np.broadcast_to(spatial[..., np.newaxis], (*operation.input_shape, operation.channels))
        case _:
            raise CountingError(_no_fanout(operation))


def effective_fanout(operation: Operation, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the connections of non-zero weight that leave each input element in one application.

    Parameters
    ----------
    operation : Operation
        `Dense`, `Conv`, `Decode` or `Encode`.
    mask : numpy.ndarray of bool
        Which weights are not zero. `Dense`: ``(inputs, units)``; `Decode`: ``(neurons, dimensions)``;
        `Encode`: ``(dimensions, neurons)``; `Conv`: ``(*kernel, channels / groups, filters)``, where
        filter ``f`` belongs to group ``f // (filters / groups)``. The caller reshapes a depthwise kernel
        ``(*kernel, channels, multiplier)`` to ``(*kernel, 1, channels * multiplier)``, and swaps the last
        two axes of a transposed kernel ``(*kernel, filters, channels)``.

    Returns
    -------
    numpy.ndarray
        Shaped as by `fanout`.

    Raises
    ------
    CountingError
        If the mask does not have that shape, or for other kinds of operation.
    """
    mask = np.asarray(mask, dtype=bool)
    match operation:
        case Dense() | Decode() | Encode():
            _expect_shape(operation, mask, _matrix_shape(operation))
            counts: NDArray[np.int64] = mask.sum(axis=1, dtype=np.int64)
            return counts
        case Conv():
            _check(operation)
            inner = operation.channels // operation.groups
            _expect_shape(operation, mask, (*operation.kernel, inner, operation.filters))
            return _masked_fanout(operation, mask)
        case _:
            raise CountingError(_no_fanout(operation))


def sparse_fanout(
    operation: Sparse, rows: NDArray[np.integer], nonzero: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Count the stored entries that read each input of a sparse matrix.

    Parameters
    ----------
    operation : Sparse
        The matrix.
    rows : numpy.ndarray of int
        Input index of each stored entry, ``(entries,)``.
    nonzero : numpy.ndarray of bool, optional
        Which of these entries are not zero, ``(entries,)``: only they are counted.

    Returns
    -------
    numpy.ndarray
        ``(inputs,)``.

    Raises
    ------
    CountingError
        If the arrays do not have one figure for each entry, or an index is not of an input.
    """
    rows = np.asarray(rows)
    _expect_shape(operation, rows, (operation.entries,))
    if rows.size and not (0 <= rows.min() and rows.max() < operation.inputs):
        raise CountingError(
            f"rows of Sparse must be input indices from 0 to {operation.inputs - 1}, got "
            f"{rows.min()} to {rows.max()}"
        )
    if nonzero is not None:
        nonzero = np.asarray(nonzero, dtype=bool)
        _expect_shape(operation, nonzero, (operation.entries,))
        rows = rows[nonzero]
    return np.bincount(rows.astype(np.int64), minlength=operation.inputs).astype(np.int64)


def _taps(
    size: int, out: int, kernel: int, stride: int, dilation: int, padding: int, transposed: bool
) -> NDArray[np.bool_]:
    """Mark the existing connections of one axis, ``(size, kernel)``."""
    position = np.arange(size)[:, np.newaxis]
    offset = np.arange(kernel)[np.newaxis, :] * dilation - padding
    if transposed:
        output, reached = position * stride + offset, True
    else:
        output = (position - offset) // stride
        reached = output * stride + offset == position
    existing: NDArray[np.bool_] = (output >= 0) & (output < out) & reached
    return existing


def _masked_fanout(conv: Conv, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Contract the taps of every axis with the non-zero weights under each tap."""
    inner, each = conv.channels // conv.groups, conv.filters // conv.groups
    grouped = mask.reshape(*conv.kernel, inner, conv.groups, each).sum(axis=-1, dtype=np.int64)
    counts = grouped.swapaxes(-1, -2).reshape(*conv.kernel, conv.channels)
    for taps in axis_taps(conv):
        # Each pass turns the leading tap axis into a trailing axis of input positions.
        counts = np.tensordot(counts, taps.astype(np.int64), axes=(0, 1))
    return np.moveaxis(counts, 0, -1)


def _outer(factors: tuple[NDArray[np.int64], ...]) -> NDArray[np.int64]:
    """Multiply one factor per axis into an array with all the axes."""
    product = np.ones((), np.int64)
    for factor in factors:
        product = np.multiply.outer(product, factor)
    return product


def _matrix_shape(operation: Dense | Decode | Encode) -> tuple[int, int]:
    """Give inputs and outputs of the weight matrix."""
    match operation:
        case Dense():
            return operation.inputs, operation.units
        case Decode():
            return operation.neurons, operation.dimensions
        case Encode():
            return operation.dimensions, operation.neurons


def _no_fanout(operation: Operation) -> str:
    """Say why an operation has no fan-out map."""
    name = type(operation).__name__
    if isinstance(operation, Sparse):
        return "the fan-out of Sparse depends on where its entries lie: use sparse_fanout"
    if isinstance(operation, Product):
        return "Product has no fan-out map: its synaptic operations are pairs of events of both operands"
    return f"{name} has no fan-out map: only Dense, Conv, Decode and Encode have one"


def _expect_shape(operation: Operation, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Raise unless an array that describes the weights has the right shape."""
    if array.shape != shape:
        raise CountingError(
            f"weights of {type(operation).__name__} must have shape {shape}, got {array.shape}: {operation}"
        )


def _check(conv: Conv) -> None:
    """Raise unless the figures of a convolution fit together."""
    axes = len(conv.input_shape)
    for name in ("output_shape", "kernel", "strides", "dilation", "padding"):
        if len(getattr(conv, name)) != axes:
            raise CountingError(f"Conv with {axes} spatial dimensions needs {axes} figures of {name}: {conv}")
    if conv.channels % conv.groups or conv.filters % conv.groups:
        raise CountingError(
            f"Conv needs channels ({conv.channels}) and filters ({conv.filters}) that are multiples of "
            f"groups ({conv.groups})"
        )
