"""Passthrough nodes composed away: the weights that lead from each source to each target directly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyprobe.frontends.nengo.links import Link, Source, decodes, is_passthrough, learning_rules
from energyprobe.frontends.nengo.weights import Fanout, identity_weights
from energyprobe.trace.operations import Decode, Dense, Sparse, Synaptic


@dataclass(frozen=True, eq=False)
class Flow:
    """All that leads from one source to one object through the same filters.

    Attributes
    ----------
    source : Source
        Where it begins.
    synapses : tuple
        Filters on the way.
    decoded : bool
        Whether it begins with decoders.
    pattern, values : scipy.sparse.csr_array
        Connections, and their composed weights, ``(elements of the object, elements of the source)``.
    weighted : tuple of Link
        The links on the way that have weights.
    plain : bool
        Whether all other links hand on every element in order, and there is only one way.
    """

    source: Source
    synapses: tuple[Any, ...]
    decoded: bool
    pattern: sparse.csr_array
    values: sparse.csr_array
    weighted: tuple[Link, ...]
    plain: bool

    @property
    def key(self) -> tuple[Any, ...]:
        """What is added up into one flow."""
        return (self.source, self.synapses, self.decoded)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Elements of the object that it reaches."""
        return np.flatnonzero(np.diff(self.pattern.indptr))

    def merged(self, other: Flow) -> Flow:
        """Add another flow of the same key: another way from the source to the object."""
        return Flow(
            self.source,
            self.synapses,
            self.decoded,
            _ones(self.pattern + other.pattern),
            self.values + other.values,
            self.weighted + other.weighted,
            plain=False,
        )

    def weights(self) -> Fanout:
        """Describe the composed weights.

        One link with weights among links that only hand on keeps its own description.
        """
        if self.plain and len(self.weighted) == 1 and self.weighted[0].weights is not None:
            return self.weighted[0].weights
        stored = int(self.pattern.nnz)
        return Fanout(
            self._operation(),
            np.bincount(self.pattern.indices, minlength=self.source.size),
            np.bincount(self.values.indices[self.values.data != 0], minlength=self.source.size),
            stored,
            int(np.count_nonzero(self.values.data)),
        )

    @property
    def read(self) -> NDArray[np.int64]:
        """Elements of the source that `weights` counts from."""
        if self.plain and len(self.weighted) == 1:
            return self.weighted[0].read
        return np.arange(self.source.size)

    def _operation(self) -> Synaptic:
        units, inputs = len(self.rows), self.source.size
        if self.decoded:
            # Decoders read every neuron, so does each element that anything decoded reaches.
            return Decode(neurons=inputs, dimensions=units)
        if self.pattern.nnz == units * inputs:
            return Dense(inputs=inputs, units=units)
        return Sparse(inputs=inputs, units=units, entries=int(self.pattern.nnz))


def folded_nodes(links: list[Link]) -> set[Any]:
    """List the passthrough nodes that can be composed away.

    Those stay that feed themselves through others of their kind (a memory), and those that a connection
    with a learning rule, or of unknown type, reads or feeds.
    """
    following: dict[Any, set[Any]] = defaultdict(set)
    kept: set[Any] = set()
    for link in links:
        ends = {link.source.owner, link.target}
        if learning_rules(link.connection) or not link.known:
            kept |= ends
        if all(map(is_passthrough, ends)):
            following[link.source.owner].add(link.target)
    nodes = {end for link in links for end in (link.source.owner, link.target) if is_passthrough(end)}
    return {node for node in nodes - kept if node not in _reachable(node, following)}


