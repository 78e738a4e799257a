"""Where a network lies on a chip of cores: layers to cores, cores to chips, and the way between them.

Every layer of synapses gets cores of its own, as many as its neurons or its stored weights need; neurons
lie with the synapses that drive them. The weights of a convolution are stored once, spread over its cores.
Cores are taken in the order of the layers, tiles row by row on one square mesh that goes on from chip to
chip.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from energyprobe.costing.table import Array
from energyprobe.costing.work import Work
from energyprobe.trace.operations import (
    Conv,
    Decode,
    Dense,
    Encode,
    Lookup,
    NeuronUpdate,
    Operation,
    Product,
    Sparse,
    Synaptic,
)
from energyprobe.trace.records import LayerCall

_SAMPLED_TILES = 64
"""Tiles of a layer between which distances are averaged, evenly spaced."""


@dataclass(frozen=True)
class Capacity:
    """What a core and a chip hold; infinity where that is not known."""

    neurons_per_core: float
    synapses_per_core: float
    cores_per_chip: float
    cores_per_tile: float


@dataclass(frozen=True, eq=False)
class Mapping:
    """Cores of each row, and where its events come from.

    Attributes
    ----------
    stage : tuple of int
        For each row, the row whose cores it lies on.
    cores : ndarray, shape (rows,)
        Cores of each stage, at the row that it is named after; 0 elsewhere.
    chips : int
        Whole chips.
    sources : tuple of tuple of int
        For each row, the rows with synapses or neurons that it reads.
    tiles : ndarray, shape (rows + 1,)
        Tiles that lie before those of each row.
    depth : int
        Stages on the longest way through the network.
    """

    stage: tuple[int, ...]
    cores: Array
    chips: int
    sources: tuple[tuple[int, ...], ...]
    tiles: Array
    depth: int

    @functools.cached_property
    def hops(self) -> Array:
        """Tiles that an event passes on its way to each row's cores, on average; shape ``(rows,)``."""
        return _hops(self.stage, self.sources, self.tiles)


def map_network(work: Work, capacity: Capacity) -> Mapping:
    """Place a network.

    Parameters
    ----------
    work : Work
        The network.
    capacity : Capacity
        Of the chip.

    Returns
    -------
    Mapping
    """
    calls = work.calls
    sources = _sources(calls)
    stage = tuple(_stage(calls, sources, row) for row in range(len(calls)))
    neurons, synapses = np.zeros(len(calls)), np.zeros(len(calls))
    for row, call in enumerate(calls):
        at = stage[row]
        neurons[at] = max(neurons[at], _neurons(call))
        # A table that is looked up has no synapses.
        synapses[at] += sum(step.weights for step in call.steps if not isinstance(step.operation, Lookup))
    cores = np.maximum(
        np.ceil(neurons / capacity.neurons_per_core), np.ceil(synapses / capacity.synapses_per_core)
    )
    # Of a chip of unknown capacity one core, and one chip, is assumed.
    cores = np.where((neurons > 0) | (synapses > 0), np.maximum(cores, 1), 0)
    tiles = np.concatenate([[0.0], np.cumsum(cores)]) / min(capacity.cores_per_tile, float(cores.sum() or 1))
    return Mapping(
        stage=stage,
        cores=cores,
        chips=max(1, math.ceil(cores.sum() / capacity.cores_per_chip)),
        sources=sources,
        tiles=tiles,
        depth=_depth(stage, sources),
    )


def units(operation: Operation) -> int:
    """Neurons that an operation drives in one timestep; 0 for an operation without synapses."""
    match operation:
        case Dense():
            return operation.units * operation.positions
        case Conv():
            return math.prod(operation.output_shape) * operation.filters
        case Sparse():
            return operation.units
        case Decode():
            return operation.dimensions
        case Encode():
            return operation.neurons
        case Product():
            return operation.copies * operation.rows * operation.columns
        case NeuronUpdate():
            return operation.neurons
        case _:
            return 0


