"""What KerasProbe costs in time: a model's predict function with a probe against the one without.

Run it as ``python benchmarks/keras_overhead.py``. Steps with and without the probe take turns, so that both
meet the same load; the first ones, in which TensorFlow traces, are left out. Each model runs in a process of
its own. Ratios are of wall-clock time, of medians and of minima; that of the time of all processors (medians)
depends less on what else the machine does. Exits with 1 where outputs with and without the probe differ in
one bit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from keras_models import CASES, load_keras, machine

import energyprobe as ep

COLUMNS = (
    "model",
    "Keras",
    "XLA",
    "plain ms",
    "medians",
    "minima",
    "processor",
    "target",
    "predict",
    "first s",
    "again s",
    "same bits",
)
WARM_UP = 2
LEAST_STEPS = 5


def batches(keras: Any, x: np.ndarray) -> Callable[[], Any]:
    """Give what the predict function of a Keras takes for one batch, again and again."""
    import tensorflow as tf

    if keras.__version__.startswith("3"):
        data = [(tf.constant(x),)]
        return lambda: data
    # Keras 2 does not tell a function that it traces how many samples are in a batch.
    shape = (None, *x.shape[1:])
    data = tf.data.Dataset.from_tensors(x)
    data = data.map(lambda each: (tf.raw_ops.PlaceholderWithDefault(input=each, shape=shape),))
    iterator = iter(data.repeat())
    return lambda: iterator


def step_times(model: Any, probe: ep.KerasProbe, argument: Callable[[], Any], seconds: float) -> Any:
    """Time steps without and with the probe, in turns.

    Returns
    -------
    tuple of (numpy.ndarray, bool)
        Times in s, wall-clock and of the processor, ``(steps, without and with, 2)``; and whether the outputs
        were the same.
    """
    model.make_predict_function()
    plain = model.predict_function
    probe.set_model(model)
    probe.on_predict_begin()
    functions = (plain, model.predict_function)
    # Step by step: KerasSpiking draws the initial states of its neurons anew in each step.
    first = [[np.asarray(function(argument())) for _ in range(WARM_UP)] for function in functions]
    times: list[list[tuple[float, float]]] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < LEAST_STEPS:
        pair = [(0.0, 0.0), (0.0, 0.0)]
        for number in (0, 1) if len(times) % 2 else (1, 0):
            start, used = time.perf_counter(), time.process_time()
            functions[number](argument())
            pair[number] = (time.perf_counter() - start, time.process_time() - used)
        times.append(pair)
    probe.on_predict_end()
    return np.array(times), all(map(np.array_equal, *first))


def predict_s(model: Any, data: Any, callbacks: list[Any]) -> float:
    start = time.perf_counter()
    model.predict(data, verbose=0, callbacks=callbacks)
    return time.perf_counter() - start


def measure(name: str, keras_name: str, jit: str, seconds: float, detail: list[str]) -> dict[str, Any]:
    keras = load_keras(keras_name)
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    case = CASES[name]
    model = case.build(keras)
    if jit != "auto":
        model.compile(jit_compile=jit == "true")
    one = case.data()
    probe = ep.KerasProbe(detail=detail)
    times, same = step_times(model, probe, batches(keras, one), seconds)
    (plain_s, plain_cpu_s), (probe_s, probe_cpu_s) = np.median(times, 0)
    fewest = np.min(times, 0)
    number = max(3, round(seconds / 8 / plain_s))
    data = tf.data.Dataset.from_tensors(one).repeat(number)
    fresh = ep.KerasProbe(detail=detail)
    first_s, again_s = (predict_s(model, data.take(1), [fresh]) for _ in range(2))
    totals = [[predict_s(model, data, callbacks) for callbacks in ([], [fresh])] for _ in range(3)]
    return {
        "model": name,
        "Keras": f"{keras_name} {keras.__version__}",
        "XLA": "yes" if getattr(model, "jit_compile", None) or getattr(model, "_jit_compile", None) else "no",
        "plain ms": f"{plain_s * 1e3:.1f}",
        "medians": f"{probe_s / plain_s:.3f}",
        "minima": f"{fewest[1, 0] / fewest[0, 0]:.3f}",
        "processor": f"{probe_cpu_s / plain_cpu_s:.3f}",
        "target": f"{case.limit:.2f}",
        "predict": f"{min(both[1] for both in totals) / min(both[0] for both in totals):.3f}",
        "first s": f"{first_s:.2f}",
        "again s": f"{again_s:.2f}",
        "same bits": "yes" if same else "NO",
        "about": f"{len(times)} steps each, {number} batches a predict; {machine()}",
    }


def in_process(arguments: argparse.Namespace, *case: str) -> dict[str, str]:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--one", *case, "--seconds", str(arguments.seconds)]
    run = subprocess.run([*command, "--detail", *arguments.detail], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{' '.join(case)}:\n{run.stderr}")
    result: dict[str, str] = json.loads(run.stdout.splitlines()[-1])
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--keras", nargs="+", default=["keras", "tf_keras"], help="keras, tf_keras, tf.keras")
    parser.add_argument("--jit", nargs="+", default=["auto", "true"], choices=["auto", "true", "false"])
    parser.add_argument("--seconds", type=float, default=30.0, help="time for each model")
    parser.add_argument("--detail", nargs="*", default=[], help="details that the probe records")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one, arguments.seconds, arguments.detail)))
        return 0
    print("| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|", sep="\n")
    differ = False
    for name, keras_name, jit in itertools.product(arguments.models, arguments.keras, arguments.jit):
        if keras_name == "keras" and CASES[name].keras_2_only or keras_name != "keras" and jit == "auto":
            continue
        row = in_process(arguments, name, keras_name, jit)
        differ = differ or row["same bits"] != "yes"
        print("| " + " | ".join(row[column] for column in COLUMNS) + " |", flush=True)
        print(f"  {row['about']}", file=sys.stderr, flush=True)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
