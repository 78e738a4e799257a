"""Two small networks written down by hand, each with a shared and an uncounted layer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import energyprobe
from energyprobe.costing.device import Device
from energyprobe.costing.loading import parse_device
from energyprobe.trace.operations import Dense, Elementwise, Filter, Free, NeuronUpdate, Pool, Uncounted
from energyprobe.trace.padding import conv
from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use

SAMPLES = 100
STEPS = 30
DT = 0.001


def activity(elements: int, events: int, **facts) -> Activity:
    per_sample = events // SAMPLES
    defaults = {"samples": SAMPLES, "sum_sq_events_per_sample": SAMPLES * per_sample**2}
    return Activity(elements=elements, events=events, **defaults | facts)


def spikes(elements: int, events: int, number: int | None = None) -> Activity:
    return activity(elements, events, spikes=events if number is None else number, amplitude=1 / DT)


def reads(read: Activity, fanout: int, *, spiking: bool = False) -> Use:
    """Of each event the same number of connections; of the weights none is zero."""
    events, number = read.events * fanout, (read.spikes or 0) * fanout
    return Use(
        activity=read,
        spiking=spiking,
        fanout_events=events,
        effective_events=events,
        fanout_spikes=number if spiking else None,
        effective_spikes=number if spiking else None,
    )


def call(path, type, out_shape, *operations, timesteps=1, fate="counted", **facts) -> LayerCall:
    """Operations are alone or with the use of what they read; each runs at every timestep of every sample."""
    runs = SAMPLES * timesteps
    pairs = (each if isinstance(each, tuple) else (each, None) for each in operations)
    steps = tuple(
        Step(operation=operation, use=use, executions=runs, dtype="float32") for operation, use in pairs
    )
    return LayerCall(
        **{"layer": path.split("/")[-1], "call_index": 0} | facts,
        path=path,
        type=type,
        out_shape=out_shape,
        steps=steps,
        fate=fate,
        samples=SAMPLES,
        sample_steps=runs,
    )


def dense(path, inputs, units, read, *, type="Dense", timesteps=1, spiking=False, **facts) -> LayerCall:
    return call(
        path,
        type,
        (timesteps, units) if timesteps > 1 else (units,),
        (Dense(inputs=inputs, units=units), reads(read, units, spiking=spiking)),
        Elementwise(function="bias", elements=units),
        timesteps=timesteps,
        parameters=inputs * units + units,
        **facts,
    )


@pytest.fixture(scope="session")
def ann() -> Trace:
    """Convolution, pooling, a layer called twice (zeros: 75 % and 25 %), an uncounted Lambda, a read-out."""
    pixels = activity(SAMPLES * 64, SAMPLES * 32)
    # 8x8 in, 3x3 taps, same padding: 22 of 24 taps a row lie inside, so 22 * 22 * 16 = 7744 connections.
    filters = conv((8, 8), channels=1, filters=16, kernel=(3, 3), padding="same")
    maps = activity(SAMPLES * 1024, SAMPLES * 410)
    pooled = activity(SAMPLES * 256, SAMPLES * 128)
    hidden = activity(SAMPLES * 32, SAMPLES * 8)
    refined = activity(SAMPLES * 32, SAMPLES * 24)
    return Trace(
        model="digits_cnn",
        fingerprint="ann",
        samples=SAMPLES,
        calls=(
            call(
                "conv",
                "Conv2D",
                (8, 8, 16),
                (
                    filters,
                    Use(activity=pixels, spiking=False, fanout_events=387_200, effective_events=387_200),
                ),
                Elementwise(function="bias", elements=1024),
                Elementwise(function="relu", elements=1024),
                output=maps,
                parameters=160,
            ),
            call(
                "pool", "MaxPooling2D", (4, 4, 16), Pool(method="max", taps=1024, outputs=256), output=pooled
            ),
            call("flatten", "Flatten", (256,), Free(reason="reshapes"), fate="free", output=pooled),
            dense("branch/hidden", 256, 32, pooled, output=hidden),
            dense("branch/refine", 32, 32, hidden, output=refined),
            dense("branch/refine", 32, 32, refined, output=refined, call_index=1),
            call("spectrum", "Lambda", (32,), Uncounted(reason="no rule for FFT"), fate="uncounted"),
            dense("logits", 32, 10, refined, output=activity(SAMPLES * 10, SAMPLES * 10)),
        ),
    )


@pytest.fixture(scope="session")
def snn() -> Trace:
    """Graded pixels, two layers of neurons, a shared Dense between them, an uncounted layer, a filter."""
    pixels = activity(SAMPLES * STEPS * 64, SAMPLES * STEPS * 32)
    current = activity(SAMPLES * STEPS * 48, SAMPLES * STEPS * 48)
    # 3 of 48 neurons fire in a step: 3 / 48 / 1 ms = 62.5 Hz; 6 of them: 125 Hz.
    slow = spikes(SAMPLES * STEPS * 48, SAMPLES * STEPS * 3)
    fast = spikes(SAMPLES * STEPS * 48, SAMPLES * STEPS * 6)
    timed = {"timesteps": STEPS, "dt": DT}
    return Trace(
        model="digits_snn",
        fingerprint="snn",
        samples=SAMPLES,
        calls=(
            dense("encode", 64, 48, pixels, type="TimeDistributed", output=current, **timed),
            call(
                "neurons",
                "SpikingActivation",
                (STEPS, 48),
                NeuronUpdate(neuron="integrate-and-fire", neurons=48),
                output=slow,
                output_spiking=True,
                foldable_over_time=False,
                **timed,
            ),
            dense("mix", 48, 48, slow, type="TimeDistributed", spiking=True, output=current, **timed),
            call(
                "more_neurons",
                "SpikingActivation",
                (STEPS, 48),
                NeuronUpdate(neuron="integrate-and-fire", neurons=48),
                output=fast,
                output_spiking=True,
                foldable_over_time=False,
                **timed,
            ),
            dense(
                "mix",
                48,
                48,
                fast,
                type="TimeDistributed",
                spiking=True,
                output=current,
                call_index=1,
                **timed,
            ),
            call(
                "noise",
                "GaussianDropConnect",
                (STEPS, 48),
                Uncounted(reason="unknown layer"),
                fate="uncounted",
                parameters=48,
                **timed,
            ),
            call(
                "smooth",
                "Lowpass",
                (48,),
                Filter(function="lowpass", elements=48),
                output=activity(4800, 4800),
                parameters=48,
                **timed,
            ),
            dense("readout", 48, 10, activity(SAMPLES * 48, SAMPLES * 48), output=activity(1000, 1000)),
        ),
    )


@pytest.fixture(scope="session")
def timed_snn(snn: Trace) -> Trace:
    """The spiking network with the events of each timestep: twice as many in the second half as in the first.

    Of 48 neurons 2 and 4 fire in a step of the first layer, 4 and 8 in one of the second.
    """
    first, second = SAMPLES * STEPS * 3, SAMPLES * STEPS * 6
    halves = {
        first: (SAMPLES * 2,) * (STEPS // 2) + (SAMPLES * 4,) * (STEPS // 2),
        second: (SAMPLES * 4,) * (STEPS // 2) + (SAMPLES * 8,) * (STEPS // 2),
    }
    calls = []
    for each in snn.calls:
        if each.output_spiking and each.output is not None:
            by_step = {"events_by_step": halves[each.output.events], "samples_by_step": (SAMPLES,) * STEPS}
            output = msgspec.structs.replace(each.output, neurons=48, **by_step)
            each = msgspec.structs.replace(each, output=output)
        calls.append(each)
    return msgspec.structs.replace(snn, calls=tuple(calls))


SPIKE_CHIP = """
model = "constant"
name = "spike-chip"
aliases = ["chip"]
title = "Spike Chip"
kind = "event-driven"
year = 2020
process_nm = 14
skips = "zero inputs"
graded_events = false
description = "A chip of the tests."

