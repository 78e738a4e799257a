"""Networks on a CPU that was measured: their kernels one after the other, timesteps, caches, marks."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import ScenarioError
from energyprobe.trace.operations import Dense, NeuronUpdate

NAME = "amd-epyc-1-thread"
T, SAMPLES, BATCH = 5, 3, 4
INPUTS, UNITS = 300, 700


@pytest.fixture
def net(make_call, make_trace, spiking):
    """A layer of spikes and its neurons over T timesteps."""

    def make(inputs=INPUTS, units=UNITS, framework="keras"):
        run = {"samples": SAMPLES, "timesteps": T, "inputs": ("input:x",)}
        dense = make_call("dense", (Dense(inputs=inputs, units=units), spiking(1000)), **run)
        step = replace(dense.steps[0], weights=inputs * units, weight_bytes=4 * inputs * units)
        lif = make_call("lif", (NeuronUpdate(neuron="lif", neurons=units), None),
                        **run | {"inputs": ("dense",), "foldable_over_time": False})  # fmt: skip
        state = replace(lif.steps[0], state_bytes=4 * units)
        calls = (replace(dense, steps=(step,)), replace(lif, steps=(state,)))
        return make_trace(*calls, samples=SAMPLES, versions={"framework": framework})

    return make


def test_a_layer_is_one_dense_kernel_over_all_timesteps_or_one_in_each(net):
    folded = device(NAME).cost(net(), Scenario(batch_size=BATCH))
    at_once = ep.kernel_cost(NAME, "dense", m=BATCH * T, k=INPUTS, n=UNITS)
    assert folded.latency_s[0] == pytest.approx(float(at_once.time_s))
    assert folded.low_latency_s[0] == pytest.approx(float(at_once.low_time_s))
    assert folded.high_latency_s[0] == pytest.approx(float(at_once.high_time_s))
    stepwise = device(NAME).cost(net(), Scenario(batch_size=BATCH, execution="stepwise"))
    each = ep.kernel_cost(NAME, "dense", m=BATCH, k=INPUTS, n=UNITS)
    assert stepwise.latency_s[0] == pytest.approx(T * float(each.time_s))
    assert stepwise.total().latency_s == pytest.approx(stepwise.latency_s.sum())
    assert stepwise.total().time_per_inference_s == pytest.approx(stepwise.latency_s.sum() / BATCH)


def test_neurons_are_elementwise_kernels_in_every_timestep(net):
    # Input in and spike out, and the state in and out: as it was measured.
    each = ep.kernel_cost(NAME, "elementwise", m=BATCH * UNITS, k=1, n=1, accesses=4)
    cost = device(NAME).cost(net(), Scenario(batch_size=BATCH))
    assert each.calibrated
    assert cost.latency_s[1] == pytest.approx(T * float(each.time_s))


def test_weights_of_a_large_network_come_from_memory(net):
    small = ep.kernel_cost(NAME, "dense", m=1, k=2048, n=1024)
    together = net(inputs=2048, units=1024)
    other = replace(together.calls[0], path="other", layer="other")
    large = replace(other, steps=(replace(other.steps[0], weights=10**8, weight_bytes=4 * 10**8),))
    alone, beside = (
        device(NAME).cost(trace, Scenario(execution="stepwise")).latency_s[0]
        for trace in (together, replace(together, calls=(*together.calls, large)))
    )
    assert alone == pytest.approx(T * float(small.time_s), rel=0.01)
    assert beside > 1.5 * alone


def test_energies_are_not_modelled(net):
    cost = device(NAME).cost(net())
    total = cost.total()
    assert np.isnan(cost.energy_j).all() and np.isnan(total.energy_j)
    assert set(total.not_modelled) == {
        "kernels", "neuron_updates", "elementwise", "static", "idle", "host",
        "io"
    }  # fmt: skip
    assert "energies are not modelled: the power of this processor was not measured" in cost.notes
    assert "not modelled" in str(ep.report(net(), devices=[NAME]))


def test_sizes_that_were_not_measured_are_marked(net):
    inside = device(NAME).cost(net())
    outside = device(NAME).cost(net(inputs=20000))
    assert not any("uncalibrated" in remark.text for remark in inside.remarks)
    texts = [remark.text for remark in outside.remarks]
    assert "dense runs dense, uncalibrated at this size on AMD EPYC, one thread, TensorFlow" in texts


def test_a_pace_that_it_cannot_keep(net):
    slow = device(NAME).cost(net(), Scenario(inferences_per_second=1.0))
    assert slow.time_per_inference_s == pytest.approx(1.0)
    fast = device(NAME).cost(net(), Scenario(inferences_per_second=1e9))
    assert any("cannot keep up with so many inferences per second" in note for note in fast.notes)


def test_layers_are_told_what_density_they_need(make_call, make_trace, make_activity, spiking):
    def layer(name, inputs, units, density):
        events = round(density * inputs * T)
        use = spiking(events * units, activity=make_activity(inputs * T, events, spikes=events))
        return make_call(name, (Dense(inputs=inputs, units=units), use), timesteps=T, dt=0.001)

    trace = make_trace(
        layer("sparse", 2048, 1024, 1 / 128), layer("dense", 2048, 1024, 1.0), layer("small", 40, 30, 0.1)
    )
    frame = ep.breakeven(trace, NAME, batch_size=16, execution="folded").set_index("layer")
    sizes = {"m": 16 * T, "k": 2048, "n": 1024}
    alone = ep.breakeven(NAME, **sizes)
    for name, density in (("sparse", 1 / 128), ("dense", 1.0)):
        row = frame.loc[name]
        now = min(
            float(ep.kernel_cost(NAME, kernel, **sizes, density=density).time_s)
            for kernel in ("csr", "gather")
        )
        assert row.density == density
        assert row.breakeven_density == pytest.approx(float(alone.density), rel=1e-6)
        # A spike of each neuron in a timestep of 1 ms.
        assert row.firing_rate_hz == pytest.approx(1000 * density)
        assert row.firing_rate_needed_hz == pytest.approx(1000 * row.breakeven_density)
        assert row.kernel_time_s == pytest.approx(now)
        assert row.speedup == pytest.approx(float(ep.kernel_cost(NAME, "dense", **sizes).time_s) / now)
        assert np.isnan(row.energy_saving) and not row.needs_custom_kernel
    assert list(frame.verdict) == ["pays now", "too dense", "none: launch-bound"]
    assert list(frame.calibrated) == [True, True, False]
    with pytest.raises(
        ScenarioError, match="is not modelled, its power was not measured: use quantity='time'$"
    ):
        ep.breakeven(trace, NAME, quantity="energy")


def test_zeros_that_were_not_recorded_have_no_verdict(make_call, make_trace, graded):
    call = make_call("hidden", (Dense(inputs=2048, units=1024), graded(None)))
    row = ep.breakeven(make_trace(call), NAME).iloc[0]
    assert row.verdict == "zeros not recorded" and np.isnan(row.density)
    assert row.breakeven_density > 0


def test_other_data_types_are_refused(net):
    with pytest.raises(ScenarioError, match="has no figures for float16, only for float32$"):
        device(NAME).cost(net(), Scenario(dtype="float16"))
