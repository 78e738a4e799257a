"""The literal reading: what the simulator computes, connection by connection."""

from __future__ import annotations

from nengo.ensemble import Neurons

from energyprobe.frontends.nengo.calls import Scene, link_steps
from energyprobe.frontends.nengo.joins import Join
from energyprobe.frontends.nengo.links import Link, is_passthrough
from energyprobe.frontends.nengo.naming import owner_of
from energyprobe.frontends.nengo.weights import Weights
from energyprobe.trace.operations import Elementwise, Free, Uncounted
from energyprobe.trace.records import Step


def literal_joins(scene: Scene) -> list[Join]:
    """Make one join of each link, those of probes among them."""
    return [link_join(scene, link, link.weights, gain=True) for link in scene.structure.links]


def link_join(scene: Scene, link: Link, weights: Weights | None, *, gain: bool) -> Join:
    """Make the join of one link.

    Parameters
    ----------
    scene : Scene
        What it is made from.
    link : Link
        The link.
    weights : Weights or None
        What it multiplies by in the reading.
    gain : bool
        Whether the gain of the neurons that it feeds is multiplied apart.
    """
    return Join(
        path=scene.names.connection(link.connection),
        source=link.source,
        target=link.target,
        steps=_steps(scene, link, weights, gain),
        read=link.read,
        elements=len(link.written),
        parameters=link.parameters,
        origin=scene.origins.get(owner_of(link.target)),
    )


def _steps(scene: Scene, link: Link, weights: Weights | None, gain: bool) -> list[Step]:
    """Make the steps of a link: weights, filter, learning, gain."""
    if not link.known:
        kind = type(link.connection.transform).__name__
        return [scene.step(Uncounted(reason=f"transform of unknown type {kind}"))]
    if scene.is_constant(link.source.owner):
        return [_constant_step(scene, link)]
    steps = [] if weights is None else [scene.weigh_link(link, weights)]
    steps += link_steps(scene, link)
    if gain and isinstance(link.connection.post_obj, Neurons):
        steps.append(scene.step(Elementwise(function="gain", elements=len(link.written))))
    return steps


def _constant_step(scene: Scene, link: Link) -> Step:
    """Make the step of a link that adds constants: a bias, or a part of one that is worked out once."""
    if is_passthrough(link.target) and scene.is_constant(link.target):
        return scene.step(Free(reason="constant: a part of a bias"))
    return scene.step(Elementwise(function="bias", elements=len(link.written)))
