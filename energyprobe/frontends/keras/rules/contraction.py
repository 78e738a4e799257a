"""Products as einsum equations: weights times activations, and activations times activations."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from energyprobe.frontends.keras.counters import EXACT_IN_FLOAT32
from energyprobe.frontends.keras.rules.draft import StepDraft
from energyprobe.trace.operations import Dense, Product, Sparse, Uncounted

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclasses.dataclass(frozen=True)
class Contraction:
    """Axes of a product of two tensors.

    Attributes
    ----------
    left, right, out : str
        Labels of the axes of both operands, and those that the output keeps.
    """

    left: str
    right: str
    out: str

    def swapped(self) -> Contraction:
        """The same product, its operands exchanged."""
        return Contraction(self.right, self.left, self.out)

    @property
    def regular(self) -> bool:
        """Whether no operand names an axis twice."""
        return all(len(set(labels)) == len(labels) for labels in (self.left, self.right))

    def pairs(self, tf: Any, left: Any, right: Any) -> Any:
        """Add up the products of what meets, by sums over the axes of one operand alone.

        Parameters
        ----------
        tf : module
            TensorFlow.
        left, right : tensor
            Counts for each element of the operands: 1 for an event in float32, spikes in float64.
        """
        shared = [label for label in self.left if label in self.right]
        summed = [_summed(tf, self.left, left, shared), _summed(tf, self.right, right, shared)]
        return tf.reduce_sum(summed[0] * summed[1])


def _summed(tf: Any, labels: str, counts: Any, shared: list[str]) -> Any:
    """Sums over the axes that are not shared, float64, axes in the order of `shared`."""
    alone = [axis for axis, label in enumerate(labels) if label not in shared]
    known = [axis for axis in alone if counts.shape[axis] is not None]
    # Sums of events below 2**24 are exact in float32.
    if known and math.prod(counts.shape[axis] for axis in known) < EXACT_IN_FLOAT32:
        counts = tf.reduce_sum(counts, known, keepdims=True)
    counts = tf.reduce_sum(tf.cast(counts, tf.float64), alone)
    kept = [label for label in labels if label in shared]
    return tf.transpose(counts, [kept.index(label) for label in shared])


def from_equation(equation: str, ranks: list[int]) -> Contraction:
    """Read an einsum equation of two operands, ellipses written out.

    Parameters
    ----------
    equation : str
        For example ``"...x,xy->...y"``.
    ranks : list of int
        Numbers of axes of the two operands.
    """
    arguments, out = equation.replace(" ", "").split("->")
    sides = arguments.split(",")
    free = [label for label in _UPPER if label not in equation]
    hidden = [rank - len(side.replace("...", "")) for side, rank in zip(sides, ranks, strict=True)]
    widest = free[: max(hidden)]
    left, right = (
        side.replace("...", "".join(widest[len(widest) - more :]))
        for side, more in zip(sides, hidden, strict=True)
    )
    return Contraction(left, right, out.replace("...", "".join(widest)))


def from_matmul(ranks: list[int], transpose_left: bool, transpose_right: bool) -> Contraction:
    """Read a (batch) matrix product of two operands of some ranks; leading axes broadcast."""
    copies = "abcdefghijklm"[: max(ranks) - 2]
    left = "sr" if transpose_left else "rs"
    right = "cs" if transpose_right else "sc"
    leading = [copies[len(copies) - (rank - 2) :] for rank in ranks]
    return Contraction(leading[0] + left, leading[1] + right, copies + "rc")


def weighted(axes: Contraction, data: Any, sizes: tuple[int, ...], lead: int) -> StepDraft:
    """A product of activations (`axes.left`) with weights (`axes.right`) of some shape.

    Axes of the activations that have no weights are positions; an axis that both operands and the output
    have gives each of its elements weights of its own, which makes a sparse matrix.

    Parameters
    ----------
    axes : Contraction
        The product.
    data : tensor
        The activations; the first `lead` axes stand for samples and timesteps.
    sizes : tuple of int
        Shape of the weights.
    lead : int
        1, or 2 where axis 1 is time.
    """
    if not axes.regular or axes.left[0] in axes.right or axes.left[0] not in axes.out:
        return StepDraft(Uncounted(reason="a product of weights that mixes samples"))
    if lead == 2 and (axes.left[1] in axes.right or axes.left[1] not in axes.out):
        lead = 1
    shape = dict(zip(axes.left, data.shape, strict=True)) | dict(zip(axes.right, sizes, strict=True))
    read = axes.left[lead:]
    own = [label for label in read if label in axes.right and label in axes.out]
    inputs = [label for label in read if label in axes.right and label not in axes.out]
    units = [label for label in axes.right if label not in axes.left]
    kept = [axis for axis in range(lead, len(axes.left)) if axes.left[axis] not in axes.right]
    unknown = [axis for axis in kept if data.shape[axis] is None]
    positions = math.prod(data.shape[axis] for axis in kept if axis not in unknown)

    def size(labels: list[str]) -> int:
        return math.prod(int(shape[label]) for label in labels)

    def fanout(mask: np.ndarray) -> np.ndarray:
        """Non-zero weights that read each element, broadcastable to one sample in one timestep."""
        order = [label for label in read if label in axes.right]
        counts = np.einsum(
            mask.astype(np.int64),
            list(range(len(axes.right))),
            [axes.right.index(label) for label in order],
        )
        return counts.reshape([shape[label] if label in order else 1 for label in read])

    operation: Dense | Sparse
    if own:
        entries = size(own) * size(inputs) * size(units)
        operation = Sparse(inputs=size(own + inputs), units=size(own + units), entries=entries)
    else:
        operation = Dense(inputs=size(inputs), units=size(units), positions=positions)
    return StepDraft(
        operation,
        data,
        each=size(units),
        fanout=fanout,
        repeat=positions if own else 1,
        runs=tuple((data, axis) for axis in [*range(lead), *unknown]) if unknown else None,
        time=lead == 2,
    )


def product(axes: Contraction, left: Any, right: Any) -> StepDraft:
    """A product of two activations whose first axes are both the batch."""
    batch = axes.left[0]
    if not (axes.regular and axes.right[0] == batch and batch in axes.out):
        return StepDraft(Uncounted(reason="a product of two activations that do not share a batch axis"))
    places = {label: (left, axis) for axis, label in enumerate(axes.left)}
    for axis, label in enumerate(axes.right):
        # An axis of size 1 broadcasts over that of the other operand.
        if label not in places or _size(places[label]) == 1:
            places[label] = (right, axis)
    places[batch] = (left, 0)
    shared = [each for each in axes.left[1:] if each in axes.right]
    copies = [each for each in shared if each in axes.out]

    def known(names: list[str]) -> int:
        return math.prod(size for name in names if (size := _size(places[name])) is not None)

    operation = Product(
        rows=known([each for each in axes.left if each not in axes.right]),
        shared=known([each for each in shared if each not in copies]),
        columns=known([each for each in axes.right if each not in axes.left]),
        copies=known(copies),
    )
    runs = [place for label, place in places.items() if label == batch or _size(place) is None]
    return StepDraft(operation, left, other=right, pairs=axes.pairs, runs=tuple(runs), time=False)


def _size(place: tuple[Any, int]) -> int | None:
    tensor, axis = place
    size: int | None = tensor.shape[axis]
    return size
