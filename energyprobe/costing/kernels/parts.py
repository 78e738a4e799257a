"""What the time of a kernel is made of, and how the parts overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.rates import Rates

Array = npt.NDArray[np.float64]
Constants = Mapping[str, float]

LIMITS = ("launch", "compute", "memory", "gather", "imbalance")
"""What a kernel may be bound by; results hold positions in this tuple."""

Value = Array | float
"""A column, or a number that holds for all of it."""


@dataclass(frozen=True)
class Problem:
    """C[m×n] = A[m×k]·B[k×n] with A the sparse operand, as columns of one length.

    Attributes
    ----------
    m, k, n : ndarray, shape (problems,)
        Sizes.
    density : ndarray, shape (problems,)
        Share of A's elements that are not zero.
    options : dict of str to float or ndarray
        What single kernels ask for besides: ``imbalance``, ``sector_bytes``, ``block``, ….
    """

    m: Array
    k: Array
    n: Array
    density: Array
    options: Mapping[str, Value] = field(default_factory=dict)

    @property
    def nonzeros(self) -> Array:
        """Non-zero elements of A."""
        return self.density * self.m * self.k

    def part(self, rows: slice | npt.NDArray[np.intp]) -> Problem:
        """Some of the problems."""
        options = {
            name: np.asarray(value)[rows] if np.ndim(value) else value for name, value in self.options.items()
        }
        return Problem(self.m[rows], self.k[rows], self.n[rows], self.density[rows], options)


@dataclass(frozen=True)
class Parts:
    """Seconds of a kernel by what takes them, and the work that its energy is paid for.

    Attributes
    ----------
    launch : ndarray
        Fixed time of the launches. Nothing overlaps it.
    compute, memory, cache, gather, imbalance : ndarray
        Arithmetic, DRAM, contiguous reads of the L2 cache, scattered reads of it, and the longest path of
        one worker, each alone.
    output : ndarray
        First loads and last stores of every wave of workers, which nothing overlaps either.
    flops, dram_bytes, l2_bytes : ndarray
        Work.
    """

    launch: Value
    compute: Value
    memory: Value
    cache: Value = 0.0
    gather: Value = 0.0
    imbalance: Value = 0.0
    output: Value = 0.0
    flops: Value = 0.0
    dram_bytes: Value = 0.0
    l2_bytes: Value = 0.0

    def seconds(self) -> Array:
        """Fixed time plus the overlap of the rest."""
        return (
            self.launch
            + self.output
            + overlap(self.compute, self.memory, self.cache, self.gather, self.imbalance)
        )

    def limit(self) -> npt.NDArray[np.int8]:
        """Position in `LIMITS` of the part that takes longest; loads and stores of any kind are memory."""
        memory = np.maximum(np.maximum(self.memory, self.cache), self.output)
        parts = np.broadcast_arrays(self.launch, self.compute, memory, self.gather, self.imbalance)
        longest = np.array(parts[0])
        found = np.zeros(longest.shape, dtype=np.int8)
        for position, part in enumerate(parts[1:], start=1):
            found[part > longest] = position
            np.maximum(longest, part, out=longest)
        return found


Kernel = Callable[[Problem, Rates, Constants], Parts]
"""A kernel model: problem, chip and constants in base units to parts."""


def overlap(*parts: Value) -> Array:
    """Time of parts that run side by side: their 4-norm, a maximum with a round corner."""
    total: Value = sum(np.square(np.square(part)) for part in parts)
    return np.asarray(np.sqrt(np.sqrt(total)))


def distinct_share(density: Value, rows: Value) -> Array:
    """Share of columns that at least one of several rows has a non-zero in: 1 − (1 − ρ)^rows."""
    return np.asarray(-np.expm1(rows * np.log1p(-np.minimum(density, 1 - 1e-12))))
