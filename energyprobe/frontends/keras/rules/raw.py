"""Raw operations that no layer's rule owns: products are counted, arithmetic is counted, the rest is listed.

They come from a subclassed ``call``, a ``Lambda``, functional expressions and layers without a rule.
Conventions: only floating-point arithmetic counts (integers and truth values work out shapes, indices and
masks), and only where it depends on the data, because the rest is worked out once and not for each sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from energyprobe.frontends.keras.capture import CALLS
from energyprobe.frontends.keras.frames import RawOp
from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, UnknownShapeError, per_run
from energyprobe.frontends.keras.rules.raw_products import PRODUCTS, product_step
from energyprobe.frontends.keras.rules.raw_windows import (
    CONVOLUTIONS,
    POOLINGS,
    convolution_step,
    pooling_step,
)
from energyprobe.trace.operations import Elementwise, Free, Uncounted

MOVING = frozenset(
    "Identity IdentityN Cast Const Reshape Transpose Squeeze ExpandDims StridedSlice Slice Split SplitV "
    "Concat ConcatV2 Pack Unpack Pad PadV2 MirrorPad Tile BroadcastTo Shape ShapeN Size Rank Fill ZerosLike "
    "OnesLike Range GatherV2 Gather GatherNd ResourceGather ReverseV2 ReverseSequence StopGradient "
    "ReadVariableOp VarHandleOp Placeholder PlaceholderWithDefault Assert NoOp PreventGradient Snapshot "
    "EnsureShape InvertPermutation BroadcastArgs OneHot MatrixDiagV3 MatrixBandPart ScatterNd "
    "TensorScatterUpdate ResizeNearestNeighbor SpaceToBatchND BatchToSpaceND DepthToSpace SpaceToDepth "
    "Bitcast Where StatelessRandomUniformV2 StatelessRandomGetKeyCounter AssignVariableOp "
    "AssignAddVariableOp RandomUniform RandomUniformInt VarIsInitializedOp ResourceCountUpTo Roll "
    "TensorListReserve TensorListStack TensorListFromTensor TensorListGetItem TensorListSetItem "
    "TensorListElementShape TensorListLength EmptyTensorList DiagPart MatrixDiagPartV3 "
    "ExtractImagePatches".split()
)
"""Operations that move data, name it, or work out shapes."""

PER_OUTPUT = {
    **dict.fromkeys(
        "Add AddV2 BiasAdd BiasAddV1 Sub Mul MulNoNan RealDiv Div DivNoNan FloorDiv FloorMod Mod Maximum "
        "Minimum Neg Abs Sign Square Sqrt Rsqrt Reciprocal Inv Exp Expm1 Log Log1p Tanh Sigmoid Relu Relu6 "
        "LeakyRelu Elu Selu Softplus Softsign Erf Erfc Erfinv Pow SquaredDifference Floor Ceil Round Rint "
        "Sin Cos Tan Asin Acos Atan Atan2 Sinh Cosh Asinh Acosh Atanh Xlogy Xdivy Greater GreaterEqual Less "
        "LessEqual Equal NotEqual ApproximateEqual Select SelectV2 ClipByValue Cumsum Cumprod IsNan IsInf "
        "IsFinite".split(),
        1,
    ),
    "Softmax": 3,
    "LogSoftmax": 3,
    # Bilinear: four products and three sums.
    "ResizeBilinear": 7,
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), 2),
}
"""Operations for each element of the first output."""

PER_INPUT = frozenset("Sum Mean Max Min Prod ArgMax ArgMin L2Loss EuclideanNorm".split())
"""Reductions: one operation for each element of the input."""

SYNAPTIC = PRODUCTS | CONVOLUTIONS
"""Every operation of TensorFlow that multiplies weights with activations, or activations with one another."""

LOOPS = frozenset("While StatelessWhile If StatelessIf Case StatelessCase".split())


def left_over(call: Call) -> Steps:
    """What the raw operations of a container amount to."""
    frame = call.frame
    steps = raw_steps(call)
    if steps or frame.children or not frame.inputs or frame.parent is None:
        return steps
    return [StepDraft(Free(reason="moves data"))]


CONTAINER = Rule(left_over, keeps_time=always, inside=lambda frame: frame.children, plain=False)
"""A layer without a rule: calls inside count on their own, and so do its raw operations."""


def raw_steps(call: Call) -> Steps:
    """Give the operations that the raw operations directly inside a call amount to."""
    steps: Steps = []
    if call.capture.function_in(call.frame):
        steps += call.uncounted("a tf.function in the layer, which no rule follows")
    for op in call.frame.ops:
        if op.type in MOVING or op.type in CALLS | LOOPS or op.type.startswith("__"):
            continue
        if op.graph is not call.frame.graph:
            steps += _in_a_body(call, op)
        elif call.capture.needs(op.outputs) and any(call.capture.varies(each) for each in op.inputs):
            steps += _step(call, op)
    uncounted = {each.operation: each for each in steps if isinstance(each.operation, Uncounted)}
    return [*(each for each in steps if each.operation not in uncounted), *uncounted.values()]


def _in_a_body(call: Call, op: RawOp) -> Steps:
    """An operation in a loop or branch, where how often it runs is not known."""
    if not call.capture.follows(op.graph) or not (op.type in SYNAPTIC or _is_arithmetic(op)):
        return []
    return call.uncounted(f"{op.type} in a loop or branch, which no rule follows")


def _step(call: Call, op: RawOp) -> Steps:
    try:
        if op.type in PRODUCTS:
            return [product_step(call, op)]
        if op.type in CONVOLUTIONS:
            return [convolution_step(call, op)]
        if op.type in POOLINGS:
            return [pooling_step(op)]
    except UnknownShapeError as error:
        return [StepDraft(Uncounted(reason=f"{op.type}: {error}"))]
    return _arithmetic(call, op) if _is_arithmetic(op) else []


def _is_arithmetic(op: RawOp) -> bool:
    tensors = [each for each in (*op.outputs, *op.inputs) if hasattr(each.dtype, "is_floating")]
    return bool(op.outputs) and any(each.dtype.is_floating or each.dtype.is_complex for each in tensors)


def _arithmetic(call: Call, op: RawOp) -> Steps:
    if op.type in PER_OUTPUT:
        return [_elementwise(call.has_time, op.type, op.outputs[0], PER_OUTPUT[op.type])]
    if op.type in PER_INPUT:
        return [_elementwise(call.has_time, op.type, op.inputs[0], 1)]
    if op.type == "AddN":
        return [_elementwise(call.has_time, op.type, op.outputs[0], len(op.inputs) - 1)]
    return [StepDraft(Uncounted(reason=f"operation {op.type} has no rule"))]


def _elementwise(has_time: Callable[[Any], bool], name: str, tensor: Any, ops: int) -> StepDraft:
    """Arithmetic on each element of a tensor, whose leading axes need not be those of the call."""
    rank = tensor.shape.rank
    if rank is None:
        return StepDraft(Uncounted(reason=f"{name} of a tensor whose number of axes is not known"))
    lead = min(rank, 2 if has_time(tensor) else 1)
    elements, runs = per_run(tensor, lead)
    operation = Elementwise(function=name.lower(), elements=elements, ops_per_element=ops)
    return StepDraft(operation, runs=runs or tuple((tensor, axis) for axis in range(lead)))
