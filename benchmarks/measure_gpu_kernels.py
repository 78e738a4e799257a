"""Measure dense, sparse, event-driven and elementwise kernels on this machine's GPU, as a CSV file.

Run it as ``python benchmarks/measure_gpu_kernels.py CSV [--part N]...``; all parts take less than 8 minutes.
It needs PyTorch, CuPy and pynvml. Columns are those of `gpu_kernel_rows`; ``pattern`` says how kernels were
launched (``launch=stream`` or ``graph``), whether weights came from a warm or cold L2 cache, timesteps,
layout, and ``held=1`` on rows to be left out of fits (16384², and a density of .05). Single kernels are
queued before they start, so that the time that Python takes to launch them does not count; the loops of part
4 are not: that time is theirs. Lines of TOML behind
``#`` at the head of the file say on what GPU, with which driver and when. A device of it is made by
``energyprobe.calibrate.calibrate_gpu``.

1. batch 1: ``gather`` (compaction included) against ``dense``, 1024², 4096² and 16384², fp16 and fp32,
   densities .001 to .5, L2 warm and cold; ``compact`` alone;
2. the same at batches of 8, 64 and 512, columns that any row uses counted (``unique``), and ``csr`` with
   ``compress`` beside it;
3. convolutions 3×3 of 64 channels at 32² and 128 at 16², batch 1 and 64, spikes independent or clustered:
   ``cudnn``, ``conv-scatter`` with channels last and first (``strided=1``);
4. a layer of spikes over 1, 8, 32 and 128 timesteps: stepwise in a stream and in a CUDA graph, folded,
   folded with one kernel for the neurons; a recurrent layer; neurons alone (``elementwise``);
5. power by NVML's energy counter in windows of 2 seconds (the sensor samples a part of the time only): idle
   without and with a context, dense 8192² with zeros in its inputs, drawn anew for each of three windows; a
   dense product with one vector, ``gather``, ``csr`` and neurons; copies from L2 and memory.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HEADER = (
    "gpu kernel dtype m k n batch sparsity structure time_us energy_uj power_w nnz pattern source".split()
)

DENSITIES = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
HELD_SIZE, HELD_DENSITY = 16384, 0.05
SIZES = (1024, 4096, HELD_SIZE)
BATCHES = (8, 64, 512)
IMAGES = ((32, 64), (16, 128))
"""Width and channels."""
STEPS = (1, 8, 32, 128)
LAYER = 1024
"""Inputs and units of the layer of part 4."""
SAMPLES = 32

BUDGET_S = 0.15
"""Time for each measurement."""
WINDOW_S = 2.0
POWERED, POWERED_ROWS, POWERED_DENSITY = 8192, 512, 0.02
"""Products of part 5: of so much work that launches from Python keep up."""

Row = dict[str, Any]
Sizes = tuple[int, int, int]


def row(
    kernel: str, dtype: str, sizes: tuple[int, int, int], density: float, pattern: str, **more: Any
) -> Row:
    m, k, n = sizes
    held = HELD_SIZE in (k, n) or density == HELD_DENSITY
    said = ";".join(filter(None, (pattern, "held=1" if held else "")))
    return {"kernel": kernel, "dtype": dtype, "m": m, "k": k, "n": n, "batch": 1, "sparsity": 1 - density,
            "structure": "unstructured", "pattern": said, "source": "measure_gpu_kernels"} | more  # fmt: skip


def timed(gpu: Any, run: Callable[[], object], *, cold: bool = False, queued: bool = True) -> float:
    return 1e6 * gpu.seconds(run, BUDGET_S, cold=cold, queued=queued)


def single(gpu: Any) -> Iterator[Row]:
    """Part 1."""
    for size in SIZES:
        for dtype in ("fp16", "fp32"):
            yield from _products(gpu, 1, size, dtype, colds=(True, False), sparse=False)


def batched(gpu: Any) -> Iterator[Row]:
    """Part 2."""
    for batch in BATCHES:
        for size in SIZES:
            for dtype in ("fp16", "fp32"):
                yield from _products(gpu, batch, size, dtype, colds=(True,), sparse=True)


def _products(
    gpu: Any, m: int, size: int, dtype: str, colds: tuple[bool, ...], sparse: bool
) -> Iterator[Row]:
    sizes = (m, size, size)
    for cold in colds:
        l2 = f"launch=stream;l2={'cold' if cold else 'warm'}"
        run = gpu.dense(*sizes, 0.0, dtype)
        yield row("dense", dtype, sizes, 1.0, l2, time_us=timed(gpu, run, cold=cold))
        for density in DENSITIES:
            run, seen = gpu.gather(*sizes, 1 - density, dtype)
            said = f"{l2};unique={seen['unique']:g}"
            yield row(
                "gather", dtype, sizes, density, said, nnz=seen["nnz"], time_us=timed(gpu, run, cold=cold)
            )
            if sparse:
                run = gpu.csr(*sizes, 1 - density, dtype)
                yield row("csr", dtype, sizes, density, l2, time_us=timed(gpu, run, cold=cold))
    for density in DENSITIES:
        run, seen = gpu.compact(m, size, 1 - density, dtype)
        made = (m, size, 1)
        yield row("compact", dtype, made, density, "launch=stream", nnz=seen["nnz"], time_us=timed(gpu, run))
        if sparse:
            run = gpu.compress(m, size, 1 - density, dtype)
            # PyTorch waits for the number of non-zeros, so that nothing can be queued.
            time_us = timed(gpu, run, queued=False)
            yield row("compress", dtype, made, density, "launch=stream", time_us=time_us)


def images(batch: int, size: int, channels: int, density: float, clustered: bool) -> np.ndarray:
    """Spikes, shape (batch, channels, size, size): independent, or all in the upper half of each image."""
    rng = np.random.default_rng(0)
    if not clustered:
        return (rng.random((batch, channels, size, size)) < density).astype(np.float32)
    found = np.zeros((batch, channels, size, size), dtype=np.float32)
    half = size // 2
    found[:, :, :half] = rng.random((batch, channels, half, size)) < 2 * density
    return found


def convolutions(gpu: Any) -> Iterator[Row]:
    """Part 3."""
    for size, channels in IMAGES:
        for batch in (1, 64):
            sizes = (batch * size * size, 9 * channels, channels)
            for density in (0.01, 0.03, HELD_DENSITY, 0.1, 0.3):
                for clustered in (False, True):
                    spikes = images(batch, size, channels, density, clustered)
                    said = f"launch=stream;clustered={int(clustered)}"
                    # Non-zeros of the lowered input, whose taps of padding are as dense as the others.
                    pairs = float(spikes.sum()) * 9
                    run = gpu.conv(batch, size, channels, spikes, "fp32")
                    yield row("cudnn", "fp32", sizes, density, said, time_us=timed(gpu, run))
                    for first in (False, True):
                        run = gpu.conv_scatter(batch, size, channels, spikes, "fp32", first)
                        layout = f"{said};strided={int(first)}"
                        yield row(
                            "conv-scatter", "fp32", sizes, density, layout, nnz=pairs, time_us=timed(gpu, run)
                        )


def timesteps(gpu: Any) -> Iterator[Row]:
    """Part 4."""
    neurons = SAMPLES * LAYER
    for steps in STEPS:
        said = f"T={steps}"
        dense, lif = gpu.dense(SAMPLES, LAYER, LAYER, 0.9, "fp32"), gpu.neurons(neurons, 1)
        recurrent = gpu.dense(SAMPLES, LAYER, LAYER, 0.9, "fp32")
        folded, fused = gpu.dense(SAMPLES * steps, LAYER, LAYER, 0.9, "fp32"), gpu.neurons(neurons, steps)
        ways = {
            "stepwise": [dense, lif] * steps,
            "folded": [folded, *[lif] * steps],
            "fused": [folded, fused],
            "recurrent": [folded, *[recurrent, lif] * steps],
        }
        for way, runs in ways.items():

            def run(runs: list[Callable[[], object]] = runs) -> None:
                for each in runs:
                    each()

            for launch, launched in (("stream", run), ("graph", gpu.graph(run))):
                sizes = (SAMPLES * steps, LAYER, LAYER)
                time_us = timed(gpu, launched, queued=False)
                yield row(f"snn-{way}", "fp32", sizes, 0.1, f"launch={launch};{said}", time_us=time_us)
    for elements in (2**10, 2**14, 2**17, 2**19, 2**20, 2**21, 2**22, 2**24):
        for steps in (1, 32):
            if elements * steps > 2**26:
                continue
            # Input and spike in each timestep, two states in and out once.
            said = f"launch=stream;accesses={2 + 4 / steps:g}"
            run = gpu.neurons(elements, steps)
            yield row("elementwise", "fp32", (elements * steps, 1, 1), 1.0, said, time_us=timed(gpu, run))


def powers(gpu: Any) -> Iterator[Row]:
    """Part 5."""
    for context, watts in enumerate((gpu.idle_w, gpu.power(None, WINDOW_S)[0])):
        said = f"context={context}"
        yield row("idle", "fp32", (1, 1, 1), 1.0, said, time_us=1e6 * WINDOW_S, power_w=watts)
    for dtype in ("fp16", "fp32"):
        for zeros in (0.0, 0.5, 0.9, 0.99):
            # Drawing inputs within a window would take power, too: three draws, one window each.
            for _ in range(1 if zeros == 0 else 3):
                size = (8192, 8192, 8192)
                yield _powered(gpu, row("dense", dtype, size, 1.0, f"launch=stream;zeros={zeros}"),
                               gpu.dense(*size, zeros, dtype))  # fmt: skip
        yield from _powered_products(gpu, dtype)
    made = row("elementwise", "fp32", (2**24, 1, 1), 1.0, "launch=stream;accesses=6")
    yield _powered(gpu, made, gpu.neurons(2**24, 1))
    for name, size_bytes in (("l2", 8 * 2**20), ("dram", 2**30)):
        made = row("copy", "fp32", (size_bytes // 4, 1, 1), 1.0, f"launch=stream;from={name}")
        yield _powered(gpu, made, gpu.copy(size_bytes))


def _powered_products(gpu: Any, dtype: str) -> Iterator[Row]:
    """Products that memory, the L2 cache and lanes bind."""
    one, many = (1, POWERED, POWERED), (POWERED_ROWS, POWERED, POWERED)
    yield _powered(gpu, row("dense", dtype, one, 1.0, "launch=stream"), gpu.dense(*one, 0.0, dtype))
    run, seen = gpu.gather(*many, 1 - POWERED_DENSITY, dtype)
    said = f"launch=stream;unique={seen['unique']:g}"
    yield _powered(gpu, row("gather", dtype, many, POWERED_DENSITY, said, nnz=seen["nnz"]), run)
    run = gpu.csr(*many, 1 - POWERED_DENSITY, dtype)
    yield _powered(gpu, row("csr", dtype, many, POWERED_DENSITY, "launch=stream"), run)


def _powered(gpu: Any, made: Row, run: Callable[[], object]) -> Row:
    watts, per_second = gpu.power(run, WINDOW_S)
    return made | {"time_us": 1e6 / per_second, "power_w": watts, "energy_uj": 1e6 * watts / per_second}


PARTS: dict[int, Callable[[Any], Iterator[Row]]] = {
    1: single,
    2: batched,
    3: convolutions,
    4: timesteps,
    5: powers,
}


def measure(gpu: Any, path: Path, parts: list[int]) -> int:
    """Write the rows of some parts as they come, behind what is said of the GPU; how many there were."""
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for name, value in gpu.facts.items():
            file.write(f"# {name} = {json.dumps(value)}\n")
        writer = csv.DictWriter(file, HEADER, restval="")
        writer.writeheader()
        for part in parts:
            for made in PARTS[part](gpu):
                writer.writerow({"gpu": gpu.facts["gpu"]} | made)
                file.flush()
                written += 1
            print(f"part {part}: {written} rows so far", flush=True)
    return written


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("csv", type=Path)
    parser.add_argument(
        "--part", type=int, choices=PARTS, action="append", help="a part alone; all by default"
    )
    given = parser.parse_args(arguments)
    from gpu_backend import CudaGpu

    parts = given.part or list(PARTS)
    gpu = CudaGpu(idle_s=WINDOW_S if 5 in parts else 0.0)
    print(f"{measure(gpu, given.csv, parts)} rows in {given.csv}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
