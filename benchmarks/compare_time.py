"""How long a comparison takes: two networks on six devices at two batch sizes, with 200 joint draws.

Processor time, so that other programs matter less. Run it as ``python benchmarks/compare_time.py``; it exits
with 1 above the limit of 10 s.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time

from msgspec.structs import replace
from pricing_time import spiking_network

import energyprobe as ep
from energyprobe.reporting.comparison import Comparison

DEVICES = ("loihi", "a100", "h100", "cortex-m4", "raspberry-pi-4", "45nm-int8")
BATCH_SIZES = (1, 64)
LAYERS = (10, 40)
RUNS = 3
LIMIT_S = 10.0


def networks(layers: int) -> dict[str, ep.Trace]:
    """A spiking network of so many layers, and the same of half as many."""
    traces = {}
    for name, number in (("large", layers), ("small", layers // 2)):
        traces[name] = replace(spiking_network(number), fingerprint=name)
    return traces


def seconds(comparison: Comparison) -> dict[str, float]:
    """Processor time of each part of a comparison, in the order in which it is worked out."""
    times = {}
    for name, work in (
        ("draws and verdicts", lambda: comparison.verdicts),
        ("break-evens", lambda: comparison.breakevens),
        ("document", lambda: comparison.document),
    ):
        start = time.process_time()
        work()
        times[name] = time.process_time() - start
    return times


def main() -> int:
    """Print medians, and say whether the whole is within the limit."""
    print(f"{platform.machine()}, Python {platform.python_version()}, {ep.__version__}")
    slowest = 0.0
    for layers in LAYERS:
        traces = networks(layers)
        runs = [seconds(ep.compare(traces, DEVICES, batch_sizes=BATCH_SIZES)) for _ in range(RUNS)]
        medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        whole = sum(medians.values())
        slowest = max(slowest, whole)
        parts = ", ".join(f"{name} {time_s:.1f} s" for name, time_s in medians.items())
        print(
            f"{layers} and {layers // 2} layers, {len(DEVICES)} devices, 200 draws: {whole:.1f} s ({parts})"
        )
    return int(slowest > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
