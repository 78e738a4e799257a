"""The analytical accelerators of Lemaire et al., with every access counted by hand."""

import math

import pytest
from msgspec.structs import replace

from energyprobe.costing.loading import CATALOG, parse_device
from energyprobe.costing.lookup import device
from energyprobe.errors import DeviceError
from energyprobe.trace.operations import Dense, NeuronUpdate, Pool
from energyprobe.trace.padding import conv

PJ = 1e-12
MAC, AC = 3.2 * PJ, 0.1 * PJ
CONV = conv((9, 11), channels=3, filters=7, kernel=(3, 3), strides=(2, 2), padding="same")
"""5 x 6 outputs."""


def access(weights):
    """13.2 pJ and 1.09e-5 pJ for each of the 32 bits of each weight."""
    return (13.2 + 1.09e-5 * weights * 32) * PJ


@pytest.fixture
def cost_of(make_call, make_trace):
    def cost(operation, use, weights, **facts):
        call = make_call("layer", (operation, use), **facts)
        step = replace(call.steps[0], weights=weights)
        return device("lemaire-45nm-32bit").cost(make_trace(replace(call, steps=(step,))))

    return cost


def terms(cost):
    return {name: float(term.energy_j[0]) for name, term in cost.terms.items()}


def test_conventional_matrix(cost_of, graded):
    # 13 inputs, 13 * 5 weights, 5 biases, 5 results.
    expected = {"memory": (13 + 65 + 5 + 5) * access(65), "macs": 65 * MAC, "acs": 5 * AC}
    cost = cost_of(Dense(inputs=13, units=5), graded(50), 65)
    assert terms(cost) == pytest.approx(expected | {"addressing": 65 * AC})
    assert cost.energy_j[0] == pytest.approx(sum(expected.values()) + 65 * AC)


def test_conventional_convolution(cost_of, graded):
    outputs, weights = 5 * 6 * 7, 3 * 3 * 3 * 7
    synops = outputs * 3 * 3 * 3
    addresses = 9 * 11 * 3 + outputs + 7 * 9
    assert terms(cost_of(CONV, graded(1000), weights)) == pytest.approx(
        {
            "memory": (2 * synops + 2 * outputs) * access(weights),
            "macs": synops * MAC,
            "acs": outputs * AC,
            "addressing": addresses * AC,
        }
    )


def test_spiking_matrix(cost_of, spiking, make_activity):
    # 17 spikes in 11 timesteps; 5 neurons.
    use = spiking(17 * 5, activity=make_activity(13 * 11, 17, spikes=17))
    expected = {
        "memory": (17 + 17 * 5 + 11 * 5 + 2 * (17 * 5 + 11 * 5)) * access(65),
        "macs": 11 * 5 * MAC,
        "acs": (17 * 5 + 11 * 5) * AC,
        "addressing": 17 * 5 * AC,
    }
    assert terms(cost_of(Dense(inputs=13, units=5), use, 65, timesteps=11)) == pytest.approx(expected)


def test_spiking_convolution(cost_of, spiking, make_activity):
    use = spiking(100, activity=make_activity(9 * 11 * 3 * 4, 17, spikes=17))
    updates, reached = 4 * 5 * 6 * 7, 17 * 7 * 9
    expected = {
        "memory": (17 + reached + updates + 2 * (reached + updates)) * access(189),
        "macs": updates * MAC,
        # A kernel of 3 with stride 2 hits 2 outputs along each axis.
        "acs": (17 * 7 * 2 * 2 + updates) * AC,
        "addressing": 2 * 17 * MAC + 17 * 9 * AC,
    }
    assert terms(cost_of(CONV, use, 189, timesteps=4)) == pytest.approx(expected)


def test_spikes_are_written_where_neurons_fire(cost_of, make_activity):
    fired = make_activity(5 * 11, 19, spikes=19)
    cost = cost_of(
        NeuronUpdate(neuron="lif", neurons=5), None, 0, timesteps=11, output=fired, output_spiking=True
    )
    assert terms(cost) == pytest.approx(
        {"memory": 19 * access(0), "macs": 0, "acs": 19 * AC, "addressing": 0}
    )


def test_what_it_has_no_equations_for(cost_of, make_activity, spiking):
    neurons = cost_of(NeuronUpdate(neuron="lif", neurons=5), None, 0)
    assert math.isnan(neurons.energy_j[0])
    pool = cost_of(Pool(method="max", taps=12, outputs=3), None, 0)
    assert math.isnan(pool.energy_j[0])
    assert pool.reasons == ("layer has elementwise operations without a price",)
    unseen = cost_of(Dense(inputs=13, units=5), spiking(85), 65, timesteps=11)
    assert unseen.lower_bound
    assert math.isnan(unseen.total().latency_s)


def test_it_skips_zero_inputs_and_nothing_else():
    text = (CATALOG / "lemaire-45nm-32bit.toml").read_text(encoding="utf-8")
    with pytest.raises(
        DeviceError, match='skips: this model has skips = "zero inputs" and graded_events = true'
    ):
        parse_device(text.replace('"zero inputs"', '"nothing"'), "x.toml")
