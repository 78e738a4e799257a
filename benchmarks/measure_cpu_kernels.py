"""Measure dense, sparse, event-driven and elementwise kernels on this machine's processor, as a CSV file.

Run it as ``python benchmarks/measure_cpu_kernels.py CSV [SECONDS [THREADS]]``; it takes 240 seconds and one
thread by default. Kernels of NumPy, SciPy and TensorFlow in float32; C[m×n] = A[m×k]·B[k×n] with A the sparse
operand, as rows of the columns that `gpu_kernel_rows` reads: the processor stands as ``gpu``, the library as
``source``; in ``pattern`` the layer as ``weights=INPUTSxUNITS``, and how many rows of spikes take turns.
Lines of TOML behind ``#`` at the head of the file say on what processor, with which versions and when.

- ``dense``: the product, zeros and all;
- ``csr``: A in compressed rows (TensorFlow: coordinates), without the time of compressing;
- ``compress``: that time, of A alone;
- ``gather``: for each row of A, find the non-zeros and add up their rows of B;
- ``elementwise``: m·n leaky integrate-and-fire neurons updated once.

A holds activations (m is the batch, n the units), or weights (m the units, n the batch). All problems are
timed in rounds, in an order that changes, until the time is up; the 10 % quantile of the timings is written,
so that moments in which the machine is busy spoil no problem. With one thread it is the process's own time,
which other programs lengthen little. Operands stay in the cache between repetitions as far as they fit.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cpu_kernels import (
    Both,
    Compressed,
    Matrix,
    Run,
    compress_runs,
    csr_runs,
    dense_runs,
    facts,
    gather_runs,
    update_runs,
)

HEADER = (
    "gpu kernel dtype m k n batch sparsity structure time_us energy_uj power_w nnz pattern source".split()
)
THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Read by the libraries when they are loaded."""

LAYERS = (
    (64, 64),
    (96, 400),
    (300, 100),
    (256, 256),
    (784, 128),
    (500, 700),
    (1024, 256),
    (512, 1024),
    (3072, 200),
    (1024, 1024),
    (4096, 512),
    (2000, 1500),
    (1000, 4000),
    (2048, 4096),
    (4096, 4096),
    (6000, 3000),
)
"""Inputs and units."""

BATCHES = (1, 4, 16, 64, 256)
DENSITIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
MOST_MACS, MOST_SPARSE_MACS = 1.2e9, 1.5e7
"""Dense and sparse problems of more take too long for rounds of all problems."""

TURNS = 64
"""Rows of spikes that take turns at least, so that not the same rows of the weights are always at hand."""

SLICE_S, SLICES = 2e-4, 5
"""In a round, a problem is timed so many times, each over repetitions that take about so long. One whose
repetition takes longer is timed less often."""

QUANTILE = 0.1


@dataclass
class Problem:
    """One kernel of one library on one problem, and the seconds that it took each time.

    ``layer`` has the inputs and units of the weights; ``rows`` of spikes take turns, 0 for no spikes.
    """

    kernel: str
    library: str
    m: int
    k: int
    n: int
    nonzeros: int
    layer: tuple[int, int]
    run: Run
    rows: int = 0
    seconds: list[float] = field(default_factory=list)
    repetitions: int = 1
    slices: int = 1

    def warm_up(self) -> None:
        """Find how many repetitions take long enough for the clock."""
        passed = min(self._run_once() for _ in range(3))
        self.repetitions = max(1, round(SLICE_S / passed))
        self.slices = min(SLICES, max(1, round(SLICES * SLICE_S / passed)))

    def _run_once(self) -> float:
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start

    def time(self, clock: Callable[[], float]) -> None:
        """Time it for one more round, after a run that brings its operands into the cache."""
        self.run()
        for _ in range(self.slices):
            start = clock()
            for _ in range(self.repetitions):
                self.run()
            self.seconds.append((clock() - start) / self.repetitions)

    def row(self, processor: str) -> list[object]:
        time_us = float(np.quantile(self.seconds, QUANTILE)) * 1e6
        sparsity = 1.0 - self.nonzeros / (self.m * self.k)
        turns = f" rows={self.rows}" if self.rows else ""
        pattern = f"weights={self.layer[0]}x{self.layer[1]}{turns} timings={len(self.seconds)}"
        head = [processor, self.kernel, "fp32", self.m, self.k, self.n, 1, f"{sparsity:.6g}", "unstructured"]
        return [*head, f"{time_us:.5g}", "", "", self.nonzeros, pattern, self.library]


