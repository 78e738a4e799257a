"""What KerasProbe costs in time: a model's predict function with a probe against the one without.

Run it as ``python benchmarks/keras_overhead.py``. Steps with and without the probe take turns, so that both
meet the same load; the first ones are left out. Each model runs in a process of its own. Exits with 1 where
the outputs with and without the probe differ in one bit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from keras_models import CASES, Case, load_keras, machine

import energyprobe as ep

HEADER = (
    "| model | Keras | XLA | plain ms | probe ms | medians | minima | limit | predict | first s | second s "
    "| same outputs |"
)
WARM_UP = 2


def batches(keras: Any, x: np.ndarray) -> Callable[[], Any]:
    """Give what the predict function of a Keras takes for one batch, again and again."""
    import tensorflow as tf

    if keras.__version__.startswith("3"):
        data = [(tf.constant(x),)]
        return lambda: data
    # Keras 2 does not tell a function that it traces how many samples are in a batch.
    shape = (None, *x.shape[1:])
    data = tf.data.Dataset.from_tensors(x).map(
        lambda each: (tf.raw_ops.PlaceholderWithDefault(input=each, shape=shape),)
    )
    iterator = iter(data.repeat())
    return lambda: iterator


def step_times_s(model: Any, probe: ep.KerasProbe, argument: Callable[[], Any], seconds: float) -> Any:
    """Times of steps without and with the probe, in turns, and whether they gave the same."""
    plain = model.make_predict_function() or model.predict_function
    probe.set_model(model)
    probe.on_predict_begin()
    functions = (plain, model.predict_function)
    times: tuple[list[float], list[float]] = ([], [])
    outputs = [[np.asarray(function(argument())) for _ in range(WARM_UP)] for function in functions]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        order = (0, 1) if len(times[0]) % 2 else (1, 0)
        for number in order:
            start = time.perf_counter()
            functions[number](argument())
            times[number].append(time.perf_counter() - start)
    probe.on_predict_end()
    # Step by step: KerasSpiking draws the initial states of its neurons anew in each step.
    return *times, all(map(np.array_equal, *outputs))


def predict_s(model: Any, data: Any, callbacks: list[Any]) -> float:
    start = time.perf_counter()
    model.predict(data, verbose=0, callbacks=callbacks)
    return time.perf_counter() - start


def measure(name: str, keras_name: str, jit: str, seconds: float, detail: list[str]) -> dict[str, Any]:
    keras = load_keras(keras_name)
    import tensorflow as tf

    case: Case = CASES[name]
    model = case.build(keras)
    if jit != "auto":
        model.compile(jit_compile=jit == "true")
    few = case.data()
    probe = ep.KerasProbe(detail=detail)
    plain_s, probe_s, same = step_times_s(model, probe, batches(keras, few), seconds)
    data = tf.data.Dataset.from_tensors(few).repeat(max(3, round(seconds / 6 / statistics.median(plain_s))))
    fresh = ep.KerasProbe(detail=detail)
    first_s, second_s = (predict_s(model, data.take(1), [fresh]) for _ in range(2))
    totals = [[predict_s(model, data, callbacks) for callbacks in ([], [fresh])] for _ in range(3)]
    return {
        "plain_ms": statistics.median(plain_s) * 1e3,
        "probe_ms": statistics.median(probe_s) * 1e3,
        "medians": statistics.median(probe_s) / statistics.median(plain_s),
        "minima": min(probe_s) / min(plain_s),
        "predict": min(probe for _, probe in totals) / min(plain for plain, _ in totals),
        "first_s": first_s,
        "second_s": second_s,
        "steps": len(plain_s),
        "same": same,
        "xla": str(getattr(model, "jit_compile", None) or getattr(model, "_jit_compile", False)),
        "machine": f"{machine()}, {keras_name} {keras.__version__}",
    }


def in_process(name: str, keras_name: str, jit: str, arguments: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", name, keras_name, jit, "--seconds", str(arguments.seconds)]
    run = subprocess.run([*command, "--detail", *arguments.detail], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{name} on {keras_name}:\n{run.stderr}")
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--keras", nargs="+", default=["keras", "tf_keras"])
    parser.add_argument("--jit", nargs="+", default=["auto", "false"], choices=["auto", "true", "false"])
    parser.add_argument("--seconds", type=float, default=30.0, help="time for each model")
    parser.add_argument("--detail", nargs="*", default=[], help="details that the probe records")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one, arguments.seconds, arguments.detail)))
        return 0
    print(HEADER, "|---" * HEADER[1:].count("|") + "|", sep="\n")
    wrong = 0
    for name, keras_name, jit in itertools.product(arguments.models, arguments.keras, arguments.jit):
        if keras_name == "keras" and name.startswith("spiking") or keras_name != "keras" and jit == "auto":
            continue
        row = in_process(name, keras_name, jit, arguments)
        wrong += not row["same"]
        print(
            f"| {name} | {row['machine'].rsplit(', ', 1)[1]} | {row['xla']} | {row['plain_ms']:.1f} "
            f"| {row['probe_ms']:.1f} "
            f"| {row['medians']:.3f} | {row['minima']:.3f} | {CASES[name].limit:.2f} | {row['predict']:.3f} "
            f"| {row['first_s']:.1f} | {row['second_s']:.2f} | {row['same']} |",
            flush=True,
        )
        print(f"  {row['steps']} steps each on {row['machine']}", file=sys.stderr, flush=True)
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
