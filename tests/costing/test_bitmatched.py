"""Break-even of spiking networks with conventional ones of as many bits, by hand."""

import math

import pytest

import energyprobe as ep
from energyprobe.costing.bitmatched import Energies, break_even_rate, matched_bits
from energyprobe.errors import DeviceError, ScenarioError
from energyprobe.trace.operations import Dense
from energyprobe.trace.padding import conv


@pytest.mark.parametrize("timesteps", range(1, 40))
def test_bits_tell_as_many_values_apart(timesteps):
    assert matched_bits(timesteps) == math.ceil(math.log2(timesteps + 1))


def test_by_hand():
    energies = Energies(mac=7, ac=2, weight=5, update=11, spike=3, activation=1)
    # Conventional: 0.6 * 13 * (7 + 5 + 1) = 101.4; spiking: s * 4 * 13 * 10 + 4 * 11.
    rate = break_even_rate(4, inputs=13, zeros=0.4, energies=energies)
    assert rate == pytest.approx((101.4 - 44) / 520)
    assert 4 * rate * 13 * 10 + 44 == pytest.approx(101.4)


def test_arithmetic_alone_gives_the_ratio_of_a_mac_to_an_accumulate():
    # T s = k (1 - g), whatever the number of inputs.
    energies = Energies(mac=6, ac=1)
    rates = [break_even_rate(30, inputs=n, zeros=0.5, energies=energies) for n in (1, 4096)]
    assert rates == pytest.approx([6 * 0.5 / 30] * 2)


def test_more_timesteps_need_fewer_spikes():
    energies = Energies(mac=6, ac=1, weight=2, update=1)
    rates = [break_even_rate(steps, inputs=99, zeros=0.5, energies=energies) for steps in (4, 8, 16, 32)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4


def test_rates_that_cannot_be():
    energies = Energies(mac=1, ac=1, update=100)
    assert break_even_rate(5, inputs=3, zeros=0.0, energies=energies) == 0
    assert break_even_rate(1, inputs=3, zeros=0.0, energies=Energies(mac=50, ac=1)) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"timesteps": 0}, "timesteps must be at least 1, got 0"),
        ({"inputs": 0}, "inputs must be at least 1, got 0"),
        ({"zeros": 1.1}, "zeros must be a fraction, got 1.1"),
        ({"zeros": math.nan}, "zeros must be a fraction, got nan"),
    ],
)
def test_impossible(given, message):
    with pytest.raises(ScenarioError, match=message):
        break_even_rate(
            **{"timesteps": 5, "inputs": 3, "zeros": 0.5, "energies": Energies(mac=1, ac=1)} | given
        )


def test_impossible_energies():
    with pytest.raises(ScenarioError, match="weight: expected a finite energy of at least 0, got -1"):
        Energies(mac=1, ac=1, weight=-1)
    with pytest.raises(ScenarioError, match="ac, weight and spike are all 0"):
        Energies(mac=1, ac=0)


@pytest.fixture
def snn(make_call, make_trace, spiking, graded, make_activity):
    """For 5 timesteps: a layer of values, a matrix 40 -> 7, and a convolution of 3 channels and 9 taps."""
    sparse, busy = make_activity(40 * 5, 10, spikes=10), make_activity(48 * 5, 200, spikes=200)
    convolution = conv((4, 4), channels=3, filters=2, kernel=(3, 3))
    return make_trace(
        make_call("values", (Dense(inputs=9, units=40), graded(1)), timesteps=5),
        make_call("dense", (Dense(inputs=40, units=7), spiking(70, activity=sparse)), timesteps=5),
        make_call("conv", (convolution, spiking(900, activity=busy)), timesteps=5),
        make_call("once", (Dense(inputs=7, units=2), spiking(4))),
    )


def test_layers_of_a_recording(snn):
    table = ep.bitmatched(snn, zeros=0.4).set_index("layer")
    # Layers that read values, and those without timesteps, have no rate.
    assert list(table.index) == ["dense", "conv"]
    assert table["bits"].tolist() == [3, 3]
    assert table["inputs"].tolist() == [40, 27]
    assert table["rate"].tolist() == pytest.approx([10 / 200, 200 / 240])
    # A multiply-accumulate of 8 bits costs 0.30 pJ, an accumulate 0.10: s = 3 (1 - 0.4) / 5.
    assert table["break_even_rate"].tolist() == pytest.approx([0.36, 0.36])
    assert table["wins"].tolist() == [True, False]


def test_memory_and_updates_of_a_recording(snn):
    table = ep.bitmatched(snn, "45nm-fp32", weight_j=5e-12, update_j=2e-12).set_index("layer")
    # 40 (4.6 + 5) = 5 s 40 (0.9 + 5) + 5 * 2
    assert table.loc["dense", "break_even_rate"] == pytest.approx((40 * 9.6 - 10) / (5 * 40 * 5.9))


def test_spikes_that_were_not_observed(make_call, make_trace, spiking):
    trace = make_trace(make_call("dense", (Dense(inputs=4, units=7), spiking(None)), timesteps=5))
    (row,) = ep.bitmatched(trace).to_dict("records")
    assert math.isnan(row["rate"])
    assert not row["wins"]


def test_a_device_without_one_of_the_energies(snn):
    with pytest.raises(
        DeviceError, match="bitmatched: loihi-constant has no energy of macs; try '45nm-int8'"
    ):
        ep.bitmatched(snn, "loihi-constant")


def test_a_network_without_spikes(make_call, make_trace, graded):
    trace = make_trace(make_call("dense", (Dense(inputs=4, units=7), graded(3)), timesteps=5))
    with pytest.raises(ScenarioError, match="no layer of 'net' reads spikes over several timesteps"):
        ep.bitmatched(trace)
