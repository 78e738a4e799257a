"""How many kernels `kernel_cost` prices in a second, as columns: best of a few runs.

Run it as ``python benchmarks/kernel_cost_speed.py``; it exits with 1 below the limit of 2 million a second.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import energyprobe as ep

LIMIT = 2e6
ROWS = 1_000_000
RUNS = 3


def rate(kernel: str) -> float:
    rng = np.random.default_rng(1)
    m, k, n = np.exp(rng.uniform(0, np.log(16384), (3, ROWS)))
    density = rng.random(ROWS)
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        ep.kernel_cost("a100", kernel, m=m, k=k, n=n, density=density)
        seconds.append(time.perf_counter() - start)
    return ROWS / min(seconds)


def main() -> int:
    rates = {kernel: rate(kernel) for kernel in ("dense", "csr", "sputnik", "gather", "elementwise")}
    for kernel, per_second in rates.items():
        print(f"{kernel:12} {per_second / 1e6:5.1f} million a second; limit {LIMIT / 1e6:.0f} million")
    return int(min(rates.values()) < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