def fold(links: list[Link], folded: set[Any]) -> Iterator[tuple[Any, list[Flow]]]:
    """Compose the links through folded nodes.

    Parameters
    ----------
    links : list of Link
        All links of a network.
    folded : set
        The nodes to compose away: `folded_nodes`.

    Yields
    ------
    target : object
        What is reached through folded nodes.
    flows : list of Flow
        What reaches it; flows whose composed weights are all zero are left out.
    """
    arriving: dict[Any, dict[Any, Flow]] = defaultdict(dict)
    leaving: dict[Any, list[Link]] = defaultdict(list)
    for link in links:
        leaving[link.source.owner].append(link)
        if link.target in folded and link.source.owner not in folded:
            _arrive(arriving[link.target], _first(link))
    for node in _ordered(folded, leaving):
        flows = list(arriving.pop(node, {}).values())
        reached = np.array([np.diff(flow.pattern.indptr) > 0 for flow in flows], dtype=bool)
        for link in leaving[node]:
            for number in np.flatnonzero(reached[:, link.read].any(axis=1)) if flows else ():
                _arrive(arriving[link.target], _further(flows[number], link))
    for target, flows_by_key in arriving.items():
        yield target, [flow for flow in flows_by_key.values() if flow.values.count_nonzero()]


def _first(link: Link) -> Flow:
    values, size = _read_matrix(link), link.source.size
    return Flow(
        link.source,
        () if link.connection.synapse is None else (link.connection.synapse,),
        decodes(link.connection),
        _placed(_ones(values), link, size),
        _placed(values, link, size),
        () if link.weights is None else (link,),
        plain=link.weights is not None or link.copies,
    )


def _further(flow: Flow, link: Link) -> Flow:
    """Continue a flow through one more link."""
    matrix, size = _link_matrix(link), flow.source.size
    return Flow(
        flow.source,
        flow.synapses if link.connection.synapse is None else (*flow.synapses, link.connection.synapse),
        flow.decoded,
        _placed(_ones(_ones(matrix) @ flow.pattern[link.read]), link, size),
        _placed(matrix @ flow.values[link.read], link, size),
        flow.weighted if link.weights is None else (*flow.weighted, link),
        plain=flow.plain and (link.copies or (link.weights is not None and not flow.weighted)),
    )


def _arrive(flows: dict[Any, Flow], flow: Flow) -> None:
    known = flows.get(flow.key)
    flows[flow.key] = flow if known is None else known.merged(flow)


def _link_matrix(link: Link) -> sparse.csr_array:
    """Give the weights of a link, ``(written, read)``."""
    weights = identity_weights(len(link.read)) if link.weights is None else link.weights
    return weights.matrix()


def _read_matrix(link: Link) -> sparse.csr_array:
    """Give the weights of a link from each element of its source, ``(written, elements of the source)``."""
    entries = _link_matrix(link).tocoo()
    shape = (entries.shape[0], link.source.size)
    return sparse.coo_array((entries.data, (entries.row, link.read[entries.col])), shape=shape).tocsr()


def _placed(matrix: sparse.csr_array, link: Link, columns: int) -> sparse.csr_array:
    """Move the rows of a matrix to the elements of the target that the link adds to."""
    entries = matrix.tocoo()
    shape = (int(link.target.size_in), columns)
    return sparse.coo_array((entries.data, (link.written[entries.row], entries.col)), shape=shape).tocsr()


def _ones(matrix: sparse.csr_array) -> sparse.csr_array:
    """Keep the stored entries of a matrix, each of them 1."""
    return sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def _ordered(nodes: set[Any], leaving: dict[Any, list[Link]]) -> list[Any]:
    """Order nodes so that each follows all that feed it."""
    ordered: dict[Any, None] = {}

    def visit(node: Any) -> None:
        if node not in ordered:
            for link in leaving[node]:
                if link.target in nodes:
                    visit(link.target)
            ordered[node] = None

    for node in nodes:
        visit(node)
    return list(reversed(ordered))


def _reachable(start: Any, following: dict[Any, set[Any]]) -> set[Any]:
    """Give all that follows a node."""
    reached: set[Any] = set()
    frontier = set(following[start]) if start in following else set()
    while frontier:
        reached |= frontier
        frontier = {after for node in frontier for after in following.get(node, ())} - reached
    return reached
