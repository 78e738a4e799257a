"""Which way prices go: what batches, pace and timesteps do on which kind of device."""

import pytest
from msgspec.structs import replace

from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.trace.operations import Dense, NeuronUpdate

KEYWORDS = (390, 256, 256, 29)


@pytest.fixture
def mlp(make_call, make_trace, graded, spiking):
    """A conventional or a spiking network of matrices, with a neuron behind each unit of the latter."""

    def make(sizes, timesteps=1, neurons=False):
        calls, before = [], "input:x"
        for index, (inputs, units) in enumerate(zip(sizes, sizes[1:], strict=False)):
            use = (spiking if neurons else graded)(inputs * units * timesteps // 10)
            dense = make_call(f"dense{index}", (Dense(inputs=inputs, units=units), use), timesteps=timesteps)
            step = replace(dense.steps[0], weights=inputs * units, weight_bytes=4 * inputs * units)
            moved = {"bytes_in": 4 * inputs * timesteps, "bytes_out": 4 * units * timesteps}
            calls.append(replace(dense, steps=(step,), inputs=(before,), **moved))
            before = f"dense{index}"
            if neurons:
                facts = {"inputs": (before,), "foldable_over_time": False, "timesteps": timesteps}
                update = (NeuronUpdate(neuron="lif", neurons=units), None)
                lif = make_call(f"lif{index}", update, **facts)
                calls.append(replace(lif, steps=(replace(lif.steps[0], state_bytes=4 * units),)))
                before = f"lif{index}"
        return make_trace(*calls)

    return make


def energy_j(name, trace, **fields):
    return device(name).cost(trace, Scenario(**fields)).total().energy_j


def dense_s(name, trace, **fields):
    """Time of the matrices, for an inference."""
    scenario = Scenario(**fields)
    cost = device(name).cost(trace, scenario)
    times = zip(cost.layer, cost.latency_s, strict=True)
    return sum(time for layer, time in times if layer.startswith("dense")) / scenario.batch_size


@pytest.mark.parametrize("name", ["a100", "h200", "t4", "rtx4090"])
def test_a_batch_lowers_the_energy_of_an_inference_on_a_gpu(mlp, name):
    energies = [energy_j(name, mlp(KEYWORDS), batch_size=batch) for batch in (1, 4, 16, 64, 256)]
    assert energies == sorted(energies, reverse=True)
    assert energies[0] > 20 * energies[-1]


@pytest.mark.parametrize("name", ["loihi", "loihi-sanafe", "truenorth", "odin", "seneca"])
def test_a_batch_changes_nothing_on_a_chip_of_events(mlp, name):
    trace = mlp(KEYWORDS, timesteps=8, neurons=True)
    assert energy_j(name, trace, batch_size=64) == pytest.approx(energy_j(name, trace))


@pytest.mark.parametrize("server", ["a100", "h100", "h200"])
def test_once_a_second_a_server_loses_to_a_microcontroller(mlp, server):
    trace = mlp(KEYWORDS)
    gpu = energy_j(server, trace, inferences_per_second=1)
    small = device("cortex-m4").cost(trace, Scenario(inferences_per_second=1)).total()
    # No idle power of the microcontroller is published: even at full power for all of the second it wins.
    assert gpu > 500 * device("cortex-m4").constants.static_w.high_si * 1.0
    assert gpu > small.high_j
    # Back to back and in batches it is the other way round.
    assert energy_j(server, trace, batch_size=4096, dtype="float16") < energy_j("cortex-m4", trace)


@pytest.mark.parametrize("batch", [1, 64])
def test_a_spiking_network_step_by_step_costs_a_conventional_one_for_each_timestep(mlp, batch):
    steps = 12
    snn, ann = mlp(KEYWORDS, timesteps=steps, neurons=True), mlp(KEYWORDS)
    for name in ("a100", "t4", "raspberry-pi-4"):
        # A GPU's loop over timesteps is launched by the framework, unless the scenario says otherwise.
        run = {"batch_size": batch, "launch": "stream"}
        apart = dense_s(name, snn, **run)
        assert apart == pytest.approx(steps * dense_s(name, ann, **run))
        # And the neurons: a kernel each, and their states.
        total = device(name).cost(snn, Scenario(**run)).total()
        assert total.latency_s / batch > apart
        if name != "raspberry-pi-4":  # Its fixed time of a run is paid once for all timesteps.
            assert total.energy_j > steps * energy_j(name, ann, **run)


def test_folded_over_time_the_synapses_are_one_call_of_a_larger_batch(mlp):
    steps = 12
    for batch in (1, 8):
        snn = mlp(KEYWORDS, timesteps=steps, neurons=True)
        folded = batch * dense_s("a100", snn, batch_size=batch, execution="folded")
        at_once = steps * batch * dense_s("a100", mlp(KEYWORDS), batch_size=steps * batch)
        assert folded == pytest.approx(at_once, rel=1e-6)


@pytest.mark.parametrize(
    ("sizes", "batch", "times"),
    # Launches bind small layers, arithmetic large ones in large batches.
    [(KEYWORDS, 1, 1), ((4096, 4096, 4096), 4096, 12)],
)
def test_folding_is_nearly_free_until_arithmetic_binds(mlp, sizes, batch, times):
    snn = mlp(sizes, timesteps=12, neurons=True)
    folded = dense_s("a100", snn, batch_size=batch, execution="folded")
    assert folded == pytest.approx(times * dense_s("a100", mlp(sizes), batch_size=batch), rel=0.1)


def test_fused_neurons_keep_their_state(mlp):
    snn = mlp(KEYWORDS, timesteps=12, neurons=True)
    energies = [energy_j("a100", snn, execution=each) for each in ("stepwise", "folded", "fused")]
    assert energies == sorted(energies, reverse=True)
    assert len(set(energies)) == 3


def test_a_smaller_type_costs_less_on_a_processor(mlp):
    # Launches of a GPU cost the same in any type: it takes large layers and batches to show.
    for name, sizes, batch in (("raspberry-pi-4", KEYWORDS, 1), ("a100", (4096, 4096, 4096), 1024)):
        energies = [
            energy_j(name, mlp(sizes), dtype=dtype, batch_size=batch) for dtype in ("int8", "float32")
        ]
        assert energies[0] < energies[1]


def test_real_time_costs_a_chip_its_static_power(mlp):
    trace = mlp(KEYWORDS, timesteps=8, neurons=True)
    own, real = (energy_j("loihi", trace, **fields) for fields in ({}, {"timestep_s": 1e-3}))
    chips = device("loihi").cost(trace).terms["reset"].total().energy_j / 5.94e-6
    # 104.4 mW of static power and 65 mW of host for 8 ms.
    assert real == pytest.approx(chips * (104.4e-3 + 65e-3) * 8e-3, rel=0.05)
    assert own < real / 10
