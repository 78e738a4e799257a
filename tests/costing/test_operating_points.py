"""Consistency of chips with the operating points that their own figures were taken from.

These say that the arithmetic is right, not that the devices predict anything: see the validation for that.
"""

import msgspec
import pytest

from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.trace.operations import Dense, NeuronUpdate

LIMIT = 0.2


@pytest.fixture
def power_of(make_call, make_trace, spiking):
    """Power of a device in one second of 1000 timesteps, in which cores of 256 x 256 do so many synops."""

    def power(chip, synops, cores):
        layer = Dense(inputs=256, units=256, positions=cores)
        trace = make_trace(make_call("layer", (layer, spiking(int(synops))), timesteps=1000))
        cost = chip.cost(trace, Scenario(timestep_s=1e-3))
        assert cost.time_per_inference_s == pytest.approx(1.0, rel=1e-4)
        return cost.total().energy_j / cost.time_per_inference_s

    return power


@pytest.mark.parametrize(
    ("clock_mhz", "synops", "watts"),
    # Frenkel et al. 2019: 37.5 MSOP/s at 75 MHz, and 256 neurons at 10 Hz x 256 synapses at 1.3 MHz.
    [(75, 37.5e6, 477e-6), (1.3, 650e3, 35e-6)],
)
def test_odin(power_of, clock_mhz, synops, watts):
    odin = device("odin")
    # 27.3 uW of leakage and 1.78 uW/MHz of clock.
    static = msgspec.structs.replace(odin.constants.static_w, value=27.3 + 1.78 * clock_mhz)
    odin = msgspec.structs.replace(odin, constants=msgspec.structs.replace(odin.constants, static_w=static))
    assert power_of(odin, synops, cores=1) == pytest.approx(watts, rel=LIMIT)


@pytest.mark.parametrize(
    ("rate_hz", "watts"),
    # Akopyan et al. 2015, Fig. 17, 0.8 V; the last from Merolla et al. 2014 at 0.775 V.
    [(11.58, 68e-3), (20.07, 71e-3), (95.93, 94e-3), (20.0, 72e-3)],
)
def test_truenorth(power_of, rate_hz, watts):
    events = 2**20 * rate_hz * 128
    assert power_of(device("truenorth"), events, cores=4096) == pytest.approx(watts, rel=LIMIT)


def test_loihi_nearest_neighbour_search(make_call, make_trace, spiking, make_activity):
    """Frady et al. 2020: 76,800 neurons, 60 timesteps, 1000 inputs; 1.33 mJ in the cores for each query.

    A quarter to a third of the inputs sends no spike: 708 spikes are the middle. Inactive updates; with all
    of them active it would be 24 % too much.
    """
    neurons, timing = 76_800, {"timesteps": 60}
    seen = make_activity(1000 * 60, 708, spikes=708)
    dense = (Dense(inputs=1000, units=neurons), spiking(708 * neurons, activity=seen))
    update = (NeuronUpdate(neuron="integrate-and-fire", neurons=neurons), None)
    trace = make_trace(
        make_call("match", dense, **timing), make_call("neurons", update, inputs=("match",), **timing)
    )
    terms = device("loihi").cost(trace).total().terms
    assert terms["acs"].energy_j + terms["neuron_updates"].low_j == pytest.approx(1.33e-3, rel=LIMIT)


def test_truenorth_ticks(make_call, make_trace, spiking):
    """100 ticks of 1 ms cost 6.4 mJ whatever happens in them."""
    trace = make_trace(make_call("layer", (Dense(inputs=256, units=256), spiking(0)), timesteps=100))
    total = device("truenorth").cost(trace).total()
    assert total.terms["static"].energy_j == pytest.approx(6.443e-3)
    assert total.latency_s == pytest.approx(0.1)
