"""Which operators NengoDL runs as one: those of a kind that do not wait for one another in a timestep."""

from __future__ import annotations

from typing import Any

from energyprobe.frontends.nengo.links import Readout


class Merges:
    """How many operators run as one, by what one of them does.

    Parameters
    ----------
    sim : nengo_dl.Simulator
        An open simulator.
    """

    def __init__(self, sim: Any) -> None:
        self._signals = sim.model.sig
        self._reading: dict[Any, int] = {}
        self._writing: dict[Any, int] = {}
        for operators in sim.tensor_graph.plan:
            for operator in operators:
                written = (*operator.sets, *operator.incs, *operator.updates)
                self._reading |= dict.fromkeys(operator.reads, len(operators))
                self._writing |= dict.fromkeys(written, len(operators))

    def of_weights(self, connection: Any) -> int:
        """Operators that run with the one that multiplies by the weights of a connection."""
        return self._reading.get(self._signals[connection]["weights"], 1)

    def of_encoders(self, ensemble: Any) -> int:
        """Operators that run with the one that multiplies by the encoders of an ensemble."""
        return self._reading.get(self._signals[ensemble]["encoders"], 1)

    def of_neurons(self, ensemble: Any) -> int:
        """Operators that run with the one that updates the neurons of an ensemble."""
        return self._writing.get(self._signals[ensemble.neurons]["out"], 1)

    def of_filter(self, connection: Any) -> int:
        """Operators that run with the filter of a connection."""
        if isinstance(connection, Readout):
            return self._writing.get(self._signals[connection.post_obj]["filtered"], 1)
        return self._writing.get(self._signals[connection]["weighted"], 1)
