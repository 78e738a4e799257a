"""A reading of a network: what joins its parts, and the calls that this comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nengo
import nengo_dl
import numpy as np
from numpy.typing import NDArray

from energyprobe.frontends.nengo.calls import Scene, ensemble_call
from energyprobe.frontends.nengo.links import Source, is_direct, is_passthrough
from energyprobe.frontends.nengo.naming import owner_of
from energyprobe.frontends.nengo.tensor_nodes import tensor_node_parameters, tensor_node_steps
from energyprobe.trace.operations import Free, Uncounted
from energyprobe.trace.records import LayerCall, Reading, Step


@dataclass(frozen=True, eq=False)
class Join:
    """What leads from one source to one target.

    Attributes
    ----------
    path : str
        Its path, once in a reading.
    source : Source
        What it reads.
    target : object
        Ensemble, neurons, node, probe or learning rule.
    steps : list of Step
        What is computed; empty where values are handed on as they are.
    read : numpy.ndarray of int64
        Elements of the source that it reads.
    elements : int
        Elements that it adds to the target.
    parameters : int
        Weights.
    origin : str or None
        Keras layer that it was made from.
    """

    path: str
    source: Source
    target: Any
    steps: list[Step]
    read: NDArray[np.int64]
    elements: int
    parameters: int
    origin: str | None

    @property
    def only_reads(self) -> bool:
        """Whether it is that of a probe that computes nothing: no call."""
        return isinstance(self.target, nengo.Probe) and not self.steps


def reading_calls(scene: Scene, reading: Reading, joins: list[Join]) -> tuple[list[LayerCall], list[str]]:
    """Make the calls of a reading.

    Parameters
    ----------
    scene : Scene
        What the calls are made from.
    reading : {"literal", "folded"}
        Which reading it is.
    joins : list of Join
        All of its joins.

    Returns
    -------
    calls : list of LayerCall
        Each part of the network follows what leads to it.
    outputs : list of str
        Keys of the calls that probes read.
    """
    leading: dict[Any, list[Join]] = {}
    for join in joins:
        leading.setdefault(owner_of(join.target), []).append(join)
    joined = {join.source.owner for join in joins} | set(leading)
    calls: list[LayerCall] = []
    for part in (*(part for part in _parts(scene, joined) if part not in leading), *leading):
        arriving = [join for join in leading.get(part, ()) if not join.only_reads]
        calls.extend(_join_call(scene, join, reading) for join in arriving)
        calls.extend(_part_calls(scene, part, reading, tuple(join.path for join in arriving)))
    outputs = [
        _source_key(scene, join.source) if join.only_reads else join.path
        for join in joins
        if isinstance(join.target, nengo.Probe)
    ]
    return calls, outputs


def _parts(scene: Scene, joined: set[Any]) -> list[Any]:
    """List the parts of a network that have calls; passthrough nodes only where something joins them."""
    network = scene.sim.model.toplevel
    functions = [owner for owner in scene.structure.sources if isinstance(owner, nengo.Connection)]
    nodes = [node for node in network.all_nodes if node in joined or not is_passthrough(node)]
    return [*functions, *nodes, *network.all_ensembles]


def _source_key(scene: Scene, source: Source) -> str:
    """Name the call that makes a source."""
    owner = source.owner
    if isinstance(owner, nengo.Connection):
        return f"{scene.names.connection(owner)}/function"
    if isinstance(owner, nengo.Node) and owner.size_in == 0:
        return f"input:{scene.names[owner]}"
    return scene.names[owner]


def _join_call(scene: Scene, join: Join, reading: Reading) -> LayerCall:
    return scene.call(
        reading,
        join.path,
        "Probe" if isinstance(join.target, nengo.Probe) else "Connection",
        join.steps or [scene.step(Free(reason="hands on values as they are"))],
        elements=join.elements,
        inputs=(_source_key(scene, join.source),),
        parameters=join.parameters,
        parameter_bytes=join.parameters * scene.item_bytes,
        bytes_in=len(join.read) * scene.item_bytes * scene.sample_steps,
        origin=join.origin,
    )


def _part_calls(scene: Scene, part: Any, reading: Reading, inputs: tuple[str, ...]) -> list[LayerCall]:
    """Make the call of a part: of an ensemble, or of what computes something unknown or nothing."""
    if isinstance(part, nengo.Ensemble) and not is_direct(part):
        return [ensemble_call(scene, part, reading, inputs)]
    source = scene.structure.sources.get(part)
    # Nodes without inputs stand for the world outside; probes and learning rules have no calls.
    if source is None or (isinstance(part, nengo.Node) and part.size_in == 0):
        return []
    steps = tensor_node_steps(scene, part) or [scene.step(_without_neurons(part))]
    parameters = tensor_node_parameters(part)
    call = scene.call(
        reading,
        _source_key(scene, source),
        "Function" if isinstance(part, nengo.Connection) else type(part).__name__,
        steps,
        elements=source.size,
        parameters=parameters,
        parameter_bytes=parameters * scene.item_bytes,
        inputs=inputs,
        output=scene.activity(source),
        origin=scene.origins.get(part),
    )
    return [call]


def _without_neurons(part: Any) -> Free | Uncounted:
    """Say what becomes of a part that is no ensemble of neurons."""
    if is_direct(part):
        return Free(reason="Direct mode: the value itself; the functions of its connections are listed apart")
    if isinstance(part, nengo.Connection):
        return Uncounted(reason=f"the Python function {_name(part.function)}")
    if is_passthrough(part):
        return Free(reason="passthrough: adds up what it is given")
    if isinstance(part, nengo_dl.TensorNode):
        return Uncounted(reason=f"a TensorNode of {_name(part.tensor_func)}")
    return Uncounted(reason=f"a node that runs {_name(part.output)}, outside of the network")


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
