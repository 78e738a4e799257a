"""Keras layers inside of TensorNodes, counted by the rules of the Keras frontend."""

from __future__ import annotations

from typing import Any

import nengo_dl
import numpy as np
import tensorflow as tf
from msgspec.structs import replace
from numpy.typing import NDArray

from energyprobe.frontends.keras.framework import framework_of
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import StepDraft, UnknownShapeError
from energyprobe.frontends.keras.rules.table import RuleTable
from energyprobe.frontends.nengo.calls import Scene
from energyprobe.frontends.nengo.weights import Fanout
from energyprobe.trace.geometry import effective_fanout, fanout
from energyprobe.trace.operations import Conv, Dense, Synaptic
from energyprobe.trace.records import Step, Use


def tensor_node_steps(scene: Scene, node: Any) -> list[Step]:
    """Make the steps of a TensorNode.

    Returns
    -------
    list of Step
        Empty where it is no TensorNode, or not a Keras layer whose rule needs no more than shapes.
    """
    if not isinstance(node, nengo_dl.TensorNode) or node.pass_time or node not in scene.structure.values:
        return []
    layer = node.tensor_func
    if not isinstance(layer, tf.keras.layers.Layer):
        return []
    rule = RuleTable(framework_of(scene.sim.keras_model), {})(layer)
    if not rule.plain:
        return []
    call = _LayerInside(layer, node.shape_in, node.shape_out)
    try:
        drafts = rule.steps(call)
    except UnknownShapeError:
        return []
    return [_step(scene, node, call, draft) for draft in drafts]


def tensor_node_parameters(node: Any) -> int:
    """Count the parameters of the Keras layer in a TensorNode; 0 where there is none."""
    layer = node.tensor_func if isinstance(node, nengo_dl.TensorNode) else None
    weights = layer.weights if isinstance(layer, tf.keras.layers.Layer) else ()
    return sum(int(weight.shape.num_elements()) for weight in weights)


class _LayerInside(Call):
    """The call of a layer of which only the shapes are known."""

    def __init__(self, layer: Any, shape_in: tuple[int, ...], shape_out: tuple[int, ...]) -> None:
        self.layer = layer
        self.inputs = [tf.TensorSpec((None, *shape_in))]
        self.outputs = [tf.TensorSpec((None, *shape_out))]
        self.time = False


def _step(scene: Scene, node: Any, call: Call, draft: StepDraft) -> Step:
    value = scene.structure.values[node]
    weights = _fanout(draft) if draft.source is call.input else None
    if weights is not None:
        return scene.weigh(value, np.arange(value.size), weights)
    step = scene.step(draft.operation, draft.state_elements)
    use = Use(activity=None, spiking=False) if isinstance(draft.operation, Synaptic) else None
    return replace(step, executions=step.executions * draft.repeat, use=use)


def _fanout(draft: StepDraft) -> Fanout | None:
    """Give the fan-out of a matrix or convolution that reads the node's input, in the order of its vector."""
    operation, weight = draft.operation, draft.weight
    if weight is None or draft.fanout is not None or not isinstance(operation, (Dense, Conv)):
        return None
    values = weight.value()
    if values is None:
        return None
    every = _laid_out(draft, fanout(operation))
    effective = _laid_out(draft, effective_fanout(operation, values != 0))
    return Fanout(operation, every, effective, values.size, int(np.count_nonzero(values)))


def _laid_out(draft: StepDraft, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    if isinstance(draft.operation, Dense):
        return np.tile(counts, draft.operation.positions)
    return (np.moveaxis(counts, -1, 0) if draft.layout == "first" else counts).ravel()
