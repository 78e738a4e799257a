"""Attention: the products QK^T and AV, and what is done to the scores between them.

The projections of a ``MultiHeadAttention`` are layers of their own and count on their own.

Conventions, for each score: 1 operation where scores are scaled, 1 where they are masked, 3 for the softmax.
Additive scores take, for each pair of positions and each feature, a sum and a tanh, 1 where they are scaled,
and 1 to add them up; a weight of the whole score takes 1 for each score. A gate, and a mask of the queries,
take 1 for each element that they multiply. These are the same in every version of Keras, though each
version works them out in another way.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from msgspec.structs import replace

from energyprobe.frontends.keras.frames import Frame, RawOp
from energyprobe.frontends.keras.rules.base import Rule
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, per_run
from energyprobe.frontends.keras.rules.raw import left_over
from energyprobe.frontends.keras.rules.raw_products import PRODUCTS, product_step
from energyprobe.trace.operations import Elementwise, Product

_SAME_VALUES = frozenset({"Cast", "Identity"})
_MASKING = frozenset("Add AddV2 Sub Select SelectV2".split())
_QUERY_MASKING = frozenset("Mul Select SelectV2".split())


def multi_head(call: Call) -> Steps:
    """``MultiHeadAttention`` and ``GroupQueryAttention``, their projections left out."""
    products = _products(call)
    if len(products) != 2:
        return left_over(call)
    scores, mixed = products
    made = mixed.outputs[0]
    gated = any(op.type == "Mul" and made is op.inputs[0] for op in call.frame.ops)
    return [
        _queries_as_rows(call, product_step(call, scores)),
        _each(mixed.inputs[0], "scale"),
        *_softmax(call, mixed),
        product_step(call, mixed),
        *([_each(made, "gate")] if gated else []),
    ]


def _queries_as_rows(call: Call, scores: StepDraft) -> StepDraft:
    """The product of the scores, put the same way round in every version of Keras."""
    operation, queries = scores.operation, call.input.shape[1]
    if not isinstance(operation, Product) or operation.rows == queries or operation.columns != queries:
        return scores
    pairs = scores.pairs
    return dataclasses.replace(
        scores,
        operation=replace(operation, rows=operation.columns, columns=operation.rows),
        source=scores.other,
        other=scores.source,
        pairs=lambda tf, left, right: pairs(tf, right, left),
    )


def attention(call: Call) -> Steps:
    """``Attention``: scores by a product or by addition, then the values weighted by them."""
    if call.layer.score_mode == "concat":
        return additive(call)
    products = _products(call)
    if len(products) != 2:
        return left_over(call)
    scores, mixed = products
    scaled = call.layer.scale is not None
    return [
        product_step(call, scores),
        *([_each(mixed.inputs[0], "scale")] if scaled else []),
        *_weighted_values(call, mixed),
    ]


def additive(call: Call) -> Steps:
    """``AdditiveAttention``, and ``Attention`` by concatenation."""
    layer = call.layer
    products = _products(call)
    if len(products) != 1:
        return left_over(call)
    scores, features = products[0].inputs[0], int(call.input.shape[-1])
    by_feature = ["add", "tanh", "sum"]
    if layer.scale is not None:
        by_feature.append("scale")
    weighted = getattr(layer, "concat_score_weight", None) is not None
    return [
        *(_each(scores, name, copies=features) for name in by_feature),
        *([_each(scores, "weight")] if weighted else []),
        *_weighted_values(call, products[0]),
    ]


def _products(call: Call) -> list[RawOp]:
    ops = [op for op in call.frame.ops if op.type in PRODUCTS and op.graph is call.frame.graph]
    return [op for op in ops if call.capture.needs(op.outputs)]


def _weighted_values(call: Call, mixed: RawOp) -> Steps:
    """The softmax, the values weighted by it, and the mask of the queries."""
    made = mixed.outputs[0]
    readers = [op for op in call.frame.ops if any(made is each for each in op.inputs)]
    masked = any(op.type in _QUERY_MASKING for op in readers)
    return [
        *_softmax(call, mixed),
        product_step(call, mixed),
        *([_each(made, "query_mask")] if masked else []),
    ]


def _softmax(call: Call, mixed: RawOp) -> Steps:
    scores = mixed.inputs[0]
    mask = [_each(scores, "mask")] if _masked(call, scores) else []
    return [*mask, _each(scores, "softmax", 3)]


def _masked(call: Call, probabilities: Any) -> bool:
    for child in call.frame.children:
        if child.layer is call.layer._softmax:
            given = [*child.arguments[1:2], child.keywords.get("mask")]
            return any(each is not None for each in given)
    softmax = _maker(call, probabilities)
    before = _maker(call, softmax.inputs[0]) if softmax is not None else None
    return before is not None and before.type in _MASKING


def _maker(call: Call, tensor: Any) -> RawOp | None:
    op = call.capture.makers.get(id(tensor))
    while op is not None and op.type in _SAME_VALUES:
        op = call.capture.makers.get(id(op.inputs[0]))
    return op


def _each(tensor: Any, function: str, ops: int = 1, copies: int = 1) -> StepDraft:
    """Arithmetic on each element of a tensor whose second axis is no time, whatever the call reads."""
    elements, runs = per_run(tensor, 1)
    operation = Elementwise(function=function, elements=elements * copies, ops_per_element=ops)
    return StepDraft(operation, runs=runs or ((tensor, 0),))


def _projections(frame: Frame) -> list[Frame]:
    """The calls inside, but for those that work on the scores."""
    layer = frame.layer
    between = (layer._softmax, getattr(layer, "_dropout_layer", None))
    return [child for child in frame.children if child.layer not in between]


_HEADS = Rule(multi_head, inside=_projections, plain=False)

RULES: dict[str, Rule] = {
    "MultiHeadAttention": _HEADS,
    "GroupQueryAttention": _HEADS,
    "Attention": Rule(attention, plain=False),
    "AdditiveAttention": Rule(additive, plain=False),
}
