"""A CPU as kernel models see it: clock, vectors, caches, threads; and the time of bytes from each cache."""

from __future__ import annotations

import msgspec
import numpy as np

from energyprobe.costing.kernels.parts import Array, Constants, Value

LEVELS = ("l1", "l2", "l3")
"""Names of the caches, nearest first; `MEMORY` lies behind the last that there is."""

MEMORY = "memory"


class Core(msgspec.Struct, frozen=True):
    """What a kernel model needs of a CPU, in base units.

    Attributes
    ----------
    clock_hz : float
        Nominal clock.
    lanes : float
        Values that its widest vectors hold.
    threads : float
        Threads that dense kernels run on.
    caches : tuple of float
        Bytes that data may take up and still be found in each cache or a nearer one, nearest first.
    item : float
        Bytes of one value.
    """

    clock_hz: float
    lanes: float
    threads: float
    caches: tuple[float, ...]
    item: float


def bandwidths(caches: int) -> tuple[str, ...]:
    """Names of the bandwidths of a processor with so many caches: one for each, and the memory's."""
    return (*LEVELS[:caches], MEMORY)


def moved_s(moved: Value, resident: Value, core: Core, constants: Constants) -> Array:
    """Seconds in which bytes come from where they lie.

    Of data of which ``resident`` bytes are used again and again, a cache holds what fits, the nearest
    first::

        held_i = min(1, cache_i / resident)
        T      = moved Σ (held_i − held_{i−1}) / bandwidth_i

    Parameters
    ----------
    moved, resident : float or ndarray
        Bytes.
    core : Core
        The processor.
    constants : mapping
        Bytes per second, by `bandwidths`.

    Returns
    -------
    ndarray
        Seconds.
    """
    per_byte, before = np.zeros(np.shape(resident)), np.zeros(np.shape(resident))
    for name, size in zip(LEVELS, core.caches, strict=False):
        held = held_share(resident, size)
        per_byte += (held - before) / constants[name]
        before = held
    return np.asarray(moved * (per_byte + (1.0 - before) / constants[MEMORY]))


def held_share(resident: Value, size: float) -> Array:
    """Share of data that a cache of so many bytes holds."""
    return np.asarray(np.minimum(1.0, size / np.maximum(resident, 1.0)))
