"""Names: a path for each object of a Nengo network, and the Keras layer that it came from."""

from __future__ import annotations

from collections import Counter
from typing import Any

import nengo


class Names:
    """Paths of the objects of a network: labels of networks and object, joined by ``/``, each path once.

    Parameters
    ----------
    network : nengo.Network
        The top-level network.
    """

    def __init__(self, network: Any) -> None:
        self._paths: dict[Any, str] = {}
        self._taken: Counter[str] = Counter()
        self._walk(network, "")

    def __getitem__(self, obj: Any) -> str:
        """Give the path of an ensemble (or its neurons), node, probe or connection."""
        return self._paths[owner_of(obj)]

    def unique(self, path: str) -> str:
        """Take a path, with a number where it is taken already."""
        self._taken[path] += 1
        count = self._taken[path]
        return path if count == 1 else self.unique(f"{path} ({count})")

    def connection(self, connection: Any) -> str:
        """Take a path for a connection: its label, or what it joins."""
        if connection not in self._paths:
            ends = f"{self[connection.pre_obj]} -> {self.target(connection.post_obj)}"
            self._paths[connection] = self.unique(connection.label or ends)
        return self._paths[connection]

    def target(self, obj: Any) -> str:
        """Name what a connection feeds: an object, or a learning rule of another connection."""
        if isinstance(obj, nengo.connection.LearningRule):
            return f"{self.connection(obj.connection)} ({type(obj.learning_rule_type).__name__})"
        return self[obj]

    def _walk(self, network: Any, prefix: str) -> None:
        for kind, objects in (
            ("node", network.nodes),
            ("ensemble", network.ensembles),
            ("probe", network.probes),
        ):
            for number, obj in enumerate(objects):
                self._paths[obj] = self.unique(prefix + (obj.label or f"{kind}[{number}]"))
        for number, inner in enumerate(network.networks):
            self._walk(inner, self.unique(prefix + (inner.label or f"network[{number}]")) + "/")


def layer_origins(network: Any) -> dict[Any, str]:
    """Say which Keras layer each object of a converted network came from.

    `nengo_dl.Converter` keeps the objects that it made for each layer in the networks that it makes. An
    object that stands for several layers (Flatten makes none of its own) came from the first of them.

    Parameters
    ----------
    network : nengo.Network
        The top-level network; one that was not converted has no origins.

    Returns
    -------
    dict
        Object (the ensemble for its neurons) to the name of a layer.
    """
    origins: dict[Any, str] = {}
    for each in (network, *network.all_networks):
        for layer, by_call in getattr(each, "layer_map", {}).items():
            for objects in by_call.values():
                for obj in objects:
                    origins.setdefault(owner_of(obj), layer.name)
    # Nodes that Converter makes on the way to an object of a layer (biases) belong to that layer.
    for connection in reversed(network.all_connections if origins else ()):
        layer = origins.get(owner_of(connection.post_obj))
        if layer is not None:
            origins.setdefault(owner_of(connection.pre_obj), layer)
    return origins


def owner_of(obj: Any) -> Any:
    """Give the ensemble of neurons, and any other object itself."""
    return obj.ensemble if isinstance(obj, nengo.ensemble.Neurons) else obj
