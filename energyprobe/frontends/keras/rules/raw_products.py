"""Raw products of tensors: with weights they are dense operations, of two activations products."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import RawOp
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.contraction import (
    Contraction,
    from_equation,
    from_matmul,
    product,
    weighted,
)
from energyprobe.frontends.keras.rules.draft import StepDraft, Weight
from energyprobe.trace.operations import Uncounted

PRODUCTS = frozenset("MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum".split())

_RESHAPING = frozenset("Cast Identity Reshape ExpandDims Squeeze".split())
"""Operations that keep the values of weights, and their order."""


def product_step(call: Call, op: RawOp) -> StepDraft:
    """Count a matrix product, batched or not, or an einsum of two operands."""
    if len(op.inputs) != 2:
        return StepDraft(Uncounted(reason=f"{op.type} of {len(op.inputs)} operands"))
    axes = _axes(op)
    left, right = op.inputs
    fixed = [not call.capture.varies(each) for each in op.inputs]
    if not any(fixed):
        return product(axes, left, right)
    if fixed[0]:
        axes, left, right = axes.swapped(), right, left
    if None in right.shape:
        return StepDraft(Uncounted(reason=f"{op.type} with weights of a shape that is not known"))
    lead = 2 if call.has_time(left) else 1
    step = weighted(_without_broadcast(axes, right), left, _broadcast_free(axes, right), lead)
    if isinstance(step.operation, Uncounted):
        return step
    return dataclasses.replace(
        step,
        weight=fixed_weights(call.capture, right),
        # The graph knows the weights' present values, whatever was done to the variable.
        other=right,
        pairs=axes.pairs,
        fanout=None,
        # The first axis may hold more than the samples.
        runs=step.runs or tuple((left, axis) for axis in range(2 if step.time else 1)),
    )


def fixed_weights(capture: Capture, tensor: Any) -> Weight | None:
    """The variable or constant that a tensor shows; None where it was worked out from others."""
    tf = capture.framework.tf
    shape = tuple(tensor.shape)
    op = capture.makers.get(id(tensor))
    while op is not None and op.type in _RESHAPING:
        tensor = op.inputs[0]
        op = capture.makers.get(id(tensor))
    handle = capture.variable(op)
    if handle is not None:
        dtype = tensor.dtype
        return Weight(
            lambda: tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype),
            lambda value: np.reshape(value, shape),
        )
    constant = tf.get_static_value(tensor)
    return None if constant is None else Weight(lambda: constant, lambda value: np.reshape(value, shape))


def _without_broadcast(axes: Contraction, weights: Any) -> Contraction:
    """The product without axes of the weights that broadcast over the activations."""
    pairs = zip(axes.right, weights.shape, strict=True)
    kept = "".join(label for label, size in pairs if not _spreads(axes, label, size))
    return Contraction(axes.left, kept, axes.out)


def _broadcast_free(axes: Contraction, weights: Any) -> tuple[int, ...]:
    pairs = zip(axes.right, weights.shape, strict=True)
    return tuple(size for label, size in pairs if not _spreads(axes, label, size))


def _spreads(axes: Contraction, label: str, size: int) -> bool:
    return size == 1 and label in axes.left and label in axes.out


def _axes(op: RawOp) -> Contraction:
    ranks = [len(each.shape) for each in op.inputs]
    if op.type == "Einsum":
        return from_equation(op.attribute("equation"), ranks)
    flags = ("transpose_a", "transpose_b") if op.type == "MatMul" else ("adj_x", "adj_y")
    return from_matmul(ranks, *(bool(op.attribute(name)) for name in flags))
