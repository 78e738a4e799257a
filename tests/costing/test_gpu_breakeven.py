"""Break-even of recorded layers: what their density is, what it would need to be, and what a kernel gains."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.trace.operations import Dense, NeuronUpdate

T, INPUTS, UNITS = 4, 4096, 2048
SYNOPS = INPUTS * UNITS


@pytest.fixture
def net(make_call, make_trace, make_activity, spiking):
    """Three layers: sparse, dense, and a small one."""

    def layer(name, inputs, units, density, dt=0.001):
        events = round(density * inputs * T)
        seen = make_activity(inputs * T, events, spikes=events)
        use = spiking(events * units, activity=seen)
        call = make_call(name, (Dense(inputs=inputs, units=units), use), timesteps=T, dt=dt)
        step = replace(call.steps[0], weights=inputs * units, weight_nonzeros=inputs * units)
        return replace(call, steps=(step,))

    lif = make_call("lif", (NeuronUpdate(neuron="lif", neurons=UNITS), None), timesteps=T)
    return make_trace(
        layer("sparse", INPUTS, UNITS, 1 / 64),
        layer("dense", INPUTS, UNITS, 1.0),
        layer("small", 40, 30, 0.1),
        lif,
    )


def test_each_layer_is_told_what_it_needs(net) -> None:
    frame = ep.breakeven(net, "a100:sputnik", batch_size=512, execution="folded").set_index("layer")
    assert list(frame.index) == ["sparse", "dense", "small"]
    alone = ep.breakeven("a100", m=512 * T, k=INPUTS, n=UNITS, kernels=["sputnik"])
    for name, density in (("sparse", 1 / 64), ("dense", 1.0)):
        row = frame.loc[name]
        assert row.density == density
        assert row.breakeven_density == pytest.approx(float(alone.density), rel=1e-6)
        saving = float(alone.density_if_zeros_save)
        assert row.breakeven_density_if_zeros_save == pytest.approx(saving, rel=1e-6)
        # Spikes per neuron in a timestep of 1 ms.
        assert row.firing_rate_hz == pytest.approx(1000 * density)
        assert row.firing_rate_needed_hz == pytest.approx(1000 * row.breakeven_density)
        assert row.kernel == "sputnik" and row.needs_custom_kernel and not row.calibrated
    assert list(frame.verdict) == ["pays now", "too dense", "none: launch-bound"]
    assert np.isnan(frame.firing_rate_needed_hz["small"]) and frame.breakeven_density["small"] == 0


def test_gains_are_those_of_single_kernels(net) -> None:
    row = ep.breakeven(net, "a100:csr", batch_size=512, execution="folded").iloc[0]
    size = {"m": 512 * T, "k": INPUTS, "n": UNITS}
    dense = ep.kernel_cost("a100", "dense", **size)
    sparse = ep.kernel_cost("a100", "csr", **size, density=1 / 64)
    assert row.speedup == pytest.approx(float(dense.time_s / sparse.time_s))
    assert row.energy_saving == pytest.approx(float(dense.energy_j / sparse.energy_j))
    assert (row.dense_time_s, row.kernel_time_s) == pytest.approx((float(dense.time_s), float(sparse.time_s)))
    assert (row.dense_j, row.kernel_j) == pytest.approx((dense.energy_j / 512, sparse.energy_j / 512))


def test_a_plain_gpu_may_run_any_kernel_and_time_may_count(net) -> None:
    any_kernel = ep.breakeven(net, "a100", batch_size=512, execution="folded", quantity="time")
    one = ep.breakeven(net, "a100:csr", batch_size=512, execution="folded", quantity="time")
    assert (any_kernel.breakeven_density >= one.breakeven_density - 1e-9).all()
    assert (any_kernel.speedup >= one.speedup - 1e-9).all()


def test_zeros_that_were_not_recorded(net) -> None:
    step = net.calls[0].steps[0]
    blind = replace(step, use=replace(step.use, activity=None, fanout_events=None))
    frame = ep.breakeven(replace(net, calls=(replace(net.calls[0], steps=(blind,)),)), "a100")
    assert frame.verdict.tolist() == ["zeros not recorded"]
    assert np.isnan(frame.density[0]) and np.isnan(frame.firing_rate_needed_hz[0])


def test_wrong_calls(net) -> None:
    with pytest.raises(ep.DeviceError, match=r'^name the device: breakeven\(trace, "a100"\)$'):
        ep.breakeven(net)
    with pytest.raises(ep.DeviceError, match="^give one device, got 'a100' and 't4'$"):
        ep.breakeven("a100", "t4", m=1, k=1, n=1)
    with pytest.raises(
        ep.DeviceError,
        match="^kernels are priced on GPUs and on CPUs .*, and loihi is neither: a100, ",
    ):
        ep.breakeven(net, "loihi")
    with pytest.raises(ep.ScenarioError, match="^quantity must be 'energy' or 'time', got 'power'$"):
        ep.breakeven(net, "a100", quantity="power")
    with pytest.raises(ep.ScenarioError, match="^a scenario has no field 'batch', did you mean 'batch_size'"):
        ep.breakeven(net, "a100", batch=3)
