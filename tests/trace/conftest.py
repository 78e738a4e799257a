"""A trace in which every kind of operation and every field occurs."""

from __future__ import annotations

from typing import get_args

import pytest

from energyprobe.trace import operations as ops
from energyprobe.trace.records import Activity, LayerCall, Magnitudes, Measurement, Step, Trace, Use

OPERATIONS = (
    ops.Dense(inputs=7, units=5, positions=3),
    ops.Conv(
        input_shape=(11, 13),
        output_shape=(5, 6),
        channels=4,
        filters=6,
        kernel=(3, 3),
        strides=(2, 2),
        dilation=(1, 1),
        padding=(0, 0),
        groups=2,
    ),
    ops.Product(rows=3, shared=7, columns=5, copies=2),
    ops.Sparse(inputs=7, units=5, entries=11),
    ops.Decode(neurons=37, dimensions=3),
    ops.Encode(dimensions=3, neurons=37),
    ops.Lookup(rows=91, width=7, lookups=5),
    ops.Pool(method="max", taps=120, outputs=30),
    ops.Elementwise(function="relu", elements=23, ops_per_element=1),
    ops.NeuronUpdate(neuron="lif", neurons=37),
    ops.Filter(function="lowpass", elements=3, order=2),
    ops.Learning(rule="PES", macs=111),
    ops.Free(reason="reshape"),
    ops.Uncounted(reason="raw operation 'Cumsum'"),
)


def activity() -> Activity:
    """Two samples of three timesteps of seven neurons: 4 + 1 events, two spikes in some."""
    magnitudes = Magnitudes(total=2.5, fanout_total=12.5, maximum=1.5, histogram=(0, 2, 0, 3))
    return Activity(
        elements=2 * 3 * 7,
        neurons=7,
        events=5,
        samples=2,
        sum_sq_events_per_sample=4**2 + 1**2,
        spikes=8,
        amplitude=1000.0,
        nonfinite=1,
        events_by_step=(3, 0, 2),
        samples_by_step=(2, 2, 2),
        fired=bytes([0b1010110]),
        rate_histogram=(3, 0, 4),
        positive=magnitudes,
        negative=magnitudes,
    )


def call(operation: ops.AnyOperation) -> LayerCall:
    use = Use(
        activity=activity(),
        spiking=True,
        fanout_events=25,
        fanout_spikes=40,
        effective_events=20,
        effective_spikes=32,
        other=activity(),
        other_spiking=True,
    )
    name = type(operation).__name__.lower()
    return LayerCall(
        layer=name,
        path=f"block/{name}",
        type=type(operation).__name__,
        call_index=1,
        fate="counted",
        steps=(
            Step(
                operation=operation,
                executions=6,
                dtype="float32",
                use=use if isinstance(operation, get_args(ops.Synaptic)) else None,
                weights=35,
                weight_nonzeros=30,
                weight_bytes=140,
                state_bytes=28,
            ),
        ),
        samples=2,
        sample_steps=6,
        reading="folded",
        inputs=("input:x", "block/before"),
        output=activity(),
        output_spiking=True,
        out_shape=(None, 5),
        dt=0.001,
        parameters=40,
        parameter_bytes=160,
        bytes_in=168,
        bytes_out=120,
        foldable_over_time=False,
        origin="conv of the original",
    )


@pytest.fixture
def trace() -> Trace:
    return Trace(
        model="net",
        fingerprint="0123456789abcdef",
        samples=2,
        calls=tuple(call(operation) for operation in OPERATIONS),
        versions={"tensorflow": "2.21.0", "keras": "3.15.1"},
        outputs=("block/dense",),
        options={"detail": "values"},
        measurements=(Measurement(sensor="nvml", energy_j=1.5, duration_s=0.25, boundary="board"),),
        notes=("input is graded",),
        complete=True,
    )
