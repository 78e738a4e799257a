"""The literal reading: what the simulator computes, connection by connection."""

from __future__ import annotations

import nengo
from nengo.ensemble import Neurons

from energyprobe.frontends.nengo.calls import Scene, link_steps
from energyprobe.frontends.nengo.joins import Join
from energyprobe.frontends.nengo.links import Link, is_passthrough
from energyprobe.frontends.nengo.naming import owner_of
from energyprobe.trace.operations import Elementwise, Free, Uncounted
from energyprobe.trace.records import Step


def literal_joins(scene: Scene) -> list[Join]:
    """Make one join of each link, those of probes among them."""
    return [_join(scene, link) for link in scene.structure.links]


def _join(scene: Scene, link: Link) -> Join:
    steps = _steps(scene, link)
    if not steps and not isinstance(link.target, nengo.Probe):
        steps = [scene.step(Free(reason="hands on values as they are"))]
    return Join(
        path=scene.names.connection(link.connection),
        source=link.source,
        target=link.target,
        steps=steps,
        read=link.read,
        elements=len(link.written),
        parameters=link.parameters,
        origin=scene.origins.get(owner_of(link.target)),
    )


def _steps(scene: Scene, link: Link) -> list[Step]:
    """Make the steps of a link: weights, filter, learning, gain of the neurons."""
    if not link.known:
        kind = type(link.connection.transform).__name__
        return [scene.step(Uncounted(reason=f"transform of unknown type {kind}"))]
    if scene.is_constant(link.source.owner):
        return [constant_step(scene, link)]
    steps = [] if link.weights is None else [scene.weigh_link(link, link.weights)]
    steps += link_steps(scene, link)
    if isinstance(link.connection.post_obj, Neurons):
        steps.append(scene.step(Elementwise(function="gain", elements=len(link.written))))
    return steps


def constant_step(scene: Scene, link: Link) -> Step:
    """Make the step of a link that adds constants: a bias, or a part of one that is worked out once."""
    if is_passthrough(link.target) and scene.is_constant(link.target):
        return scene.step(Free(reason="constant: a part of a bias"))
    return scene.step(Elementwise(function="bias", elements=len(link.written)))
