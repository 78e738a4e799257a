"""`NengoProbe`: record a NengoDL simulator while it runs."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import warnings
from types import TracebackType
from typing import Any

import nengo
import nengo_dl
import numpy as np
import tensorflow as tf

import energyprobe
from energyprobe.errors import ModelError, RecordingError
from energyprobe.frontends.nengo.attach import CountedFunctions
from energyprobe.frontends.nengo.calls import Scene
from energyprobe.frontends.nengo.counters import GraphCounters, Watch
from energyprobe.frontends.nengo.folded import folded_joins
from energyprobe.frontends.nengo.joins import reading_calls
from energyprobe.frontends.nengo.links import Structure, build_structure, is_direct
from energyprobe.frontends.nengo.literal import literal_joins
from energyprobe.frontends.nengo.naming import Names, layer_origins
from energyprobe.frontends.nengo.totals import Recording
from energyprobe.trace.records import Trace


class NengoProbe:
    """Record what a NengoDL simulator does while it runs.

    Outputs are bit-identical to a run without the probe, and the simulator is as before on leaving.
    Memory does not depend on the number of timesteps, but for one number for each signal and timestep.

    Parameters
    ----------
    sim : nengo_dl.Simulator
        An open simulator: just built, trained, or with restored parameters.

    Raises
    ------
    ModelError
        If it is not an open `nengo_dl.Simulator`, or its network has no neurons.

    Notes
    -----
    A probe that is entered again starts anew. Neurons of random types (`nengo.PoissonSpiking`,
    `nengo.StochasticSpiking`) draw what they would draw in a simulator that has not run yet.

    Examples
    --------
    >>> with nengo_dl.Simulator(net) as sim:            # doctest: +SKIP
    ...     with ep.NengoProbe(sim) as probe:
    ...         sim.predict(x)
    >>> trace = probe.trace                             # doctest: +SKIP
    """

    def __init__(self, sim: nengo_dl.Simulator) -> None:
        _check(sim)
        self._sim = sim
        self._counters = GraphCounters(sim.tensor_graph, _watches(build_structure(sim)))
        self._functions = CountedFunctions(sim, self._counters, self._add_run)
        self._recording = Recording([])
        self._trace: Trace | None = None
        self._undo = contextlib.ExitStack()

    @property
    def trace(self) -> Trace:
        """What was recorded.

        Raises
        ------
        RecordingError
            While the probe is attached, if nothing ran, or if a run broke off.
        """
        if self._trace is None:
            raise RecordingError(self._no_trace())
        return self._trace

    def __enter__(self) -> NengoProbe:
        """Attach to the simulator."""
        _check(self._sim)
        self._trace = None
        self._recording = Recording(self._counters.watches)
        self._undo.enter_context(self._functions.attached())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Detach, whatever happened, and make the trace of what ran."""
        self._undo.close()
        if kind is None and not self._functions.failed and self._recording.presented.samples:
            self._trace = self._make_trace()

    def _add_run(self, start: int, isolated: bool) -> None:
        timesteps, counts = self._counters.read()
        self._recording.add(counts, self._sim.minibatch_size, timesteps, start, isolated)

    def _no_trace(self) -> str:
        if self._functions.failed:
            return "the run broke off, so there is no trace of it: run again in a new with block"
        return (
            "nothing was recorded: run the simulator (predict, evaluate, run_steps, run) inside "
            "`with NengoProbe(sim) as probe:`, and read probe.trace after that block"
        )

    def _make_trace(self) -> Trace:
        sim = self._sim
        network = sim.model.toplevel
        scene = Scene(
            sim=sim,
            structure=build_structure(sim),
            names=Names(network),
            origins=layer_origins(network),
            recording=self._recording,
            fed=self._functions.fed,
        )
        literal, outputs = reading_calls(scene, "literal", literal_joins(scene))
        folded, _ = reading_calls(scene, "folded", folded_joins(scene))
        for call in literal:
            if call.fate == "uncounted":
                warnings.warn(f"{call.path} is not counted: {call.steps[0].operation}", stacklevel=3)
        return Trace(
            model=network.label or "network",
            fingerprint=_fingerprint(sim),
            versions=_versions(sim),
            samples=self._recording.presented.samples,
            calls=(*literal, *folded),
            outputs=tuple(outputs),
        )


def _check(sim: Any) -> None:
    """Raise unless it is a simulator that can be recorded."""
    if isinstance(sim, nengo.Simulator):
        raise ModelError(
            "expected a nengo_dl.Simulator, got a nengo.Simulator: build the same network with "
            "nengo_dl.Simulator(network) and record that"
        )
    if not isinstance(sim, nengo_dl.Simulator):
        raise ModelError(f"expected a nengo_dl.Simulator, got {type(sim).__name__}")
    if sim.closed:
        raise ModelError(
            "the simulator is closed: use NengoProbe inside `with nengo_dl.Simulator(…) as sim:`"
        )
    if sim.model.toplevel is None:
        raise ModelError("the simulator was built from a model without a network: pass it the network")
    if not any(ensemble.n_neurons for ensemble in sim.model.toplevel.all_ensembles):
        raise ModelError("the network has no ensembles, hence no neurons to record")


def _watches(structure: Structure) -> list[Watch]:
    """List the signals to observe: neurons, what weights multiply, and what ensembles encode."""
    read = [link.source for link in structure.links if link.weights is not None]
    neurons = [
        source
        for owner, source in structure.sources.items()
        if isinstance(owner, nengo.Ensemble) and not is_direct(owner)
    ]
    wanted = dict.fromkeys((*neurons, *read, *structure.values.values()))
    return [source.watch for source in wanted if source.observed]


def _fingerprint(sim: Any) -> str:
    """Digest the built network: its operators and the present weights."""
    digest = hashlib.sha256()
    for operator in sim.model.operators:
        digest.update(type(operator).__name__.encode())
        digest.update(repr([signal.shape for signal in operator.all_signals]).encode())
    for variable in sim.keras_model.weights:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def _versions(sim: Any) -> dict[str, str]:
    """Name what the recording was made with."""
    return {
        "energyprobe": energyprobe.__version__,
        "framework": "nengo_dl",
        "nengo_dl": nengo_dl.__version__,
        "nengo": nengo.__version__,
        "tensorflow": tf.__version__,
        "backend": "tensorflow",
        "precision": str(sim.tensor_graph.dtype),
        "python": platform.python_version(),
    }
