"""What KerasProbe costs in memory, against predicting without it and against keras_spiking.ModelEnergy.

Run it as ``python benchmarks/keras_memory.py``. A KerasSpiking network predicts random samples of the size
of scikit-learn's digits, each presented for 32 timesteps. Every figure is the peak memory of a process of its
own (median of several). ModelEnergy predicts once more, and keeps what every layer made of every sample.
Exits with 1 where the probe takes more than its limit.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from typing import Any

import numpy as np
from keras_models import DT_S, SPIKING_STEPS, load_keras, machine

import energyprobe as ep

KINDS = ("plain", "probe", "ModelEnergy")
PIXELS = 8 * 8
LIMIT_MB = 30.0


def network(keras: Any) -> Any:
    """Two spiking dense layers and a filter."""
    import keras_spiking

    layers: list[Any] = [keras.Input((PIXELS,)), keras.layers.RepeatVector(SPIKING_STEPS)]
    for units in (256, 128):
        layers += [keras.layers.Dense(units), keras_spiking.SpikingActivation("relu", dt=DT_S)]
    layers += [keras_spiking.Lowpass(0.1, dt=DT_S, return_sequences=False), keras.layers.Dense(10)]
    return keras.Sequential(layers)


def peak_mb(kind: str, samples: int) -> float:
    """Peak memory of this process, in 2**20 bytes, after one predict."""
    keras = load_keras("tf_keras")
    model = network(keras)
    x = np.random.default_rng(0).random((samples, PIXELS), np.float32)
    probe = ep.KerasProbe()
    model.predict(x, verbose=0, callbacks=[probe] if kind == "probe" else [])
    if kind == "probe" and probe.trace.samples != samples:
        raise RuntimeError(f"{probe.trace.samples} of {samples} samples were recorded")
    if kind == "ModelEnergy":
        import keras_spiking

        keras_spiking.ModelEnergy(model, example_data=x)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_process(kind: str, samples: int) -> float:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--one", kind, str(samples)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{kind}, {samples} samples:\n{run.stderr}")
    return float(run.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", nargs="+", type=int, default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=3, help="processes for each figure")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, samples = arguments.one
        print(peak_mb(kind, int(samples)))
        return 0
    load_keras("tf_keras")
    print(f"{machine()}; limit of the probe over plain: {LIMIT_MB:.0f} MB")
    columns = ("samples", *(f"{kind} MB" for kind in KINDS), *(f"{kind} over plain MB" for kind in KINDS[1:]))
    print("| " + " | ".join(columns) + " |", "|---" * len(columns) + "|", sep="\n")
    worst = 0.0
    for samples in arguments.samples:
        runs = [[in_process(kind, samples) for kind in KINDS] for _ in range(arguments.runs)]
        peaks = [statistics.median(each) for each in zip(*runs, strict=True)]
        over = [peak - peaks[0] for peak in peaks[1:]]
        worst = max(worst, over[0])
        figures = " | ".join(f"{figure:.0f}" for figure in (*peaks, *over))
        print(f"| {samples} | {figures} |", flush=True)
    return int(worst > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
