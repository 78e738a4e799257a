"""Raw operations that no layer's rule owns: products are counted, arithmetic is counted, the rest is listed.

They come from a subclassed ``call``, a ``Lambda``, functional expressions and layers without a rule. Only
floating-point arithmetic counts: integer operations work out shapes and indices.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from energyprobe.frontends.keras.capture import Capture, RawOp
from energyprobe.frontends.keras.rules.base import StepDraft, UnknownShapeError, count
from energyprobe.trace.operations import Dense, Elementwise, Pool, Product, Uncounted

MOVING = frozenset(
    "Identity IdentityN Cast Const Reshape Transpose Squeeze ExpandDims StridedSlice Slice Split SplitV "
    "Concat ConcatV2 Pack Unpack Pad PadV2 MirrorPad Tile BroadcastTo Shape ShapeN Size Rank Fill ZerosLike "
    "OnesLike Range GatherV2 Gather GatherNd ResourceGather ReverseV2 ReverseSequence StopGradient "
    "ReadVariableOp VarHandleOp Placeholder PlaceholderWithDefault Assert NoOp PreventGradient Snapshot "
    "EnsureShape InvertPermutation BroadcastArgs OneHot MatrixDiagV3 MatrixBandPart ScatterNd "
    "TensorScatterUpdate ResizeNearestNeighbor SpaceToBatchND BatchToSpaceND DepthToSpace SpaceToDepth "
    "Bitcast Where StatelessRandomUniformV2 StatelessRandomGetKeyCounter AssignVariableOp "
    "AssignAddVariableOp RandomUniform RandomUniformInt VarIsInitializedOp ResourceCountUpTo "
    "TensorListReserve TensorListStack TensorListFromTensor TensorListGetItem TensorListSetItem "
    "TensorListElementShape TensorListLength EmptyTensorList".split()
)
"""Operations that move data, name it, or work out shapes."""

PER_OUTPUT = {
    **dict.fromkeys(
        "Add AddV2 BiasAdd BiasAddV1 Sub Mul MulNoNan RealDiv Div DivNoNan FloorDiv FloorMod Maximum Minimum "
        "Neg Abs Sign Square Sqrt Rsqrt Reciprocal Inv Exp Expm1 Log Log1p Tanh Sigmoid Relu Relu6 LeakyRelu "
        "Elu Selu Softplus Softsign Erf Erfc Pow SquaredDifference Floor Ceil Round Rint Sin Cos Atan Greater "
        "GreaterEqual Less LessEqual Equal NotEqual Select SelectV2 ClipByValue Cumsum IsNan IsFinite".split(),
        1,
    ),
    "Softmax": 3,
    "LogSoftmax": 3,
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), 2),
}
"""Operations for each element of the first output."""

PER_INPUT = frozenset("Sum Mean Max Min Prod ArgMax ArgMin L2Loss EuclideanNorm".split())
"""Reductions: one operation for each element of the input."""

PRODUCTS = frozenset("MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum".split())
CONVOLUTIONS = frozenset(
    "Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2 Conv _FusedConv2D "
    "XlaConvV2 SparseTensorDenseMatMul SparseMatMul".split()
)
SYNAPTIC = PRODUCTS | CONVOLUTIONS
"""Every operation of TensorFlow that multiplies weights with activations, or activations with one another."""

LOOPS = frozenset("While StatelessWhile If StatelessIf Case StatelessCase".split())
CALLS = frozenset("PartitionedCall StatefulPartitionedCall".split())


def raw_steps(capture: Capture, ops: list[RawOp], graph: Any) -> list[StepDraft]:
    """Give the operations that some raw operations amount to.

    Parameters
    ----------
    capture : Capture
        The step that they ran in.
    ops : list of RawOp
        Operations that no rule owns.
    graph : object
        Graph in which their tensors can be observed; operations of other graphs are listed as uncounted.
    """
    steps = []
    for op in ops:
        # What does not depend on the data is worked out once, not for each sample.
        if op.type in MOVING or op.type in LOOPS or op.type in CALLS:
            continue
        if op.graph is not None and op.graph is not graph:
            steps += _elsewhere(op)
            continue
        if op.type not in SYNAPTIC and not any(capture.varies(each) for each in op.inputs):
            continue
        try:
            steps += _step(capture, op)
        except UnknownShapeError as error:
            steps.append(StepDraft(Uncounted(reason=f"{op.type}: {error}")))
    return _merged(steps)


def _elsewhere(op: RawOp) -> list[StepDraft]:
    """An operation in a function, loop or branch of its own, whose executions are not known."""
    if op.type in SYNAPTIC:
        reason = f"{op.type} in a function, loop or branch that no rule follows"
        return [StepDraft(Uncounted(reason=reason))]
    return []


def _step(capture: Capture, op: RawOp) -> list[StepDraft]:
    if op.type in PRODUCTS:
        return [_product(capture, op)]
    if op.type in CONVOLUTIONS:
        return [StepDraft(Uncounted(reason=f"{op.type} outside of a layer that has a rule"))]
    if op.type in ("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"):
        return [_pool(op)]
    if not op.outputs or not _is_floating(op):
        return []
    if op.type == "AddN":
        elements = _elements(op.outputs[0])
        return [StepDraft(Elementwise(function="addn", elements=elements, ops_per_element=len(op.inputs) - 1))]
    if op.type in PER_OUTPUT:
        elements = _elements(op.outputs[0])
        ops = PER_OUTPUT[op.type]
        return [StepDraft(Elementwise(function=op.type.lower(), elements=elements, ops_per_element=ops))]
    if op.type in PER_INPUT:
        return [StepDraft(Elementwise(function=op.type.lower(), elements=_elements(op.inputs[0])))]
    return [StepDraft(Uncounted(reason=f"operation {op.type} has no rule"))]


def _is_floating(op: RawOp) -> bool:
    tensors = [each for each in (*op.outputs, *op.inputs) if hasattr(each.dtype, "is_floating")]
    return any(each.dtype.is_floating or each.dtype.is_complex for each in tensors)


def _elements(tensor: Any) -> int:
    """Elements of one sample; those of a tensor without a batch axis are worked out once a batch."""
    shape = tuple(tensor.shape)
    return count(shape[1:]) if shape and shape[0] is None else count(shape[1:] if len(shape) > 1 else ())


def _pool(op: RawOp) -> StepDraft:
    window = op.attributes["ksize"]
    sizes = getattr(getattr(window, "list", None), "i", window)
    outputs = _elements(op.outputs[0])
    method = "max" if op.type.startswith("Max") else "average"
    return StepDraft(Pool(method=method, taps=outputs * math.prod(sizes), outputs=outputs))


def _merged(steps: list[StepDraft]) -> list[StepDraft]:
    """Join elementwise steps of the same function, and uncounted steps of the same reason."""
    merged: dict[Any, StepDraft] = {}
    for number, step in enumerate(steps):
        operation = step.operation
        if isinstance(operation, Elementwise):
            key: Any = (operation.function, operation.ops_per_element)
            if key in merged:
                before = merged[key].operation
                assert isinstance(before, Elementwise)
                both = before.elements + operation.elements
                merged[key] = StepDraft(
                    Elementwise(
                        function=operation.function,
                        elements=both,
                        ops_per_element=operation.ops_per_element,
                    )
                )
                continue
        elif isinstance(operation, Uncounted):
            key = operation
        else:
            key = number
        merged.setdefault(key, step)
    return list(merged.values())


@dataclasses.dataclass(frozen=True)
class Pairing:
    """Axes of a product of two tensors, as an einsum equation without the output's order.

    Attributes
    ----------
    left, right : str
        Labels of the axes of both operands.
    out : str
        Labels that the output keeps.
    """

    left: str
    right: str
    out: str

    def pairs(self, tf: Any, left: Any, right: Any) -> Any:
        """Count pairs of events that meet in a product, by sums over the axes of one operand alone.

        Parameters
        ----------
        tf : module
            TensorFlow.
        left, right : tensor
            Masks of the operands' events, float32.
        """
        shared = [label for label in self.left if label in self.right]
        summed = [
            tf.transpose(
                tf.reduce_sum(mask, [axis for axis, label in enumerate(labels) if label not in shared]),
                _order(labels, shared),
            )
            for labels, mask in ((self.left, left), (self.right, right))
        ]
        return tf.reduce_sum(tf.cast(summed[0], tf.float64) * tf.cast(summed[1], tf.float64))


def _order(labels: str, shared: list[str]) -> list[int]:
    kept = [label for label in labels if label in shared]
    return [kept.index(label) for label in shared]


def _product(capture: Capture, op: RawOp) -> StepDraft:
    left, right = op.inputs[0], op.inputs[1]
    pairing = _pairing(op)
    weights = [_is_variable(capture, each) for each in (left, right)]
    if weights[0] == weights[1]:
        weights = [not capture.varies(each) for each in (left, right)]
    if all(weights):
        return StepDraft(Uncounted(reason=f"{op.type} of two tensors that do not depend on the data"))
    if any(weights):
        return _weighted(capture, op, pairing, weights)
    sizes = {**_sizes(pairing.left, left), **_sizes(pairing.right, right)}
    batch = pairing.left[0]
    if not (pairing.right[:1] == batch and batch in pairing.out):
        return StepDraft(Uncounted(reason=f"{op.type} of two activations that do not share a batch axis"))
    shared = [each for each in pairing.left if each in pairing.right and each != batch]
    copies = [each for each in shared if each in pairing.out]
    operation = Product(
        rows=_extent(sizes, [each for each in pairing.left if each not in pairing.right]),
        shared=_extent(sizes, [each for each in shared if each not in copies]),
        columns=_extent(sizes, [each for each in pairing.right if each not in pairing.left]),
        copies=_extent(sizes, copies),
    )
    return StepDraft(operation, left, other=right, pairs=pairing.pairs)


def _weighted(capture: Capture, op: RawOp, pairing: Pairing, weights: list[bool]) -> StepDraft:
    """A product with a weight matrix: a dense operation that no layer owns."""
    data, labels = (op.inputs[1], pairing.right) if weights[0] else (op.inputs[0], pairing.left)
    matrix, others = (op.inputs[0], pairing.left) if weights[0] else (op.inputs[1], pairing.right)
    sizes = {**_sizes(labels, data), **_sizes(others, matrix)}
    if any(label in others and label in pairing.out for label in labels):
        return StepDraft(Uncounted(reason=f"{op.type} with a batch of weight matrices"))
    units = _extent(sizes, [label for label in others if label not in labels])
    inputs = _extent(sizes, [label for label in labels if label in others])
    kept = [label for label in labels[1:] if label not in others]
    if labels[0] in others:
        return StepDraft(Uncounted(reason=f"{op.type} that contracts the batch axis"))
    operation = Dense(inputs=inputs, units=units, positions=_extent(sizes, kept))
    return StepDraft(operation, data, each=units, rows=True)


def _extent(sizes: dict[str, int | None], labels: list[str]) -> int:
    return count(tuple(sizes[label] for label in labels))


def _sizes(labels: str, tensor: Any) -> dict[str, int | None]:
    return dict(zip(labels, tensor.shape, strict=True))


def _pairing(op: RawOp) -> Pairing:
    """Labels of the axes of a product."""
    ranks = [len(each.shape) for each in op.inputs[:2]]
    if op.type == "Einsum":
        return _einsum(_text(op.attributes["equation"]), ranks)
    left_flag, right_flag = ("transpose_a", "transpose_b") if op.type == "MatMul" else ("adj_x", "adj_y")
    copies = "abcdefghijklm"
    left, right = ["r", "s"], ["s", "c"]
    if _flag(op.attributes.get(left_flag)):
        left.reverse()
    if _flag(op.attributes.get(right_flag)):
        right.reverse()
    most = max(ranks) - 2
    labels = copies[:most]
    left_labels = labels[most - (ranks[0] - 2) :] + "".join(left)
    right_labels = labels[most - (ranks[1] - 2) :] + "".join(right)
    return Pairing(left_labels, right_labels, labels + "rc")


def _einsum(equation: str, ranks: list[int]) -> Pairing:
    arguments, out = equation.replace(" ", "").split("->")
    sides = arguments.split(",")
    free = [label for label in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if label not in equation]
    widest = max(rank - len(side.replace("...", "")) for side, rank in zip(sides, ranks, strict=True))
    hidden = "".join(free[:widest])
    written = [
        side.replace("...", hidden[widest - (rank - len(side.replace("...", ""))) :])
        for side, rank in zip(sides, ranks, strict=True)
    ]
    return Pairing(written[0], written[1], out.replace("...", hidden))


def _flag(value: Any) -> bool:
    return bool(getattr(value, "b", value))


def _text(value: Any) -> str:
    text = getattr(value, "s", value)
    return text.decode() if isinstance(text, bytes) else str(text)


def _is_variable(capture: Capture, tensor: Any) -> bool:
    """Whether a tensor is a variable's value, perhaps cast or reshaped."""
    op = capture.makers.get(id(tensor))
    while op is not None and op.type in ("Cast", "Identity", "Reshape", "Transpose", "ExpandDims", "Squeeze"):
        tensor = op.inputs[0]
        op = capture.makers.get(id(tensor))
    return op is not None and op.type == "ReadVariableOp"
