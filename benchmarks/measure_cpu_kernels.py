"""Measure dense, sparse, event-driven and elementwise kernels on this machine's processor, as a CSV file.

Run it as ``python benchmarks/measure_cpu_kernels.py CSV [SECONDS]``; it takes 240 seconds by default. Kernels
of NumPy and SciPy in float32 on one thread; C[m×n] = A[m×k]·B[k×n] with A the sparse operand, as rows of the
columns that `gpu_kernel_rows` reads (the processor stands as ``gpu``):

- ``dense``: A holds activations with zeros in them, multiplied as they are;
- ``csr``: the same in compressed rows, without the time of compressing;
- ``gather``: for each row of A, find the non-zeros and add up their rows of B (which changes at every step);
- ``elementwise``: m·n leaky integrate-and-fire neurons updated once.

All problems are timed in rounds, in an order that changes, until the time is up; the median of the rounds is
written, so that a moment in which the machine is busy with something else spoils no problem.
"""

from __future__ import annotations

import csv
import itertools
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import scipy.sparse

HEADER = (
    "gpu kernel dtype m k n batch sparsity structure time_us energy_uj power_w nnz pattern source".split()
)
THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Read by NumPy's libraries when they are loaded."""

WEIGHTS = (
    (64, 64),
    (256, 256),
    (784, 128),
    (1024, 256),
    (512, 1024),
    (1024, 1024),
    (4096, 512),
    (2048, 4096),
)
BATCHES = (1, 4, 16, 64, 256)
DENSITIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
MOST_MACS = 3e8
"""Problems of more take too long for rounds of all problems."""

SHORTEST_S = 1e-3
"""A problem is repeated within a round until this time has passed."""

Matrix = npt.NDArray[np.float32]


@dataclass
class Problem:
    """One kernel on one problem, and the seconds that it took in each round."""

    kernel: str
    m: int
    k: int
    n: int
    nonzeros: int
    run: Callable[[], object]
    seconds: list[float] = field(default_factory=list)

    def time(self) -> None:
        """Time it once more, over as many repetitions as the clock needs."""
        repetitions, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < SHORTEST_S or not repetitions:
            self.run()
            repetitions += 1
        passed = time.perf_counter() - start
        self.seconds.append(passed / repetitions)

    def row(self, processor: str) -> list[object]:
        sparsity = 1.0 - self.nonzeros / (self.m * self.k)
        time_us = median(self.seconds) * 1e6
        head = [processor, self.kernel, "fp32", self.m, self.k, self.n, 1, sparsity, "unstructured"]
        return [*head, time_us, "", "", self.nonzeros, f"rounds={len(self.seconds)}", "measure_cpu_kernels"]


def gather(spikes: Matrix, weights: Matrix) -> Matrix:
    """For each row of spikes, the sum of the rows of weights where it is not zero, weighted by the spikes."""
    found = np.zeros((spikes.shape[0], weights.shape[1]), dtype=np.float32)
    for row in range(spikes.shape[0]):
        (columns,) = np.nonzero(spikes[row])
        found[row] = spikes[row, columns] @ weights[columns]
    return found


def update(current: Matrix, voltage: Matrix) -> Matrix:
    """A timestep of leaky integrate-and-fire neurons: decay, integrate, fire, reset; returns the spikes."""
    voltage += (current - voltage) * np.float32(0.05)
    spikes = (voltage > 1.0).astype(np.float32)
    voltage -= spikes
    return spikes


def problems(rng: np.random.Generator) -> list[Problem]:
    """All problems, with their operands."""
    found = []
    for (k, n), m in itertools.product(WEIGHTS, BATCHES):
        weights = rng.standard_normal((k, n), dtype=np.float32)
        current, voltage = rng.random((2, m, n), dtype=np.float32)
        found.append(Problem("elementwise", m, 1, n, m, lambda c=current, v=voltage: update(c, v)))
        for density in DENSITIES:
            spikes = (rng.random((m, k)) < density).astype(np.float32)
            nonzeros = int(np.count_nonzero(spikes))
            if nonzeros and m * k * n <= MOST_MACS:
                found += products(spikes, weights, nonzeros)
    return found


def products(spikes: Matrix, weights: Matrix, nonzeros: int) -> list[Problem]:
    """The product of spikes and weights in each way."""
    rows = scipy.sparse.csr_matrix(spikes)
    runs: dict[str, Callable[[], object]] = {
        "dense": lambda: spikes @ weights,
        "csr": lambda: rows @ weights,
        "gather": lambda: gather(spikes, weights),
    }
    (m, k), n = spikes.shape, weights.shape[1]
    return [Problem(kernel, m, k, n, nonzeros, run) for kernel, run in runs.items()]


def measure(found: list[Problem], seconds: float) -> None:
    """Time all problems in rounds until the time is up, three rounds at least."""
    shuffle, start = random.Random(0), time.perf_counter()
    while found and (len(found[0].seconds) < 3 or time.perf_counter() - start < seconds):
        for problem in shuffle.sample(found, len(found)):
            problem.time()


def main(path: str, seconds: float) -> int:
    found = problems(np.random.default_rng(0))
    measure(found, seconds)
    processor = platform.processor() or platform.machine()
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(problem.row(processor) for problem in found)
    print(f"{path}: {len(found)} problems, medians of {len(found[0].seconds)} rounds")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    if any(name not in os.environ for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **THREADS})
    sys.exit(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) == 3 else 240.0))