[constants.acs]
value = 20
low = 10
high = 40
unit = "pJ"
source = "lovelace"
provenance = "primary"
verified = true
boundary = "core"

[constants.neuron_updates]
value = 100
unit = "pJ"
source = "lovelace"
provenance = "primary"
verified = true
boundary = "core"

[sources.lovelace]
type = "article"
authors = ["Lovelace, Ada"]
title = "On Chips"
year = 2020
venue = "Journal of Chips"
volume = "1"
pages = "2--3"
doi = "10.1000/chips"
"""

DENSE_CPU = """
model = "constant"
name = "dense-cpu"
title = "Dense CPU"
kind = "conventional"
skips = "nothing"
graded_events = true
description = "A processor of the tests."

[constants.macs]
value = 2
unit = "nJ"
source = "hopper"
provenance = "secondary"
verified = false
boundary = "chip"

[constants.neuron_updates]
value = 3
unit = "nJ"
source = "hopper"
provenance = "secondary"
verified = false
boundary = "chip"

[constants.elementwise]
value = 0.5
low = 0.4
high = 0.8
unit = "nJ"
source = "hopper"
provenance = "secondary"
verified = false
boundary = "chip"

[sources.hopper]
type = "inproceedings"
authors = ["Hopper, Grace", "Hamilton, Margaret", "others"]
title = "On Processors"
year = 1960
venue = "Proceedings of Processors"
url = "https://example.org/processors"
"""


@pytest.fixture(scope="session")
def chip() -> Device:
    """Pays 20 pJ (10 to 40) for a spike at a synapse, 100 pJ for a neuron update; takes no graded values."""
    return parse_device(SPIKE_CHIP, "spike-chip.toml")


@pytest.fixture(scope="session")
def cpu() -> Device:
    """Pays 2 nJ for each MAC, 3 nJ for an update, 0.5 nJ (0.4 to 0.8) for arithmetic; nothing verified."""
    return parse_device(DENSE_CPU, "dense-cpu.toml")


def _without_uncounted(trace: Trace) -> Trace:
    return msgspec.structs.replace(
        trace, calls=tuple(call for call in trace.calls if call.fate != "uncounted")
    )


@pytest.fixture(scope="session")
def counted_ann(ann: Trace) -> Trace:
    return _without_uncounted(ann)


@pytest.fixture(scope="session")
def counted_snn(snn: Trace) -> Trace:
    return _without_uncounted(snn)


@pytest.fixture(scope="session")
def golden() -> Callable[[str, str], str]:
    """What is stored under a name, which is the text itself where the environment has ``WRITE_GOLDENS``."""

    def stored(name: str, text: str) -> str:
        path = Path(__file__).parent / "goldens" / name
        if os.environ.get("WRITE_GOLDENS"):
            path.write_text(text, encoding="utf-8")
        return path.read_text(encoding="utf-8")

    return stored


@pytest.fixture(scope="session")
def without_version() -> Callable[[str], str]:
    """Pages that stay the same from version to version; each names its version once."""

    def named(page: str) -> str:
        assert page.count(f"energyprobe {energyprobe.__version__}") == 1
        return page.replace(f"energyprobe {energyprobe.__version__}", "energyprobe VERSION")

    return named


@pytest.fixture(scope="session")
def rounded() -> Callable[[object], Any]:
    """Plain data with floats of ten digits: the last ones may differ from machine to machine."""

    def ten_digits(value: object) -> Any:
        if isinstance(value, dict):
            return {key: ten_digits(each) for key, each in value.items()}
        if isinstance(value, list):
            return [ten_digits(each) for each in value]
        return float(f"{value:.10g}") if isinstance(value, float) else value

    return ten_digits
