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


def main() -> int:
    times_s = sorted(import_time_s() for _ in range(RUNS))
    median_s = statistics.median(times_s)
    print(
        f"import energyprobe: median {median_s * 1e3:.1f} ms of {RUNS} runs "
        f"({times_s[0] * 1e3:.1f} to {times_s[-1] * 1e3:.1f} ms); limit {LIMIT_S * 1e3:.0f} ms"
    )
    return int(median_s > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
