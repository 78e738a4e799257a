"""How long `import energyprobe` takes: median over fresh interpreters, start-up of Python left out.

Run it as ``python benchmarks/import_time.py``; it exits with 1 above the limit of 0.15 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

LIMIT_S = 0.15
RUNS = 15
SCRIPT = "import time; start = time.perf_counter(); import energyprobe; print(time.perf_counter() - start)"


def import_time_s() -> float:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    return float(run.stdout)


def judged(what: str, times_s: list[float], limit_s: float) -> int:
    """Print the median of some runs; 1 if it is above the limit, else 0."""
    median_s = statistics.median(times_s)
    print(
        f"{what}: median {median_s * 1e3:.1f} ms of {len(times_s)} runs "
        f"({min(times_s) * 1e3:.1f} to {max(times_s) * 1e3:.1f} ms); limit {limit_s * 1e3:.0f} ms"
    )
    return int(median_s > limit_s)


def main() -> int:
    return judged("import energyprobe", [import_time_s() for _ in range(RUNS)], LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
