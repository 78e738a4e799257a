"""The folded reading: what event-driven hardware does, with passthrough nodes composed away."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import nengo
import numpy as np
from nengo.ensemble import Neurons

from energyprobe.frontends.nengo.calls import Scene
from energyprobe.frontends.nengo.folding import Flow, fold, folded_nodes
from energyprobe.frontends.nengo.joins import Join
from energyprobe.frontends.nengo.links import Link
from energyprobe.frontends.nengo.literal import link_join
from energyprobe.frontends.nengo.naming import owner_of
from energyprobe.frontends.nengo.synapses import synapse_operation
from energyprobe.frontends.nengo.weights import identity_weights
from energyprobe.trace.operations import Elementwise


def folded_joins(scene: Scene) -> list[Join]:
    """Make the joins of the folded reading.

    Links between parts that stay are as in the literal reading, but for the gain of neurons, which is a
    part of the weights. What leads through passthrough nodes becomes one join for each source, target and
    chain of filters; filters of one chain on one target are computed once, in the first of its joins.
    """
    links = scene.structure.links
    folded = folded_nodes(links)
    joins = [
        _direct(scene, link)
        for link in links
        if link.target not in folded and link.source.owner not in folded
    ]
    for target, flows in fold(links, folded):
        constant = [flow for flow in flows if scene.is_constant(flow.source.owner)]
        if constant:
            joins.append(_bias(scene, target, constant))
        joins.extend(_composed(scene, target, [flow for flow in flows if flow not in constant]))
    return joins


def _direct(scene: Scene, link: Link) -> Join:
    """Make the join of a link that no passthrough node interrupts."""
    weights = link.weights
    if weights is None and isinstance(link.target, Neurons):
        # One synapse from each element to one neuron: a copy in the simulator.
        weights = identity_weights(len(link.read))
    return link_join(scene, link, weights, gain=False)


def _bias(scene: Scene, target: Any, flows: list[Flow]) -> Join:
    """Make the join of all constants that reach a target: one bias."""
    elements = len(np.unique(np.concatenate([flow.rows for flow in flows])))
    source = flows[0].source
    return Join(
        path=_path(scene, flows[0], target),
        source=source,
        target=target,
        steps=[scene.step(Elementwise(function="bias", elements=elements))],
        read=np.arange(source.size),
        elements=elements,
        parameters=elements,
        origin=scene.origins.get(source.owner),
    )


def _composed(scene: Scene, target: Any, flows: list[Flow]) -> list[Join]:
    """Make the joins of the flows that reach a target."""
    filtered: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for flow in flows:
        filtered[flow.synapses] |= set(flow.rows.tolist())
    return [_flow_join(scene, target, flow, filtered) for flow in flows]


def _flow_join(scene: Scene, target: Any, flow: Flow, filtered: dict[tuple[Any, ...], set[int]]) -> Join:
    steps, parameters, read = [], 0, np.arange(flow.source.size)
    if flow.weighted or isinstance(target, Neurons):
        weights, read = flow.weights(), flow.read
        steps.append(scene.weigh(flow.source, read, weights))
        parameters = weights.stored
    elements = len(filtered.pop(flow.synapses, ()))
    for synapse in flow.synapses if elements else ():
        steps.append(scene.step(synapse_operation(synapse, elements, scene.sim.dt)))
    path = _path(scene, flow, target)
    ends = [link.target for link in flow.weighted] or [target]
    origin = scene.origins.get(owner_of(ends[-1]))
    return Join(path, flow.source, target, steps, read, len(flow.rows), parameters, origin)


def _path(scene: Scene, flow: Flow, target: Any) -> str:
    """Name a composed connection after what it joins."""
    owner = flow.source.owner
    source = scene.names.connection(owner) if isinstance(owner, nengo.Connection) else scene.names[owner]
    return scene.names.unique(f"{source} -> {scene.names.target(owner_of(target))}")
