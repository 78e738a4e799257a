"""Layer calls of the parts of a network that are the same in both readings, and steps for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nengo
import numpy as np
from numpy.typing import NDArray

from energyprobe.frontends.nengo.learning import learning_operations
from energyprobe.frontends.nengo.links import (
    Link,
    Source,
    Structure,
    is_passthrough,
    learning_rules,
    modified_by,
    reaches_neurons,
)
from energyprobe.frontends.nengo.merges import Merges
from energyprobe.frontends.nengo.naming import Names
from energyprobe.frontends.nengo.neurons import neuron_kind
from energyprobe.frontends.nengo.synapses import synapse_operation
from energyprobe.frontends.nengo.totals import Recording
from energyprobe.frontends.nengo.weights import Fanout, encoder_weights
from energyprobe.trace.operations import AnyOperation, Elementwise, Filter, Free, NeuronUpdate, Uncounted
from energyprobe.trace.records import Activity, LayerCall, Reading, Step, Use


@dataclass(frozen=True)
class Scene:
    """All that calls are made from: a network, its names, and what was counted.

    Attributes
    ----------
    sim : nengo_dl.Simulator
        The simulator.
    structure : Structure
        Its network, with the weights at the end of the recording.
    merges : Merges
        Which of its operators run as one.
    names : Names
        Paths of its objects.
    origins : dict
        Object to Keras layer.
    recording : Recording
        What was counted.
    fed : set of str
        Input nodes that were given data.
    rates : bool
        Whether to keep histograms of how often neurons fired.
    """

    sim: Any
    structure: Structure
    merges: Merges
    names: Names
    origins: dict[Any, str]
    recording: Recording
    fed: set[str]
    rates: bool = False

    @property
    def dtype(self) -> str:
        """Data type in which the simulator computes."""
        return str(self.sim.tensor_graph.dtype)

    @property
    def item_bytes(self) -> int:
        """Bytes of one value."""
        return np.dtype(self.dtype).itemsize

    @property
    def sample_steps(self) -> int:
        """Timesteps, summed over samples: how often each operation ran."""
        return self.recording.presented.sample_steps

    @property
    def _timesteps(self) -> int | None:
        """Timesteps of a sample; None where samples were of different lengths."""
        presented = self.recording.presented
        alike = bool((presented.samples_by_step == presented.samples).all())
        return len(presented.samples_by_step) if alike else None

    def activity(
        self,
        source: Source,
        read: NDArray[np.int64] | None = None,
        fanout: NDArray[np.int64] | None = None,
    ) -> Activity | None:
        """Give the activity of a vector, or of some of its elements; None where it was not observed."""
        totals = self.recording.totals.get(source.watch.signal)
        if totals is None:
            return None
        elements = np.arange(source.size) if read is None else read
        return totals.activity(self.recording.presented, elements, fanout, self.rates)

    def is_constant(self, owner: Any, beyond: tuple[Any, ...] = ()) -> bool:
        """Whether an object put out the same values in each timestep of every sample.

        That is a node whose output is an array and that was given no data, or a passthrough node that is
        fed by such nodes alone.
        """
        if not isinstance(owner, nengo.Node) or owner in beyond:
            return False
        if is_passthrough(owner):
            feeding = [link for link in self.structure.links if link.target is owner]
            return all(self.is_constant(link.source.owner, (*beyond, owner)) for link in feeding)
        return isinstance(owner.output, np.ndarray) and self.sim.get_name(owner) not in self.fed

    def call(
        self, reading: Reading, path: str, kind: str, steps: list[Step], *, elements: int, **facts: Any
    ) -> LayerCall:
        """Make a call of a part that computes some elements in each timestep."""
        operations = [step.operation for step in steps]
        uncounted = any(isinstance(operation, Uncounted) for operation in operations)
        free = all(isinstance(operation, Free) for operation in operations)
        return LayerCall(
            layer=path.rsplit("/", 1)[-1],
            path=path,
            type=kind,
            call_index=0,
            reading=reading,
            fate="uncounted" if uncounted else "free" if free else "counted",
            steps=tuple(steps),
            samples=self.recording.presented.samples,
            sample_steps=self.sample_steps,
            dt=self.sim.dt,
            out_shape=(self._timesteps, elements),
            bytes_out=elements * self.item_bytes * self.sample_steps,
            foldable_over_time=not any(step.state_bytes for step in steps),
            **facts,
        )

    def step(self, operation: AnyOperation, states: int = 0, merged: int = 1) -> Step:
        """Make a step without weights; state variables are given but for those of a filter."""
        if isinstance(operation, Filter):
            states = operation.elements * operation.order
        return Step(
            operation=operation,
            executions=self.sample_steps,
            dtype=self.dtype,
            state_bytes=states * self.item_bytes,
            merged=merged,
        )

    def weigh(self, source: Source, read: NDArray[np.int64], weights: Fanout, merged: int = 1) -> Step:
        """Make the step that multiplies some elements of a source by weights."""
        return Step(
            operation=weights.operation,
            executions=self.sample_steps,
            dtype=self.dtype,
            use=self._use(source, read, weights.fanout, weights.effective),
            weights=weights.stored,
            weight_nonzeros=weights.nonzero,
            weight_bytes=weights.stored * self.item_bytes,
            merged=merged,
        )

    def weigh_link(self, link: Link, weights: Fanout) -> Step:
        """Make the step that multiplies what a connection reads by its weights."""
        return self.weigh(link.source, link.read, weights, self.merges.of_weights(link.connection))

    def _use(
        self,
        source: Source,
        read: NDArray[np.int64],
        fanout: NDArray[np.int64],
        effective: NDArray[np.int64],
    ) -> Use:
        spiking = source.watch.spike is not None
        totals = self.recording.totals.get(source.watch.signal)
        if totals is None:
            return Use(activity=None, spiking=spiking)
        events, spikes = totals.events[read], totals.spikes[read]
        return Use(
            activity=self.activity(source, read, fanout),
            spiking=spiking,
            fanout_events=int(events @ fanout),
            fanout_spikes=int(spikes @ fanout) if spiking else None,
            effective_events=int(events @ effective),
            effective_spikes=int(spikes @ effective) if spiking else None,
        )


def ensemble_call(scene: Scene, ensemble: Any, reading: Reading, inputs: tuple[str, ...]) -> LayerCall:
    """Make the call of an ensemble: encoding, once whatever the number of connections, and neurons."""
    neurons = ensemble.n_neurons
    source = scene.structure.sources[ensemble]
    steps = []
    value = scene.structure.values.get(ensemble)
    if value is not None:
        steps.append(_encode(scene, ensemble, value))
    kind, merged = neuron_kind(ensemble.neuron_type), scene.merges.of_neurons(ensemble)
    if kind.stateful:
        update = NeuronUpdate(neuron=kind.name, neurons=neurons)
        steps.append(scene.step(update, _state_variables(scene.sim, ensemble), merged))
    else:
        steps.append(scene.step(Elementwise(function=kind.name, elements=neurons), merged=merged))
    steps.append(scene.step(Elementwise(function="bias", elements=neurons)))
    parameters = neurons * (1 + (ensemble.dimensions if value is not None else 0))
    return scene.call(
        reading,
        scene.names[ensemble],
        "Ensemble",
        steps,
        elements=neurons,
        inputs=inputs,
        output=scene.activity(source),
        output_spiking=source.watch.spike is not None,
        parameters=parameters,
        parameter_bytes=parameters * scene.item_bytes,
        bytes_in=neurons * scene.item_bytes * scene.sample_steps,
        origin=scene.origins.get(ensemble),
    )


def link_steps(scene: Scene, link: Link) -> list[Step]:
    """Make the steps of a connection after its weights: filter and learning rules."""
    outputs = len(link.written)
    steps = []
    if link.connection.synapse is not None:
        operation = synapse_operation(link.connection.synapse, outputs, scene.sim.dt)
        steps.append(scene.step(operation, merged=scene.merges.of_filter(link.connection)))
    post = link.connection.post_obj
    fed = post if isinstance(post, nengo.Ensemble) else getattr(post, "ensemble", None)
    encoders = (0, 0) if fed is None else (fed.n_neurons, fed.dimensions)
    for rule in learning_rules(link.connection):
        operations = learning_operations(
            rule, (len(link.read), outputs), encoders, reaches_neurons(link.connection), scene.sim.dt
        )
        steps.extend(scene.step(operation) for operation in operations)
    return steps


def _encode(scene: Scene, ensemble: Any, value: Source) -> Step:
    """Make the step that multiplies the value of an ensemble by its encoders."""
    learned = any(
        modified_by(link.connection, "encoders")
        for link in scene.structure.links
        if link.connection.post_obj is ensemble
    )
    shape = (ensemble.n_neurons, ensemble.dimensions)
    encoders = np.ones(shape) if learned else scene.sim.data.get_params((ensemble, "scaled_encoders"))[0]
    merged = scene.merges.of_encoders(ensemble)
    return scene.weigh(value, np.arange(value.size), encoder_weights(encoders), merged)


def _state_variables(sim: Any, ensemble: Any) -> int:
    """Count the state variables of the neurons of an ensemble."""
    signals = sim.model.sig[ensemble.neurons]
    return sum(int(signals[name].size) for name in signals if name not in ("in", "out", "bias", "rate_out"))
