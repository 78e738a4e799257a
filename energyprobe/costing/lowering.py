"""A network lowered to kernels: matrix products of its synaptic operations, and elementwise kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernel_work import is_fused, item_bytes
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work
from energyprobe.trace.operations import (
    AnyOperation,
    Conv,
    Decode,
    Dense,
    Elementwise,
    Encode,
    Filter,
    Learning,
    Lookup,
    NeuronUpdate,
    Pool,
    Product,
    Sparse,
    Synaptic,
)
from energyprobe.trace.records import LayerCall, Step

Flags = npt.NDArray[np.bool_]


class Shape(NamedTuple):
    """One application to one sample as C[m×n] = A[m×k]·B[k×n], A the activations."""

    m: int
    k: int
    n: int


@dataclass(frozen=True, eq=False)
class Products:
    """Synaptic operations of one batch, each as kernels of one shape.

    Attributes
    ----------
    row : ndarray of int, shape (products,)
        Row of the network.
    m, k, n : ndarray, shape (products,)
        Sizes of one kernel, whole batch and folded timesteps included: A holds the activations.
    density : ndarray, shape (products,)
        Share of A that is not zero: event synops over dense synops; NaN where it was not recorded.
    weight_density : ndarray, shape (products,)
        Share of B that is not zero.
    runs : ndarray, shape (products,)
        Kernels in a batch; of a kernel that runs several operations, the share of one.
    looped : ndarray of bool, shape (products,)
        Whether they run one timestep after the other.
    input_share : ndarray, shape (products,)
        Elements of the input over those of A: less than 1 where positions of a convolution share inputs.
    convolution, sparse : ndarray of bool, shape (products,)
        Whether the operation is a convolution, or stored as a sparse matrix.
    """

    row: npt.NDArray[np.intp]
    m: Array
    k: Array
    n: Array
    density: Array
    weight_density: Array
    runs: Array
    looped: Flags
    input_share: Array
    convolution: Flags
    sparse: Flags

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Elementwises:
    """Elementwise kernels of one batch: neuron updates, filters, pooling, merging, look-ups.

    Attributes
    ----------
    row : ndarray of int, shape (kernels,)
        Row of the network.
    neurons : ndarray of bool, shape (kernels,)
        Whether it updates neurons.
    elements : ndarray, shape (kernels,)
        Elements of one kernel, the whole batch.
    accesses : ndarray, shape (kernels,)
        Reads and writes for each of them.
    runs : ndarray, shape (kernels,)
        Kernels in a batch; of a kernel that runs several operations, the share of one.
    looped : ndarray of bool, shape (kernels,)
        Whether they run one timestep after the other.
    """

    row: npt.NDArray[np.intp]
    neurons: Flags
    elements: Array
    accesses: Array
    runs: Array
    looped: Flags

    def __len__(self) -> int:
        return len(self.row)


def shape_of(operation: Synaptic) -> Shape:
    """Sizes of the matrix product that an operation is lowered to.

    Parameters
    ----------
    operation : Synaptic
        Convolutions are lowered: a row of A for each position (and group), a column for each tap. Taps in
        the padding are computed, too.

    Returns
    -------
    Shape
        m positions, k inputs × taps, n units.
    """
    match operation:
        case Dense():
            return Shape(operation.positions, operation.inputs, operation.units)
        case Conv():
            # Transposed, each input is multiplied by all taps, which are then added up.
            taps, groups = math.prod(operation.kernel), operation.groups
            inputs, outputs = operation.channels // groups, operation.filters // groups
            if operation.transposed:
                return Shape(math.prod(operation.input_shape) * groups, inputs, outputs * taps)
            return Shape(math.prod(operation.output_shape) * groups, inputs * taps, outputs)
        case Product():
            return Shape(operation.rows * operation.copies, operation.shared, operation.columns)
        case Sparse():
            return Shape(1, operation.inputs, operation.units)
        case Decode():
            return Shape(1, operation.neurons, operation.dimensions)
        case Encode():
            return Shape(1, operation.dimensions, operation.neurons)


def products_of(work: Work, at_once: Flags, batch: int) -> Products:
    """Lay out the synaptic operations of a network as matrix products.

    Parameters
    ----------
    work : Work
        The network.
    at_once : ndarray of bool, shape (rows,)
        Calls that go over all timesteps in one kernel.
    batch : int
        Samples that run together.

    Returns
    -------
    Products
        In the order of the entries.
    """
    found = [
        (entry, step, shape_of(step.operation))
        for entry, step in enumerate(work.steps)
        if step is not None and isinstance(step.operation, Synaptic) and step.executions
    ]
    entries = np.array([entry for entry, _, _ in found], dtype=np.intp)
    steps = [step for _, step, _ in found]
    row = work.row[entries]
    share, runs = _runs(work, row, steps)
    together = at_once[row]
    merged = _merged(steps, together)
    m, k, n = np.array([shape for _, _, shape in found], dtype=np.float64).reshape(-1, 3).T
    with np.errstate(divide="ignore", invalid="ignore"):
        density = work["event_synops"][entries] / work["dense_synops"][entries]
    return Products(
        row=row,
        m=m * batch * np.where(together, runs / share, 1.0),
        # Products side by side have all of the weights, and inputs or outputs, whichever are more.
        k=np.where(k > n, k * merged, k),
        n=np.where(k > n, n, n * merged),
        density=np.clip(density, 0.0, 1.0),
        weight_density=np.array([_weight_density(step) for step in steps]),
        runs=np.where(together, share, runs / merged),
        looped=~together & (runs > share),
        input_share=np.array([_input_share(step.operation) for step in steps], dtype=np.float64),
        convolution=np.array([isinstance(step.operation, Conv) for step in steps], dtype=bool),
        sparse=np.array([isinstance(step.operation, Sparse) for step in steps], dtype=bool),
    )


def elementwises_of(work: Work, at_once: Flags, batch: int) -> Elementwises:
    """Lay out the elementwise kernels of a network.

    What follows a matrix product in its call runs within its kernel, and a call of nothing but arithmetic
    on one tensor within the one before.

    Parameters
    ----------
    work : Work
        The network.
    at_once : ndarray of bool, shape (rows,)
        Calls that go over all timesteps in one kernel, which keeps their state.
    batch : int
        Samples that run together.

    Returns
    -------
    Elementwises
        In the order of the entries.
    """
    found = [
        (row, step, *_traffic(step.operation, _states(step, work.calls[row].key)))
        for row, step in zip(work.row.tolist(), work.steps, strict=True)
        if step is not None and step.executions and _is_kernel(step.operation, work.calls[row])
    ]
    row = np.array([each for each, *_ in found], dtype=np.intp)
    steps = [step for _, step, *_ in found]
    share, runs = _runs(work, row, steps)
    together = at_once[row]
    merged = _merged(steps, together)
    elements, streamed, state = (np.array([each[i] for each in found], dtype=np.float64) for i in (2, 3, 4))
    timesteps = runs / share
    return Elementwises(
        row=row,
        neurons=np.array([isinstance(step.operation, NeuronUpdate) for _, step, *_ in found], dtype=bool),
        elements=elements * batch * np.where(together, timesteps, merged),
        # A kernel over all timesteps reads and writes the state once.
        accesses=streamed + state / np.where(together, timesteps, 1.0),
        runs=np.where(together, share, runs / merged),
        looped=~together & (runs > share),
    )


def _merged(steps: list[Step], together: Flags) -> Array:
    """Operations in the kernel of each: what ran merged in a timestep does not where layers run in turn."""
    return np.where(together, 1.0, np.array([step.merged for step in steps], dtype=np.float64))


def _runs(work: Work, row: npt.NDArray[np.intp], steps: list[Step]) -> tuple[Array, Array]:
    """Samples that a call runs for, of all, and applications in an inference on average."""
    share = np.array([work.calls[each].samples for each in row.tolist()], dtype=np.float64) / work.samples
    executions = np.array([step.executions for step in steps], dtype=np.float64)
    return share, executions / work.samples * work.repeats[row]


def _input_share(operation: AnyOperation) -> float:
    """Elements that a convolution reads over those of its lowered input, 1 at the most."""
    if not isinstance(operation, Conv) or operation.transposed:
        return 1.0
    m, k, _ = shape_of(operation)
    return min(1.0, math.prod(operation.input_shape) * operation.channels / (m * k))


def _weight_density(step: Step) -> float:
    if isinstance(step.operation, Sparse):
        return step.operation.entries / (step.operation.inputs * step.operation.units)
    if step.weight_nonzeros is None or not step.weights:
        return 1.0
    return step.weight_nonzeros / step.weights


def _is_kernel(operation: AnyOperation, call: LayerCall) -> bool:
    """Whether an operation is an elementwise kernel of its own."""
    if isinstance(operation, NeuronUpdate | Filter | Learning | Lookup):
        return True
    multiplies = any(isinstance(step.operation, Synaptic | NeuronUpdate) for step in call.steps)
    return isinstance(operation, Pool | Elementwise) and not multiplies and not is_fused(call)


def _traffic(operation: AnyOperation, states: float) -> tuple[float, float, float]:
    """Elements of an application, reads and writes for each besides its state, and those of its state."""
    match operation:
        case NeuronUpdate():
            return operation.neurons, 2.0, 2.0 * states / operation.neurons
        case Filter():
            return operation.elements, 2.0, 2.0 * max(states / operation.elements, operation.order)
        case Learning():
            return operation.macs, 3.0, 0.0  # the weight in and out, and what changes it
        case Lookup():
            return operation.lookups * operation.width, 2.0, 0.0
        case Pool():
            return operation.outputs, 1.0 + operation.taps / operation.outputs, 0.0
        case Elementwise():
            return operation.elements, 3.0, 0.0  # two tensors in, one out
    raise TypeError(f"no elementwise kernel: {operation!r}")


def _states(step: Step, key: str) -> float:
    """State variables of a sample."""
    return step.state_bytes / item_bytes(step.dtype, key)
