"""Transforms of Nengo as operations: which inputs feed how many connections, and which of them weigh zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nengo
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyprobe.trace import padding
from energyprobe.trace.geometry import effective_fanout, fanout, sparse_fanout
from energyprobe.trace.operations import Conv, Decode, Dense, Encode, Sparse, Synaptic


@dataclass(frozen=True)
class Fanout:
    """What an operation's weights mean for each of its inputs.

    Attributes
    ----------
    operation : Operation
        `Dense`, `Decode`, `Conv` or `Sparse`.
    fanout, effective : numpy.ndarray of int64
        Connections that leave each input, and those whose weight is not zero, ``(inputs,)``, in the order
        of Nengo's vector.
    stored, nonzero : int
        Weights that are kept, and how many of them are not zero.
    """

    operation: Synaptic
    fanout: NDArray[np.int64]
    effective: NDArray[np.int64]
    stored: int
    nonzero: int


@dataclass(frozen=True)
class Weights(Fanout):
    """Weights between the inputs and the outputs of one connection.

    Attributes
    ----------
    matrix : callable
        Gives the weights as a sparse matrix ``(outputs, inputs)`` that stores each connection, those of
        weight zero among them.
    """

    matrix: Callable[[], sparse.csr_array]


def transform_weights(transform: Any, values: Any, decoded: bool) -> Weights | None:
    """Describe the weights of a connection.

    Parameters
    ----------
    transform : nengo.transforms.Transform
        Transform of the connection.
    values : array_like or sparse matrix
        Its built weights: what multiplies the input.
    decoded : bool
        Whether they are decoders.

    Returns
    -------
    Weights or None
        None for a transform of unknown type.
    """
    match transform:
        case nengo.Convolution() | nengo.transforms.ConvolutionTranspose():
            return _convolution(transform, np.asarray(values))
        case nengo.Sparse():
            return _sparse(transform, values)
        case nengo.Dense() | nengo.transforms.NoTransform():
            array = np.asarray(values)
            if array.ndim < 2:
                return _diagonal(np.broadcast_to(array, (transform.size_in,)))
            if not decoded:
                return full_weights(array)
            return _weighted(Decode(neurons=array.shape[1], dimensions=array.shape[0]), array)
        case _:
            return None


def full_weights(values: NDArray[np.floating]) -> Weights:
    """Describe a full matrix ``(outputs, inputs)``."""
    return _weighted(Dense(inputs=values.shape[1], units=values.shape[0]), values)


def sparse_weights(matrix: sparse.csr_array) -> Weights:
    """Describe a sparse matrix ``(outputs, inputs)`` whose stored entries are the connections."""
    entries = matrix.tocoo()
    units, inputs = matrix.shape
    operation = Sparse(inputs=inputs, units=units, entries=entries.nnz)
    nonzero = entries.data != 0
    return Weights(
        operation,
        sparse_fanout(operation, entries.col),
        sparse_fanout(operation, entries.col, nonzero),
        entries.nnz,
        int(nonzero.sum()),
        lambda: matrix,
    )


def encoder_weights(encoders: NDArray[np.floating]) -> Weights:
    """Describe the encoders of an ensemble, ``(neurons, dimensions)``."""
    return _weighted(Encode(dimensions=encoders.shape[1], neurons=encoders.shape[0]), encoders)


def identity_weights(size: int) -> Weights:
    """Describe connections from each input to the output of the same number."""
    return _diagonal(np.ones(size))


def _diagonal(values: NDArray[np.floating]) -> Weights:
    number = np.arange(len(values))
    return sparse_weights(_stored(number, number, values, (len(values), len(values))))


def _weighted(operation: Dense | Decode | Encode, values: NDArray[np.floating]) -> Weights:
    return Weights(
        operation,
        fanout(operation),
        effective_fanout(operation, values.T != 0),
        values.size,
        int(np.count_nonzero(values)),
        lambda: _full(values),
    )


def _sparse(transform: Any, values: Any) -> Weights:
    """Describe a sparse transform. A live signal holds the entries of `transform.init`, in order."""
    rows, columns, _ = _entries(transform.init)
    data = values if isinstance(values, np.ndarray) else _entries(values)[2]
    return sparse_weights(_stored(rows, columns, data, transform.shape))


def _entries(matrix: Any) -> tuple[Any, Any, Any]:
    """Give rows, columns and data of a sparse matrix of Nengo or of scipy."""
    if isinstance(matrix, nengo.transforms.SparseMatrix):
        return (*matrix.indices.T, matrix.data)
    entries = matrix.tocoo()
    return entries.row, entries.col, entries.data


def _convolution(transform: Any, kernel: NDArray[np.floating]) -> Weights:
    """Describe a convolution; one whose kernel joins no two channels is depthwise (Converter's pooling)."""
    channels, groups = transform.input_shape.n_channels, getattr(transform, "groups", 1)
    if groups == 1 and channels == transform.n_filters > 1 and _is_depthwise(kernel):
        kernel, groups = np.diagonal(kernel, axis1=-2, axis2=-1)[..., np.newaxis, :], channels
    conv = _conv_operation(transform, groups)
    order = _channel_order(transform.channels_last)
    return Weights(
        conv,
        order(fanout(conv)),
        order(effective_fanout(conv, kernel != 0)),
        kernel.size,
        int(np.count_nonzero(kernel)),
        lambda: _conv_matrix(conv, kernel, transform.channels_last),
    )


def _is_depthwise(kernel: NDArray[np.floating]) -> bool:
    """Whether a kernel ``(*taps, channels, channels)`` is zero off the diagonal of its channels."""
    off_diagonal = ~np.eye(kernel.shape[-1], dtype=bool)
    return not kernel[..., off_diagonal].any()


def _conv_operation(transform: Any, groups: int) -> Conv:
    settings = {
        "channels": transform.input_shape.n_channels,
        "filters": transform.n_filters,
        "kernel": transform.kernel_size,
        "strides": transform.strides,
        "padding": transform.padding,
        "groups": groups,
    }
    spatial = [int(size) for size in transform.input_shape.spatial_shape]
    if isinstance(transform, nengo.transforms.ConvolutionTranspose):
        outputs = [int(size) for size in transform.output_shape.spatial_shape]
        return padding.conv_transpose(spatial, output_shape=outputs, **settings)
    return padding.conv(spatial, **settings)


def _channel_order(channels_last: bool) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Flatten an array ``(*positions, channels)`` in the order of Nengo's vector."""
    if channels_last:
        return np.ravel
    return lambda array: np.moveaxis(array, -1, 0).ravel()


def _conv_matrix(conv: Conv, kernel: NDArray[np.floating], channels_last: bool) -> sparse.csr_array:
    """Write a convolution out as a matrix ``(outputs, inputs)``.

    Parameters
    ----------
    kernel : numpy.ndarray
        ``(*taps, channels / groups, filters)``.
    """
    order = _channel_order(channels_last)
    numbers_in = _numbers((*conv.input_shape, conv.channels), order)
    numbers_out = _numbers((*conv.output_shape, conv.filters), order)
    inner, each = conv.channels // conv.groups, conv.filters // conv.groups
    filters = np.arange(conv.filters)
    # Channel that feeds filter f through row r of the kernel.
    channel_of = (filters // each)[np.newaxis, :] * inner + np.arange(inner)[:, np.newaxis]
    rows, columns, data = [], [], []
    for tap in np.ndindex(*conv.kernel):
        read, written = _positions(conv, tap)
        shape = (len(read), inner, conv.filters)
        columns.append(numbers_in[read][:, channel_of].ravel())
        rows.append(np.broadcast_to(numbers_out[written][:, np.newaxis, :], shape).ravel())
        data.append(np.broadcast_to(kernel[tap], shape).ravel())
    return _stored(
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(data),
        (numbers_out.size, numbers_in.size),
    )


def _numbers(shape: tuple[int, ...], order: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[np.int64]:
    """Give the number of each element in Nengo's vector, ``(positions, channels)``."""
    numbers = np.empty(int(np.prod(shape)), np.int64)
    numbers[order(np.arange(numbers.size).reshape(shape))] = np.arange(numbers.size)
    return numbers.reshape(-1, shape[-1])


def _positions(conv: Conv, tap: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the positions that one tap reads with those that it writes, as flat numbers."""
    read, written = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for axis, offset in enumerate(tap):
        inputs, outputs = conv.input_shape[axis], conv.output_shape[axis]
        shift = offset * conv.dilation[axis] - conv.padding[axis]
        if conv.transposed:
            source = np.arange(inputs)
            target = source * conv.strides[axis] + shift
            exists = (target >= 0) & (target < outputs)
        else:
            target = np.arange(outputs)
            source = target * conv.strides[axis] + shift
            exists = (source >= 0) & (source < inputs)
        read = (read[:, np.newaxis] * inputs + source[exists]).ravel()
        written = (written[:, np.newaxis] * outputs + target[exists]).ravel()
    return read, written


def _full(values: NDArray[np.floating]) -> sparse.csr_array:
    units, inputs = values.shape
    rows, columns = np.divmod(np.arange(values.size), inputs)
    return _stored(rows, columns, values.ravel(), (units, inputs))


def _stored(
    rows: NDArray[Any], columns: NDArray[Any], data: NDArray[Any], shape: tuple[int, int]
) -> sparse.csr_array:
    """Build a sparse matrix that keeps its zeros."""
    data = np.asarray(data, dtype=np.float64)
    return sparse.coo_array((data, (rows, columns)), shape=shape).tocsr()
