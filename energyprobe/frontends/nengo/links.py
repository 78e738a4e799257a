"""A built network as sources, targets and the links between them: the structure that both readings walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import nengo
import nengo_dl
import numpy as np
from nengo.builder.processes import SimProcess
from nengo.ensemble import Neurons
from numpy.typing import NDArray

from energyprobe.frontends.nengo.counters import Watch
from energyprobe.frontends.nengo.neurons import neuron_kind, spike_value
from energyprobe.frontends.nengo.weights import Weights, full_weights, transform_weights


@dataclass(frozen=True, eq=False)
class Source:
    """A vector that links read.

    Attributes
    ----------
    owner : object
        Ensemble (for its neurons), node, or connection (for the value of its function).
    watch : Watch
        The vector's signal.
    observed : bool
        Whether the simulator keeps the signal: what nothing reads is optimised away.
    """

    owner: Any
    watch: Watch
    observed: bool

    @property
    def size(self) -> int:
        """Elements of the vector."""
        return self.watch.size


@dataclass(frozen=True, eq=False)
class Readout:
    """What a probe of a signal does, in the words of a connection: it filters and weighs nothing.

    Attributes
    ----------
    pre_obj, pre_slice : object, slice
        What is probed.
    post_obj : nengo.Probe
        The probe.
    synapse : nengo.synapses.Synapse or None
        Its filter.
    """

    pre_obj: Any
    pre_slice: Any
    post_obj: Any
    synapse: Any
    post_slice: ClassVar[slice] = slice(None)
    label: ClassVar[None] = None
    function: ClassVar[None] = None
    learning_rule_type: ClassVar[None] = None
    has_weights: ClassVar[bool] = False


@dataclass(frozen=True, eq=False)
class Link:
    """One built connection.

    Attributes
    ----------
    connection : nengo.Connection or Readout
        The connection, those of probes among them.
    source : Source
        What it reads.
    read, written : numpy.ndarray of int64
        Which elements of the source it reads, and which elements of the target it adds to.
    target : object
        Ensemble, neurons, node, probe or learning rule.
    weights : Weights or None
        None where it has none (it copies), or they are of unknown type.
    parameters : int
        Weights that it holds, those of unknown type among them.
    known : bool
        False for a transform of unknown type.
    """

    connection: Any
    source: Source
    read: NDArray[np.int64]
    written: NDArray[np.int64]
    target: Any
    weights: Weights | None
    parameters: int = 0
    known: bool = True

    @property
    def copies(self) -> bool:
        """Whether it hands on every element as it is, in order."""
        return (
            self.known
            and self.weights is None
            and np.array_equal(self.read, np.arange(self.source.size))
            and np.array_equal(self.written, np.arange(_size_in(self.target)))
        )


@dataclass
class Structure:
    """A built network.

    Attributes
    ----------
    links : list of Link
        In the order in which the connections were made, those of probes last.
    sources : dict
        Owner to what it puts out.
    values : dict
        What is fed to ensembles (the value that they encode) and TensorNodes that are fed at all.
    """

    links: list[Link] = field(default_factory=list)
    sources: dict[Any, Source] = field(default_factory=dict)
    values: dict[Any, Source] = field(default_factory=dict)


def build_structure(sim: Any) -> Structure:
    """Describe the network of a simulator, with its present weights.

    Parameters
    ----------
    sim : nengo_dl.Simulator
        An open simulator.
    """
    structure = Structure()
    network = sim.model.toplevel
    for ensemble in network.all_ensembles:
        owner = ensemble if is_direct(ensemble) else ensemble.neurons
        _add_source(sim, structure, ensemble, sim.model.sig[owner]["out"])
    for node in network.all_nodes:
        if node.size_out:
            _add_source(sim, structure, node, sim.model.sig[node]["out"])
    connections = [*network.all_connections, *probe_connections(sim)]
    for connection, values in zip(connections, _weight_values(sim, connections), strict=True):
        structure.links.append(_link(sim, structure, connection, values))
    for target in dict.fromkeys(link.target for link in structure.links):
        encodes = isinstance(target, nengo.Ensemble) and not is_direct(target)
        if encodes or isinstance(target, nengo_dl.TensorNode):
            structure.values[target] = _source(sim, target, Watch(sim.model.sig[target]["in"]))
    return structure


def is_direct(obj: Any) -> bool:
    """Whether it is an ensemble that computes functions in place of neurons."""
    return isinstance(obj, nengo.Ensemble) and isinstance(obj.neuron_type, nengo.Direct)


def is_passthrough(obj: Any) -> bool:
    """Whether it is a node that only adds up what it is given."""
    return type(obj) is nengo.Node and obj.output is None


def probe_connections(sim: Any) -> list[Any]:
    """List what leads to probes of outputs: connections that are in no network, and readouts.

    Probes of anything else (voltages, weights) look into the simulation and take no part in it.
    """
    connections = [
        built
        for built in sim.model.params
        if isinstance(built, nengo.Connection) and isinstance(built.post_obj, nengo.Probe)
    ]
    readouts = [
        Readout(probe.obj, slice(None) if probe.slice is None else probe.slice, probe, probe.synapse)
        for probe in sim.model.probes
        if isinstance(probe.obj, (nengo.Node, Neurons)) and probe.attr in ("output", "spikes", "rates")
    ]
    return [*connections, *readouts]


def decodes(connection: Any) -> bool:
    """Whether a connection reads neurons through decoders (or the full weights that they make)."""
    return isinstance(connection.pre_obj, nengo.Ensemble) and not is_direct(connection.pre_obj)


def reaches_neurons(connection: Any) -> bool:
    """Whether what it adds up is current of neurons, and not a value to be encoded."""
    if isinstance(connection.post_obj, nengo.Ensemble) and decodes(connection):
        return bool(connection.solver.weights)
    return isinstance(connection.post_obj, Neurons)


def learning_rules(connection: Any) -> list[Any]:
    """List the types of the learning rules of a connection."""
    rules = connection.learning_rule_type
    if isinstance(rules, dict):
        return list(rules.values())
    if isinstance(rules, (list, tuple)):
        return list(rules)
    return [] if rules is None else [rules]


def modified_by(connection: Any, *parts: str) -> bool:
    """Whether a learning rule of the connection modifies one of these parts (weights, decoders, encoders)."""
    return any(rule.modifies in parts for rule in learning_rules(connection))


def _add_source(sim: Any, structure: Structure, owner: Any, signal: Any) -> None:
    watch = Watch(signal)
    if isinstance(owner, nengo.Ensemble) and not is_direct(owner):
        spike = spike_value(owner.neuron_type, sim.dt)
        watch = Watch(signal, spike, spike is not None and neuron_kind(owner.neuron_type).single)
    structure.sources[owner] = _source(sim, owner, watch)


def _source(sim: Any, owner: Any, watch: Watch) -> Source:
    return Source(owner, watch, watch.signal in sim.tensor_graph.signals)


def _link(sim: Any, structure: Structure, connection: Any, values: Any) -> Link:
    owner, read = _what_it_reads(sim, structure, connection)
    target, written = _what_it_feeds(connection)
    source = structure.sources[owner]
    if values is None:
        return Link(connection, source, read, written, target, None)
    weights = _weights(connection, values)
    parameters = int(np.size(values)) if weights is None else weights.stored
    return Link(connection, source, read, written, target, weights, parameters, known=weights is not None)


def _what_it_reads(sim: Any, structure: Structure, connection: Any) -> tuple[Any, NDArray[np.int64]]:
    """Give the owner of the source of a connection, and the elements that its weights multiply."""
    pre = connection.pre_obj
    if decodes(connection):
        # Decoders read all neurons; a slice of the decoded value is in the decoders already.
        return pre, np.arange(pre.n_neurons)
    if connection.function is not None:
        _add_source(sim, structure, connection, _function_signal(sim, connection))
        return connection, np.arange(connection.size_mid)
    owner = pre.ensemble if isinstance(pre, Neurons) else pre
    return owner, np.arange(pre.size_out)[connection.pre_slice]


def _what_it_feeds(connection: Any) -> tuple[Any, NDArray[np.int64]]:
    """Give the target of a connection, and the elements of it that it adds to."""
    target = connection.post_obj
    if isinstance(target, nengo.Ensemble) and reaches_neurons(connection):
        return target.neurons, np.arange(target.n_neurons)
    return target, np.arange(_size_in(target))[connection.post_slice]


def _weights(connection: Any, values: Any) -> Weights | None:
    """Describe weights; None where their type is not known."""
    if decodes(connection) and connection.solver.weights:
        return full_weights(values)
    return transform_weights(connection.transform, values, decodes(connection))


def _weight_values(sim: Any, connections: list[Any]) -> list[Any]:
    """Fetch the present weights of connections, all at once; None for those that have none."""
    fetched = [connection for connection in connections if connection.has_weights and not _learns(connection)]
    values: dict[Any, Any] = {
        # Weights that learn change from step to step: none of them can be left out for being zero.
        connection: np.ones(sim.model.sig[connection]["weights"].shape)
        for connection in connections
        if _learns(connection)
    }
    present = sim.data.get_params(*((connection, "weights") for connection in fetched))
    values.update(zip(fetched, present, strict=True))
    return [values.get(connection) for connection in connections]


def _learns(connection: Any) -> bool:
    return modified_by(connection, "weights", "decoders")


def _function_signal(sim: Any, connection: Any) -> Any:
    """Find the signal that holds the value of a connection's function: what is weighted, then filtered."""
    signals = sim.model.sig[connection]
    value = signals["weighted"]
    for operator in sim.model.operators:
        if connection.synapse is not None and isinstance(operator, SimProcess) and operator.output is value:
            value = operator.input
            break
    for operator in sim.model.operators:
        if signals["weights"] is not None and signals["weights"] in operator.reads and value in operator.incs:
            return operator.X
    return value


def _size_in(obj: Any) -> int:
    return int(obj.size_in)
