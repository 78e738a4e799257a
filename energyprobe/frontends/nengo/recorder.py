"""Recording a NengoDL simulator: what a `NengoProbe` does once it is attached."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import warnings
from collections.abc import Iterator
from typing import Any

import nengo
import nengo_dl
import numpy as np
import tensorflow as tf

from energyprobe import __version__
from energyprobe.errors import ModelError
from energyprobe.frontends.nengo.attach import CountedFunctions
from energyprobe.frontends.nengo.calls import Scene
from energyprobe.frontends.nengo.counters import GraphCounters, Watch
from energyprobe.frontends.nengo.folded import folded_joins
from energyprobe.frontends.nengo.joins import reading_calls
from energyprobe.frontends.nengo.links import Structure, build_structure, is_direct
from energyprobe.frontends.nengo.literal import literal_joins
from energyprobe.frontends.nengo.merges import Merges
from energyprobe.frontends.nengo.naming import Names, layer_origins
from energyprobe.frontends.nengo.totals import Recording
from energyprobe.trace.operations import Uncounted
from energyprobe.trace.records import LayerCall, Trace


class Recorder:
    """Counts what a simulator does, and makes traces of it.

    Parameters
    ----------
    sim : nengo_dl.Simulator
        An open simulator.
    detail : frozenset of str
        What to record beyond the default; see `energyprobe.NengoProbe`.

    Raises
    ------
    ModelError
        If it is not an open `nengo_dl.Simulator`, or its network has no neurons.
    """

    def __init__(self, sim: Any, detail: frozenset[str]) -> None:
        _check(sim)
        self._sim = sim
        self._detail = detail
        watches = _watches(build_structure(sim))
        self._counters = GraphCounters(sim.tensor_graph, watches, values="values" in detail)
        self._functions = CountedFunctions(sim, self._counters, self._add_run)
        self._recording = Recording([])

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Attach for the duration of a ``with`` block, forgetting what was recorded before."""
        _check(self._sim)
        self._recording = Recording(self._counters.watches)
        with self._functions.attached():
            yield

    @property
    def failed(self) -> bool:
        """Whether a run broke off."""
        return self._functions.failed

    @property
    def ran(self) -> bool:
        """Whether anything was recorded."""
        return self._recording.presented.samples > 0

    def trace(self) -> Trace:
        """Make the trace of what was recorded, with the present weights."""
        sim, network = self._sim, self._sim.model.toplevel
        scene = Scene(
            sim=sim,
            structure=build_structure(sim),
            merges=Merges(sim),
            names=Names(network),
            origins=layer_origins(network),
            recording=self._recording,
            fed=self._functions.fed,
            rates="neurons" in self._detail,
        )
        literal, outputs = reading_calls(scene, "literal", literal_joins(scene))
        folded, _ = reading_calls(scene, "folded", folded_joins(scene))
        for call in literal:
            _warn_if_uncounted(call)
        return Trace(
            model=network.label or "network",
            fingerprint=_fingerprint(sim),
            versions=_versions(sim),
            samples=self._recording.presented.samples,
            calls=(*literal, *folded),
            outputs=tuple(outputs),
            options={"detail": ",".join(sorted(self._detail))} if self._detail else {},
        )

    def _add_run(self, start: int, isolated: bool) -> None:
        timesteps, counts = self._counters.read()
        self._recording.add(counts, self._sim.minibatch_size, timesteps, start, isolated)


def _warn_if_uncounted(call: LayerCall) -> None:
    reasons = [step.operation.reason for step in call.steps if isinstance(step.operation, Uncounted)]
    if reasons:
        warnings.warn(f"{call.path} is not counted: {'; '.join(reasons)}", stacklevel=2)


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
        raise ModelError("the simulator is closed: use NengoProbe inside its with block")
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
        "energyprobe": __version__,
        "framework": "nengo_dl",
        "nengo_dl": nengo_dl.__version__,
        "nengo": nengo.__version__,
        "tensorflow": tf.__version__,
        "backend": "tensorflow",
        "precision": str(sim.tensor_graph.dtype),
        "python": platform.python_version(),
    }