def _neurons(call: LayerCall) -> int:
    return max((units(step.operation) for step in call.steps), default=0)


def _occupies(call: LayerCall) -> bool:
    return any(isinstance(step.operation, Synaptic | NeuronUpdate) for step in call.steps)


def _is_synaptic(call: LayerCall) -> bool:
    return any(isinstance(step.operation, Synaptic) for step in call.steps)


def inputs_of(calls: tuple[LayerCall, ...]) -> tuple[tuple[int, ...], ...]:
    """For each row, the rows that it reads; a call of which nothing is known reads the one before it.

    Parameters
    ----------
    calls : tuple of LayerCall
        The rows.

    Returns
    -------
    tuple of tuple of int
        Earlier rows only: what a call reads from the step before is left out.
    """
    row_of_key = {call.key: row for row, call in enumerate(calls)}
    before: list[tuple[int, ...]] = []
    for row, call in enumerate(calls):
        keys = call.inputs or ((calls[row - 1].key,) if row else ())
        rows = (row_of_key.get(key, row) for key in keys)
        before.append(tuple(dict.fromkeys(each for each in rows if each < row)))
    return tuple(before)


def _sources(calls: tuple[LayerCall, ...]) -> tuple[tuple[int, ...], ...]:
    """For each row, the rows with synapses or neurons that it reads, past those without."""
    sources: list[tuple[int, ...]] = []
    for rows in inputs_of(calls):
        found: dict[int, None] = {}
        for before in rows:
            found |= dict.fromkeys((before,) if _occupies(calls[before]) else sources[before])
        sources.append(tuple(found))
    return tuple(sources)


def _stage(calls: tuple[LayerCall, ...], sources: tuple[tuple[int, ...], ...], row: int) -> int:
    """Row that a row is placed with: neurons with the first synapses that drive them."""
    if _is_synaptic(calls[row]) or not _occupies(calls[row]):
        return row
    return next((before for before in sources[row] if _is_synaptic(calls[before])), row)


def _depth(stage: tuple[int, ...], sources: tuple[tuple[int, ...], ...]) -> int:
    depth: dict[int, int] = {}
    for row, before in enumerate(sources):
        own = depth.get(stage[row], 1)
        beyond = (depth.get(stage[each], 1) + 1 for each in before if stage[each] != stage[row])
        depth[stage[row]] = max(own, *beyond, 1)
    return max(depth.values(), default=1)


def _hops(stage: tuple[int, ...], sources: tuple[tuple[int, ...], ...], tiles: Array) -> Array:
    """Mean distance of each row's cores from those of what it reads; from the first tile for the input."""
    side = max(1, math.ceil(math.sqrt(tiles[-1])))
    hops = np.zeros(len(stage))
    for row, before in enumerate(sources):
        here = (tiles[stage[row]], tiles[stage[row] + 1])
        origins = {(tiles[stage[each]], tiles[stage[each] + 1]) for each in before} or {(0.0, 1.0)}
        hops[row] = sum(_distance(span, here, side) for span in origins) / len(origins)
    return hops


@functools.lru_cache(maxsize=4096)
def _distance(start: tuple[float, float], end: tuple[float, float], side: int) -> float:
    """Mean distance of the tiles of two spans, along columns and rows."""
    pairs = zip(_places(*start, side), _places(*end, side), strict=True)
    return float(sum(np.abs(there[:, None] - here).mean() for here, there in pairs))


def _places(first: float, last: float, side: int) -> tuple[Array, Array]:
    """Columns and rows of the tiles of a span on a mesh of that width."""
    tiles = np.arange(int(first), max(int(math.ceil(last)), int(first) + 1))
    tiles = tiles[np.linspace(0, len(tiles) - 1, min(len(tiles), _SAMPLED_TILES)).astype(int)]
    return tiles % side * 1.0, tiles // side * 1.0
