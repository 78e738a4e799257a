"""What NengoProbe costs in time and memory, against running without it and against probing all neurons.

Run it as ``python benchmarks/nengo_overhead.py``. The three take turns, so that all meet the same load; the
first turns are left out. Memory is the peak of a process of its own for each number of timesteps. Exits with
1 where the outputs with and without the probe differ in one bit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from energyprobe import NengoProbe

KINDS = ("plain", "probe", "full probes")
WARM_UP = 2


def nef(probe_all: bool) -> tuple[Any, Any, int]:
    """Three ensembles of 1000 LIF neurons in a row."""
    import nengo

    with nengo.Network(seed=0) as net:
        source = nengo.Node([0.0])
        ensembles = [nengo.Ensemble(1000, 1) for _ in range(3)]
        for pre, post in zip([source, *ensembles], ensembles, strict=False):
            nengo.Connection(pre, post)
        net.value = nengo.Probe(ensembles[-1], synapse=0.01)
        if probe_all:
            net.all = [nengo.Probe(ensemble.neurons) for ensemble in ensembles]
    return net, source, 10


def cnn(probe_all: bool) -> tuple[Any, Any, int]:
    """A converted CNN on images of 28 x 28, with random weights."""
    import nengo
    import nengo_dl
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    image = tf.keras.Input((28, 28, 1))
    x = layers.Conv2D(16, 3, activation=tf.nn.relu)(image)
    x = layers.Conv2D(32, 3, strides=2, activation=tf.nn.relu)(x)
    x = layers.Dense(64, activation=tf.nn.relu)(layers.Flatten()(x))
    model = tf.keras.Model(image, layers.Dense(10)(x))
    converter = nengo_dl.Converter(
        model,
        swap_activations={tf.nn.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=100,
        synapse=0.005,
        inference_only=True,
    )
    with converter.net as net:
        net.value = converter.outputs[model.output]
        if probe_all:
            net.all = [nengo.Probe(ensemble.neurons) for ensemble in net.all_ensembles]
    return net, converter.inputs[image], 50


CASES = {"nef": (nef, 200, 1.10), "cnn": (cnn, 50, 1.05)}
"""How to build a network, timesteps, and the highest ratio to aim at."""


@contextlib.contextmanager
def simulators(case: str, timesteps: int, kinds: tuple[str, ...]) -> Any:
    """Open what runs one minibatch for each kind."""
    import nengo
    import nengo_dl

    nengo.rc.set("decoder_cache", "enabled", "False")
    random = np.random.RandomState(0)
    with contextlib.ExitStack() as stack:
        runs: dict[str, Callable[[], Any]] = {}
        for probe_all in sorted({kind == "full probes" for kind in kinds}):
            net, source, minibatch = CASES[case][0](probe_all)
            settings = {"minibatch_size": minibatch, "progress_bar": False, "seed": 0}
            sim = stack.enter_context(nengo_dl.Simulator(net, **settings))
            x = random.uniform(0, 1, (minibatch, 1, source.size_out))
            data = {source: np.repeat(x, timesteps, axis=1).astype(np.float32)}
            run = runner(sim, data, net.value)
            if probe_all:
                runs["full probes"] = run
                continue
            probe = NengoProbe(sim)
            runs |= {"plain": run, "probe": attached(probe, run)}
        yield {kind: runs[kind] for kind in kinds}


def runner(sim: Any, data: Any, value: Any) -> Callable[[], Any]:
    """Run one minibatch; give the output, and wall-clock and CPU time."""

    def run() -> Any:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        output = sim.predict_on_batch(data)[value]
        return output, time.perf_counter() - wall_s, time.process_time() - cpu_s

    return run


def attached(probe: NengoProbe, run: Callable[[], Any]) -> Callable[[], Any]:
    """Run inside of the probe. Leaving its with block, which makes a trace once, is not timed."""

    def run_inside() -> Any:
        with probe:
            return run()

    return run_inside


def times_s(case: str, seconds: float) -> dict[str, Any]:
    """Times of one minibatch for each kind, in turns."""
    with simulators(case, CASES[case][1], KINDS) as runs:
        outputs = {kind: run()[0] for kind, run in runs.items() for _ in range(WARM_UP)}
        wall: dict[str, list[float]] = {kind: [] for kind in KINDS}
        cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(wall["plain"]) < 3:
            turn = len(wall["plain"]) % 3
            for kind in (*KINDS[turn:], *KINDS[:turn]):
                _, wall_s, cpu_s = runs[kind]()
                wall[kind].append(wall_s)
                cpu[kind].append(cpu_s)
    same = np.array_equal(outputs["plain"], outputs["probe"])
    return {"wall": wall, "cpu": cpu, "same": bool(same)}


def peak_mb(case: str, timesteps: int, kind: str) -> float:
    """Peak memory of a process that runs one minibatch twice."""
    with simulators(case, timesteps, (kind,)) as runs:
        for _ in range(2):
            runs[kind]()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_process(*arguments: str) -> Any:
    run = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seconds", type=float, default=60.0, help="time for each network")
    parser.add_argument("--timesteps", type=int, nargs="+", default=[100, 1000], help="for memory")
    parser.add_argument("--time", help=argparse.SUPPRESS)
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.time:
        print(json.dumps(times_s(arguments.time, arguments.seconds)))
        return 0
    if arguments.memory:
        case, timesteps, kind = arguments.memory
        print(json.dumps(peak_mb(case, int(timesteps), kind)))
        return 0
    print_row(
        "network", "timesteps", "time", "plain ms", "probe / plain", "limit", "full probes / plain", "turns"
    )
    print_row(*["---"] * 8)
    wrong = 0
    for case in arguments.cases:
        result = in_process("--time", case, "--seconds", str(arguments.seconds))
        wrong += not result["same"]
        _, timesteps, limit = CASES[case]
        for clock in ("wall", "cpu"):
            times = result[clock]
            plain_ms = f"{statistics.median(times['plain']) * 1e3:.0f}"
            medians = [ratio(times, kind, statistics.median) for kind in KINDS[1:]]
            minima = [ratio(times, kind, min) for kind in KINDS[1:]]
            ratios = [f"{median} (minima {least})" for median, least in zip(medians, minima, strict=True)]
            print_row(
                case, timesteps, clock, plain_ms, ratios[0], f"{limit:.2f}", ratios[1], len(times["plain"])
            )
    if "nef" in arguments.cases:
        print()
        print_row("network", "timesteps", *(f"{kind} MB" for kind in KINDS))
        print_row(*["---"] * 5)
        for timesteps in arguments.timesteps:
            peaks = [in_process("--memory", "nef", str(timesteps), kind) for kind in KINDS]
            print_row("nef", timesteps, *(f"{peak:.0f}" for peak in peaks))
    return wrong > 0


def ratio(times: dict[str, list[float]], kind: str, measure: Callable[[list[float]], float]) -> str:
    return f"{measure(times[kind]) / measure(times['plain']):.3f}"


def print_row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    sys.exit(main())
