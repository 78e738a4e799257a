"""How long pricing takes: a trace of 200 layers, on all devices of the catalog at once.

Run it as ``python benchmarks/pricing_time.py``; it exits with 1 above the limit of 0.2 s for 60 devices.
"""

from __future__ import annotations

import sys
import time

from import_time import judged

from energyprobe.costing.lookup import catalog
from energyprobe.counting.table import count
from energyprobe.trace.operations import Elementwise, NeuronUpdate
from energyprobe.trace.padding import conv
from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use

LAYERS, TIMESTEPS, DEVICES, RUNS = 200, 16, 60, 7
LIMIT_S = 0.2
FEATURES, SIDE = 32, 14


def spiking_network(layers: int) -> Trace:
    """So many layers: convolutions with biases, each with neurons."""
    convolution = conv((SIDE, SIDE), channels=FEATURES, filters=FEATURES, kernel=(3, 3), padding="same")
    neurons = SIDE * SIDE * FEATURES
    spikes = neurons * TIMESTEPS // 10
    seen = Activity(
        elements=neurons * TIMESTEPS, events=spikes, spikes=spikes, samples=1, sum_sq_events_per_sample=None
    )
    synops = spikes * 8 * FEATURES
    use = Use(activity=seen, spiking=True, fanout_events=synops, fanout_spikes=synops)
    runs = {"executions": TIMESTEPS, "dtype": "float32"}
    weights = 9 * FEATURES * FEATURES
    steps = (
        Step(operation=convolution, use=use, weights=weights, weight_bytes=4 * weights, **runs),
        Step(operation=Elementwise(function="bias", elements=neurons), **runs),
    )
    update = (Step(operation=NeuronUpdate(neuron="lif", neurons=neurons), state_bytes=4 * neurons, **runs),)
    calls = []
    for layer in range(layers // 2):
        before = (f"lif{layer - 1}",) if layer else ("input:x",)
        calls.append(_call(f"conv{layer}", "Conv2D", steps, before))
        fires = {"output": seen, "output_spiking": True, "foldable_over_time": False}
        calls.append(_call(f"lif{layer}", "LIF", update, (f"conv{layer}",), **fires))
    return Trace(model="snn", fingerprint="", samples=1, calls=tuple(calls))


def _call(
    path: str, kind: str, steps: tuple[Step, ...], inputs: tuple[str, ...], **facts: object
) -> LayerCall:
    return LayerCall(
        layer=path,
        path=path,
        type=kind,
        call_index=0,
        fate="counted",
        steps=steps,
        inputs=inputs,
        samples=1,
        sample_steps=TIMESTEPS,
        **facts,
    )


def pricing_time_s(trace: Trace) -> float:
    """Counting once, and pricing on 60 devices."""
    devices = list(catalog().values())
    chosen = (devices * (DEVICES // len(devices) + 1))[:DEVICES]
    start = time.perf_counter()
    counts = count(trace)
    for each in chosen:
        each.cost(counts).total()
    return time.perf_counter() - start


def main() -> int:
    """Print the median, and say whether it is within the limit."""
    trace = spiking_network(LAYERS)
    times_s = [pricing_time_s(trace) for _ in range(RUNS)]
    return judged(f"{LAYERS} layers on {DEVICES} devices", times_s, LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