def problems(rng: np.random.Generator) -> Iterator[Problem]:
    """All problems, with their operands."""
    for layer in LAYERS:
        weights = rng.standard_normal(layer, dtype=np.float32)
        for batch in BATCHES:
            current, voltage = rng.random((2, batch, layer[1]), dtype=np.float32)
            runs = update_runs(Both.of(current), Both.of(voltage))
            yield from each("elementwise", (batch, 1, layer[1]), batch, layer, runs)
        yield from of_activations(Both.of(weights), layer, rng)
        yield from of_weights(np.ascontiguousarray(weights.T), layer, rng)


def of_activations(weights: Both, layer: tuple[int, int], rng: np.random.Generator) -> Iterator[Problem]:
    """Dense products, and those of spikes in each sparse way, with other spikes every time."""
    k, n = layer
    for m in BATCHES:
        if m * k * n <= MOST_MACS:
            inputs = Both.of(rng.random((m, k), dtype=np.float32))
            yield from each("dense", (m, k, n), m * k, layer, dense_runs(inputs, weights))
        for density in DENSITIES:
            nonzeros = round(density * m * k)
            if 0 < nonzeros * n <= MOST_SPARSE_MACS:
                turns = [spikes_of(m, k, nonzeros, rng) for _ in range(max(1, TURNS // m))]
                by_kernel = {
                    "csr": [csr_runs(Compressed.of(spikes), weights) for spikes in turns],
                    "compress": [compress_runs(Both.of(spikes)) for spikes in turns],
                    "gather": [gather_runs(Both.of(spikes), weights) for spikes in turns],
                }
                for kernel, runs in by_kernel.items():
                    yield from each(kernel, (m, k, n), nonzeros, layer, in_turn(runs), len(turns) * m)


def of_weights(weights: Matrix, layer: tuple[int, int], rng: np.random.Generator) -> Iterator[Problem]:
    """Products of pruned weights, and dense ones, where the activations are columns."""
    m, k = weights.shape
    pruned = [Compressed.of(weights * (rng.random((m, k)) < density)) for density in DENSITIES]
    left = Both.of(weights)
    for n in BATCHES:
        inputs = Both.of(rng.random((k, n), dtype=np.float32))
        if m * k * n <= MOST_MACS:
            yield from each("dense", (m, k, n), m * k, layer, dense_runs(left, inputs))
        for sparse in pruned:
            if 0 < sparse.rows.nnz * n <= MOST_SPARSE_MACS:
                yield from each("csr", (m, k, n), sparse.rows.nnz, layer, csr_runs(sparse, inputs))


def spikes_of(m: int, k: int, nonzeros: int, rng: np.random.Generator) -> Matrix:
    """So many spikes of 1 anywhere in a matrix, shape ``(m, k)``."""
    spikes = np.zeros(m * k, dtype=np.float32)
    spikes[rng.choice(m * k, nonzeros, replace=False)] = 1.0
    return spikes.reshape(m, k)


def in_turn(runs: list[dict[str, Run]]) -> dict[str, Run]:
    """For each library, a run that goes on to the next of several at every call."""

    def turning(library: str) -> Run:
        following = itertools.cycle([each[library] for each in runs])
        return lambda: next(following)()

    return {library: turning(library) for library in runs[0]}


def each(
    kernel: str,
    sizes: tuple[int, int, int],
    nonzeros: int,
    layer: tuple[int, int],
    runs: dict[str, Run],
    rows: int = 0,
) -> Iterator[Problem]:
    """The problem for each library."""
    for library, run in runs.items():
        yield Problem(kernel, library, *sizes, nonzeros, layer, run, rows)


def measure(found: list[Problem], seconds: float, clock: Callable[[], float]) -> int:
    """Time all problems in rounds until the time is up, three rounds at least; how many they were."""
    shuffle, start = random.Random(0), time.perf_counter()
    for problem in found:
        problem.warm_up()
    rounds = 0
    while rounds < 3 or time.perf_counter() - start < seconds:
        for problem in shuffle.sample(found, len(found)):
            problem.time(clock)
        rounds += 1
    return rounds


def main(path: str, seconds: float = 240.0, threads: int = 1) -> int:
    known, start = facts(threads), time.perf_counter()
    found = list(problems(np.random.default_rng(0)))
    clock = time.process_time if threads == 1 else time.perf_counter
    rounds = measure(found, seconds - (time.perf_counter() - start), clock)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        # JSON's texts, numbers and lists are TOML's.
        file.writelines(f"# {name} = {json.dumps(value)}\n" for name, value in known.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(problem.row(str(known["processor"])) for problem in found)
    print(f"{path}: {len(found)} problems, {rounds} rounds in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    if any(name not in os.environ for name in THREADS):
        threads = sys.argv[3] if len(sys.argv) == 4 else "1"
        environment = {**os.environ, **dict.fromkeys(THREADS, threads), "CUDA_VISIBLE_DEVICES": "-1"}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    sys.exit(main(sys.argv[1], *map(float, sys.argv[2:3]), *map(int, sys.argv[3:])))
